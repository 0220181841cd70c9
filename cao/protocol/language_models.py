"""What is told of models: which ones profiles ask for, and whether they could be asked here now."""

from __future__ import annotations

from typing import Literal

from .models import Answer

Credentials = Literal["environment", "elsewhere", "none"]


class ModelInfo(Answer):
    """A model that profiles ask for, with a way to run it."""

    model: str | None
    """As profiles name it; null where the agent's own default is asked."""
    provider: str
    agent: str | None
    """Which agent, where the provider runs several; null for its own choice."""
    profiles: list[str]
    """The profiles that ask for it."""


class MissingForModel(Answer):
    """Something that stands between a model and a turn."""

    what: str
    fix: str
    """The command that mends it."""


class ModelAvailability(ModelInfo):
    """The same, and whether it could be asked here now."""

    ready: bool
    """Nothing that can be seen without asking the model is missing."""
    missing: list[MissingForModel]
    credentials: Credentials
    """`environment`: a variable that the agent gets; `elsewhere`: the agent's own login, which nobody here can see; `none`: it
    needs none."""
    variables: list[str]
    """The names of those variables that are set; their values are never told."""
    login: str | None
    """What a person does once, where there is no variable."""


class ModelFinding(Answer):
    """What is wrong or odd about the model of a profile."""

    profile: str
    level: Literal["error", "warning"]
    message: str


class ModelVerdict(Answer):
    """Whether the models of profiles can be asked."""

    valid: bool
    """There is no error; there may be warnings."""
    profiles: int
    """How many were looked at."""
    findings: list[ModelFinding]
