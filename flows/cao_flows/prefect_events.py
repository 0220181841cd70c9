"""Make Prefect send what task runs tell to the API of their own engine.

Prefect has one sender for a process and gives it the API of whoever needs it first. An application with two controls has two
engines: the second one's task runs would be told to the first one's API. `tests/acceptance/test_embedding.py` has both.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """From now on there is one sender for each API, in this process."""
    from prefect.events.worker import EventsWorker

    EventsWorker._client_override = _Override()  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


class _Override:
    """What Prefect reads to find its sender: the kind of client and its arguments, or None for Prefect's own choice."""

    def __get__(self, instance: object, owner: type) -> tuple[type[Any], tuple[tuple[str, Any], ...]] | None:
        from prefect.events.clients import PrefectEventsClient
        from prefect.events.worker import emit_events_to_cloud
        from prefect.settings import PREFECT_API_URL

        url = PREFECT_API_URL.value()
        return None if url is None or emit_events_to_cloud() else (PrefectEventsClient, (("api_url", url),))
