"""How work is entered: its lease, and Prefect's flow run that stands for it; and how it is let go of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.states import Pending

from cao.store import LeaseLost, activations, entries

from . import patience
from .activation import SessionRunner, activation
from .house import House
from .reconcile import TAG
from .turn import PLAYER
from .workflow import RUNNER, WorkflowRunner, workflow

if TYPE_CHECKING:
    import asyncio

    from prefect.client.orchestration import PrefectClient

logger = logging.getLogger(__name__)


class Runner(Protocol):
    """What the engine holds of work that is under way."""

    @property
    def stopping(self) -> asyncio.Event:
        """Set to let it begin nothing more."""
        ...

    @property
    def topic(self) -> str:
        """What it listens to."""
        ...

    def cut(self) -> None:
        """Stop what is under way at once."""
        ...


Hold = Callable[[Runner], None]
"""Tells the engine who is at work, once that is known."""


async def enter_session(house: House, client: PrefectClient, session_id: str, hurry: Callable[[], bool], hold: Hold) -> None:
    """Run a session's turns until it comes to rest, unless another process does."""
    store, owner = house.store, house.owner
    entered = await store.write(lambda tx: activations.enter(tx, session_id, owner.name, owner.is_alive))
    if entered is None:
        return
    runner = SessionRunner(house, entered, hurry)
    try:
        session = activations.session_of(store.read(), entered)
        given = {"session_id": session.id, "name": session.name}
        flow_run = await _flow_run(client, activation, runner.flow_run_id, given, session.name, [f"session:{session.id}"])
        runner.flow_run_id = str(flow_run.id)
        await store.write(lambda tx: activations.bind(tx, entered, str(flow_run.id)))
        hold(runner)
        PLAYER.set(runner)
        await cast("Awaitable[None]", run_flow(activation, flow_run=flow_run, parameters=flow_run.parameters))
    except LeaseLost:
        logger.warning("session %s was taken over", session_id)
    finally:
        await patience.write(store, lambda tx: activations.abandon(tx, entered))


async def enter_workflow(house: House, client: PrefectClient, run_id: str, submit: Callable[[str], None], hold: Hold) -> None:
    """Run a workflow until it is over or waits for people, unless another process does."""
    store, owner, waiting = house.store, house.owner, house.settings.approval_seconds
    entered = await store.write(lambda tx: entries.enter(tx, run_id, owner.name, owner.is_alive, waiting))
    if entered is None:
        return
    try:
        runner = WorkflowRunner(house, entered, submit)
        given = {"run_id": run_id, "name": f"{entered.definition}·{run_id}"}
        tags = [f"workflow:{entered.definition}", f"run:{run_id}"]
        flow_run = await _flow_run(client, workflow, entered.flow_run_id, given, given["name"], tags)
        await store.write(lambda tx: entries.bind(tx, entered, str(flow_run.id)))
        hold(runner)
        RUNNER.set(runner)
        await cast("Awaitable[Any]", run_flow(workflow, flow_run=flow_run, parameters=flow_run.parameters, return_type="state"))
    except LeaseLost:
        logger.warning("workflow %s was taken over", run_id)
    finally:
        await patience.write(store, lambda tx: entries.abandon(tx, entered, waiting))


async def _flow_run(
    client: PrefectClient, flow: Any, known: str | None, parameters: dict[str, str], name: str, tags: list[str]
) -> Any:
    """Prefect's flow run of the work: a new one, or the one under which it was entered before."""
    if known is not None:
        with contextlib.suppress(ObjectNotFound):  # Prefect's database is another one now
            await client.set_flow_run_state(known, Pending(), force=True)
            return await client.read_flow_run(UUID(known))
    return await client.create_flow_run(flow, parameters=parameters, name=name, tags=[TAG, *tags], state=Pending())
