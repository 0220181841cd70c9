"""The control: one data directory, opened in this process, and the one way in that every binding uses.

This is where the parts are put together; nothing else knows all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from cao import presence
from cao.agents import AgentTools, Profile, Providers
from cao.agents.builtin_providers import builtin_providers
from cao.agents.callable import CallableProvider, Function
from cao.agents.library import Library
from cao.client.facade import Facade
from cao.client.local import LocalTransport
from cao.duties import Duties, Expiry
from cao.engine import Engine
from cao.liveness import Owner
from cao.operations.context import Context, Progress, Server, Services
from cao.operations.seating import profile_of, seat
from cao.plugins.host import Host
from cao.protocol import OWNER, Caller, CaoError, Internal, Operation, Request, Unavailable, WriteRequest
from cao.protocol.records import Terminal
from cao.queue import Dispatcher
from cao.schedules import Schedules
from cao.settings import Settings
from cao.signals import Signals
from cao.store import Store, dispatches, log, tasks, terminals
from cao.store.clock import Clock
from cao.store.terminals import NewTerminal
from cao.tasks import refinement
from cao.toolbox import Toolbox
from cao.upkeep import Upkeep
from cao.workflows.definition import Definition

if TYPE_CHECKING:
    from cao.mcp.gateway import Gateway
    from cao_flows.engine import PrefectEngine
    from cao_flows.house import Wanted

logger = logging.getLogger(__name__)


class Control(Facade):
    """An open data directory. Make it with `cao.open`; use it as an async context manager."""

    def __init__(
        self, settings: Settings, *, work: bool = True, clock: Clock | None = None, server: Server | None = None
    ) -> None:
        """work: run sessions in this process; otherwise work is recorded and waits. server: the server around it."""
        super().__init__(LocalTransport(self))
        self.settings = settings
        self._work = work
        self._clock = clock
        self._server = server
        self._exit = contextlib.AsyncExitStack()
        self.is_open = False
        """Whether it can be asked: it was entered, and has not begun to close."""
        self._answers = False
        """Whether there is anything to ask; true until the last part is closed."""
        self.closing = asyncio.Event()
        """Set when it begins to close: what streams from it ends. Another one for each opening."""
        self._functions = CallableProvider()
        self._flows: dict[str, Any] = {}
        self._flow_definitions: dict[str, Definition] = {}
        self._endpoint: Callable[[Terminal], Awaitable[tuple[str, str]]] = self._own_endpoint
        self._gateway: Gateway | None = None
        self._gateway_lock = asyncio.Lock()
        self._keys = WeakValueDictionary[tuple[int, str], asyncio.Lock]()
        """Who calls with which idempotency key now, by the number of the event loop."""
        self._gateway_exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open it, on the running loop. It may be opened again once it is closed, on another loop too."""
        if self.is_open:
            raise RuntimeError("this control is open already")
        try:
            self._begin_anew()
            await self._open()
        except BaseException:
            self._answers = False
            await self._exit.aclose()
            raise
        self.is_open = True
        presence.appear(self)
        return self

    def _begin_anew(self) -> None:
        """Let go of what belonged to the loop of the opening before."""
        if self.closing.is_set():
            self.closing, self._gateway_lock = asyncio.Event(), asyncio.Lock()
            self._endpoint, self._gateway = self._own_endpoint, None

    async def _open(self) -> None:
        settings = self.settings
        store = await asyncio.to_thread(Store, settings.home / "cao.db", self._clock)
        self._exit.callback(store.close)
        store.recorders += (tasks.settle_run, dispatches.settle, refinement.settle_run)
        store.redactor.learn(*_secrets(os.environ))
        for options in settings.plugins.values():
            store.redactor.learn(*_secrets({name: value for name, value in options.items() if isinstance(value, str)}))
        self._owner = Owner(settings.home)
        self._exit.callback(self._owner.vanish)
        self._owner.appear()
        self._upkeep = upkeep = Upkeep(store, self._owner, settings)
        schedules = Schedules(store, self._owner, settings, self.call)
        dispatcher = Dispatcher(store, self._owner, settings, self.call)
        for duty in (Expiry(store, upkeep.submit_waiting), schedules, dispatcher):
            upkeep.duties.add(duty)
        store.recorders.append(dispatcher.record)
        signals = Signals(store, settings.receiver_seconds)
        self.plugins = Host(self, store, signals)
        self._exit.push_async_callback(self.plugins.close)  # after the signals: plugins hear the last event, then end
        await signals.open()
        self._exit.push_async_callback(signals.close)
        self._loop = asyncio.get_running_loop()
        self._functions.bind(self._loop)
        self._exit.push_async_exit(self._gateway_exit)
        self.services = Services(
            settings=settings,
            store=store,
            engine=upkeep.engine,
            providers=Providers([*builtin_providers(settings.home), self._functions]),
            library=Library(settings.home / "profiles"),
            signals=signals,
            tick=upkeep.tick,
            plugins=self.plugins,
            schedules=schedules,
            queue=dispatcher,
            flows=self._flow_definitions,
            server=self._server,
            started_at=store.clock.now(),
        )
        self._answers = True
        await self.plugins.open()
        self._exit.push_async_callback(self._note_rest)
        self._exit.push_async_callback(upkeep.duties.close)
        if self._work:
            await self._begin_to_work()

    async def _begin_to_work(self) -> None:
        engine: Engine = self._make_engine()
        self.services.engine = self._upkeep.engine = engine
        self._exit.push_async_callback(engine.stop, 2.0)
        await self._upkeep.recover()
        watching = asyncio.create_task(self._upkeep.watch(), name="cao-watch")
        self._exit.push_async_callback(_cancel, watching)
        self._upkeep.submit_waiting()

    async def _note_rest(self) -> None:
        if all(plugin.status != "failed" for plugin in self.plugins.list()):  # a failed one's duties are not known
            await self._upkeep.note_rest()

    def _make_engine(self) -> PrefectEngine:
        from cao_flows.engine import PrefectEngine
        from cao_flows.house import House

        services = self.services
        house = House(
            settings=self.settings,
            store=services.store,
            providers=services.providers,
            owner=self._owner,
            profile_of=self._profile_of,
            tools_for=self._tools_for,
            seat=self._seat,
            flows=self._flows,
            public_url=services.public_url or "",
        )
        return PrefectEngine(house, public_url=services.public_url)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False
        presence.vanish(self)
        self.closing.set()
        try:
            await self._exit.aclose()
        finally:
            self._answers = False

    @property
    def duties(self) -> Duties:
        """What falls due by itself; plugins add to it."""
        return self._upkeep.duties

    @property
    def works(self) -> bool:
        """Whether sessions run and duties are performed in this process; else it only asks and records."""
        return self._work

    @property
    def signals(self) -> Signals:
        """The signals of this control; see `cao.signals`."""
        return self.services.signals

    @property
    def last_seq(self) -> int:
        """The newest event's number: after it stands whoever follows what is new."""
        return log.last_seq(self.services.store.read())

    def register(self, name: str, function: Function) -> None:
        """Make an async function an agent: the profile field `agent`, or a profile's own name, chooses it.

        >>> async def count(prompt): return str(len(prompt.text))
        >>> control.register("counter", count)  # doctest: +SKIP
        """
        self._functions.register(name, function)

    def register_flow(self, flow: Any, *, name: str | None = None) -> Definition:
        """Make a Prefect flow a workflow: `workflow run` and every other verb know it by its name, in lower case with dashes.

        Its runs go on where a process has it registered. `cao_flows.agent`, `approval` and `command` are its steps. Raises
        `InvalidInput` for what is no flow, or cannot be called so.
        """
        from cao_flows.flow_source import definition_of

        definition = definition_of(flow, name)
        self._flows[definition.name] = flow
        self._flow_definitions[definition.name] = definition
        return definition

    def context(self, caller: Caller = OWNER, report: Progress | None = None) -> Context:
        """What an operation is called with."""
        return Context(self.services, caller, report)

    async def call(self, operation: Operation, request: Request, caller: Caller = OWNER, report: Progress | None = None) -> Any:
        """Run one operation. Every binding calls this; it raises `CaoError` and nothing else but cancellation."""
        self._require_open()
        try:
            await self._admit(operation, request, caller)
            async with self._turn_of(request):
                return await operation.call(self.context(caller, report), request)
        except CaoError as error:
            await self._record_refusal(operation, caller, error)
            raise
        except Exception as error:
            raise self._masked(operation, error) from error

    async def stream(self, operation: Operation, request: Request, caller: Caller = OWNER) -> AsyncIterator[Any]:
        """The items of a streaming operation, under the same rules as `call`."""
        self._require_open()
        try:
            await self._admit(operation, request, caller)
            async with contextlib.aclosing(operation.stream(self.context(caller), request)) as items:
                async for item in items:
                    yield item
        except CaoError:
            raise
        except Exception as error:
            raise self._masked(operation, error) from error

    def _require_open(self) -> None:
        if not self._answers:
            raise Unavailable("this control is not open: ask it inside of `async with cao.open() as control:`")

    async def _admit(self, operation: Operation, request: Request, caller: Caller) -> None:
        """Whoever may not ask at all is no business of the plugins, so they are asked second."""
        operation.authorise(caller)
        await self.plugins.admit(operation, request, caller)

    def _turn_of(self, request: Request) -> AbstractAsyncContextManager[object]:
        """One call at a time with the same key: the next one finds what the first has done, also outside the store."""
        key = request.idempotency_key if isinstance(request, WriteRequest) else None
        if key is None:
            return contextlib.nullcontext()
        return self._keys.setdefault((id(asyncio.get_running_loop()), key), asyncio.Lock())

    def _masked(self, operation: Operation, error: Exception) -> Internal:
        incident = secrets.token_hex(4)
        logger.error("incident %s in %s", incident, operation.name, exc_info=error)
        return Internal.masked(incident)

    async def _record_refusal(self, operation: Operation, caller: Caller, error: CaoError) -> None:
        if operation.effect not in ("write", "destructive"):
            return
        row = {"operation": operation.name, "actor": caller.actor, "surface": caller.surface, "outcome": error.code}
        vetoed = {name: error.details[name] for name in ("plugin", "reason") if name in error.details}
        with contextlib.suppress(CaoError):  # a store that cannot be written is what the caller is being told of
            await self.services.store.write(lambda tx: tx.insert("audit", at=tx.now, request=vetoed, **row))

    def serve_agents_at(self, endpoint: Callable[[Terminal], Awaitable[tuple[str, str]]]) -> None:
        """Tell where the agents' tools are served over MCP: a function from a terminal to a URL and its bearer token."""
        self._endpoint = endpoint

    async def _own_endpoint(self, terminal: Terminal) -> tuple[str, str]:
        """Serve them on this control's own loop: turns ask from the engine's, which ends before their tools may."""
        entered = asyncio.run_coroutine_threadsafe(self._enter_gateway(), self._loop)
        gateway = await asyncio.wrap_future(entered)
        return await gateway.endpoint(terminal)

    async def _enter_gateway(self) -> Gateway:
        from cao.mcp.gateway import Gateway

        async with self._gateway_lock:
            if self._gateway is None:
                self._gateway = await self._gateway_exit.enter_async_context(Gateway(self.use_tool))
                self._endpoint = self._gateway.endpoint
            return self._gateway

    def _tools_for(self, terminal: Terminal) -> AgentTools:
        return Toolbox(terminal, self.use_tool, lambda seat: self._endpoint(seat))

    async def use_tool(
        self, operation: Operation, request: Request, caller: Caller, report: Progress | None = None
    ) -> Mapping[str, Any]:
        """Run an operation for an agent; its JSON-ready answer. Raises `Conflict` once the agent's terminal is closed."""
        if caller.terminal is not None:
            terminals.require_open(self.services.store.read(), caller.terminal)
        answer = await self.call(operation, request, caller, report)
        return operation.adapter.dump_python(answer, mode="json")

    def _profile_of(self, terminal: Terminal) -> Profile:
        profile = profile_of(self.services, terminal)
        self.services.store.redactor.learn(*_secrets(profile.environment))
        return profile

    def _seat(self, wanted: Wanted) -> NewTerminal:
        return seat(
            self.context(),
            profile=wanted.profile,
            provider=wanted.provider,
            directory=wanted.directory,
            name=wanted.name,
            model=wanted.model,
        )


def _secrets(environment: Mapping[str, str]) -> list[str]:
    cues = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "WEBHOOK")
    return [value for name, value in environment.items() if any(cue in name.upper() for cue in cues)]


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
