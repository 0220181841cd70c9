"""Runs of workflows: start, enter, leave, pause, resume, cancel, end.

    queued ──enter──► running ──settle──► completed | failed | cancelled
      ▲                  │
      └──answered──  waiting (nobody holds it: a person is asked, or it is paused)

`entries` is about who holds a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cao.events import RunQueued, WorkflowPaused, WorkflowResumed, WorkflowStarted
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import FINAL_RUN_STATES, Approval, Failure, RunState
from cao.protocol.workflows import Decision, Step, Used, Workflow

from . import approvals, flow_code, runs, sessions, steps, turns
from .pages import page
from .transaction import Reader, Row, Transaction


@dataclass(frozen=True, slots=True)
class NewWorkflow:
    """What a run is started with."""

    definition: str
    digest: str
    snapshot: str
    """All definitions that it may need, as JSON: `{name: definition}`."""
    inputs: dict[str, Any]
    directory: str
    project_id: str | None
    labels: dict[str, str]
    retried_from: str | None = None
    repository: str | None = None
    branch: str | None = None
    steps: Sequence[Step] = ()
    """What it takes over of that run."""
    code: str | None = None
    """The text of the file that a Prefect flow stands in."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a runner looks at between phases."""

    version: int
    state: RunState
    paused: bool
    feedback: str | None
    worked: float
    """Seconds."""


def create(tx: Transaction, new: NewWorkflow) -> Workflow:
    """Start a run: it has a session of its own and waits for the engine."""
    id = tx.new_id("run")
    labels = {**new.labels, "workflow": new.definition}
    session = sessions.launch(tx, name=f"{new.definition}-{id[-8:]}", project_id=new.project_id, labels=labels)
    tx.insert("runs", id=id, kind="workflow", state="queued", session_id=session.id, created_at=tx.now)
    tx.insert(
        "workflows",
        id=id,
        definition=new.definition,
        digest=new.digest,
        snapshot=new.snapshot,
        inputs=new.inputs,
        session_id=session.id,
        project_id=new.project_id,
        directory=new.directory,
        repository=new.repository,
        branch=new.branch,
        labels=new.labels,
        retried_from=new.retried_from,
        created_by=tx.actor,
        created_at=tx.now,
    )
    for step in new.steps:
        steps.take_over(tx, id, step)
    if new.code is not None:
        flow_code.keep(tx, id, new.code)
    elif new.retried_from is not None:
        flow_code.take_over(tx, id, new.retried_from)
    subject = {"session_id": session.id, "run_id": id}
    tx.emit(RunQueued(**subject))
    tx.emit(WorkflowStarted(**subject, definition=new.definition, digest=new.digest, retried_from=new.retried_from))
    return get(tx, id, tx.now)


def get(reader: Reader, id: str, now: float) -> Workflow:
    """The run with this id, with all its steps, their long outputs cut. Raises `NotFound`."""
    row = row_of(reader, id)
    return _load(reader, row, now, [steps.brief(step) for step in steps.of_run(reader, id)])


def row_of(reader: Reader, id: str) -> Row:
    """The run's row, with its state. Raises `NotFound`."""
    row = reader.row("SELECT * FROM workflow_runs WHERE id = ?", (id,))
    if row is None:
        raise NotFound(f"no run of a workflow {id!r}; see: cao workflow list", run=id)
    return row


def _load(reader: Reader, row: Row, now: float, told: list[Step] | None = None) -> Workflow:
    waiting = steps.unsettled(reader, row["id"]) if told is None else [step for step in told if step.state != "settled"]
    used = used_by(reader, row["session_id"], worked(row, now))
    extra = {"steps": told or [], "current": _current(reader, row, waiting), "used": used}
    return Workflow.model_validate({**row, **extra})


def _current(reader: Reader, row: Row, unsettled: list[Step]) -> list[str]:
    """The phases that are under way or wait: also those that a person is asked about before they begin again."""
    over = row["run_state"] in FINAL_RUN_STATES
    asked = [] if over else [approval.action.get("phase") for approval in approvals.pending_of_run(reader, row["id"])]
    paths = [*(step.path for step in unsettled), *(str(path) for path in asked if path)]
    return list(dict.fromkeys(paths))


def list_page(
    reader: Reader, request: ListRequest, now: float, *, definition: str | None, state: str | None, project_id: str | None
) -> Page[Workflow]:
    """Runs newest first, without their steps."""
    filters = {"definition": definition, "state": state, "project_id": project_id}
    return page(reader, Workflow, "workflow_runs", request, filters, load=lambda row: _load(reader, row, now))


def snapshot(reader: Reader, id: str) -> dict[str, Any]:
    """The definitions that a run was started with, by name."""
    found: dict[str, Any] = json.loads(row_of(reader, id)["snapshot"])
    return found


def used_by(reader: Reader, session_id: str, seconds: float) -> Used:
    """What the agents of a session used, and the time."""
    row = reader.row(
        "SELECT count(*) AS turns, sum(json_extract(usage, '$.input_tokens') + json_extract(usage, '$.output_tokens')) "
        "AS tokens, sum(json_extract(usage, '$.cost')) AS cost FROM turns WHERE session_id = ?",
        (session_id,),
    )
    found: Mapping[str, Any] = row or {}
    return Used(
        turns=found.get("turns") or 0, tokens=found.get("tokens") or 0, cost=found.get("cost") or 0.0, seconds=round(seconds, 3)
    )


def worked(row: Mapping[str, Any], now: float) -> float:
    """Seconds that a run worked, waiting for people not counted."""
    since = row["working_since"]
    return float(row["worked"]) + (max(now - since, 0.0) if since is not None else 0.0)


def place(tx: Transaction, id: str, directory: str, repository: str, branch: str) -> None:
    """From now on the run works in a worktree of its own."""
    tx.update("workflows", id, directory=directory, repository=repository, branch=branch)


def header(reader: Reader, id: str, now: float) -> Header:
    """What others may have changed of a run."""
    row = reader.row(
        "SELECT w.version, w.paused, w.feedback, w.worked, w.working_since, r.state FROM workflows w "
        "JOIN runs r ON r.id = w.id WHERE w.id = ?",
        (id,),
    )
    if row is None:
        raise NotFound(f"no run of a workflow {id!r}", run=id)
    return Header(row["version"], row["state"], bool(row["paused"]), row["feedback"], worked(row, now))


def with_work(reader: Reader) -> list[str]:
    """Runs that a runner should hold: those that wait for one, and those that one holds or held when it died."""
    rows = reader.rows(
        "SELECT r.id FROM runs r JOIN workflows w ON w.id = r.id WHERE r.kind = 'workflow' "
        "AND (r.state = 'running' OR (r.state = 'queued' AND w.paused = 0)) ORDER BY r.n"
    )
    return [str(row["id"]) for row in rows]


def settle(
    tx: Transaction, id: str, state: RunState, *, outputs: dict[str, Any], result: str | None, failure: Failure | None = None
) -> None:
    """End a run once, with its session: what waits in it is given up, what was said stays."""
    run = runs.get(tx, id)
    if run.state in FINAL_RUN_STATES:
        return
    seconds = header(tx, id, tx.now).worked
    tx.execute("UPDATE workflows SET worked = ?, working_since = NULL, version = version + 1 WHERE id = ?", (seconds, id))
    tx.update("workflows", id, outputs=outputs)
    tx.execute("UPDATE leases SET owner = NULL, expires_at = 0 WHERE name = ?", (f"workflow:{id}",))
    for step in steps.unsettled(tx, id):
        ended = Failure(code="cancelled", message=f"the run {state}")
        steps.settle(tx, step, Decision(verdict="fail", reason=ended.message), failure=ended)
    approvals.withdraw_of_run(tx, id)
    runs.settle(tx, run, state, result=result, failure=failure)
    session = sessions.get(tx, run.session_id)
    if session.status == "open":
        sessions.close(tx, session)


def cancel(tx: Transaction, id: str, reason: str | None) -> None:
    """Give a run up: agents are interrupted; its runner, if it has one, ends commands. Raises `Conflict` when it is over."""
    run = runs.get(tx, id)
    if run.state in FINAL_RUN_STATES:
        raise Conflict(f"run {id} is {run.state} already", state=run.state)
    failure = Failure(code="cancelled", message=reason or "the run was cancelled")
    settle(tx, id, "cancelled", outputs={}, result=None, failure=failure)


def pause(tx: Transaction, id: str) -> None:
    """Let no further phase begin. Raises `Conflict` when the run is over or paused."""
    row = row_of(tx, id)
    if row["run_state"] in FINAL_RUN_STATES or row["paused"]:
        raise Conflict(f"run {id} is {row['state']} already", state=row["state"])
    tx.execute("UPDATE workflows SET paused = 1, version = version + 1 WHERE id = ?", (id,))
    tx.emit(WorkflowPaused(session_id=row["session_id"], run_id=id, definition=row["definition"]))


def resume(tx: Transaction, id: str, feedback: str | None) -> None:
    """Let a paused run go on; what is said goes to the next attempt. Raises `Conflict` when it is not paused."""
    row = row_of(tx, id)
    if row["state"] != "paused":
        hint = "; answer what it waits for: cao approval list" if row["state"] == "waiting" else ""
        raise Conflict(f"run {id} is {row['state']}, not paused{hint}", state=row["state"])
    tx.execute("UPDATE workflows SET paused = 0, version = version + 1 WHERE id = ?", (id,))
    if feedback:
        tx.update("workflows", id, feedback=feedback)
    tx.execute("UPDATE runs SET state = 'queued' WHERE id = ? AND state = 'waiting'", (id,))
    subject = {"session_id": row["session_id"], "run_id": id}
    tx.emit(WorkflowResumed(**subject, definition=row["definition"], feedback=bool(feedback)))


def ask(tx: Transaction, id: str, question: str, action: dict[str, Any], seconds: float) -> Approval:
    """Ask a person something that the run as a whole waits for."""
    session_id = runs.get(tx, id).session_id
    return approvals.ask(tx, session_id=session_id, run_id=id, question=question, action=action, expires_in=seconds)


def give_up(tx: Transaction, step: Step) -> None:
    """Stop what an attempt waits for: an agent's turn, a person's answer."""
    if step.turn_run_id is not None:
        turns.cancel(tx, runs.get(tx, step.turn_run_id))
    if step.approval_id is not None:
        approvals.withdraw_one(tx, step.approval_id)


def take_feedback(tx: Transaction, id: str) -> None:
    """The next attempt has read what a person said at the resume."""
    tx.execute("UPDATE workflows SET feedback = NULL WHERE id = ?", (id,))


def answered(tx: Transaction, approval: Approval) -> None:
    """A question of a run was decided: the phase that waits for it ends, and the run goes on."""
    assert approval.run_id is not None  # noqa: S101 - what a workflow asks names its run
    step = steps.of_approval(tx, approval.id)
    if step is not None:
        yes = approval.state == "approved"
        steps.answered(tx, step, yes=yes, by=approval.decided_by, reason=approval.reason, action=approval.action)
    tx.execute("UPDATE workflows SET version = version + 1 WHERE id = ?", (approval.run_id,))
    tx.execute(
        "UPDATE runs SET state = 'queued' WHERE id = ? AND state = 'waiting' "
        "AND (SELECT paused FROM workflows WHERE id = runs.id) = 0",
        (approval.run_id,),
    )
    tx.touch(approval.run_id)


def of_session(reader: Reader, session_id: str) -> str | None:
    """The unfinished run that a session belongs to, if it belongs to one."""
    row = reader.row(
        "SELECT id FROM runs WHERE session_id = ? AND kind = 'workflow' AND state IN ('queued', 'running', 'waiting')",
        (session_id,),
    )
    return str(row["id"]) if row else None
