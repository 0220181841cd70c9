"""What is told when workflows that were written for another system are taken over."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .models import Answer

RemarkLevel = Literal["changed", "lost"]


class Remark(Answer):
    """One thing that is not as it was."""

    level: RemarkLevel
    """`changed`: it is there and means something else. `lost`: it has no counterpart and was left out."""
    pointer: str
    """Where it stands in the file that was read, as a JSON pointer."""
    message: str
    hint: str
    """What to do."""


class ImportedFile(Answer):
    """A file that was written, or would be."""

    kind: Literal["definition", "profile"]
    name: str
    path: str
    """Absolute."""
    state: Literal["written", "unchanged", "kept", "previewed"]
    """`unchanged`: it was there already, the same. `kept`: another one of this name was there and stays; `replace` overwrites
    it. `previewed`: only asked for."""
    text: str
    phases: int = 0
    """How many a definition has."""


class Import(Answer):
    """What became of workflows that were written for another system."""

    files: list[ImportedFile] = Field(default_factory=list[ImportedFile])
    remarks: list[Remark] = Field(default_factory=list[Remark])
    """What means something else here or has no counterpart; empty when all was taken over as it was."""
    problems: list[str] = Field(default_factory=list[str])
    """What keeps a translated definition from being run: mend it in its file. Empty: all can be run."""
