"""When a schedule is due: crontab lines on the clock of a time zone, and intervals.

What a change of the clock does is Debian cron's rule. A line that names its minute and its hour (neither begins with `*`) means
a time on the wall: one that the clock skips is due once, at the end of the gap, and one that comes twice is due the first time.
Any other line follows the time that passes: nothing is due in hours that do not exist, and hours that come twice count twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import count
from math import floor
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from cao.protocol import InvalidInput

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY = 86400


class Timing(Protocol):
    """When something is due. All times are seconds since 1970."""

    def coming(self, instant: float) -> Iterator[float]:
        """The due times after `instant`, in order; they may end."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Due after each `period` of seconds, counted from `anchor`."""

    period: int
    anchor: int

    def coming(self, instant: float) -> Iterator[float]:
        passed = max(int((instant - self.anchor) // self.period), 0)
        return (float(self.anchor + number * self.period) for number in count(passed + 1))


@dataclass(frozen=True, slots=True)
class Cron:
    """Due where a crontab line matches the clock of a zone. The due times end when fifty years have none."""

    line: str
    zone: ZoneInfo

    @property
    def names_a_time(self) -> bool:
        """Whether it means a time on the wall."""
        minute, hour = self.line.split()[:2]
        return not (minute.startswith("*") or hour.startswith("*"))

    def coming(self, instant: float) -> Iterator[float]:
        if not self.names_a_time:
            return self._passing(instant)
        # cronsim has this rule itself, but of two equal times on the wall it forgets from which one it starts.
        walk = CronSim(self.line, datetime.fromtimestamp(instant, self.zone))
        return (due for due in (wall.timestamp() for wall in walk) if due > instant)

    def _passing(self, instant: float) -> Iterator[float]:
        """As far as the zone keeps its distance from UTC, walk its clock; begin anew where the distance changes."""
        change: float | None = floor(instant) + 1
        while change is not None:
            begin, offset, change = change, offset_at(self.zone, change), None
            for wall in CronSim(self.line, datetime.fromtimestamp(begin - 1 + offset, UTC)):
                due = wall.timestamp() - offset
                change = next_change(self.zone, begin, due)
                if change is not None:
                    break
                yield due
                begin = due


def read(cron: str | None, every: str | None, zone: str, anchor: int) -> Timing:
    """The timing of a schedule. Raises `InvalidInput` that names the field to mend.

    anchor: where the count of an interval begins, in whole seconds since 1970.
    """
    found = _zone(zone)
    if (cron is None) == (every is None):
        raise InvalidInput.field("cron", "give either cron or every")
    return Every(seconds(every), anchor) if every else _cron(str(cron), found)


def seconds(interval: str) -> int:
    """An interval in seconds.

    >>> seconds("15m")
    900
    """
    return int(interval[:-1]) * _UNITS[interval[-1]]


def _cron(line: str, zone: ZoneInfo) -> Cron:
    if len(line.split()) != 5:
        raise InvalidInput.field("cron", "has five fields: minute, hour, day of the month, month, day of the week")
    try:
        CronSim(line, datetime.now(UTC))
    except CronSimError as error:
        raise InvalidInput.field("cron", f"is not a crontab line: {str(error).lower()}") from None
    return Cron(line, zone)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "such as Europe/Berlin or UTC"
        raise InvalidInput.field("zone", f"is not a time zone; {hint}") from None


def offset_at(zone: ZoneInfo, instant: float) -> float:
    """Seconds that the zone's clock is ahead of UTC."""
    ahead = datetime.fromtimestamp(instant, zone).utcoffset()
    return ahead.total_seconds() if ahead else 0.0


def next_change(zone: ZoneInfo, start: float, stop: float) -> float | None:
    """The first second after `start`, up to `stop`, at which the zone's distance from UTC is another; None if there is none."""
    before = offset_at(zone, start)
    for day in count():
        low, high = start + day * _DAY, min(start + (day + 1) * _DAY, stop)
        if offset_at(zone, high) != before:
            return _bisect(zone, before, int(low), int(-(-high // 1)))
        if high >= stop:
            return None
    return None


def _bisect(zone: ZoneInfo, before: float, low: int, high: int) -> float:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)
    return float(high)


def describe_change(timing: Timing, zone: ZoneInfo, before: float, due: float) -> str | None:
    """What changes of the clock between two due times do to the later one, in words."""
    notes = [*_moved(zone, before, due)]
    if isinstance(timing, Cron):
        notes += [*_displaced(timing, zone, due)]
    return "; ".join(notes) or None


def _moved(zone: ZoneInfo, before: float, due: float) -> Iterator[str]:
    change = next_change(zone, before, due)
    if change is not None:
        old, new = offset_at(zone, change - 1), offset_at(zone, change)
        at = datetime.fromtimestamp(change + old, UTC)
        way = "forward" if new > old else "back"
        yield f"the clock goes {way} by {timedelta(seconds=abs(new - old))} at {at:%Y-%m-%d %H:%M}"


def _displaced(timing: Cron, zone: ZoneInfo, due: float) -> Iterator[str]:
    local = datetime.fromtimestamp(due, zone)
    if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
        yield f"{local:%H:%M} comes twice, and this is the {'second' if local.fold else 'first'}"
    elif timing.names_a_time and next(CronSim(timing.line, _wall(local) - timedelta(seconds=1))) != _wall(local):
        yield "its time does not exist on this day, so it is due at the end of the gap"


def _wall(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)
