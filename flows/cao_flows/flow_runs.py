"""How a workflow that is a Prefect flow is entered: its code is loaded, and Prefect's flow run of it is run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from prefect.states import Completed, Pending

from cao.protocol import InvalidInput
from cao.store import entries
from cao.workflows.plan import failed

from . import board
from .flow_runner import FlowRunner
from .flow_source import flow_of
from .prefect_runs import flow_run_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.client.orchestration import PrefectClient


async def enter(runner: FlowRunner, client: PrefectClient, hold: Callable[[Any], None]) -> None:
    """Run the flow until it is over or waits for people."""
    hold(runner)
    try:
        flow = await asyncio.to_thread(flow_of, runner.house, runner.journal)
    except InvalidInput as error:
        await runner.refuse(failed("flow", error.message))
        return
    name = f"{runner.entered.definition}·{runner.id}"
    tags = [f"workflow:{runner.entered.definition}", f"run:{runner.id}"]
    flow_run = await flow_run_of(client, flow, runner.flow_run_id, runner.journal.inputs, name, tags)
    await runner.write(lambda tx: entries.bind(tx, runner.entered, str(flow_run.id)))

    async def enter_again() -> None:
        await client.set_flow_run_state(flow_run.id, Pending(), force=True)

    async with board.shown(runner.house, client, runner.id, flow_run.id):
        said = await runner.play(flow, flow_run, enter_again)
    if said is not None:
        await client.set_flow_run_state(flow_run.id, Completed(name="Waiting", message=said), force=True)
