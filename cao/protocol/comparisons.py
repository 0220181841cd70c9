"""What is told of two runs of workflows, side by side."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .models import Answer


class Side(Answer):
    """How a phase, or a whole run, was in one of the two."""

    state: str
    """The last verdict of a phase, or the state of what is not settled; the state of a run."""
    attempts: int = 0
    seconds: float | None = None
    """From its beginning to its end; null while it is under way."""


class PhaseComparison(Answer):
    """One phase in both runs."""

    path: str
    change: Literal["same", "differs", "only-first", "only-second"]
    """`differs`: in its verdict, its number of attempts or its output. Seconds always differ and do not count."""
    first: Side | None = None
    second: Side | None = None
    output: str = ""
    """How the outputs differ, as a unified diff; empty where they do not."""


class Comparison(Answer):
    """Two runs, side by side."""

    first_id: str
    second_id: str
    same: bool
    """They have the same inputs, came to the same verdicts and gave the same outputs."""
    same_definition: bool
    """Both ran the same text."""
    first: Side
    second: Side
    inputs: str = ""
    """How the inputs differ, as a unified diff."""
    phases: list[PhaseComparison] = Field(default_factory=list[PhaseComparison])
    """Those that are not the same; with `all`, every one."""
    outputs: str = ""
    """How the outputs of the runs differ, as a unified diff."""
