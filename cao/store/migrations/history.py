"""History: one row for each piece of work, and a full-text index over it.

Triggers write both with the fact itself, so that no code path can forget to. The index holds no text of its own: it reads
that of `history`. Long texts are searched in their first 65,536 characters. Beginnings of two to four letters
are indexed too: over 100,000 records `orch*` takes 0.4 ms instead of 360, for three quarters more index. The texts
stand last in a row, so that a filter need not read past them.
"""

from __future__ import annotations

from sqlite_utils import Database

from .steps import steps

_FROM_RUNS = """INSERT INTO history (id, kind, state, title, prompt, result, reason, project_id, session_id, terminal_id,
    created_at, settled_at)
    SELECT r.id, r.kind, r.state, coalesce(w.definition || ' ', '') || s.name || coalesce(' ' || t.name, ''),
        substr(coalesce(m.text, w.inputs, ''), 1, 65536),
        coalesce(substr(r.result, 1, 65536), ''), coalesce(json_extract(r.failure, '$.message'), ''), s.project_id,
        r.session_id, r.terminal_id, r.created_at, r.settled_at
    FROM runs r JOIN sessions s ON s.id = r.session_id LEFT JOIN terminals t ON t.id = r.terminal_id
    LEFT JOIN messages m ON m.id = r.message_id LEFT JOIN workflows w ON w.id = r.id"""

_TABLES = (
    """CREATE TABLE history (
        n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL, project_id TEXT,
        session_id TEXT, terminal_id TEXT, task_id TEXT, created_at REAL NOT NULL, settled_at REAL, title TEXT NOT NULL,
        prompt TEXT NOT NULL, result TEXT NOT NULL, reason TEXT NOT NULL) STRICT""",
    """CREATE INDEX history_session ON history (session_id, n) WHERE session_id IS NOT NULL""",
    """CREATE INDEX history_project ON history (project_id, n) WHERE project_id IS NOT NULL""",
    """CREATE INDEX history_task ON history (task_id, n) WHERE task_id IS NOT NULL""",
    """CREATE INDEX history_state ON history (state, n)""",
    """CREATE INDEX history_kind ON history (kind, n)""",
    """CREATE INDEX history_settled ON history (settled_at) WHERE settled_at IS NOT NULL""",
    """CREATE VIRTUAL TABLE history_text USING fts5 (title, prompt, result, reason, content = 'history', content_rowid = 'n',
        tokenize = "unicode61 remove_diacritics 2", prefix = '2 3 4')""",
)

_INDEX = (
    """CREATE TRIGGER history_added AFTER INSERT ON history BEGIN
        INSERT INTO history_text (rowid, title, prompt, result, reason)
        VALUES (new.n, new.title, new.prompt, new.result, new.reason); END""",
    """CREATE TRIGGER history_removed AFTER DELETE ON history BEGIN
        INSERT INTO history_text (history_text, rowid, title, prompt, result, reason)
        VALUES ('delete', old.n, old.title, old.prompt, old.result, old.reason); END""",
    """CREATE TRIGGER history_changed AFTER UPDATE OF title, prompt, result, reason ON history
        WHEN old.title != new.title OR old.prompt != new.prompt OR old.result != new.result OR old.reason != new.reason BEGIN
        INSERT INTO history_text (history_text, rowid, title, prompt, result, reason)
        VALUES ('delete', old.n, old.title, old.prompt, old.result, old.reason);
        INSERT INTO history_text (rowid, title, prompt, result, reason)
        VALUES (new.n, new.title, new.prompt, new.result, new.reason); END""",
)

_FACTS = (
    f"""CREATE TRIGGER history_of_prompts AFTER INSERT ON messages WHEN new.kind = 'prompt' AND new.run_id IS NOT NULL BEGIN
        {_FROM_RUNS} WHERE r.id = new.run_id; END""",
    f"""CREATE TRIGGER history_of_workflows AFTER INSERT ON runs WHEN new.kind = 'workflow' BEGIN
        {_FROM_RUNS} WHERE r.id = new.id; END""",
    """CREATE TRIGGER history_of_definitions AFTER INSERT ON workflows BEGIN
        UPDATE history SET title = new.definition || ' ' || title, prompt = substr(new.inputs, 1, 65536)
        WHERE id = new.id AND prompt = ''; END""",
    """CREATE TRIGGER history_of_runs AFTER UPDATE OF state, result, failure, settled_at ON runs BEGIN
        UPDATE history SET state = new.state, result = coalesce(substr(new.result, 1, 65536), ''),
        reason = coalesce(json_extract(new.failure, '$.message'), ''), settled_at = new.settled_at WHERE id = new.id; END""",
    """CREATE TRIGGER history_of_new_tasks AFTER INSERT ON tasks BEGIN
        INSERT INTO history (id, kind, state, title, prompt, result, reason, project_id, created_at, settled_at)
        VALUES (new.id, 'task', new.status, new.title, substr(new.description, 1, 65536), '', '', new.project_id,
        new.created_at, new.settled_at); END""",
    """CREATE TRIGGER history_of_tasks AFTER UPDATE OF title, description, status, blocked_reason, settled_at ON tasks BEGIN
        UPDATE history SET state = new.status, title = new.title, prompt = substr(new.description, 1, 65536),
        reason = coalesce(new.blocked_reason, ''), settled_at = new.settled_at WHERE id = new.id; END""",
    """CREATE TRIGGER history_of_work_for_tasks AFTER UPDATE OF run_id ON tasks WHEN new.run_id IS NOT NULL BEGIN
        UPDATE history SET task_id = new.id WHERE id = new.run_id; END""",
    """CREATE TRIGGER history_of_deleted_tasks AFTER DELETE ON tasks BEGIN DELETE FROM history WHERE id = old.id; END""",
)

_FILL = (
    f"{_FROM_RUNS} ORDER BY r.n",
    """INSERT INTO history (id, kind, state, title, prompt, result, reason, project_id, created_at, settled_at)
        SELECT id, 'task', status, title, substr(description, 1, 65536), '', coalesce(blocked_reason, ''), project_id,
        created_at, settled_at FROM tasks ORDER BY n""",
    "UPDATE history SET task_id = (SELECT id FROM tasks WHERE tasks.run_id = history.id) WHERE kind != 'task'",
)


@steps()
def history(db: Database) -> None:
    """History and its index, and in it what happened before there was one."""
    for statement in (*_TABLES, *_INDEX, *_FACTS, *_FILL):
        db.conn.execute(statement)
