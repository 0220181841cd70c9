"""Two runs side by side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cao.protocol.workflows import Decision, Step, Workflow
from cao.workflows.comparing import compared, difference

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def step(path: str, verdict: str, text: str, *, attempt: int = 1, seconds: float = 1.0) -> Step:
    return Step(
        n=attempt,
        run_id="run_1",
        path=path,
        kind="agent",
        attempt=attempt,
        state="settled",
        decision=Decision(verdict=verdict),
        output={"text": text},
        started_at=BEGAN,
        settled_at=BEGAN + timedelta(seconds=seconds),
    )


def run(*steps: Step, **fields: Any) -> Workflow:
    known = {"id": "run_1", "definition": "change", "digest": "d", "state": "completed", "session_id": "ses_1"}
    return Workflow(**{**known, "directory": "/", "created_at": BEGAN, "steps": list(steps), **fields})


def test_what_differs_is_told_and_nothing_else() -> None:
    first = run(step("plan", "advance", "one\ntwo"), step("build", "advance", "x"), inputs={"goal": "a"})
    second = run(
        step("plan", "advance", "one\n2"),
        step("build", "advance", "x", seconds=9),
        step("ship", "fail", ""),
        inputs={"goal": "b"},
        digest="e",
        state="failed",
    )
    found = compared(first, second, everything=False)
    assert (found.same, found.same_definition) == (False, False)
    assert {one.path: one.change for one in found.phases} == {"plan": "differs", "ship": "only-second"}
    assert found.phases[0].output == " one\n-two\n+2"
    assert '-  "goal": "a"' in found.inputs
    assert (found.first.state, found.second.state) == ("completed", "failed")
    everything = compared(first, second, everything=True)
    build = next(one for one in everything.phases if one.path == "build")
    assert (build.change, build.first and build.first.seconds, build.second and build.second.seconds) == ("same", 1.0, 9.0)


def test_attempts_count() -> None:
    again = run(step("plan", "rework", "x"), step("plan", "advance", "x", attempt=2))
    found = compared(run(step("plan", "advance", "x")), again, everything=False)
    assert found.phases[0].second and found.phases[0].second.attempts == 2
    assert compared(again, again, everything=False).same


def test_long_texts_are_compared_within_bounds() -> None:
    found = difference("\n".join(f"a{n}" for n in range(5000)), "\n".join(f"b{n}" for n in range(5000)))
    assert len(found.splitlines()) == 401
    assert found.endswith("lines more)")
    assert difference("x\n" * 3000, "x\n" * 2999) == "(they differ beyond what is compared)"
