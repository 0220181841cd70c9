"""What an agent is asked in a phase: its prompt, why the work came back, and how to decide. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .decision import instructions
from .definition import Phase
from .expressions import names, render


def prompt(phase: Phase, scope: Mapping[str, Any]) -> str:
    """The whole prompt of an agent phase. Raises `ExpressionError`.

    The reason for which a phase is done again is added where the template does not read `feedback` itself.
    """
    assert phase.agent is not None  # noqa: S101 - asked for agents' phases only
    parts = [render(phase.agent.prompt, scope).rstrip()]
    feedback = str(scope.get("feedback") or "")
    if feedback and ("feedback",) not in names(phase.agent.prompt):
        parts.append(f"You did this before, and it was sent back:\n\n{feedback}")
    return "\n\n".join(part for part in (*parts, instructions(phase)) if part)
