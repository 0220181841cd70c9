"""Two runs side by side: what they were given, how each phase came out, what they gave. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import unified_diff
from typing import Any, Final

from cao.protocol.comparisons import Comparison, PhaseComparison, Side
from cao.protocol.workflows import Step, Workflow

MOST_LINES: Final = 2000
"""Lines of a text that are compared: a diff takes time that grows faster than its texts."""
MOST_TOLD: Final = 400
"""Lines of a diff that are told."""


def compared(first: Workflow, second: Workflow, *, everything: bool) -> Comparison:
    """everything: tell of phases that are the same in both too."""
    one, other = _by_path(first.steps), _by_path(second.steps)
    phases = [_phase(path, one.get(path, ()), other.get(path, ())) for path in dict.fromkeys((*one, *other))]
    inputs, outputs = difference(first.inputs, second.inputs), difference(first.outputs, second.outputs)
    differ = [phase for phase in phases if phase.change != "same"]
    return Comparison(
        first_id=first.id,
        second_id=second.id,
        same=not (inputs or outputs or differ) and first.state == second.state,
        same_definition=first.digest == second.digest,
        first=_whole(first),
        second=_whole(second),
        inputs=inputs,
        phases=phases if everything else differ,
        outputs=outputs,
    )


def difference(first: Any, second: Any) -> str:
    """A unified diff of two JSON values, or texts; empty when they are the same.

    >>> print(difference({"a": 1}, {"a": 2}))
     {
    -  "a": 1
    +  "a": 2
     }
    """
    if first == second:
        return ""
    one, other = _lines(first), _lines(second)
    found = list(unified_diff(one, other, lineterm="", n=2))[3:]  # without its head: two names and a place
    more = [f"({len(found) - MOST_TOLD} lines more)"] if len(found) > MOST_TOLD else []
    return "\n".join([*found[:MOST_TOLD], *more]) or "(they differ beyond what is compared)"


def _lines(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return text.splitlines()[:MOST_LINES]


def _by_path(told: Sequence[Step]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for step in told:
        found.setdefault(step.path, []).append(step)
    return found


def _phase(path: str, one: Sequence[Step], other: Sequence[Step]) -> PhaseComparison:
    first, second = _side(one), _side(other)
    if first is None or second is None:
        return PhaseComparison(path=path, change="only-first" if first else "only-second", first=first, second=second)
    output = difference(_output(one[-1].output), _output(other[-1].output))
    same = not output and (first.state, first.attempts) == (second.state, second.attempts)
    return PhaseComparison(path=path, change="same" if same else "differs", first=first, second=second, output=output)


def _output(output: Mapping[str, Any]) -> Any:
    """An output as it is compared: the text alone where there is nothing else."""
    return output["text"] if set(output) == {"text"} else dict(output)


def _side(steps: Sequence[Step]) -> Side | None:
    if not steps:
        return None
    last = steps[-1]
    state = last.decision.verdict if last.decision else last.state
    return Side(state=state, attempts=len(steps), seconds=_seconds(steps[0].started_at, last.settled_at))


def _whole(run: Workflow) -> Side:
    return Side(state=run.state, attempts=len(run.steps), seconds=_seconds(run.started_at, run.settled_at))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None
