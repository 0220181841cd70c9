"""Numbers for Prometheus: what the daemon says of itself, and how its operations are called. Text format 0.0.4."""

from __future__ import annotations

import bisect
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cao.operations.daemon import DaemonStatus, HealthReport

MEDIA = b"text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the latency histogram's buckets, in seconds."""

ENGINE_STATES = ("stopped", "starting", "ready", "failed")
Labels = Mapping[str, str]


@dataclass(slots=True)
class Latency:
    """A histogram of one operation's answers, in seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect.bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Requests:
    """Counts calls of operations. Their names and statuses are few, so this is bounded."""

    def __init__(self) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.latencies: dict[str, Latency] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one answer; of a stream, its first byte."""
        self.statuses[operation, status] += 1
        if (latency := self.latencies.get(operation)) is None:
            latency = self.latencies[operation] = Latency()
        latency.add(seconds)


def render(status: DaemonStatus, health: HealthReport, requests: Requests, failed_sign_ins: int = 0) -> str:
    """The page that Prometheus reads."""
    failed = _family("cao_failed_sign_ins_total", "counter", "Wrong tokens, codes and cookies.", [("", {}, failed_sign_ins)])
    families = (*_daemon(status), failed, *_receivers(health), *_requests(requests))
    return "\n".join(line for lines in families for line in lines) + "\n"


def _daemon(status: DaemonStatus) -> Iterator[list[str]]:
    yield _gauge("cao_info", "The version that answers.", [({"version": status.version}, 1)])
    yield _gauge("cao_open_sessions", "Sessions that are open.", [({}, status.open_sessions)])
    yield _gauge("cao_pending_messages", "Messages that wait for a turn.", [({}, status.pending_messages)])
    yield _gauge("cao_pending_approvals", "Approvals that wait for a person.", [({}, status.pending_approvals)])
    yield _family("cao_last_seq", "counter", "The newest event's number.", [("", {}, status.last_seq)])
    states = [({"state": state}, int(state == status.engine.state)) for state in ENGINE_STATES]
    yield _gauge("cao_engine_state", "1 for the state that the engine is in.", states)
    yield _gauge("cao_active_activations", "Sessions that are hot.", [({}, status.engine.active)])
    yield _gauge("cao_queued_activations", "Sessions that wait for a place.", [({}, status.engine.queued)])
    yield _gauge("process_resident_memory_bytes", "Memory of the server's process.", [({}, resident_bytes())])
    started = status.started_at.timestamp()
    yield _gauge("process_start_time_seconds", "When it began, in seconds since the epoch.", [({}, started)])


def _receivers(health: HealthReport) -> Iterator[list[str]]:
    for name, help in (
        ("calls", "Calls of signal receivers."),
        ("errors", "Calls of signal receivers that failed."),
        ("timeouts", "Calls of signal receivers that took too long."),
        ("dropped", "Events that signal receivers never got."),
    ):
        samples = [("", {"receiver": one.name}, getattr(one, name)) for one in health.receivers]
        yield _family(f"cao_receiver_{name}_total", "counter", help, samples)


def _requests(requests: Requests) -> Iterator[list[str]]:
    counts = [
        ("", {"operation": operation, "status": str(status)}, count)
        for (operation, status), count in sorted(requests.statuses.items())
    ]
    yield _family("cao_http_requests_total", "counter", "Calls of operations over HTTP.", counts)
    samples = [sample for name, one in sorted(requests.latencies.items()) for sample in _histogram(name, one)]
    yield _family("cao_http_request_seconds", "histogram", "How long operations took over HTTP.", samples)


def _histogram(operation: str, latency: Latency) -> Iterator[tuple[str, Labels, float]]:
    below = 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), latency.buckets, strict=True):
        below += count
        yield "_bucket", {"operation": operation, "le": bound}, below
    yield "_sum", {"operation": operation}, latency.total
    yield "_count", {"operation": operation}, below


def _gauge(name: str, help: str, samples: Iterable[tuple[Labels, float]]) -> list[str]:
    return _family(name, "gauge", help, [("", labels, value) for labels, value in samples])


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[str, Labels, float]]) -> list[str]:
    lines = [f"{name}{suffix}{_labels(labels)} {value:.17g}" for suffix, labels, value in samples]
    return [f"# HELP {name} {help}", f"# TYPE {name} {kind}", *lines]


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return "{" + pairs + "}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def resident_bytes() -> int:
    """Memory that this process holds now; where the system does not say, the most that it ever held."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - the path is not one of files
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
