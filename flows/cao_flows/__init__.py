"""Prefect as the engine, and tasks for flows of one's own.

    from cao_flows import agent, approval, command

`engine` owns the threads. A session's activation is a flow run (`activation`), a turn a task run in it (`turn`); a workflow's
run is a flow run (`workflow`; `flow_runner` where it is written in Python), an attempt at a phase a task run in it (`phase`).
`authoring` has the tasks. Nothing here loads Prefect before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .authoring import AgentAnswer, ApprovalAnswer, CommandResult, agent, approval, command
    from .flow_runner import StepFailed

__all__ = ["AgentAnswer", "ApprovalAnswer", "CommandResult", "StepFailed", "agent", "approval", "command"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("cao_flows.authoring"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
