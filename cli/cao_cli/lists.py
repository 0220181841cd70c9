"""What people see of lists: which columns of the items, and what is said when there are none."""

from __future__ import annotations

from collections.abc import Mapping

_APPROVAL = ("id", "state", "question", "session_id", "reason", "expires_at")
_FAILED = ("id", "settled_at", "kind", "failure", "session", "profile", "definition", "retried_as")
_TASK = ("title", "status", "blocked_reason", "priority", "deadline", "agent", "person", "id")
_WORKTREE = ("name", "state", "facts", "branch", "base", "session_id", "phase", "path", "created_at")
_RECORD = ("created_at", "kind", "state", "title", "result", "reason", "id")
_STEP = ("path", "kind", "attempt", "state", "decision", "failure", "started_at", "settled_at")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "approval": _APPROVAL,
    "blocked": _TASK,
    "checkpoint": ("number", "path", "attempt", "verdict", "settled_at", "pruned"),
    "definition": ("name", "description", "inputs", "phases", "problem"),
    "delivery": ("id", "state", "notifier", "event_type", "title", "attempts", "error", "due_at", "created_at"),
    "error": _FAILED,
    "event": ("seq", "type", "actor", "session_id", "data", "at"),
    "failed_lately": _FAILED,
    "git.branches": ("name", "current", "commit", "subject", "committed_at", "upstream", "worktree"),
    "history": _RECORD,
    "history.search": ("created_at", "kind", "state", "title", "snippet", "reason", "id"),
    "in_progress": _TASK,
    "kept": _WORKTREE,
    "message": ("id", "state", "kind", "sender", "text", "created_at"),
    "model": ("model", "provider", "agent", "profiles"),
    "model.availability": ("model", "provider", "agent", "ready", "fix", "credentials", "variables", "login", "profiles"),
    "notifier": ("name", "target", "tags", "paused", "id", "created_at"),
    "operation": ("name", "effect", "summary"),
    "output.artifacts": ("path", "source", "bytes", "changed_at", "phase", "directory"),
    "output.phases": _STEP,
    "plugin": ("name", "status", "trouble", "package", "summary"),
    "profile": ("name", "origin", "role", "provider", "description", "problem"),
    "project": ("name", "current", "path", "id", "created_at"),
    "provider": ("name", "ready", "summary", "fix"),
    "queue": ("id", "state", "reason", "what", "priority", "session_id", "run_id", "created_at"),
    "removed": _WORKTREE,
    "requirement": ("title", "status", "priority", "task_ids", "id", "updated_at"),
    "rule": ("name", "events", "notifier", "tags", "title", "id", "created_at"),
    "run": ("id", "state", "session_id", "result", "failure", "created_at"),
    "runner.orphans": ("kind", "id", "what", "fix"),
    "schedule": ("name", "enabled", "cron", "every", "zone", "next_due"),
    "schedule.history": ("schedule", "due", "state", "reason", "count", "run_id", "created_at"),
    "session": ("name", "status", "agent", "id", "created_at"),
    "step": _STEP,
    "task": _TASK,
    "task.history": ("seq", "type", "actor", "data", "at"),
    "terminal": ("name", "status", "profile", "provider", "id", "session_id", "created_at"),
    "token": ("name", "state", "scopes", "surfaces", "expires_at", "last_used_at", "created_by", "id"),
    "turn": ("id", "state", "attempt", "result", "failure", "started_at", "settled_at"),
    "waiting_for_you": _APPROVAL,
    "workflow": ("id", "definition", "state", "current", "failure", "session_id", "created_at"),
    "workflow.decisions": ("path", "kind", "attempt", "decision", "failure", "started_at", "settled_at"),
    "workflow.outputs": ("path", "kind", "attempt", "output", "pruned"),
    "worktree": _WORKTREE,
}
"""What is shown of each item, most important first: by operation, by group, or by the field that holds the items, without its
`s`. Columns that nothing fills are left out."""

_NOTHING: Mapping[str, str] = {
    "delivery.list": "no deliveries",
    "error.list": "no failed runs",
    "git.branches": "no branches",
    "history.recent": "no records",
    "history.search": "nothing found",
    "history.task": "no runs of this task",
    "output.artifacts": "no files",
    "output.phases": "no phases",
    "queue.list": "the queue is empty",
    "runner.orphans": "no orphans",
    "schedule.history": "never due yet",
    "task.history": "no events",
    "workflow.decisions": "no decisions",
    "workflow.outputs": "no outputs",
}
"""What is said of an empty list where the group's name in the plural would be wrong."""


def columns_of(name: str) -> tuple[str, ...]:
    """The columns of an operation's list, or of a field's items; none when any will do.

    >>> columns_of("schedule.list")
    ('name', 'enabled', 'cron', 'every', 'zone', 'next_due')
    """
    return COLUMNS.get(name) or COLUMNS.get(name.partition(".")[0], ())


def nothing(name: str) -> str:
    """What is said when the list of an operation is empty.

    >>> nothing("session.list"), nothing("delivery.list")
    ('no sessions', 'no deliveries')
    """
    return _NOTHING.get(name) or f"no {name.partition('.')[0]}s"
