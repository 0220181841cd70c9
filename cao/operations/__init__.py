"""What can be asked: one module for each group. Importing this package fills the registry.

Other packages add groups with an entry point of the group `cao.operations` that names a module.
"""

from cao.packages import entry_points

from . import (
    approval,
    daemon,
    event,
    git,
    message,
    operation,
    plugin,
    profile,
    project,
    provider,
    run,
    schedule,
    session,
    terminal,
    token,
    worktree,
)

__all__ = [
    "approval",
    "daemon",
    "event",
    "git",
    "message",
    "operation",
    "plugin",
    "profile",
    "project",
    "provider",
    "run",
    "schedule",
    "session",
    "terminal",
    "token",
    "worktree",
]

for package in entry_points("cao.operations"):
    package.load()
