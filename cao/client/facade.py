"""The typed interface: one attribute for each group, one method for each operation.

Generated from the registry by `python -m cao.generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from cao.operations.daemon import Backup, Config, DaemonStatus, HealthReport, LogLines, Started, Stopping, Ticked
    from cao.operations.operation import Operation, OperationDetail
    from cao.operations.plugin import Switched
    from cao.operations.profile import Installed, Match, ProfileDetail, ProfileSummary, Removed, Verdict
    from cao.operations.provider import ProviderInfo
    from cao.operations.run import Result
    from cao.operations.schedule import Coming
    from cao.operations.session import Interrupted, SessionRest, ShutDown
    from cao.operations.terminal import Output
    from cao.protocol.models import Page
    from cao.protocol.plugins import PluginInfo, PluginLine
    from cao.protocol.records import Approval, Entry, Event, Message, Project, Run, Session, Terminal
    from cao.protocol.schedules import Fire, Schedule
    from cao.protocol.tokens import NewToken, PageLink, Token
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
        directory: The working directory; the current project's unless given.
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
        """Give up a run: one that waits is never begun, one under way is interrupted.

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
        directory: The working directory; that of the project around the file, else the current project's unless
            given.
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
        self.daemon = DaemonGroup(transport)
        self.event = EventGroup(transport)
        self.session = SessionGroup(transport)
        self.terminal = TerminalGroup(transport)
        self.message = MessageGroup(transport)
        self.operation = OperationGroup(transport)
        self.plugin = PluginGroup(transport)
        self.profile = ProfileGroup(transport)
        self.project = ProjectGroup(transport)
        self.provider = ProviderGroup(transport)
        self.run = RunGroup(transport)
        self.schedule = ScheduleGroup(transport)
        self.token = TokenGroup(transport)
        self.delivery = DeliveryGroup(transport)
        self.notifier = NotifierGroup(transport)
        self.notify = NotifyGroup(transport)
        self.rule = RuleGroup(transport)
