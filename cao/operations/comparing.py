"""Two runs of workflows, side by side."""

from __future__ import annotations

import asyncio

from cao.protocol import Reference, Request, operation
from cao.protocol.comparisons import Comparison
from cao.workflows.comparing import compared

from .context import Context
from .workflow import shown


class CompareWorkflows(Request):
    """Which two runs."""

    first: Reference
    """The id of one."""
    second: Reference
    """The id of the other."""
    all: bool = False
    """Tell of phases that are the same in both too."""


@operation(
    "workflow.compare",
    path="/workflows/{first}/compare/{second}",
    example={"first": "run_000000000", "second": "run_000000001"},
)
async def compare(ctx: Context, request: CompareWorkflows) -> Comparison:
    """Compare two runs: inputs, verdicts, attempts, seconds, and outputs as diffs."""
    one, other = shown(ctx, request.first), shown(ctx, request.second)
    return await asyncio.to_thread(compared, one, other, everything=request.all)
