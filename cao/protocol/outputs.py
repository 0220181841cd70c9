"""What runs leave behind: text, and files."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .models import Answer
from .records import RunState


class OutputText(Answer):
    """A part of what an agent, or the phases of a workflow, said in a run."""

    run_id: str
    state: RunState
    text: str
    offset: int
    """Where this part begins, in bytes of UTF-8."""
    next_offset: int
    """Give it as `offset` to read on."""
    size: int
    """Bytes that there are so far."""
    complete: bool
    """The run is settled and this part goes to the end."""


class OutputPiece(Answer):
    """Text as it comes."""

    type: Literal["output"] = "output"
    seq: int
    """Where it ends, in bytes of UTF-8: give it as `after` to go on behind it."""
    text: str


class Artifact(Answer):
    """A file that a run left: one that its agent wrote, or that a phase gave as evidence."""

    path: str
    """Below the directory of the run's terminal or phase."""
    source: Literal["written", "evidence"]
    directory: str
    bytes: int | None
    """Null when the file is not there any more."""
    changed_at: datetime | None
    phase: str | None = None
    """The phase that gave it as evidence."""


class FileContent(Answer):
    """A part of a file."""

    run_id: str
    path: str
    encoding: Literal["text", "base64"]
    """`text` is UTF-8; anything else comes as base64."""
    content: str
    offset: int
    """Where this part begins, in bytes."""
    next_offset: int
    """Give it as `offset` to read on."""
    size: int
    """Bytes of the whole file."""
