"""What Prefect's UI shows of a workflow's run: how far it is, and its decisions as a page of Markdown with a link to ours.

It is written beside the run and never on the way of a phase: once in a while, the latest state only, and once when the run is
let go of. What cannot be written is not missed by the run.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from httpx import HTTPError
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.exceptions import PrefectException

from cao.protocol.workflows import Step, Workflow
from cao.store import workflows

from .house import House

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

EVERY_SECONDS = 2.0
"""The time between two writes, at least: a run that is over sooner is written once."""
LAST_SECONDS = 5.0
"""How long the last write may take."""
MOST_STEPS = 500

logger = logging.getLogger(__name__)


class Board:
    """The artifacts of one run."""

    def __init__(self, house: House, client: PrefectClient, run_id: str, flow_run_id: UUID) -> None:
        self._house, self._client = house, client
        self._run_id, self._flow_run_id = run_id, flow_run_id
        self._progress: UUID | None = None

    async def keep(self) -> None:
        """Show how far the run is, again and again."""
        with self._house.store.hub.subscribe(self._run_id) as commits:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self._write(self._show_progress)
                await commits.wait(60.0)

    async def conclude(self) -> None:
        """Show what was decided, and how far it came."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                if self._progress is not None:
                    await self._write(self._show_progress)
                await self._write(self._show_decisions)
        except TimeoutError:
            logger.info("the artifacts of %s were not written in time", self._run_id)

    async def _write(self, show: Callable[[Workflow], Awaitable[None]]) -> None:
        try:
            await show(self._run())
        except (HTTPError, PrefectException) as error:
            logger.info("the artifacts of %s were not written: %s", self._run_id, error)

    def _run(self) -> Workflow:
        store = self._house.store
        return workflows.get(store.read(), self._run_id, store.clock.now())

    async def _show_progress(self, run: Workflow) -> None:
        done = progress(run, self._phases(run.definition))
        if self._progress is None:
            made = await self._client.create_artifact(self._artifact("progress", "progress", done, "Phases that are over"))
            self._progress = made.id
        else:
            await self._client.update_artifact(self._progress, ArtifactUpdate(data=done))

    def _phases(self, definition: str) -> list[str]:
        found = workflows.snapshot(self._house.store.read(), self._run_id)
        return [str(phase["id"]) for phase in found[definition].get("phases", ())]

    async def _show_decisions(self, run: Workflow) -> None:
        text = page(run, self._house.public_url)
        await self._client.create_artifact(self._artifact("decisions", "markdown", text, f"{run.definition}: decisions"))

    def _artifact(self, what: str, kind: str, data: str | float, description: str) -> ArtifactCreate:
        key = f"{what}-{self._run_id.replace('_', '-')}"
        return ArtifactCreate(key=key, type=kind, data=data, description=description, flow_run_id=self._flow_run_id)


@asynccontextmanager
async def shown(house: House, client: PrefectClient, run_id: str, flow_run_id: UUID) -> AsyncGenerator[None]:
    """Show the run for as long as it is held here."""
    board = Board(house, client, run_id, flow_run_id)
    keeping = asyncio.create_task(board.keep(), name=f"board {run_id}")
    try:
        yield
        await board.conclude()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def progress(run: Workflow, phases: Sequence[str]) -> float:
    """How much of a run is over, in percent; of a flow in Python, whose phases nobody knows before, all or nothing."""
    if run.state == "completed":
        return 100.0
    over = {step.path for step in run.steps if step.state == "settled"}
    return round(100.0 * sum(id in over for id in phases) / len(phases), 1) if phases else 0.0


def page(run: Workflow, public_url: str) -> str:
    """A run's decisions as Markdown."""
    lines = [f"# {run.definition}", "", f"Run `{run.id}` is **{run.state}**{_where(run.id, public_url)}.", ""]
    if run.failure:
        lines += [f"It failed: {_cell(run.failure.message, 1000)}", ""]
    lines += ["| Phase | Attempt | Verdict | By | Seconds | Reason |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *(_row(step) for step in run.steps[:MOST_STEPS])])


def _where(run_id: str, public_url: str) -> str:
    return f": [look at it]({public_url}/#/workflows/{run_id})" if public_url else f"; see `cao workflow get {run_id}`"


def _row(step: Step) -> str:
    verdict = step.decision.verdict if step.decision else step.state
    seconds = f"{(step.settled_at - step.started_at).total_seconds():.1f}" if step.settled_at else ""
    by, reason = (step.decision.by, step.decision.reason) if step.decision else ("", "")
    return f"| {_cell(step.path, 200)} | {step.attempt} | {verdict} | {by} | {seconds} | {_cell(reason, 300)} |"


def _cell(text: str, most: int) -> str:
    """Text inside a table: its Markdown and HTML are shown, not followed.

    >>> _cell("a|b <b>[x](y)", 99)
    'a\\\\|b &lt;b&gt;\\\\[x\\\\](y)'
    """
    short = " ".join(text[:most].split())
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
