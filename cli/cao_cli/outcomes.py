"""Which answers are no success: they are printed like others, and the command exits with 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

NO_SUCCESS = 1

Answer = Mapping[str, Any]


def _not_completed(run: Answer) -> bool:
    """It failed, was cancelled, or the time was over before its end."""
    return run["state"] != "completed"


def _not_valid(verdict: Answer) -> bool:
    return not verdict["valid"]


def _not_accepted(test: Answer) -> bool:
    return test["outcome"] != "accepted"


_FAILURES: Mapping[str, Callable[[Answer], bool]] = {
    "definition.validate": _not_valid,
    "model.validate": _not_valid,
    "notifier.test": _not_accepted,
    "profile.validate": _not_valid,
    "run.result": _not_completed,
    "run.wait": _not_completed,
    "workflow.wait": _not_completed,
}
"""By operation: whether an answer is a failure. Whatever only looks something up succeeds, also when it finds a failed run."""


def exit_status(name: str, answer: Answer) -> int:
    """The exit status of a command whose operation gave this answer.

    >>> exit_status("run.wait", {"state": "failed"}), exit_status("run.get", {"state": "failed"})
    (1, 0)
    """
    fails = _FAILURES.get(name)
    return NO_SUCCESS if fails and fails(answer) else 0
