"""Every kind of fact that the log holds. The class is the definition; the reference page and the signals come from it.

An event's subject (session, terminal, run) are columns of the log; its other fields are its data.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field

from cao.protocol import Described
from cao.protocol.records import Event

EVENT_TYPES: dict[str, type[EventData]] = {}
"""All event classes by their type's name."""


class EventData(Described):
    """Base of all events: which session, terminal and run it is about, and what else is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str] = ""

    session_id: str | None = Field(default=None, exclude=True)
    terminal_id: str | None = Field(default=None, exclude=True)
    run_id: str | None = Field(default=None, exclude=True)

    def __init_subclass__(cls, type: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        EVENT_TYPES[type] = cls

    @classmethod
    def of(cls, event: Event) -> Self:
        """An event of the log as its class: `MessageQueued.of(event).sender`. Fields of newer versions are left out."""
        known = {**event.data, "session_id": event.session_id, "terminal_id": event.terminal_id, "run_id": event.run_id}
        return cls.model_validate({name: value for name, value in known.items() if name in cls.model_fields})
