"""After a crash Prefect still says Running of what is not. Our store knows better, and tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelled, Completed, Crashed, Failed

from cao.store import Reader

logger = logging.getLogger(__name__)

TAG = "cao"
"""Every flow run of ours carries it."""

_UNSETTLED = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
_BATCH = 200


async def reconcile(client: PrefectClient, reader: Reader, alive: Iterable[str]) -> int:
    """Mark every run of ours as ended that is not under way; how many were wrong.

    alive: ids of the flow runs that living runners hold.
    """
    keep = {UUID(id) for id in alive}
    wrong = 0
    for flow_run in await client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"tags": {"all_": [TAG]}, "state": {"type": {"any_": _UNSETTLED}}}),
        limit=_BATCH,
    ):
        if flow_run.id not in keep:
            wrong += 1
            await client.set_flow_run_state(flow_run.id, Crashed(message="its process ended"), force=True)
    for task_run in await client.read_task_runs(
        flow_run_filter=FlowRunFilter.model_validate({"tags": {"all_": [TAG]}}),
        task_run_filter=TaskRunFilter.model_validate({"state": {"type": {"any_": _UNSETTLED}}}),
        limit=_BATCH,
    ):
        if task_run.flow_run_id not in keep:
            wrong += 1
            await client.set_task_run_state(task_run.id, _truth(reader, str(task_run.id)), force=True)
    if wrong:
        logger.info("told Prefect of %d runs that had ended", wrong)
    return wrong


def _truth(reader: Reader, task_run_id: str) -> State:
    row = reader.row(
        "SELECT state FROM turns WHERE task_run_id = :id UNION ALL "
        "SELECT 'completed' FROM steps WHERE task_run_id = :id AND state = 'settled'",
        {"id": task_run_id},
    )
    states = {"completed": Completed, "failed": Failed, "cancelled": Cancelled}
    return states.get(str(row["state"]) if row else "", Crashed)(message="as the store of cao has it")
