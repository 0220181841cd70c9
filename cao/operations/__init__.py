"""What can be asked: one module for each group. Importing this package fills the registry.

Other packages add groups with an entry point of the group `cao.operations` that names a module.
"""

from importlib.metadata import entry_points

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

for package in entry_points(group="cao.operations"):
    package.load()
