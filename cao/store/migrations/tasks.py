"""The tables of tasks and requirements, and of what agents were asked to rewrite."""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

URGENCY = "CASE priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END"
"""The order of priorities, as the index has it."""

_TASKS = (
    """CREATE TABLE tasks (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project_id TEXT, title TEXT NOT NULL,
        description TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, priority TEXT NOT NULL, risk TEXT,
        deadline REAL, agent TEXT, person TEXT, labels TEXT NOT NULL, checklist TEXT NOT NULL, requirement_id TEXT,
        workflow TEXT, blocked_reason TEXT, run_id TEXT, version INTEGER NOT NULL, created_by TEXT NOT NULL,
        created_at REAL NOT NULL, updated_at REAL NOT NULL, started_at REAL, settled_at REAL) STRICT""",
    f"""CREATE INDEX tasks_order ON tasks (status, {URGENCY}, coalesce(deadline, 1e12), n)""",
    """CREATE INDEX tasks_project ON tasks (project_id, n)""",
    """CREATE INDEX tasks_requirement ON tasks (requirement_id) WHERE requirement_id IS NOT NULL""",
    """CREATE INDEX tasks_run ON tasks (run_id) WHERE run_id IS NOT NULL""",
    """CREATE TABLE task_dependencies (
        task_id TEXT NOT NULL, on_id TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (task_id, on_id)) STRICT, WITHOUT ROWID""",
    """CREATE INDEX task_dependents ON task_dependencies (on_id)""",
    """CREATE VIEW task_records AS SELECT t.*, coalesce(t.project_id, '') AS scope, (
        SELECT json_group_array(json_object('task', d.on_id, 'kind', d.kind, 'status', o.status))
        FROM task_dependencies d JOIN tasks o ON o.id = d.on_id WHERE d.task_id = t.id) AS depends_on FROM tasks t""",
    """CREATE INDEX events_task ON events (json_extract(data, '$.task_id'), seq) WHERE type >= 'task.' AND type < 'task/'""",
    """CREATE VIEW task_events AS SELECT *, json_extract(data, '$.task_id') AS task_id FROM events
        WHERE type >= 'task.' AND type < 'task/'""",
)

_REQUIREMENTS = (
    """CREATE TABLE requirements (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project_id TEXT, title TEXT NOT NULL, body TEXT NOT NULL,
        priority TEXT NOT NULL, status TEXT NOT NULL, acceptance TEXT NOT NULL, source TEXT, version INTEGER NOT NULL,
        created_by TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL) STRICT""",
    """CREATE VIEW requirement_records AS SELECT r.*, coalesce(r.project_id, '') AS scope, (
        SELECT json_group_array(id) FROM (SELECT id FROM tasks t WHERE t.requirement_id = r.id ORDER BY n)) AS task_ids
        FROM requirements r""",
    """CREATE TABLE visions (
        scope TEXT PRIMARY KEY, text TEXT NOT NULL, version INTEGER NOT NULL, updated_by TEXT NOT NULL,
        updated_at REAL NOT NULL) STRICT""",
    """CREATE TABLE refinements (
        n INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, subject TEXT NOT NULL,
        requirement_id TEXT, project_id TEXT, state TEXT NOT NULL, reason TEXT, base_version INTEGER NOT NULL,
        created_at REAL NOT NULL, settled_at REAL) STRICT""",
    """CREATE INDEX refinements_subject ON refinements (subject, coalesce(requirement_id, project_id, ''), n)""",
)


@steps()
def tasks(db: Database) -> None:
    """Tasks with what they depend on and their part of the event log, requirements, visions, and what agents make of these."""
    for statement in (*_TASKS, *_REQUIREMENTS):
        db.conn.execute(statement)
