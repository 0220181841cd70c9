"""Due times against a calculation of another kind: walk through UTC, look at the clock of the zone, compare."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cao.protocol import CaoError, InvalidInput
from cao.schedules.timing import Every, describe_change, next_change, read, seconds

START, STOP = datetime(2026, 1, 1, tzinfo=UTC).timestamp(), datetime(2031, 1, 1, tzinfo=UTC).timestamp()
QUARTER = 900
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Africa/Casablanca",  # twice for each Ramadan
    "Pacific/Chatham",  # 45 minutes beside the others
)
LINES = (
    "30 2 * * *",
    "0 0 * * *",
    "0,45 0-3 * * 0",
    "15 3 1 * *",
    "0 */6 * * *",
    "*/15 2 * * 0",
    "*/30 * 29 2,3 *",
)
RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(7))


class Oracle:
    """The documented rule, by looking at every step of time."""

    def __init__(self, line: str) -> None:
        fields = line.split()
        self.sets = [_set(field, whole) for field, whole in zip(fields, RANGES, strict=True)]
        self.names_a_time = not (fields[0].startswith("*") or fields[1].startswith("*"))

    def matches(self, wall: datetime) -> bool:
        minutes, hours, days, months, weekdays = self.sets
        if wall.minute not in minutes or wall.hour not in hours:
            return False
        return wall.day in days and wall.month in months and wall.isoweekday() % 7 in weekdays

    def is_due(self, local: datetime, skipped: list[datetime]) -> bool:
        if not self.names_a_time:
            return self.matches(local)
        return (not local.fold and self.matches(local)) or any(self.matches(wall) for wall in skipped)


def _set(field: str, whole: range) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        chosen = whole if span == "*" else range(int(first), int(last or first) + 1)
        found.update(chosen[:: int(step or 1)])
    return found


def walk(zone: ZoneInfo, start: float, stop: float, step: int) -> Iterator[tuple[float, datetime, list[datetime]]]:
    """Each step of time: when it is, what the clock shows, and the times that the clock jumped over just now."""
    before = datetime.fromtimestamp(start - step, zone).utcoffset() or timedelta()
    for at in range(int(start), int(stop), step):
        local = datetime.fromtimestamp(at, zone)
        offset = local.utcoffset() or timedelta()
        gap = int((offset - before).total_seconds()) if offset > before else 0
        yield at, local, [local.replace(tzinfo=None) - timedelta(seconds=back) for back in range(step, gap + step, step)]
        before = offset


def due_times(line: str, zone: str, after: float, until: float) -> list[float]:
    return list(takewhile(lambda at: at < until, read(line, None, zone, 0).coming(after)))


@pytest.mark.parametrize("name", ZONES)
def test_five_years_match_an_independent_calculation(name: str) -> None:
    """All zones are a number of quarters of an hour from UTC, so for lines at quarters of an hour these are all the steps."""
    zone, oracles = ZoneInfo(name), {line: Oracle(line) for line in LINES}
    expected: dict[str, list[float]] = {line: [] for line in LINES}
    on_clock: dict[tuple[int, int], list[str]] = {}
    for line, oracle in oracles.items():
        for minute, hour in product(*oracle.sets[:2]):
            on_clock.setdefault((hour, minute), []).append(line)
    for at, local, skipped in walk(zone, START, STOP, QUARTER):
        for line in LINES if skipped else on_clock.get((local.hour, local.minute), ()):
            if oracles[line].is_due(local, skipped):
                expected[line].append(at)
    for line in LINES:
        assert due_times(line, name, START - 1, STOP) == expected[line], line


@pytest.mark.parametrize("name", ZONES)
def test_every_minute_around_each_change_matches(name: str) -> None:
    """A quarter of a day on both sides; each line is also asked from within, as after a restart."""
    zone, change, changes = ZoneInfo(name), START, []
    while (change := next_change(zone, change, STOP) or STOP) < STOP:
        changes.append(change)
    assert len(changes) >= 10
    for change in changes:
        begin, end = change - 21600, change + 21600
        steps = list(walk(zone, begin, end, 60))
        for line in ("* * * * *", "*/7 * * * *", "13 * * * *", "17 2 * * *", "59 0,1,2 * * *"):
            oracle = Oracle(line)
            expected = [at for at, local, skipped in steps if oracle.is_due(local, skipped)]
            for start in (begin - 1, change - 1800, change - 1, change, change + 1799):
                rest = [at for at in expected if at > start]
                assert due_times(line, name, start, end) == rest, (line, start)


@pytest.mark.parametrize(
    ("line", "zone", "day", "note"),
    [
        ("30 2 * * *", "Europe/Berlin", "2027-03-27", "does not exist"),
        ("30 2 * * *", "Europe/Berlin", "2027-10-30", "02:30 comes twice, and this is the first"),
        ("0 9 * * *", "America/New_York", "2027-03-13", "the clock goes forward by 1:00:00 at 2027-03-14 02:00"),
        ("0 9 * * *", "Australia/Lord_Howe", "2027-04-03", "the clock goes back by 0:30:00 at 2027-04-04 02:00"),
    ],
)
def test_a_change_is_told(line: str, zone: str, day: str, note: str) -> None:
    before = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).timestamp()
    timing = read(line, None, zone, 0)
    due = next(timing.coming(before))
    assert note in (describe_change(timing, ZoneInfo(zone), before, due) or "")


def test_an_interval_keeps_its_grid() -> None:
    timing = read(None, "15m", "UTC", 1000)
    assert list(islice(timing.coming(1000.0), 2)) == [1900.0, 2800.0]
    assert list(islice(timing.coming(2799.5), 2)) == [2800.0, 3700.0]
    assert list(islice(timing.coming(0.0), 1)) == [1900.0]
    assert timing == Every(900, 1000)


def test_the_last_day_and_rare_days() -> None:
    leap = read("0 0 29 2 *", None, "UTC", 0)
    assert [datetime.fromtimestamp(at, UTC).year for at in islice(leap.coming(START), 3)] == [2028, 2032, 2036]
    last = read("0 0 L * *", None, "UTC", 0)
    assert [datetime.fromtimestamp(at, UTC).day for at in islice(last.coming(START), 3)] == [31, 28, 31]


@pytest.mark.parametrize(
    ("cron", "every", "zone", "field"),
    [
        ("* * * *", None, "UTC", "/cron"),
        ("* * * * * *", None, "UTC", "/cron"),
        ("61 * * * *", None, "UTC", "/cron"),
        ("0 0 31 2 *", None, "UTC", "/cron"),
        ("0 0 * * *", "1d", "UTC", "/cron"),
        (None, None, "UTC", "/cron"),
        ("0 0 * * *", None, "Europe/Belrin", "/zone"),
        ("0 0 * * *", None, "Europe", "/zone"),
        ("0 0 * * *", None, "../../etc/passwd", "/zone"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_field(cron: str | None, every: str | None, zone: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(cron, every, zone, 0)
    assert refused.value.details["errors"][0]["pointer"] == field


def test_a_misspelled_zone_is_guessed() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean Europe/Berlin\?"):
        read("0 0 * * *", None, "europe/berlin", 0)


@given(st.lists(st.text("0123456789*,-/#LWMONFRI", min_size=1, max_size=12), min_size=5, max_size=5))
def test_any_line_is_read_or_refused(fields: list[str]) -> None:
    try:
        timing = read(" ".join(fields), None, "UTC", 0)
    except CaoError:
        return
    assert all(at > START for at in islice(timing.coming(START), 1))


def test_seconds() -> None:
    assert [seconds(one) for one in ("90s", "15m", "6h", "2d")] == [90, 900, 21600, 172800]
