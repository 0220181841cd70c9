"""Times that people name: with a zone, and within the years that clocks and calendars agree on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from cao.protocol import InvalidInput

FIRST_YEAR, LAST_YEAR = 1971, 2199

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)


def _read(value: Any) -> Any:
    """A text as a time: here and not by pydantic, which takes a date alone for a time only where it is not strict."""
    if not isinstance(value, str):
        return value
    try:
        return _TIME.validate_python(f"{value}T23:59:59Z" if _DAY.fullmatch(value) else value if _DAY.match(value) else None)
    except ValidationError:
        raise ValueError("is no time; write 2027-03-31T16:00:00Z, or 2027-03-31 for the end of that day") from None


Deadline = Annotated[datetime, BeforeValidator(_read)]
"""Until when; a date alone means the end of that day, in UTC."""


def instant(name: str, when: datetime) -> float:
    """The time in field `name`, in seconds since 1970; in UTC where it has no zone. Raises `InvalidInput` for a far one."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    if not FIRST_YEAR <= aware.year <= LAST_YEAR:
        raise InvalidInput.field(name, f"lies outside the years from {FIRST_YEAR} to {LAST_YEAR}")
    return aware.timestamp()
