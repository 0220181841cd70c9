"""What is told of workflow definitions: their texts, and what is wrong with them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .models import Answer


class Problem(Answer):
    """One thing that is wrong or odd about a definition, and where."""

    line: int
    """In its text, from 1."""
    column: int
    """In that line, from 1."""
    pointer: str
    """A JSON pointer to the value; empty for the text as a whole."""
    message: str
    hint: str | None = None
    """What to write instead, where that can be told."""


class Validation(Answer):
    """Whether a text is a definition that can be run."""

    valid: bool
    """There are no problems; there may be warnings."""
    problems: list[Problem] = Field(default_factory=list[Problem])
    """In the order of the text."""
    warnings: list[Problem] = Field(default_factory=list[Problem])
    """What is odd but does no harm."""


class DefinitionSummary(Answer):
    """A workflow's definition, in short."""

    name: str
    description: str = ""
    inputs: list[str] = Field(default_factory=list[str])
    """The names of what a run is started with; those that are required have an asterisk."""
    phases: list[str] = Field(default_factory=list[str])
    """The ids of its phases, in their order."""
    digest: str
    """SHA-256 of the file."""
    problem: str | None = None
    """Why it cannot be run; `cao definition validate` says more."""


class DefinitionText(Answer):
    """A workflow's definition, in full."""

    name: str
    text: str
    """The file."""
    digest: str
    """SHA-256 of the text; `definition put` takes it as `expect_digest`."""
    path: str
    """The file, absolute."""
    project_id: str
    inputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The JSON Schema of what a run is started with; empty where the text cannot be read."""
    valid: bool
    problems: list[Problem] = Field(default_factory=list[Problem])
    warnings: list[Problem] = Field(default_factory=list[Problem])


class Rendered(Answer):
    """What a phase would get."""

    definition: str
    phase: str
    """Its path."""
    kind: str
    text: str
    """The prompt of an agent, the question to a person, or the command as it would be typed."""
    arguments: list[str] = Field(default_factory=list[str])
    """Of a command: the program and its arguments."""
    profile: str | None = None
    provider: str | None = None
    model: str | None = None
    invented: list[str] = Field(default_factory=list[str])
    """What a run would know and was made up, such as `phases.plan.output`; in the text it stands between ‹ and ›."""


class DefinitionSchema(Answer):
    """The JSON Schema of definitions, for editors."""

    document: dict[str, Any]
