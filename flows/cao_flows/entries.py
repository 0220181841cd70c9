"""How work is entered: its lease, and Prefect's flow run that stands for it; and how it is let go of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect.flow_engine import run_flow

from cao.agents import survivors
from cao.store import LeaseLost, activations, entries

from . import board, flow_runs, patience
from .activation import SessionRunner, activation
from .flow_runner import FlowRunner
from .flow_source import is_flow, is_of_another_process
from .house import House
from .prefect_runs import flow_run_of
from .turn import PLAYER
from .workflow import RUNNER, WorkflowRunner, workflow

if TYPE_CHECKING:
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
    entered = await patience.write(store, lambda tx: activations.enter(tx, session_id, owner.name, owner.is_alive))
    if entered is None:
        return
    runner = SessionRunner(house, entered, hurry)
    try:
        if entered.flow_run_id is not None:  # agents that a dead runner left behind must not go on beside this one
            await asyncio.to_thread(survivors.end, survivors.SESSION, session_id)
        session = activations.session_of(store.read(), entered)
        given = {"session_id": session.id, "name": session.name}
        flow_run = await flow_run_of(client, activation, runner.flow_run_id, given, session.name, [f"session:{session.id}"])
        runner.flow_run_id = str(flow_run.id)
        await patience.write(store, lambda tx: activations.bind(tx, entered, str(flow_run.id)))
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
    if is_of_another_process(house, run_id):
        return
    entered = await patience.write(store, lambda tx: entries.enter(tx, run_id, owner.name, owner.is_alive, waiting))
    if entered is None:
        return
    try:
        if entered.flow_run_id is not None:  # commands that a dead runner left behind must not go on beside this one
            await asyncio.to_thread(survivors.end, survivors.RUN, run_id)
        if is_flow(store.read(), run_id):
            await flow_runs.enter(FlowRunner(house, entered, submit), client, hold)
            return
        runner = WorkflowRunner(house, entered, submit)
        given = {"run_id": run_id, "name": f"{entered.definition}·{run_id}"}
        tags = [f"workflow:{entered.definition}", f"run:{run_id}"]
        flow_run = await flow_run_of(client, workflow, entered.flow_run_id, given, given["name"], tags)
        await patience.write(store, lambda tx: entries.bind(tx, entered, str(flow_run.id)))
        hold(runner)
        RUNNER.set(runner)
        async with board.shown(house, client, run_id, flow_run.id):
            played = run_flow(workflow, flow_run=flow_run, parameters=flow_run.parameters, return_type="state")
            await cast("Awaitable[Any]", played)
    except LeaseLost:
        logger.warning("workflow %s was taken over", run_id)
    finally:
        await patience.write(store, lambda tx: entries.abandon(tx, entered, waiting))
