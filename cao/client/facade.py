"""The typed interface: one attribute for each group, one method for each operation.

Generated from the registry by `python -m cao.generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from cao.operations.daemon import Backup, Config, DaemonStatus, HealthReport, LogLines, Started, Stopping, Ticked
    from cao.operations.definition import RemovedDefinition
    from cao.operations.graphs import Picture
    from cao.operations.operation import Operation, OperationDetail
    from cao.operations.pause import PauseState
    from cao.operations.plugin import Switched
    from cao.operations.profile import Installed, Match, ProfileDetail, ProfileSummary, Removed, Verdict
    from cao.operations.provider import ProviderInfo
    from cao.operations.run import Result
    from cao.operations.schedule import Coming
    from cao.operations.session import Interrupted, SessionRest, ShutDown
    from cao.operations.task_plans import BulkItem
    from cao.operations.terminal import Output
    from cao.operations.workflow import RunItem, StartedMany
    from cao.protocol.comparisons import Comparison
    from cao.protocol.definitions import DefinitionSchema, DefinitionSummary, DefinitionText, Rendered, Validation
    from cao.protocol.failures import FailedRun, FailedRunDetail, FailureStats, Retried
    from cao.protocol.git import BranchInfo, CommitInfo, Merge, TreeDiff, TreeStatus, Worktree
    from cao.protocol.git import Pruned as GitPruned
    from cao.protocol.history import Cleaned, HistoryRecord, Hit
    from cao.protocol.imports import Import
    from cao.protocol.language_models import ModelAvailability, ModelInfo, ModelVerdict
    from cao.protocol.models import Page
    from cao.protocol.outputs import Artifact, FileContent, OutputPiece, OutputText
    from cao.protocol.plugins import PluginInfo, PluginLine
    from cao.protocol.queue import Outcomes, QueueItem, QueueStats
    from cao.protocol.records import Approval, Entry, Event, Message, Project, Run, Session, Terminal
    from cao.protocol.requirements import Execution, Refinement, Requirement, RequirementGraph, Vision
    from cao.protocol.runner import CleanedUp, Orphan, RunnerHealth, RunnerStats
    from cao.protocol.schedules import Fire, Schedule
    from cao.protocol.standing import Standing
    from cao.protocol.tasks import Bulk, NextTask, Rebalance, Task, TaskStats
    from cao.protocol.tokens import NewToken, PageLink, Token
    from cao.protocol.workflows import (
        Checkpoint,
        CheckpointDetail,
        PhaseDecision,
        PhaseOutput,
        Pruned,
        PrunedWorkflows,
        Step,
        Workflow,
    )
    from cao_notifiers.operations.notifier import Removed as NotifierRemoved
    from cao_notifiers.operations.notifier import Tested
    from cao_notifiers.operations.notify import Queued
    from cao_notifiers.operations.rule import RuleGone
    from cao_notifiers.records import Delivery, Notifier, Rule


class Transport(Protocol):
    """How an operation is reached: in this process, or over HTTP. Both raise `CaoError` and nothing else."""

    async def call(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Run an operation; its answer as the operation's own model."""
        ...

    def stream(self, name: str, fields: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The items of a streaming operation."""
        ...


class ApprovalGroup:
    """Approvals: questions to a person that block a turn."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        session: str | None = None,
        state: Literal["pending", "approved", "denied", "expired", "withdrawn"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """List approvals, newest first.

        session: Only those of this session: its id or name.
        state: Only those in this state; `pending` is what waits for you.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "approval.list",
            {
                "session": session,
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        approval: str,
    ) -> Approval:
        """Show one approval: the whole action, as it would be done.

        approval: Its id.
        """
        return await self._transport.call(
            "approval.get",
            {
                "approval": approval,
            },
        )

    async def decide(
        self,
        approval: str,
        decision: Literal["approve", "deny"],
        *,
        digest: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Approval:
        """Approve or deny. The first decision holds; the turn goes on, or learns that it may not.

        approval: Its id.
        decision: What shall happen.
        digest: The approval's `digest` as you saw it: refused when the action is another by now.
        reason: Words for the record.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "approval.decide",
            {
                "approval": approval,
                "decision": decision,
                "digest": digest,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def ask(
        self,
        question: str,
        *,
        session: str | None = None,
        expires: float | None = None,
        idempotency_key: str | None = None,
    ) -> Approval:
        """Ask a person a question. Returns at once; `approval wait` waits for the answer.

        question: What the person reads.
        session: The session that it belongs to: its id or name; one of its own unless given.
        expires: Seconds after which the answer is no; `approval_seconds` of the configuration unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "approval.ask",
            {
                "question": question,
                "session": session,
                "expires": expires,
                "idempotency_key": idempotency_key,
            },
        )

    async def wait(
        self,
        approval: str,
        *,
        timeout: float = 60.0,
    ) -> Approval:
        """Wait until a question is answered, or the time is over: look at its `state`.

        approval: Its id.
        timeout: Seconds to wait at most.
        """
        return await self._transport.call(
            "approval.wait",
            {
                "approval": approval,
                "timeout": timeout,
            },
        )


class SessionGroup:
    """Sessions: durable groups of agents that work together."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def launch(
        self,
        prompt: str | None = None,
        *,
        profile: str = "developer",
        name: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Session:
        """Start a session with one agent, and give it its first work.

        Returns at once: the work has a run id before it begins. Follow it with `run wait`, `session transcript`
        or `event follow`.

        prompt: The first work; without it the session waits for a message.
        profile: Who the first agent is; see `cao profile list`.
        name: What to call the session; unique among the open ones. Its id unless given.
        provider: How the agent is run; the profile's choice unless given. See `cao provider list`.
        directory: The working directory; unless given the current project's, on the command line the one that
            you are in.
        labels: Words of your own to find it by.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "session.launch",
            {
                "prompt": prompt,
                "profile": profile,
                "name": name,
                "provider": provider,
                "directory": directory,
                "labels": dict(labels or {}),
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        status: Literal["open", "closed"] | None = None,
        project: str | None = None,
        name: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Session]:
        """List sessions, newest first, each with its first terminal.

        status: Only open or only closed ones.
        project: Only those of this project's id.
        name: Only those of this name.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "session.list",
            {
                "status": status,
                "project": project,
                "name": name,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        session: str,
    ) -> Session:
        """Show one session with all its terminals.

        session: Its id or name.
        """
        return await self._transport.call(
            "session.get",
            {
                "session": session,
            },
        )

    async def send(
        self,
        session: str,
        text: str,
        *,
        terminal: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Give a session's agent more work. It is read when the agent is free; the run says how it goes.

        session: The session's id or name.
        text: The work to do, at most 1 MiB.
        terminal: The terminal's id or name; the session's first one unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "session.send",
            {
                "session": session,
                "text": text,
                "terminal": terminal,
                "idempotency_key": idempotency_key,
            },
        )

    async def wait(
        self,
        session: str,
        *,
        timeout: float = 60.0,
    ) -> SessionRest:
        """Wait until all of a session's agents are done, or the time is over.

        session: Its id or name.
        timeout: Seconds to wait at most.
        """
        return await self._transport.call(
            "session.wait",
            {
                "session": session,
                "timeout": timeout,
            },
        )

    async def interrupt(
        self,
        session: str,
        *,
        idempotency_key: str | None = None,
    ) -> Interrupted:
        """Stop all turns of a session that are under way. Messages that wait are kept.

        session: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "session.interrupt",
            {
                "session": session,
                "idempotency_key": idempotency_key,
            },
        )

    async def transcript(
        self,
        session: str,
        *,
        terminal: str | None = None,
        kind: Literal["text", "thought", "tool_call", "tool_result", "plan", "usage", "notice"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Read what the agents of a session said and did, oldest first.

        session: The session's id or name.
        terminal: Only this terminal: its id or name.
        kind: Only entries of this kind.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "session.transcript",
            {
                "session": session,
                "terminal": terminal,
                "kind": kind,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def shutdown(
        self,
        session: str | None = None,
        *,
        all: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> ShutDown:
        """Close one session, or all: turns are stopped, messages that wait fail. What was said stays readable.

        session: The session's id or name.
        all: All open sessions instead.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "session.shutdown",
            {
                "session": session,
                "all": all,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class TaskGroup:
    """Tasks: work items for people and agents, with a status that moves by one table."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        title: str,
        *,
        description: str = "",
        kind: Literal["feature", "bug", "chore", "docs", "test", "experiment"] = "feature",
        status: Literal["backlog", "ready"] = "backlog",
        priority: Literal["critical", "high", "medium", "low"] = "medium",
        risk: Literal["low", "medium", "high"] | None = None,
        deadline: datetime | None = None,
        agent: str | None = None,
        person: str | None = None,
        labels: Sequence[str] = (),
        checklist: Sequence[str] = (),
        workflow: str | None = None,
        requirement: str | None = None,
        project: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Add a task. It waits in the backlog unless it is `ready`.

        title: One line that says it.
        description: All that whoever does it must know; an agent is given this as its prompt.
        kind: What sort of work it is.
        status: `ready` when it is clear enough to begin.
        priority: How urgent it is.
        risk: How much can go wrong.
        deadline: When it must be done, in UTC where it has no zone; a date alone means the end of that day.
        agent: The profile of the agent that it is for.
        person: The person that it is for.
        labels: Words of your own to find it by.
        checklist: Things to tick off.
        workflow: The workflow to run for it; one turn of an agent unless given.
        requirement: The requirement that it serves.
        project: The project that it belongs to; the current one unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.create",
            {
                "title": title,
                "description": description,
                "kind": kind,
                "status": status,
                "priority": priority,
                "risk": risk,
                "deadline": deadline,
                "agent": agent,
                "person": person,
                "labels": list(labels),
                "checklist": list(checklist),
                "workflow": workflow,
                "requirement": requirement,
                "project": project,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        status: Literal["backlog", "ready", "in-progress", "blocked", "on-hold", "done", "cancelled"] | None = None,
        priority: Literal["critical", "high", "medium", "low"] | None = None,
        kind: Literal["feature", "bug", "chore", "docs", "test", "experiment"] | None = None,
        agent: str | None = None,
        person: str | None = None,
        requirement: str | None = None,
        project: str | None = None,
        everywhere: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Task]:
        """List the tasks of a project, newest first.

        status: Only those in this status.
        priority: Only those of this priority.
        kind: Only those of this kind.
        agent: Only those for this profile.
        person: Only those for this person.
        requirement: Only those of the requirement with this id.
        project: Only those of this project; the current one unless given.
        everywhere: Those of all projects, and of none.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "task.list",
            {
                "status": status,
                "priority": priority,
                "kind": kind,
                "agent": agent,
                "person": person,
                "requirement": requirement,
                "project": project,
                "everywhere": everywhere,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        task: str,
    ) -> Task:
        """Show one task.

        task: Its id.
        """
        return await self._transport.call(
            "task.get",
            {
                "task": task,
            },
        )

    async def update(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        title: str | None = None,
        description: str | None = None,
        kind: Literal["feature", "bug", "chore", "docs", "test", "experiment"] | None = None,
        risk: Literal["low", "medium", "high"] | None = None,
        labels: Sequence[str] | None = None,
        workflow: str | None = None,
        requirement: str | None = None,
        project: str | None = None,
        clear: Sequence[Literal["risk", "labels", "workflow", "requirement"]] = (),
        idempotency_key: str | None = None,
    ) -> Task:
        """Change what a task says. Its status, priority, deadline and assignee have commands of their own.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        title: One line that says what is to be done.
        description: All that whoever does it must know.
        kind: What sort of work it is.
        risk: How much can go wrong.
        labels: Words of your own to find it by; they replace those that it has.
        workflow: The workflow to run for it.
        requirement: The id of the requirement that it serves.
        project: The project to move it to.
        clear: Fields to empty.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.update",
            {
                "task": task,
                "expect_version": expect_version,
                "title": title,
                "description": description,
                "kind": kind,
                "risk": risk,
                "labels": labels,
                "workflow": workflow,
                "requirement": requirement,
                "project": project,
                "clear": list(clear),
                "idempotency_key": idempotency_key,
            },
        )

    async def priority(
        self,
        task: str,
        priority: Literal["critical", "high", "medium", "low"],
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Say how urgent a task is.

        task: Its id.
        priority: How urgent it is.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.priority",
            {
                "task": task,
                "priority": priority,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def deadline(
        self,
        task: str,
        deadline: datetime | None = None,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Say until when a task must be done, or that there is no hurry.

        task: Its id.
        deadline: When it must be done, as for `task create`; without it the task has no deadline any more.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.deadline",
            {
                "task": task,
                "deadline": deadline,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def assign(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        agent: str | None = None,
        person: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Give a task to an agent or to a person, or with neither to nobody.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        agent: The profile of the agent that it is for.
        person: The person that it is for.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.assign",
            {
                "task": task,
                "expect_version": expect_version,
                "agent": agent,
                "person": person,
                "idempotency_key": idempotency_key,
            },
        )

    async def delete(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Task:
        """Delete a task. One that is in progress, or that others wait for, stays. Its history can still be read.

        task: Its id.
        expect_version: Delete it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "task.delete",
            {
                "task": task,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def history(
        self,
        task: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Event]:
        """Read all that happened to a task, newest first: who changed what, each move with its reason, and its
        runs.

        task: Its id; a deleted one keeps its history.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "task.history",
            {
                "task": task,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def status(
        self,
        task: str,
        status: Literal["backlog", "ready", "in-progress", "blocked", "on-hold", "done", "cancelled"],
        *,
        expect_version: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Move a task to another status.

        What the table of moves does not have is a conflict whose details say the `status`, what was `wanted`
        and what is `allowed`.
        A task whose dependencies are not done cannot begin. Done and cancelled tasks come back by `task reopen`
        only.

        task: Its id.
        status: The status that it shall have.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        reason: Why. While it is blocked or on hold, the task shows it; its history keeps it.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.status",
            {
                "task": task,
                "status": status,
                "expect_version": expect_version,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def pause(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Put a task on hold: ready, in progress or blocked. A run that works on it goes on; cancel that with `run
        cancel`.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        reason: Why.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.pause",
            {
                "task": task,
                "expect_version": expect_version,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def resume(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Make a task ready again that was on hold or blocked.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.resume",
            {
                "task": task,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def cancel(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Cancel a task that is not done. A run that works on it goes on; cancel that with `run cancel`.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        reason: Why.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.cancel",
            {
                "task": task,
                "expect_version": expect_version,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def reopen(
        self,
        task: str,
        *,
        expect_version: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Make a task ready again that was done or cancelled: the only way back from there.

        task: Its id.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        reason: Why.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.reopen",
            {
                "task": task,
                "expect_version": expect_version,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def next(
        self,
        *,
        agent: str | None = None,
        person: str | None = None,
        project: str | None = None,
    ) -> NextTask:
        """Show the task to begin with: the most urgent ready one whose dependencies are done.

        Among equals the one with the nearest deadline comes first, then the oldest. Nothing is changed: begin
        with `task status`.

        agent: Only tasks that are assigned to this profile.
        person: Only tasks that are assigned to this person.
        project: Only those of this project; the current one unless given.
        """
        return await self._transport.call(
            "task.next",
            {
                "agent": agent,
                "person": person,
                "project": project,
            },
        )

    async def stats(
        self,
        *,
        project: str | None = None,
        everywhere: bool = False,
        stale_hours: int = 24,
    ) -> TaskStats:
        """Count tasks by status, priority and kind, and those that are overdue, stale or waiting for others.

        project: Only the tasks of this project; the current one unless given.
        everywhere: Those of all projects, and of none.
        stale_hours: A task in progress counts as stale when nothing changed for so long.
        """
        return await self._transport.call(
            "task.stats",
            {
                "project": project,
                "everywhere": everywhere,
                "stale_hours": stale_hours,
            },
        )

    async def rebalance(
        self,
        *,
        percent: int = 20,
        essential: Sequence[str] = (),
        nice: Sequence[str] = (),
        project: str | None = None,
        apply: bool = False,
        idempotency_key: str | None = None,
    ) -> Rebalance:
        """Plan new priorities, so that what is urgent stands out: at most so many percent of the open tasks are
        critical or high.

        Essential tasks are raised to high, nice ones become low, and what is over the budget becomes medium,
        the least urgent
        first. The plan is only shown; `apply` carries it out.

        percent: How many of the open tasks may be critical or high, in percent; rounded up.
        essential: Tasks that must be high at least.
        nice: Tasks that are only nice to have: they become low.
        project: The project whose tasks are meant; the current one unless given.
        apply: Carry the plan out; without it nothing is changed.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.rebalance",
            {
                "percent": percent,
                "essential": list(essential),
                "nice": list(nice),
                "project": project,
                "apply": apply,
                "idempotency_key": idempotency_key,
            },
        )

    async def bulk(
        self,
        items: Sequence[BulkItem],
        *,
        on_error: Literal["stop", "continue"] = "stop",
        idempotency_key: str | None = None,
    ) -> Bulk:
        """Change up to 100 tasks. Each item is a change of its own, kept even where a later one fails, and each
        has its outcome.

        With an idempotency key, a bulk that was cut can be asked again: items that were done are not done
        twice.

        items: The changes in their order; each names a task and one of status, priority, deadline, assign and
            fields.
        on_error: What a failed item does: `stop` skips those after it, `continue` goes on.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "task.bulk",
            {
                "items": items,
                "on_error": on_error,
                "idempotency_key": idempotency_key,
            },
        )


class ChecklistGroup:
    """Checklists: what to tick off in a task."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        task: str,
        text: str,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Add an item to a task's checklist, at its end.

        task: Its id.
        text: One line.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "checklist.add",
            {
                "task": task,
                "text": text,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def set(
        self,
        task: str,
        item: int,
        *,
        expect_version: int | None = None,
        done: bool = True,
        text: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Tick an item of a checklist off, or with `done` false back on; its text can be changed as well.

        task: Its id.
        item: Its number in the checklist.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        done: Whether it is ticked off.
        text: Another text.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "checklist.set",
            {
                "task": task,
                "item": item,
                "expect_version": expect_version,
                "done": done,
                "text": text,
                "idempotency_key": idempotency_key,
            },
        )


class CheckpointGroup:
    """Checkpoints: a workflow's run as it stood after each settled attempt at a phase."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        run: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Checkpoint]:
        """List a run's checkpoints, oldest first: one for each attempt that was settled.

        run: Its id.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "checkpoint.list",
            {
                "run": run,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        run: str,
        number: int,
    ) -> CheckpointDetail:
        """Show a run as it stood then: the attempt that was settled, its whole output, and each phase's verdict.

        run: The run's id.
        number: Its number; see `cao checkpoint list`.
        """
        return await self._transport.call(
            "checkpoint.get",
            {
                "run": run,
                "number": number,
            },
        )

    async def prune(
        self,
        run: str,
        *,
        keep: int = 3,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Drop the outputs of attempts that later ones replaced. Decisions and their reasons stay.

        run: Its id; it must be over.
        keep: How many attempts of each phase keep their output: the last ones.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "checkpoint.prune",
            {
                "run": run,
                "keep": keep,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class WorkflowGroup:
    """Workflows: runs of definitions, from start to end. Their files are `definition`; their single phases are `phase`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def run(
        self,
        definition: str,
        *,
        project: str | None = None,
        directory: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Start a workflow. Returns at once; the run keeps to the definition as it is now.

        Follow it with `workflow wait` or `workflow follow`; it is a run like others, so `run wait` and `run
        result` know it too.

        definition: Its name; see `cao definition list`.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        inputs: A value for each input that it declares.
        labels: Words of your own to find it by.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.run",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
                "inputs": dict(inputs or {}),
                "labels": dict(labels or {}),
                "idempotency_key": idempotency_key,
            },
        )

    async def batch(
        self,
        *,
        project: str | None = None,
        directory: str | None = None,
        runs: Sequence[RunItem],
        on_error: Literal["stop", "continue"] = "stop",
        idempotency_key: str | None = None,
    ) -> StartedMany:
        """Start up to 100 workflows at once. Those that can be started are, in one transaction; each has its
        outcome.

        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        runs: What to run, at most 100.
        on_error: What to do after one that cannot be started.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.batch",
            {
                "project": project,
                "directory": directory,
                "runs": runs,
                "on_error": on_error,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        definition: str | None = None,
        state: Literal["queued", "running", "paused", "waiting", "completed", "failed", "cancelled"] | None = None,
        project: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Workflow]:
        """List runs of workflows, newest first, without their steps.

        definition: Only those of this definition.
        state: Only those in this state.
        project: Only those of this project: its id or name.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "workflow.list",
            {
                "definition": definition,
                "state": state,
                "project": project,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        run: str,
    ) -> Workflow:
        """Show one run with all its steps: each attempt at each phase, and how it was decided.

        run: Its id.
        """
        return await self._transport.call(
            "workflow.get",
            {
                "run": run,
            },
        )

    async def wait(
        self,
        run: str,
        *,
        timeout: float = 60.0,
    ) -> Workflow:
        """Wait until a run is over, or the time is: look at its `state`.

        run: Its id.
        timeout: Seconds to wait at most.
        """
        return await self._transport.call(
            "workflow.wait",
            {
                "run": run,
                "timeout": timeout,
            },
        )

    def follow(
        self,
        run: str,
        *,
        after: int = 0,
    ) -> AsyncIterator[Event]:
        """Read what happens in a run as it happens, until it is over: its phases, its agents' turns, its
        questions.

        run: Its id.
        after: Begin after the event with this number; 0 for all of them.
        """
        return self._transport.stream(
            "workflow.follow",
            {
                "run": run,
                "after": after,
            },
        )

    async def compare(
        self,
        first: str,
        second: str,
        *,
        all: bool = False,
    ) -> Comparison:
        """Compare two runs: inputs, verdicts, attempts, seconds, and outputs as diffs.

        first: The id of one.
        second: The id of the other.
        all: Tell of phases that are the same in both too.
        """
        return await self._transport.call(
            "workflow.compare",
            {
                "first": first,
                "second": second,
                "all": all,
            },
        )

    async def graph(
        self,
        run: str,
        *,
        form: Literal["mermaid", "svg"] = "mermaid",
    ) -> Picture:
        """Draw a run as it stands: which phases are over and how, which are under way, which routes were taken.

        run: Its id.
        form: `mermaid`, for READMEs and chats, or `svg`, a picture.
        """
        return await self._transport.call(
            "workflow.graph",
            {
                "run": run,
                "form": form,
            },
        )

    async def import_(
        self,
        file: str | None = None,
        *,
        project: str | None = None,
        directory: str | None = None,
        text: str | None = None,
        provider: str | None = None,
        replace: bool = False,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Import:
        """Take over workflows that were written for Animus: definitions and profiles go into the project; a report
        tells the rest.

        The report names each thing that means something else here, or has no counterpart, with its place and
        what to do about it.
        What stands there already under the same name is kept unless `replace` is given.

        file: A file that was written for Animus, such as `.animus/workflows.yaml`; from the command line and
            Python only.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        text: The same as text, at most 256 KiB.
        provider: How the agents of all its phases are run, such as `acp`; else as their profiles say.
        replace: Overwrite definitions and profiles of the same names.
        preview: Write nothing: only tell what would be written.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.import",
            {
                "file": file,
                "project": project,
                "directory": directory,
                "text": text,
                "provider": provider,
                "replace": replace,
                "preview": preview,
                "idempotency_key": idempotency_key,
            },
        )

    async def pause(
        self,
        run: str,
        *,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Let no further phase of a run begin. Phases under way come to their end.

        run: Its id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.pause",
            {
                "run": run,
                "idempotency_key": idempotency_key,
            },
        )

    async def resume(
        self,
        run: str,
        feedback: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Let a paused run go on. What waits for a decision is decided with `phase approve`, or as an approval.

        run: Its id.
        feedback: Words for the next agent's phase, beside its prompt; templates call them `feedback`.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.resume",
            {
                "run": run,
                "feedback": feedback,
                "idempotency_key": idempotency_key,
            },
        )

    async def cancel(
        self,
        run: str,
        *,
        reason: str | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Workflow:
        """Give a run up: its agents are interrupted, its commands ended, its questions withdrawn. What was said
        stays readable.

        run: Its id.
        reason: Words for the record.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "workflow.cancel",
            {
                "run": run,
                "reason": reason,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def decisions(
        self,
        run: str,
        *,
        phase: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[PhaseDecision]:
        """List how each attempt at each phase was decided, oldest first.

        run: Its id.
        phase: Only of this phase: its path.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "workflow.decisions",
            {
                "run": run,
                "phase": phase,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def outputs(
        self,
        run: str,
        *,
        phase: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[PhaseOutput]:
        """Read what each phase gave, whole. What the run as a whole gave is in `workflow get`.

        run: Its id.
        phase: Only of this phase: its path.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "workflow.outputs",
            {
                "run": run,
                "phase": phase,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def retry(
        self,
        run: str,
        phase: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Run the same again from one of its phases: a new run of the same definition, with what was finished
        before.

        run: Its id; it must be over.
        phase: The phase of the first level to begin with; the one that was begun last unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "workflow.retry",
            {
                "run": run,
                "phase": phase,
                "idempotency_key": idempotency_key,
            },
        )

    async def delete(
        self,
        run: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Forget a run that is over: its steps and outputs. Its session, what was said in it and its events stay.

        run: Its id; it must be over.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "workflow.delete",
            {
                "run": run,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def prune(
        self,
        *,
        days: float = 30.0,
        keep: int = 0,
        states: Sequence[Literal["completed", "failed", "cancelled"]] = (),
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> PrunedWorkflows:
        """Forget old runs, at most 1,000 at once, as `workflow delete` does.

        days: Runs that ended more than so many days ago.
        keep: The newest runs stay in any case: so many.
        states: Only runs that ended so; all three kinds unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "workflow.prune",
            {
                "days": days,
                "keep": keep,
                "states": list(states),
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class DaemonGroup:
    """The daemon: the server that keeps the clock, and the care of its data directory."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def status(self) -> DaemonStatus:
        """Show what runs: server, engine, and how much waits."""
        return await self._transport.call("daemon.status", {})

    async def health(self) -> HealthReport:
        """Tell whether all is well: engine, plugins, and the receivers of signals with their errors and time-outs."""
        return await self._transport.call("daemon.health", {})

    async def logs(
        self,
        *,
        lines: int = 100,
    ) -> LogLines:
        """Read the end of the server's log.

        lines: The last so many lines.
        """
        return await self._transport.call(
            "daemon.logs",
            {
                "lines": lines,
            },
        )

    async def config(self) -> Config:
        """Show every setting, its value and where the value came from."""
        return await self._transport.call("daemon.config", {})

    async def backup(
        self,
        path: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Backup:
        """Copy the store while it is in use, and check its integrity. To restore, stop the server and put the copy
        in its place.

        path: A new file: a plain name goes to `backups/` in the data directory, which is also where it goes
            unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "daemon.backup",
            {
                "path": path,
                "idempotency_key": idempotency_key,
            },
        )

    async def stop(
        self,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Stopping:
        """Shut the server down in good order: turns get a moment to finish, the rest follows its recovery policy
        next time.

        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "daemon.stop",
            {
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def start(
        self,
        *,
        timeout: float = 15.0,
        idempotency_key: str | None = None,
    ) -> Started:
        """Start a server in the background for this data directory, or find the one that runs.

        timeout: Seconds until it must answer.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "daemon.start",
            {
                "timeout": timeout,
                "idempotency_key": idempotency_key,
            },
        )

    async def tick(
        self,
        *,
        timeout: float = 60.0,
        idempotency_key: str | None = None,
    ) -> Ticked:
        """Do all that is due, then stop: recover, expire, and run waiting work. For cron, CI jobs and serverless
        functions.

        timeout: Seconds to work at most; what is not done then waits for the next tick.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "daemon.tick",
            {
                "timeout": timeout,
                "idempotency_key": idempotency_key,
            },
        )

    async def pause(
        self,
        *,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> PauseState:
        """Dispatch nothing of the queue, in whatever process, until it is resumed; a restart does not end the
        pause.

        What was dispatched goes on, work that is given directly begins, and schedules keep their times. Items
        may still be
        enqueued, and they expire.

        reason: What it is for; `cao queue stats` shows it.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "daemon.pause",
            {
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def resume(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> PauseState:
        """Dispatch the queue again.

        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "daemon.resume",
            {
                "idempotency_key": idempotency_key,
            },
        )


class DefinitionGroup:
    """Definitions of workflows: the files in a project's `.cao/workflows/`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        project: str | None = None,
        directory: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[DefinitionSummary]:
        """List a project's workflows by name; files that cannot be run are listed with their first problem.

        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "definition.list",
            {
                "project": project,
                "directory": directory,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        definition: str,
        *,
        project: str | None = None,
        directory: str | None = None,
    ) -> DefinitionText:
        """Show a workflow's file, its digest, and what is wrong with it, if anything is.

        definition: Its name.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        """
        return await self._transport.call(
            "definition.get",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
            },
        )

    async def put(
        self,
        definition: str,
        *,
        project: str | None = None,
        directory: str | None = None,
        text: str,
        expect_digest: str | None = None,
        idempotency_key: str | None = None,
    ) -> DefinitionText:
        """Write a workflow's file, whole or not at all. A text that cannot be run is refused with each problem's
        line and column.

        Runs that are under way keep the definition that they began with.

        definition: Its name: what its text says, and what its file is called.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        text: The definition, in YAML, 256 KiB at most.
        expect_digest: Only in the place of a text with this digest, as `definition get` tells it, so that
            nobody's change is lost.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "definition.put",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
                "text": text,
                "expect_digest": expect_digest,
                "idempotency_key": idempotency_key,
            },
        )

    async def remove(
        self,
        definition: str,
        *,
        project: str | None = None,
        directory: str | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> RemovedDefinition:
        """Delete a workflow's file. Its runs stay, and those under way go on.

        definition: Its name.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "definition.remove",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def graph(
        self,
        definition: str,
        *,
        project: str | None = None,
        directory: str | None = None,
        form: Literal["mermaid", "svg"] = "mermaid",
    ) -> Picture:
        """Draw a workflow as it is written: its phases and where verdicts lead.

        definition: Its name.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        form: `mermaid`, for READMEs and chats, or `svg`, a picture.
        """
        return await self._transport.call(
            "definition.graph",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
                "form": form,
            },
        )

    async def validate(
        self,
        definition: str | None = None,
        *,
        project: str | None = None,
        directory: str | None = None,
        text: str | None = None,
        path: str | None = None,
    ) -> Validation:
        """Tell what is wrong with a workflow's definition, each problem with its line and column; bad YAML is an
        answer, no error.

        A text or a file is judged beside the definitions of the project, if there is one.

        definition: The name of a workflow of the project.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        text: A definition's text.
        path: A file on this computer; from the command line and Python only.
        """
        return await self._transport.call(
            "definition.validate",
            {
                "definition": definition,
                "project": project,
                "directory": directory,
                "text": text,
                "path": path,
            },
        )

    async def render(
        self,
        definition: str,
        phase: str,
        *,
        project: str | None = None,
        directory: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        phases: Mapping[str, Any] | None = None,
        feedback: str = "",
    ) -> Rendered:
        """Show the prompt, the command or the question that a phase would get. What nobody knows yet stands
        between ‹ and ›.

        definition: The name of a workflow of the project.
        phase: The phase's path, such as `build`, or `build/api` for one inside another.
        project: The id or name of the project; that of `directory`, else the current one unless given.
        directory: A directory of the project, absolute.
        inputs: The run's inputs; required ones that are left out are made up.
        phases: Results of earlier phases, such as `{"plan": {"output": {"text": "…"}}}`; the others are made
            up.
        feedback: Why the phase would be done again.
        """
        return await self._transport.call(
            "definition.render",
            {
                "definition": definition,
                "phase": phase,
                "project": project,
                "directory": directory,
                "inputs": dict(inputs or {}),
                "phases": dict(phases or {}),
                "feedback": feedback,
            },
        )

    async def schema(self) -> DefinitionSchema:
        """Show the JSON Schema of workflow definitions, for editors: `# yaml-language-server: $schema=…` in a
        file's first line.
        """
        return await self._transport.call("definition.schema", {})


class DependencyGroup:
    """Dependencies between tasks: what must be done before something else can begin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        task: str,
        other: str,
        *,
        expect_version: int | None = None,
        kind: Literal["blocks", "related"] = "blocks",
        idempotency_key: str | None = None,
    ) -> Task:
        """Let a task depend on another. A circle in which tasks block each other is a conflict whose details name
        the `cycle`.

        task: Its id.
        other: The id of the task that it depends on.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        kind: `blocks`: it cannot begin before the other is done. `related`: good to know.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "dependency.add",
            {
                "task": task,
                "other": other,
                "expect_version": expect_version,
                "kind": kind,
                "idempotency_key": idempotency_key,
            },
        )

    async def remove(
        self,
        task: str,
        other: str,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Task:
        """Let a task depend on another no more.

        task: Its id.
        other: The id of the task that it depends on.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "dependency.remove",
            {
                "task": task,
                "other": other,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class ErrorGroup:
    """Errors: runs that failed, what they have in common, and how to try again."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        code: str | None = None,
        session: str | None = None,
        project: str | None = None,
        profile: str | None = None,
        provider: str | None = None,
        within: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[FailedRun]:
        """List runs that failed, the newest first, with code and reason, and what was started in their place.

        code: Only those that failed with this code, such as `model_error`.
        session: Only those of this session: its id or name.
        project: Only those of this project: its id or name.
        profile: Only those of agents with this profile.
        provider: Only those of agents that are run this way.
        within: Only those that failed in this time until now, such as `24h`.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "error.list",
            {
                "code": code,
                "session": session,
                "project": project,
                "profile": profile,
                "provider": provider,
                "within": within,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        run: str,
    ) -> FailedRunDetail:
        """Show a run that failed: what was asked, every attempt, and how its transcript ended.

        run: Its id.
        """
        return await self._transport.call(
            "error.get",
            {
                "run": run,
            },
        )

    async def stats(
        self,
        *,
        code: str | None = None,
        session: str | None = None,
        project: str | None = None,
        profile: str | None = None,
        provider: str | None = None,
        within: str = "7d",
    ) -> FailureStats:
        """Count failed runs by code, profile, provider, workflow and day.

        code: Only those that failed with this code, such as `model_error`.
        session: Only those of this session: its id or name.
        project: Only those of this project: its id or name.
        profile: Only those of agents with this profile.
        provider: Only those of agents that are run this way.
        within: Those that failed in this time until now.
        """
        return await self._transport.call(
            "error.stats",
            {
                "code": code,
                "session": session,
                "project": project,
                "profile": profile,
                "provider": provider,
                "within": within,
            },
        )

    async def retry(
        self,
        run: str,
        *,
        idempotency_key: str | None = None,
    ) -> Retried:
        """Start a failed run again: an agent gets the same words in the same terminal, a workflow goes on from
        what failed.

        Once for each run: who wants more starts the new one again.

        run: Its id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "error.retry",
            {
                "run": run,
                "idempotency_key": idempotency_key,
            },
        )


class EventGroup:
    """Events: the log of everything that happened, read page by page or followed as it grows."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        types: Sequence[str] = (),
        session: str | None = None,
        after: int = 0,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Event]:
        """Read the event log, oldest first.

        types: Only these types; `run.*` means all of a group.
        session: Only those of this session: its id or name.
        after: Only those with a greater `seq`.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "event.list",
            {
                "types": list(types),
                "session": session,
                "after": after,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def follow(
        self,
        *,
        after: int = -1,
        types: Sequence[str] = (),
        session: str | None = None,
        limit: int = 0,
    ) -> AsyncIterator[Event]:
        """Follow the event log: replay from any `seq`, then live, each event once and in order.

        To go on after a cut, give the last `seq` that you saw as `after`.

        after: Start with the event after this `seq`: 0 replays everything, -1 gives only what is new.
        types: Only these types; `run.*` means all of a group.
        session: Only those of this session: its id or name.
        limit: Stop after so many events; 0 never stops.
        """
        return self._transport.stream(
            "event.follow",
            {
                "after": after,
                "types": list(types),
                "session": session,
                "limit": limit,
            },
        )


class GitGroup:
    """Git: what a project, a worktree or a terminal's directory looks like, and commits in it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def status(
        self,
        *,
        worktree: str | None = None,
        terminal: str | None = None,
        project: str | None = None,
    ) -> TreeStatus:
        """Show what is checked out, and the files that differ from the last commit or that git does not know.

        worktree: The id or name of a worktree.
        terminal: The id of a terminal: its working directory.
        project: The id or name of a project.
        """
        return await self._transport.call(
            "git.status",
            {
                "worktree": worktree,
                "terminal": terminal,
                "project": project,
            },
        )

    async def diff(
        self,
        *,
        worktree: str | None = None,
        terminal: str | None = None,
        project: str | None = None,
        base: str | None = None,
        target: str | None = None,
        staged: bool = False,
        paths: Sequence[str] = (),
        limit: int = 262144,
    ) -> TreeDiff:
        """Show a difference: of the working tree, of what is staged, or between two commits.

        worktree: The id or name of a worktree.
        terminal: The id of a terminal: its working directory.
        project: The id or name of a project.
        base: From this branch, tag or commit; from the last commit with `staged`, else from the index unless
            given.
        target: To this one; to the index with `staged`, else to the working tree unless given.
        staged: What the next commit would hold.
        paths: Only these files and folders, as they lie below the directory.
        limit: Bytes of the diff to give at most.
        """
        return await self._transport.call(
            "git.diff",
            {
                "worktree": worktree,
                "terminal": terminal,
                "project": project,
                "base": base,
                "target": target,
                "staged": staged,
                "paths": list(paths),
                "limit": limit,
            },
        )

    async def branches(
        self,
        *,
        worktree: str | None = None,
        terminal: str | None = None,
        project: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[BranchInfo]:
        """List local branches by name, each with its last commit and the directory in which it is checked out.

        worktree: The id or name of a worktree.
        terminal: The id of a terminal: its working directory.
        project: The id or name of a project.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "git.branches",
            {
                "worktree": worktree,
                "terminal": terminal,
                "project": project,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def commit(
        self,
        message: str,
        *,
        worktree: str | None = None,
        terminal: str | None = None,
        project: str | None = None,
        paths: Sequence[str] = (),
        all: bool = False,
        idempotency_key: str | None = None,
    ) -> CommitInfo:
        """Commit in a worktree, a terminal's directory or a project: in the current one unless given, wherever you
        are.

        The repository's own hooks run, and may refuse.

        message: What it says.
        worktree: The id or name of a worktree.
        terminal: The id of a terminal: its working directory.
        project: The id or name of a project.
        paths: These files and folders as they are now, and nothing else; what is staged unless given.
        all: Everything below the directory that differs, new files included.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "git.commit",
            {
                "message": message,
                "worktree": worktree,
                "terminal": terminal,
                "project": project,
                "paths": list(paths),
                "all": all,
                "idempotency_key": idempotency_key,
            },
        )


class HistoryGroup:
    """History: what was asked of whom, what came of it, and the words in it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def recent(
        self,
        *,
        kind: Literal["turn", "workflow", "task"] | None = None,
        state: Literal[
            "queued",
            "running",
            "waiting",
            "completed",
            "failed",
            "cancelled",
            "backlog",
            "ready",
            "in-progress",
            "blocked",
            "on-hold",
            "done",
        ]
        | None = None,
        session: str | None = None,
        project: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[HistoryRecord]:
        """List what was asked and what came of it, newest first: turns of agents, runs of workflows, tasks.

        kind: Only turns of agents, only runs of workflows, or only tasks.
        state: Only runs in this state, or tasks with this status.
        session: Only those of this session: its id or name.
        project: Only those of this project: its id or name.
        since: Only those made at this time or later. In UTC where it has no zone.
        until: Only those made before this time. In UTC where it has no zone.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "history.recent",
            {
                "kind": kind,
                "state": state,
                "session": session,
                "project": project,
                "since": since,
                "until": until,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def search(
        self,
        words: str,
        *,
        kind: Literal["turn", "workflow", "task"] | None = None,
        state: Literal[
            "queued",
            "running",
            "waiting",
            "completed",
            "failed",
            "cancelled",
            "backlog",
            "ready",
            "in-progress",
            "blocked",
            "on-hold",
            "done",
        ]
        | None = None,
        session: str | None = None,
        project: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["newest", "best"] = "newest",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Hit]:
        """Find work by the words in its prompt, its answer, its failure and its names. Marks stand around what was
        found.

        words: All of these words must be there; "several words" in quotes as they stand, `word*` as a
            beginning.
        kind: Only turns of agents, only runs of workflows, or only tasks.
        state: Only runs in this state, or tasks with this status.
        session: Only those of this session: its id or name.
        project: Only those of this project: its id or name.
        since: Only those made at this time or later. In UTC where it has no zone.
        until: Only those made before this time. In UTC where it has no zone.
        order: The newest first, or the best match first (among the 5,000 newest matches).
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "history.search",
            {
                "words": words,
                "kind": kind,
                "state": state,
                "session": session,
                "project": project,
                "since": since,
                "until": until,
                "order": order,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def task(
        self,
        task: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[HistoryRecord]:
        """List the runs that were started for a task, newest first, and what came of each.

        task: Its id.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "history.task",
            {
                "task": task,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def cleanup(
        self,
        *,
        older_than: str = "90d",
        keep: int = 1000,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Cleaned:
        """Forget old records of history, so that searching stays quick and its part of the store small.

        Runs, sessions, transcripts and the event log stay. Records of tasks go with their tasks.

        older_than: Records of runs that were settled longer ago than this, such as `90d` or `12h`.
        keep: The newest so many records stay, however old.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "history.cleanup",
            {
                "older_than": older_than,
                "keep": keep,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class TerminalGroup:
    """Terminals: agents' seats in a session, and the two ways to hand work to another agent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        session: str,
        *,
        profile: str = "developer",
        name: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        idempotency_key: str | None = None,
    ) -> Terminal:
        """Give another agent a seat in a session. It waits for a message.

        session: The session's id or name.
        profile: Who the agent is.
        name: What to call it in the session; the profile's name with a number unless given.
        provider: How it is run; the profile's choice unless given.
        directory: Its working directory; the current project's unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "terminal.add",
            {
                "session": session,
                "profile": profile,
                "name": name,
                "provider": provider,
                "directory": directory,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        session: str | None = None,
        status: Literal["idle", "running", "waiting", "failed", "closed"] | None = None,
        profile: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Terminal]:
        """List terminals, newest first.

        session: Only those of this session: its id or name.
        status: Only those with this status.
        profile: Only those of this profile.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "terminal.list",
            {
                "session": session,
                "status": status,
                "profile": profile,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        terminal: str,
    ) -> Terminal:
        """Show one terminal.

        terminal: Its id.
        """
        return await self._transport.call(
            "terminal.get",
            {
                "terminal": terminal,
            },
        )

    async def output(
        self,
        terminal: str,
        *,
        whole: bool = False,
    ) -> Output:
        """Read an agent's last answer, or the whole of its last turn.

        terminal: Its id.
        whole: Every entry of the last turn and not only its answer.
        """
        return await self._transport.call(
            "terminal.output",
            {
                "terminal": terminal,
                "whole": whole,
            },
        )

    async def handoff(
        self,
        session: str,
        message: str,
        *,
        profile: str = "developer",
        name: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        timeout: float = 600.0,
        idempotency_key: str | None = None,
    ) -> Run:
        """Give work to another agent and wait for its result. The agent's terminal closes afterwards.

        When the time runs out, or the caller goes away, the work goes on as an assignment: for an agent that
        asked, the result
        comes to its inbox by itself; anybody else finds it with `run result`.

        session: The session's id or name.
        message: The work; it has to stand alone, for the other agent knows nothing else.
        profile: Who shall do it: a new terminal of this profile.
        name: What to call the new terminal.
        provider: How the agent is run; the profile's choice, else the caller's own provider.
        directory: Its working directory; for an agent that asks, inside its own.
        timeout: Seconds to wait; after that the work goes on as an assignment.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "terminal.handoff",
            {
                "session": session,
                "message": message,
                "profile": profile,
                "name": name,
                "provider": provider,
                "directory": directory,
                "timeout": timeout,
                "idempotency_key": idempotency_key,
            },
        )

    async def assign(
        self,
        session: str,
        message: str,
        *,
        profile: str = "developer",
        name: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Give work to another agent and go on. For an agent that asks, the result comes to its inbox by itself
        when it is done.

        session: The session's id or name.
        message: The work; it has to stand alone, for the other agent knows nothing else.
        profile: Who shall do it: a new terminal of this profile.
        name: What to call the new terminal.
        provider: How the agent is run; the profile's choice, else the caller's own provider.
        directory: Its working directory; for an agent that asks, inside its own.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "terminal.assign",
            {
                "session": session,
                "message": message,
                "profile": profile,
                "name": name,
                "provider": provider,
                "directory": directory,
                "idempotency_key": idempotency_key,
            },
        )

    async def interrupt(
        self,
        terminal: str,
        *,
        idempotency_key: str | None = None,
    ) -> Interrupted:
        """Stop the turn that a terminal's agent is at. Messages that wait are kept, and are read next.

        terminal: Its id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "terminal.interrupt",
            {
                "terminal": terminal,
                "idempotency_key": idempotency_key,
            },
        )

    async def close(
        self,
        terminal: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Terminal:
        """Close a terminal: its turn is stopped, messages that wait fail. What was said stays readable.

        terminal: Its id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "terminal.close",
            {
                "terminal": terminal,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class MessageGroup:
    """Messages: the durable inboxes of terminals."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(
        self,
        terminal: str,
        text: str,
        *,
        idempotency_key: str | None = None,
    ) -> Message:
        """Put a message into a terminal's inbox. From a person it is work and has a run; from an agent it is mail.

        The agent reads it when it is free: `delivered` means that the turn which reads it began.

        terminal: The terminal's id; for an agent that calls, also a name in its session.
        text: At most 1 MiB.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "message.send",
            {
                "terminal": terminal,
                "text": text,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        session: str | None = None,
        terminal: str | None = None,
        state: Literal["pending", "delivered", "done", "failed"] | None = None,
        kind: Literal["prompt", "message", "result"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Message]:
        """List messages, newest first.

        session: Only those of this session: its id or name.
        terminal: Only those in this terminal's inbox.
        state: Only those in this state.
        kind: Only prompts, mail or results.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "message.list",
            {
                "session": session,
                "terminal": terminal,
                "state": state,
                "kind": kind,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        message: str,
    ) -> Message:
        """Show one message.

        message: Its id.
        """
        return await self._transport.call(
            "message.get",
            {
                "message": message,
            },
        )


class ModelGroup:
    """Models: which ones profiles ask for, and whether they could be asked here now."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        project: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ModelInfo]:
        """List the models that profiles ask for, each with the way to it and the profiles that do.

        project: The id or name of the project whose own profiles come first; the current one's unless given.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "model.list",
            {
                "project": project,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def availability(
        self,
        *,
        project: str | None = None,
        ready: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ModelAvailability]:
        """Tell which models could be asked here now: whether the agent is installed, and what it would sign in
        with.

        No model is asked and no secret is shown: only the names of variables.

        project: The id or name of the project whose own profiles come first; the current one's unless given.
        ready: Only those that could be asked now, or only those that could not.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "model.availability",
            {
                "project": project,
                "ready": ready,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def validate(
        self,
        profile: str | None = None,
        *,
        project: str | None = None,
    ) -> ModelVerdict:
        """Check the models of profiles: is the provider known, is the agent installed, and does the named model
        reach it?

        profile: Only this profile's; those of all unless given.
        project: The id or name of the project whose own profiles come first; the current one's unless given.
        """
        return await self._transport.call(
            "model.validate",
            {
                "profile": profile,
                "project": project,
            },
        )


class OperationGroup:
    """The protocol describes itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        group: str | None = None,
        effect: Literal["read", "write", "destructive", "stream"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Operation]:
        """List everything that can be asked, in the order of the protocol.

        group: Only those of this group.
        effect: Only those with this effect.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "operation.list",
            {
                "group": group,
                "effect": effect,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        operation: str,
    ) -> OperationDetail:
        """Show one operation: schemas, effect, scope, surfaces and an example.

        operation: Its name, `group.verb`.
        """
        return await self._transport.call(
            "operation.get",
            {
                "operation": operation,
            },
        )


class OutputGroup:
    """Output: what runs said and which files they left."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(
        self,
        run: str,
        *,
        offset: int = 0,
        tail: bool = False,
        limit: int = 65536,
    ) -> OutputText:
        """Read what was said in a run: an agent's text, or what the phases of a workflow gave. Offsets stay what
        they are.

        run: Its id.
        offset: Where to begin, in bytes of UTF-8: the `next_offset` of the part before.
        tail: The end of it, instead of what stands at `offset`.
        limit: Bytes to give at most.
        """
        return await self._transport.call(
            "output.read",
            {
                "run": run,
                "offset": offset,
                "tail": tail,
                "limit": limit,
            },
        )

    def follow(
        self,
        run: str,
        *,
        after: int = 0,
    ) -> AsyncIterator[OutputPiece]:
        """Follow what is said in a run, from its beginning until it is settled.

        run: Its id.
        after: Begin behind so many bytes: the `seq` of the last piece that you saw.
        """
        return self._transport.stream(
            "output.follow",
            {
                "run": run,
                "after": after,
            },
        )

    async def phases(
        self,
        run: str,
        *,
        phase: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Step]:
        """List what the phases of a workflow's run gave, each attempt with its decision, oldest first.

        run: Its id: that of a workflow's run.
        phase: Only this one, such as `build` or `build/api`.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "output.phases",
            {
                "run": run,
                "phase": phase,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def artifacts(
        self,
        run: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Artifact]:
        """List the files that a run left by their paths: those that its agent said to write, or that phases gave
        as evidence.

        Files outside the directory of the run are not told.

        run: Its id.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "output.artifacts",
            {
                "run": run,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def download(
        self,
        run: str,
        path: str,
        *,
        offset: int = 0,
        limit: int = 1048576,
    ) -> FileContent:
        """Read a file that a run left, whole or in parts: text as it is, anything else as base64.

        run: The run's id.
        path: Its path, as `output artifacts` gives it.
        offset: Where to begin, in bytes.
        limit: Bytes to give at most.
        """
        return await self._transport.call(
            "output.download",
            {
                "run": run,
                "path": path,
                "offset": offset,
                "limit": limit,
            },
        )


class PhaseGroup:
    """Phases of workflows: what waits for a person is decided here, or as an approval."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def approve(
        self,
        run: str,
        phase: str,
        note: str | None = None,
        *,
        verdict: str | None = None,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Say yes to what a phase of a run waits for: its question, more rework, more budget, or doing a cut phase
        again.

        run: The run's id.
        phase: The phase's path, such as `review` or `build[2]`.
        note: Words for the record, and for the phases that come.
        verdict: How the phase ends: `advance` for a question; a phase that was cut is done again unless a
            verdict says how it ended.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "phase.approve",
            {
                "run": run,
                "phase": phase,
                "note": note,
                "verdict": verdict,
                "idempotency_key": idempotency_key,
            },
        )

    async def reject(
        self,
        run: str,
        phase: str,
        note: str,
        *,
        verdict: str | None = None,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Say no to what a phase of a run waits for.

        run: The run's id.
        phase: The phase's path, such as `review` or `build[2]`.
        note: Why; it goes into the next attempt when the phase's work is to be done again.
        verdict: How the phase ends: else `rework` where it has a route for that, else `fail`.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "phase.reject",
            {
                "run": run,
                "phase": phase,
                "note": note,
                "verdict": verdict,
                "idempotency_key": idempotency_key,
            },
        )


class PluginGroup:
    """Plugins: packages that extend the system in its own process."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        status: Literal["on", "off", "failed"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[PluginLine]:
        """List the installed plugins by name, each with how it is in the process that answers.

        status: Only those that are so.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "plugin.list",
            {
                "status": status,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def info(
        self,
        plugin: str,
    ) -> PluginInfo:
        """Show one plugin: its methods with their calls, errors and time-outs, and why it failed if it did.

        plugin: Its name.
        """
        return await self._transport.call(
            "plugin.info",
            {
                "plugin": plugin,
            },
        )

    async def enable(
        self,
        plugin: str,
        *,
        idempotency_key: str | None = None,
    ) -> Switched:
        """Switch a plugin on, at once and for good. One that failed is tried again.

        plugin: Its name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "plugin.enable",
            {
                "plugin": plugin,
                "idempotency_key": idempotency_key,
            },
        )

    async def disable(
        self,
        plugin: str,
        *,
        idempotency_key: str | None = None,
    ) -> Switched:
        """Switch a plugin off, at once and for good. It stays installed, and keeps its options and its tables.

        plugin: Its name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "plugin.disable",
            {
                "plugin": plugin,
                "idempotency_key": idempotency_key,
            },
        )


class ProfileGroup:
    """Profiles: who agents are."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        project: str | None = None,
        origin: Literal["project", "installed", "builtin"] | None = None,
        tag: str | None = None,
        role: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ProfileSummary]:
        """List profiles by name; files that are broken are listed with their problem.

        project: The id or name of the project whose own profiles come first; the current one's unless given.
        origin: Only those from there.
        tag: Only those with this tag.
        role: Only those with this role.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "profile.list",
            {
                "project": project,
                "origin": origin,
                "tag": tag,
                "role": role,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        profile: str,
        *,
        project: str | None = None,
    ) -> ProfileDetail:
        """Show one profile: its fields, its prompt, its file and the file's digest.

        profile: Its name.
        project: The id or name of the project whose own profiles come first; the current one's unless given.
        """
        return await self._transport.call(
            "profile.get",
            {
                "profile": profile,
                "project": project,
            },
        )

    async def find(
        self,
        words: str,
        *,
        project: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Match]:
        """Find profiles by words, the best match first.

        words: Words to look for in names, descriptions, roles, tags and capabilities.
        project: The id or name of the project whose own profiles come first; the current one's unless given.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "profile.find",
            {
                "words": words,
                "project": project,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def validate(
        self,
        profile: str | None = None,
        *,
        project: str | None = None,
        text: str | None = None,
        path: str | None = None,
    ) -> Verdict:
        """Check a profile by its name, its text or its file. Findings point at the fields of the front matter.

        profile: The name of a profile.
        project: The id or name of the project whose own profiles come first; the current one's unless given.
        text: A profile's text.
        path: A file on this computer; from the command line and Python only.
        """
        return await self._transport.call(
            "profile.validate",
            {
                "profile": profile,
                "project": project,
                "text": text,
                "path": path,
            },
        )

    async def install(
        self,
        source: str,
        *,
        digest: str | None = None,
        name: str | None = None,
        replace: bool = False,
        idempotency_key: str | None = None,
    ) -> Installed:
        """Copy a profile into the data directory, where every project finds it.

        A URL is fetched over https from a public address, 256 KiB at most, and must have the digest that is
        given.

        source: The name of a built-in profile, a file (absolute; from the command line and Python only), or an
            https URL.
        digest: The SHA-256 that the text must have; required for a URL.
        name: What to call it; the name in its front matter, else the file's, unless given.
        replace: Put it in the place of an installed profile of the same name with another text.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "profile.install",
            {
                "source": source,
                "digest": digest,
                "name": name,
                "replace": replace,
                "idempotency_key": idempotency_key,
            },
        )

    async def remove(
        self,
        profile: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Removed:
        """Delete an installed profile. Terminals that were made with it find the next one of its name, or fail
        their turns.

        profile: The name of an installed profile; built-in ones and those of projects stay.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "profile.remove",
            {
                "profile": profile,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class ProjectGroup:
    """Projects: directories that scope profiles and sessions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def init(
        self,
        path: str,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Project:
        """Make a directory a project. Its own profiles belong in `.cao/profiles/`, which is made.

        The first project becomes the current one. A directory that is a project already is given back as it is.

        path: An existing directory, absolute.
        name: What to call it; the directory's name unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "project.init",
            {
                "path": path,
                "name": name,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Project]:
        """List projects, newest first; `current` marks the one that new sessions belong to.

        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "project.list",
            {
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        project: str,
    ) -> Project:
        """Show one project.

        project: Its id or name.
        """
        return await self._transport.call(
            "project.get",
            {
                "project": project,
            },
        )

    async def use(
        self,
        project: str,
        *,
        idempotency_key: str | None = None,
    ) -> Project:
        """Make a project the current one: sessions that name no directory start in it, and its profiles come
        first.

        project: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "project.use",
            {
                "project": project,
                "idempotency_key": idempotency_key,
            },
        )

    async def remove(
        self,
        project: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Project:
        """Forget a project. Its files and its sessions stay.

        project: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "project.remove",
            {
                "project": project,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def status(
        self,
        project: str | None = None,
    ) -> Standing:
        """Show how a project stands: what waits for you, what is in progress, blocked, next, failed lately, and
        the queue.

        project: Its id or name; the current one unless given, and without any what belongs to none.
        """
        return await self._transport.call(
            "project.status",
            {
                "project": project,
            },
        )


class ProviderGroup:
    """Providers: the ways in which agents are run, and whether they could run now."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        ready: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ProviderInfo]:
        """List providers by name, each with what is missing and the command that fixes it.

        ready: Only those that could run a turn now, or only those that could not.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "provider.list",
            {
                "ready": ready,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        provider: str,
        *,
        profile: str | None = None,
    ) -> ProviderInfo:
        """Show one provider, and what stands between it and a turn.

        provider: Its name.
        profile: Ask whether it could run this profile, and not only whether it could run one.
        """
        return await self._transport.call(
            "provider.get",
            {
                "provider": provider,
                "profile": profile,
            },
        )


class QueueGroup:
    """The queue: work that waits until there is room for it, in an order that people may change."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def enqueue(
        self,
        prompt: str | None = None,
        *,
        task: str | None = None,
        requirement: str | None = None,
        workflow: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        profile: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        project: str | None = None,
        priority: Literal["critical", "high", "medium", "low"] | None = None,
        not_before: str | None = None,
        expires: str | None = None,
        idempotency_key: str | None = None,
    ) -> QueueItem:
        """Put work in line: a prompt, a ready task, a requirement or a workflow.

        It is dispatched once, when its time has come and there is room. A task is in the queue once at a time.

        prompt: Work for one agent in a session of its own, at most 1 MiB.
        task: A task that is ready: its workflow is run, with `task`, `title` and `description` as far as it
            declares these inputs; or an agent is given it as a prompt.
        requirement: A requirement: it is made into tasks, and they are started.
        workflow: A workflow's name.
        inputs: A value for each input that the workflow declares.
        profile: Who is given the prompt, or the task; the one that the task is for, else developer, unless
            given.
        provider: How that agent is run; the profile's choice unless given.
        directory: Where the prompt or the workflow works; the project's directory unless given.
        project: Instead of `directory`, a project's id or name; the current project unless given.
        priority: How urgent it is: the task's or `medium` unless given.
        not_before: When it may be dispatched at the earliest: `2027-03-01T09:00:00Z`, or `10m` for ten minutes
            from now.
        expires: When it is given up if it still waits; written likewise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "queue.enqueue",
            {
                "prompt": prompt,
                "task": task,
                "requirement": requirement,
                "workflow": workflow,
                "inputs": inputs,
                "profile": profile,
                "provider": provider,
                "directory": directory,
                "project": project,
                "priority": priority,
                "not_before": not_before,
                "expires": expires,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        state: Literal[
            "ready",
            "held",
            "dispatching",
            "dispatched",
            "done",
            "failed",
            "cancelled",
            "dropped",
            "expired",
        ]
        | None = None,
        kind: Literal["prompt", "task", "requirement", "workflow"] | None = None,
        project: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[QueueItem]:
        """List the queue in the order of dispatch: what is in flight, then what waits, and why.

        Items in a final state are listed when `state` asks for them, newest first.

        state: Only those in this state; unless given, those that wait or are in flight.
        kind: Only those of this kind.
        project: Only those of this project: its id or name.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "queue.list",
            {
                "state": state,
                "kind": kind,
                "project": project,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        item: str,
    ) -> QueueItem:
        """Show one item: where it stands in line, why it waits, or what became of it.

        item: Its id.
        """
        return await self._transport.call(
            "queue.get",
            {
                "item": item,
            },
        )

    async def stats(self) -> QueueStats:
        """Count the queue by state, priority, project and provider, beside the limits, and tell whether it is
        paused.
        """
        return await self._transport.call("queue.stats", {})

    async def hold(
        self,
        items: Sequence[str] = (),
        *,
        all: bool = False,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Outcomes:
        """Keep items from being dispatched until they are released. They keep their place in line.

        Each item has its own outcome; when none of those named can be held, the first one's error is the
        answer.

        items: Their ids, at most 100.
        all: All that wait instead.
        reason: Why, for those who look.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "queue.hold",
            {
                "items": list(items),
                "all": all,
                "reason": reason,
                "idempotency_key": idempotency_key,
            },
        )

    async def release(
        self,
        items: Sequence[str] = (),
        *,
        all: bool = False,
        idempotency_key: str | None = None,
    ) -> Outcomes:
        """Let items that were held be dispatched. Outcomes are as for `queue hold`.

        items: Their ids, at most 100.
        all: All that wait instead.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "queue.release",
            {
                "items": list(items),
                "all": all,
                "idempotency_key": idempotency_key,
            },
        )

    async def drop(
        self,
        items: Sequence[str] = (),
        *,
        all: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Outcomes:
        """Give up items that wait. One that was dispatched is refused: its run is what to cancel.

        Outcomes are as for `queue hold`. The records stay; a task stays ready.

        items: Their ids, at most 100.
        all: All that wait instead.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "queue.drop",
            {
                "items": list(items),
                "all": all,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def reorder(
        self,
        items: Sequence[str] = (),
        *,
        all: bool = False,
        to: Literal["front", "back", "before", "after"],
        anchor: str | None = None,
        priority: Literal["critical", "high", "medium", "low"] | None = None,
        idempotency_key: str | None = None,
    ) -> Outcomes:
        """Give items another place in line, in the order in which they are named, or another priority.

        Outcomes are as for `queue hold`. Held items may be moved too; what was dispatched is in line no more.

        items: Their ids, at most 100.
        all: All that wait instead.
        to: `front` or `back` of their priority's line, or `before` or `after` the `anchor`.
        anchor: The item beside which they are put; they take its priority.
        priority: Their new priority; they keep theirs unless given. Not together with `anchor`.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "queue.reorder",
            {
                "items": list(items),
                "all": all,
                "to": to,
                "anchor": anchor,
                "priority": priority,
                "idempotency_key": idempotency_key,
            },
        )


class RequirementGroup:
    """Requirements: what a project wants, from which tasks are drafted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        title: str,
        *,
        body: str = "",
        priority: Literal["must", "should", "could", "wont"] = "should",
        acceptance: Sequence[str] = (),
        source: str | None = None,
        project: str | None = None,
        idempotency_key: str | None = None,
    ) -> Requirement:
        """Write down what is wanted, as a draft.

        title: One line that says it.
        body: All there is to know, in Markdown.
        priority: How much it is needed.
        acceptance: When it is met: lines that can be checked one by one.
        source: Where it comes from: a person, a document, an address.
        project: The project that wants it; the current one unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "requirement.create",
            {
                "title": title,
                "body": body,
                "priority": priority,
                "acceptance": list(acceptance),
                "source": source,
                "project": project,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        status: Literal["draft", "refined", "planned", "in-progress", "done", "rejected"] | None = None,
        priority: Literal["must", "should", "could", "wont"] | None = None,
        project: str | None = None,
        everywhere: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Requirement]:
        """List the requirements of a project, newest first.

        status: Only those in this status.
        priority: Only those that are needed so much.
        project: Only those of this project; the current one unless given.
        everywhere: Those of all projects, and of none.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "requirement.list",
            {
                "status": status,
                "priority": priority,
                "project": project,
                "everywhere": everywhere,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        requirement: str,
    ) -> Requirement:
        """Show one requirement, with its tasks and its last refinement.

        requirement: Its id.
        """
        return await self._transport.call(
            "requirement.get",
            {
                "requirement": requirement,
            },
        )

    async def update(
        self,
        requirement: str,
        *,
        title: str | None = None,
        body: str | None = None,
        priority: Literal["must", "should", "could", "wont"] | None = None,
        acceptance: Sequence[str] | None = None,
        source: str | None = None,
        status: Literal["draft", "refined", "planned", "in-progress", "done", "rejected"] | None = None,
        clear: Sequence[Literal["source", "acceptance"]] = (),
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Requirement:
        """Change what a requirement says, and move its status.

        requirement: Its id.
        title: One line that says what is wanted.
        body: All there is to know, in Markdown.
        priority: How much it is needed.
        acceptance: When it is met; these lines replace those that it has.
        source: Where it comes from.
        status: Move it there, as the table of its moves allows.
        clear: Fields to empty.
        expect_version: Change it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "requirement.update",
            {
                "requirement": requirement,
                "title": title,
                "body": body,
                "priority": priority,
                "acceptance": acceptance,
                "source": source,
                "status": status,
                "clear": list(clear),
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def delete(
        self,
        requirement: str,
        *,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Requirement:
        """Delete a requirement. Its tasks stay, and serve it no more.

        requirement: Its id.
        expect_version: Delete it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "requirement.delete",
            {
                "requirement": requirement,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def refine(
        self,
        requirement: str,
        *,
        profile: str = "developer",
        provider: str | None = None,
        directory: str | None = None,
        notes: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refinement:
        """Let an agent rewrite a requirement: its title, its body and its acceptance criteria.

        Returns at once with the run that does it. When that completes, its text replaces the requirement's, and
        a draft is refined,
        unless somebody changed the requirement meanwhile.

        requirement: Its id.
        profile: Who the agent is; see `cao profile list`.
        provider: How the agent is run; the profile's choice unless given.
        directory: The working directory; the current project's unless given.
        notes: What the agent is to mind.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "requirement.refine",
            {
                "requirement": requirement,
                "profile": profile,
                "provider": provider,
                "directory": directory,
                "notes": notes,
                "idempotency_key": idempotency_key,
            },
        )

    async def execute(
        self,
        requirement: str,
        *,
        titles: Sequence[str] = (),
        agent: str | None = None,
        workflow: str | None = None,
        start: bool = False,
        provider: str | None = None,
        idempotency_key: str | None = None,
    ) -> Execution:
        """Draft the tasks of a requirement, ready to begin, and with `start` put them into the queue.

        A task is made once: asked again, those that have the same title are taken as they are.

        requirement: Its id.
        titles: What each task is called; one for each acceptance criterion unless given.
        agent: The profile of the agent that the tasks are for.
        workflow: The workflow to run for each of them.
        start: Put those that are ready into the queue.
        provider: With `start`: how their agents are run; the profile's choice unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "requirement.execute",
            {
                "requirement": requirement,
                "titles": list(titles),
                "agent": agent,
                "workflow": workflow,
                "start": start,
                "provider": provider,
                "idempotency_key": idempotency_key,
            },
        )

    async def graph(
        self,
        requirement: str | None = None,
        *,
        project: str | None = None,
        everywhere: bool = False,
    ) -> RequirementGraph:
        """Show requirements, their tasks and what these depend on as a graph, also as a Mermaid flowchart.

        requirement: Only this requirement and its tasks.
        project: Only those of this project; the current one unless given.
        everywhere: Those of all projects, and of none.
        """
        return await self._transport.call(
            "requirement.graph",
            {
                "requirement": requirement,
                "project": project,
                "everywhere": everywhere,
            },
        )


class RunGroup:
    """Runs: durable handles on work."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        session: str | None = None,
        terminal: str | None = None,
        state: Literal["queued", "running", "waiting", "completed", "failed", "cancelled"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Run]:
        """List runs, newest first.

        session: Only those of this session: its id or name.
        terminal: Only those of this terminal.
        state: Only those in this state.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "run.list",
            {
                "session": session,
                "terminal": terminal,
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        run: str,
    ) -> Run:
        """Show one run.

        run: Its id.
        """
        return await self._transport.call(
            "run.get",
            {
                "run": run,
            },
        )

    async def wait(
        self,
        run: str,
        *,
        timeout: float = 60.0,
    ) -> Run:
        """Wait until a run is settled, or the time is over: look at its `state`.

        run: Its id.
        timeout: Seconds to wait at most.
        """
        return await self._transport.call(
            "run.wait",
            {
                "run": run,
                "timeout": timeout,
            },
        )

    async def result(
        self,
        run: str,
        *,
        timeout: float = 0.0,
    ) -> Result:
        """Read what came of a run. An agent that reads the result of its assignment finds it no more in its inbox.

        run: Its id.
        timeout: Seconds to wait for it at most.
        """
        return await self._transport.call(
            "run.result",
            {
                "run": run,
                "timeout": timeout,
            },
        )

    async def cancel(
        self,
        run: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Run:
        """Give up a run: one that waits is never begun, one under way is interrupted; a workflow's, with all its
        phases.

        run: Its id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "run.cancel",
            {
                "run": run,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class RunnerGroup:
    """The runner: the processes on this data directory, what a crash left behind, and how often things began again."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def health(self) -> RunnerHealth:
        """Show how the engine is, which processes work here, and whether a dead one still holds work."""
        return await self._transport.call("runner.health", {})

    async def orphans(
        self,
        *,
        kind: Literal["activation", "lease", "owner", "process", "scratch", "worktree"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Orphan]:
        """List what crashes left behind: hot sessions and leases of dead processes, their agents and files, stray
        worktrees.

        A server mends hot sessions by itself within a second; what is told here is what is so now.

        kind: Only those of this kind.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "runner.orphans",
            {
                "kind": kind,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def cleanup(
        self,
        *,
        kind: Literal["activation", "lease", "owner", "process", "scratch", "worktree"] | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> CleanedUp:
        """Mend what crashes left behind. Turns that were cut follow their recovery policy; work in worktrees is
        never touched.

        A worktree without a record gets one, and a record without a worktree is closed.

        kind: Only leftovers of this kind.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "runner.cleanup",
            {
                "kind": kind,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def stats(
        self,
        *,
        within: str = "7d",
    ) -> RunnerStats:
        """Count, from the event log, how often servers, the engine, Prefect and turns began, were cut, and began
        again.

        within: This time until now.
        """
        return await self._transport.call(
            "runner.stats",
            {
                "within": within,
            },
        )


class ScheduleGroup:
    """Schedules: sessions that start by themselves, and the ledger of every time that they were due."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        name: str | None = None,
        *,
        file: str | None = None,
        cron: str | None = None,
        every: str | None = None,
        zone: str | None = None,
        profile: str | None = None,
        provider: str | None = None,
        directory: str | None = None,
        prompt: str | None = None,
        session: str | None = None,
        catch_up: Literal["skip", "latest", "all"] | None = None,
        window: str | None = None,
        overlap: Literal["allow", "skip"] | None = None,
        idempotency_key: str | None = None,
    ) -> Schedule:
        """Start a session at set times, from flags or a Markdown file.

        A server fires it, or `cao tick` does. A file is read once: remove and add the schedule to take up
        changes.

        name: What to call it; the file's name unless given.
        file: A Markdown file: front matter with `name`, `schedule` (a crontab line) or `every`, `zone`,
            `agent_profile`, `provider`, `directory`, `script`, and the other fields of this request; the body
            is the prompt.
        cron: Minute, hour, day of the month, month, day of the week, as in crontab: `0 3 * * MON-FRI`.
        every: Instead of `cron`: a number of seconds, minutes, hours or days between two times, such as `15m`.
        zone: The time zone whose clock `cron` speaks of, such as `Europe/Berlin`; UTC unless given.
        profile: Who the agent is; developer unless given. See `cao profile list`.
        provider: How the agent is run; the profile's choice unless given.
        directory: The working directory; unless given that of the project around the file, else the current
            project's, on the command line the one that you are in.
        prompt: What the agent is asked, at most 64 KiB.
        session: What its sessions' names begin with, before the due time; the schedule's name unless given.
        catch_up: What happens to due times that nobody was there for: `skip` them, run the `latest` (unless
            given), or `all`.
        window: How old a due time may be to be caught up; `1d` unless given.
        overlap: When a run of an earlier due time is still at work: `allow` another (unless given), or `skip`
            this one.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "schedule.add",
            {
                "name": name,
                "file": file,
                "cron": cron,
                "every": every,
                "zone": zone,
                "profile": profile,
                "provider": provider,
                "directory": directory,
                "prompt": prompt,
                "session": session,
                "catch_up": catch_up,
                "window": window,
                "overlap": overlap,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        enabled: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """List schedules, newest first, each with the newest row of its ledger.

        enabled: Only enabled or only disabled ones.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "schedule.list",
            {
                "enabled": enabled,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        schedule: str,
    ) -> Schedule:
        """Show one schedule.

        schedule: Its id or name.
        """
        return await self._transport.call(
            "schedule.get",
            {
                "schedule": schedule,
            },
        )

    async def enable(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
    ) -> Schedule:
        """Let a disabled schedule be due again. The times that went by meanwhile are not caught up.

        schedule: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "schedule.enable",
            {
                "schedule": schedule,
                "idempotency_key": idempotency_key,
            },
        )

    async def disable(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
    ) -> Schedule:
        """Let a schedule be due no more until it is enabled. Work that it started goes on.

        schedule: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "schedule.disable",
            {
                "schedule": schedule,
                "idempotency_key": idempotency_key,
            },
        )

    async def run(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
    ) -> Fire:
        """Start a schedule's session now, besides its due times: its script is asked, and the ledger has a row for
        it.

        schedule: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "schedule.run",
            {
                "schedule": schedule,
                "idempotency_key": idempotency_key,
            },
        )

    async def next(
        self,
        schedule: str,
        *,
        count: int = 5,
        after: datetime | None = None,
    ) -> Coming:
        """Show when a schedule is due next, in UTC and on its own clock, and what changes of that clock do to it.

        A crontab line that names hour and minute means a time on the wall: one that the clock skips is due at
        the end of the gap,
        one that comes twice the first time. A line whose hour or minute begins with `*` follows the time that
        passes.

        schedule: Its id or name.
        count: How many due times.
        after: Those after this time; the ones after now unless given. In UTC where it has no zone.
        """
        return await self._transport.call(
            "schedule.next",
            {
                "schedule": schedule,
                "count": count,
                "after": after,
            },
        )

    async def history(
        self,
        schedule: str | None = None,
        *,
        state: Literal["pending", "fired", "caught_up", "skipped", "missed", "failed"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Fire]:
        """Read the ledger, newest first: every due time, and what became of it.

        schedule: Only that of this schedule: its id or name. Removed ones keep theirs.
        state: Only rows in this state.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "schedule.history",
            {
                "schedule": schedule,
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def remove(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Schedule:
        """Forget a schedule. Its ledger stays, and so do the sessions that it started.

        schedule: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "schedule.remove",
            {
                "schedule": schedule,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class TokenGroup:
    """Tokens: credentials for programs and people, each with its own name, scopes and end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        *,
        scopes: Sequence[str],
        days: float = 90.0,
        surfaces: Sequence[Literal["http", "mcp", "graphql", "web"]] | None = None,
        idempotency_key: str | None = None,
    ) -> NewToken:
        """Make a token. Its secret is shown this once; who shows it may do what the scopes say, until it expires
        or is revoked.

        name: Who or what will hold it; its doings are recorded as `token:<name>`.
        scopes: What it may do: `session:read`, `session:*`, `*:read`, or `*` for everything. None that you do
            not hold yourself.
        days: How long it lives; never longer than the token that makes it.
        surfaces: Keep it to these ways in; all of them unless given.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "token.create",
            {
                "name": name,
                "scopes": scopes,
                "days": days,
                "surfaces": surfaces,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Token]:
        """List tokens, newest first, those that have ended too. Secrets are kept nowhere, so none is shown.

        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "token.list",
            {
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def revoke(
        self,
        token: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Token:
        """End a token at once, and all that were made with it. Streams under it end; what it started goes on.

        token: Its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "token.revoke",
            {
                "token": token,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def link(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> PageLink:
        """Make a link that opens the page in a browser, signed in as you. It works once, for a minute.

        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "token.link",
            {
                "idempotency_key": idempotency_key,
            },
        )


class VisionGroup:
    """Visions: what each project is for, in one document."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(
        self,
        project: str | None = None,
    ) -> Vision:
        """Show the vision of a project; an empty one, at version 0, while nobody has written it.

        project: Its id or name; the current project unless given.
        """
        return await self._transport.call(
            "vision.get",
            {
                "project": project,
            },
        )

    async def set(
        self,
        text: str,
        *,
        project: str | None = None,
        expect_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Vision:
        """Write the vision of a project.

        text: The whole document, in Markdown.
        project: The project's id or name; the current one unless given.
        expect_version: Write it only if it is still at this version; a conflict otherwise.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "vision.set",
            {
                "text": text,
                "project": project,
                "expect_version": expect_version,
                "idempotency_key": idempotency_key,
            },
        )

    async def refine(
        self,
        project: str | None = None,
        *,
        profile: str = "developer",
        provider: str | None = None,
        directory: str | None = None,
        notes: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refinement:
        """Let an agent rewrite the vision of a project.

        Returns at once with the run that does it. When that completes, its text is the vision, unless somebody
        changed it
        meanwhile.

        project: The project's id or name; the current one unless given.
        profile: Who the agent is; see `cao profile list`.
        provider: How the agent is run; the profile's choice unless given.
        directory: The working directory; the current project's unless given.
        notes: What the agent is to mind.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "vision.refine",
            {
                "project": project,
                "profile": profile,
                "provider": provider,
                "directory": directory,
                "notes": notes,
                "idempotency_key": idempotency_key,
            },
        )


class WorktreeGroup:
    """Worktrees: a directory and a branch of its own for each agent, so that several may work on one repository at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        name: str,
        *,
        project: str | None = None,
        base: str | None = None,
        terminal: str | None = None,
        idempotency_key: str | None = None,
    ) -> Worktree:
        """Make a directory with a branch of its own in a project's repository, where an agent can work
        undisturbed.

        Start the agent in it: `cao launch --directory <path>`. A name whose making was cut by a crash can be
        used again.

        name: Its branch is `cao/<name>`, its directory `.cao/worktrees/<name>` in the project.
        project: The id or name of the project; the current one unless given.
        base: The branch, tag or commit that it begins with; what is checked out unless given.
        terminal: The id of the terminal whose agent it is for, as a note.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "worktree.add",
            {
                "name": name,
                "project": project,
                "base": base,
                "terminal": terminal,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        project: str | None = None,
        state: Literal["active", "merged", "removed"] | None = None,
        run: str | None = None,
        facts: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Worktree]:
        """List worktrees, newest first; whose they are, and with `facts` what git says of each.

        project: Only those of this project: its id or name.
        state: Only those in this state.
        run: Only those that this run made.
        facts: Ask git, too: is there work that is not committed, or not merged?
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "worktree.list",
            {
                "project": project,
                "state": state,
                "run": run,
                "facts": facts,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def merge(
        self,
        worktree: str,
        *,
        into: str | None = None,
        squash: bool = False,
        message: str | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Merge:
        """Merge a worktree's branch. Conflicts are told file by file and change nothing, on either side.

        Where the other branch is checked out, its files follow, unless changes that are not committed there
        stand in the way.

        worktree: Its id or name.
        into: The branch to merge into; the one that it began from unless given.
        squash: As one commit, for a branch that is at its end.
        message: What the merge's commit says.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "worktree.merge",
            {
                "worktree": worktree,
                "into": into,
                "squash": squash,
                "message": message,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def remove(
        self,
        worktree: str,
        *,
        discard: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Worktree:
        """Take a worktree and its branch away. Work that is not committed or not merged is kept, unless you say
        `discard`.

        worktree: Its id or name.
        discard: Even when it holds changes that are not committed, or commits that are not merged.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "worktree.remove",
            {
                "worktree": worktree,
                "discard": discard,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )

    async def prune(
        self,
        *,
        project: str | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> GitPruned:
        """Remove the worktrees that are clean and merged, and forget those whose directory and branch are gone.
        Others are kept.

        One that nobody has committed to yet is kept for a day: somebody may be about to.

        project: Only those of this project: its id or name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "worktree.prune",
            {
                "project": project,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class DeliveryGroup:
    """Deliveries: one notification to one notifier, with a receipt for each attempt."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        notifier: str | None = None,
        state: Literal["pending", "sending", "held", "accepted", "dead", "withdrawn"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """List deliveries, newest first.

        notifier: Only those of this notifier: its name or id.
        state: Only those in this state; `dead` is what nobody got.
        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "delivery.list",
            {
                "notifier": notifier,
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        delivery: str,
    ) -> Delivery:
        """Show one delivery with the receipts of its attempts.

        delivery: Its id.
        """
        return await self._transport.call(
            "delivery.get",
            {
                "delivery": delivery,
            },
        )

    async def retry(
        self,
        delivery: str,
        *,
        idempotency_key: str | None = None,
    ) -> Delivery:
        """Try a dead delivery again, as often as a new one.

        delivery: The id of a dead one.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "delivery.retry",
            {
                "delivery": delivery,
                "idempotency_key": idempotency_key,
            },
        )


class NotifierGroup:
    """Notifiers: where notifications go, each an address that Apprise understands."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        name: str,
        address: str,
        *,
        tags: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> Notifier:
        """Add a place for notifications to go. Nothing is sent before a rule says so: cao rule add, or: cao
        notifier test.

        name: A new name.
        address: An Apprise URL, such as `tgram://<bot token>/<chat id>`. It is a secret: sealed in the store
            and never shown again. On the command line give `-` (standard input) or `@FILE`, so that it is in no
            list of processes.
        tags: Words by which rules choose it.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "notifier.add",
            {
                "name": name,
                "address": address,
                "tags": list(tags),
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Notifier]:
        """List the notifiers, newest first.

        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "notifier.list",
            {
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(
        self,
        notifier: str,
    ) -> Notifier:
        """Show one notifier. Its address is masked.

        notifier: Its name or id.
        """
        return await self._transport.call(
            "notifier.get",
            {
                "notifier": notifier,
            },
        )

    async def test(
        self,
        notifier: str,
        *,
        idempotency_key: str | None = None,
    ) -> Tested:
        """Send one notification now, once, past the outbox, and tell what the service said.

        notifier: Its name or id; it may be paused.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "notifier.test",
            {
                "notifier": notifier,
                "idempotency_key": idempotency_key,
            },
        )

    async def pause(
        self,
        notifier: str,
        *,
        idempotency_key: str | None = None,
    ) -> Notifier:
        """Hold its deliveries until it is resumed. Nothing is dropped meanwhile.

        notifier: Its name or id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "notifier.pause",
            {
                "notifier": notifier,
                "idempotency_key": idempotency_key,
            },
        )

    async def resume(
        self,
        notifier: str,
        *,
        idempotency_key: str | None = None,
    ) -> Notifier:
        """Let its deliveries go on, those first that were held.

        notifier: Its name or id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "notifier.resume",
            {
                "notifier": notifier,
                "idempotency_key": idempotency_key,
            },
        )

    async def remove(
        self,
        notifier: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> NotifierRemoved:
        """Forget a notifier, its address and the rules for it alone. What it did stays in the list of deliveries.

        notifier: Its name or id.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "notifier.remove",
            {
                "notifier": notifier,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class NotifyGroup:
    """Notifications by hand."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(
        self,
        text: str,
        *,
        title: str = "A message",
        notifier: str | None = None,
        tags: Sequence[str] = (),
        kind: Literal["needs-you", "done", "info"] = "info",
        idempotency_key: str | None = None,
    ) -> Queued:
        """Send a message to notifiers. It goes through the outbox, so it is tried again where it fails.

        text: What to say. Beyond 1500 characters it is cut.
        title: Its title.
        notifier: Only this notifier: its name or id.
        tags: Only notifiers with any of these; without these and without `notifier`, all of them.
        kind: How much it wants: the service may show it accordingly.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "notify.send",
            {
                "text": text,
                "title": title,
                "notifier": notifier,
                "tags": list(tags),
                "kind": kind,
                "idempotency_key": idempotency_key,
            },
        )


class RuleGroup:
    """Rules: which events are told to which notifiers, and in which words."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        events: Sequence[str],
        *,
        notifier: str | None = None,
        tags: Sequence[str] = (),
        name: str | None = None,
        title: str | None = None,
        body: str | None = None,
        idempotency_key: str | None = None,
    ) -> Rule:
        """Tell notifiers of events from now on. An event reaches a notifier once, by the oldest rule that asks for
        it.

        Templates replace `$event`, `$kind`, `$at`, `$actor`, `$session`, `$terminal`, `$run`, `$approval`,
        `$text` and `$link`.

        events: Classes and types of events. `needs-you`: approvals, failed runs, missed and failed schedules,
            dead deliveries. `done`: completed runs that no agent asked for. `info`: the rest. Or a type, such
            as `session.launched`.
        notifier: Only this notifier: its name or id.
        tags: Only notifiers with any of these; without these and without `notifier`, all of them.
        name: What to call it.
        title: A template in place of the event's own title, such as `$session: $event`.
        body: A template in place of the event's own text. `$text` is the question, the answer or the failure.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        """
        return await self._transport.call(
            "rule.add",
            {
                "events": events,
                "notifier": notifier,
                "tags": list(tags),
                "name": name,
                "title": title,
                "body": body,
                "idempotency_key": idempotency_key,
            },
        )

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Rule]:
        """List the rules, newest first.

        limit: How many items to give at most.
        cursor: Where to go on: the `next_cursor` of the page before.
        """
        return await self._transport.call(
            "rule.list",
            {
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def remove(
        self,
        rule: str,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> RuleGone:
        """Tell of its events no more. What it caused already is still delivered.

        rule: Its id, or its name.
        idempotency_key: Give the same key with the same request and get the same answer, without doing the work
            again.
        dry_run: Say what would happen and change nothing.
        """
        return await self._transport.call(
            "rule.remove",
            {
                "rule": rule,
                "idempotency_key": idempotency_key,
                "dry_run": dry_run,
            },
        )


class Facade:
    """Everything that can be asked, typed. `cao.open` and `cao.connect` give one."""

    def __init__(self, transport: Transport) -> None:
        self.approval = ApprovalGroup(transport)
        self.session = SessionGroup(transport)
        self.task = TaskGroup(transport)
        self.checklist = ChecklistGroup(transport)
        self.checkpoint = CheckpointGroup(transport)
        self.workflow = WorkflowGroup(transport)
        self.daemon = DaemonGroup(transport)
        self.definition = DefinitionGroup(transport)
        self.dependency = DependencyGroup(transport)
        self.error = ErrorGroup(transport)
        self.event = EventGroup(transport)
        self.git = GitGroup(transport)
        self.history = HistoryGroup(transport)
        self.terminal = TerminalGroup(transport)
        self.message = MessageGroup(transport)
        self.model = ModelGroup(transport)
        self.operation = OperationGroup(transport)
        self.output = OutputGroup(transport)
        self.phase = PhaseGroup(transport)
        self.plugin = PluginGroup(transport)
        self.profile = ProfileGroup(transport)
        self.project = ProjectGroup(transport)
        self.provider = ProviderGroup(transport)
        self.queue = QueueGroup(transport)
        self.requirement = RequirementGroup(transport)
        self.run = RunGroup(transport)
        self.runner = RunnerGroup(transport)
        self.schedule = ScheduleGroup(transport)
        self.token = TokenGroup(transport)
        self.vision = VisionGroup(transport)
        self.worktree = WorktreeGroup(transport)
        self.delivery = DeliveryGroup(transport)
        self.notifier = NotifierGroup(transport)
        self.notify = NotifyGroup(transport)
        self.rule = RuleGroup(transport)
