"""Prefect's flow run that stands for work of ours."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.exceptions import ObjectNotFound
from prefect.states import Pending

from .reconcile import TAG

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient


async def flow_run_of(
    client: PrefectClient, flow: Any, known: str | None, parameters: dict[str, Any], name: str, tags: list[str]
) -> Any:
    """Prefect's flow run of the work: a new one, or the one under which it was entered before."""
    if known is not None:
        with contextlib.suppress(ObjectNotFound):  # Prefect's database is another one now
            await client.set_flow_run_state(known, Pending(), force=True)
            return await client.read_flow_run(UUID(known))
    return await client.create_flow_run(flow, parameters=parameters, name=name, tags=[TAG, *tags], state=Pending())
