"""The schema, as ordered steps, a module for each subject. A released step is never changed; a new one comes after it."""

from importlib import import_module

from .steps import steps

ORDER = (
    *("spine", "plugins", "tokens", "schedules", "names", "workflows", "tasks", "queue"),
    *("worktrees", "history", "retries", "flows", "rights"),
)
"""The modules in the order in which their steps are applied."""

for name in ORDER:
    import_module(f"{__name__}.{name}")

__all__ = ["steps"]
