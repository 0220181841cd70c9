"""Times that people name: with a zone, and within the years that clocks and calendars agree on."""

from __future__ import annotations

from datetime import UTC, datetime

from cao.protocol import InvalidInput

FIRST_YEAR, LAST_YEAR = 1971, 2199


def instant(name: str, when: datetime) -> float:
    """The time in field `name`, in seconds since 1970; in UTC where it has no zone. Raises `InvalidInput` for a far one."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    if not FIRST_YEAR <= aware.year <= LAST_YEAR:
        raise InvalidInput.field(name, f"lies outside the years from {FIRST_YEAR} to {LAST_YEAR}")
    return aware.timestamp()
