"""What can be asked: one module for each group. Importing this package fills the registry."""

from . import approval, daemon, event, message, operation, profile, project, provider, run, session, terminal

__all__ = [
    "approval",
    "daemon",
    "event",
    "message",
    "operation",
    "profile",
    "project",
    "provider",
    "run",
    "session",
    "terminal",
]
