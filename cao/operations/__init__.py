"""What can be asked: one module for each group. Importing this package fills the registry.

Other packages add groups with an entry point of the group `cao.operations` that names a module.
"""

from cao.packages import entry_points

from . import (
    approval,
    checklist,
    daemon,
    definition,
    dependency,
    error,
    event,
    git,
    history,
    message,
    model,
    operation,
    output,
    pause,
    plugin,
    profile,
    project,
    project_status,
    provider,
    queue,
    requirement,
    run,
    runner,
    schedule,
    session,
    task,
    task_moves,
    task_plans,
    terminal,
    token,
    vision,
    worktree,
)

__all__ = [
    "approval",
    "checklist",
    "daemon",
    "definition",
    "dependency",
    "error",
    "event",
    "git",
    "history",
    "message",
    "model",
    "operation",
    "output",
    "pause",
    "plugin",
    "profile",
    "project",
    "project_status",
    "provider",
    "queue",
    "requirement",
    "run",
    "runner",
    "schedule",
    "session",
    "task",
    "task_moves",
    "task_plans",
    "terminal",
    "token",
    "vision",
    "worktree",
]

for package in entry_points("cao.operations"):
    package.load()
