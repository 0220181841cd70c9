"""The engine: a thread with a loop in which activations run, and Prefect's API in a process beside it, or elsewhere.

Nothing of this starts before the first work comes, and all of it ends after a time without work. Prefect's cold start takes
seconds; what is submitted meanwhile waits.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from cao.engine import EngineStatus, State, is_workflow
from cao.events import EngineChanged
from cao.protocol import CaoError, Unavailable
from cao.store import activations, entries, leases, turns

from .house import House
from .prefect_api import PrefectApi, Receive, Scope, Send
from .prefect_proxy import PrefectProxy
from .prefect_settings import configured, cut_quietly, import_prefect, send_events, unheard

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from .entries import Runner

START_SECONDS = 120.0
RENEW_SECONDS = leases.DURATION / 3
LOSSES = 3
"""How often Prefect's API is started again in one life of the engine; the next work begins another."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""How long work that failed rests before it is tried again: twice as long each time."""

EXIT_SECONDS = 30.0
"""How long the interpreter's end waits for engines: a thread that still loads Prefect would crash an interpreter that goes."""

logger = logging.getLogger(__name__)
_started: weakref.WeakKeyDictionary[threading.Thread, PrefectEngine] = weakref.WeakKeyDictionary()


def _end_all() -> None:
    """Tell every engine to stop, and wait: for cold starts, above all, which nobody waits for when a control closes."""
    running = [(thread, engine) for thread, engine in _started.items() if thread.is_alive()]
    for _, engine in running:
        engine.leave()
    deadline = time.monotonic() + EXIT_SECONDS
    for thread, _ in running:
        thread.join(max(deadline - time.monotonic(), 0.0))


atexit.register(_end_all)


class Setbacks:
    """Work that failed as it was entered or run: how long each rests before it is tried again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pauses: dict[str, float] = {}
        self._ends: dict[str, float] = {}

    def add(self, work_id: str) -> float:
        """It failed once more; the seconds that it rests."""
        pause = min(2 * self._pauses.get(work_id, FIRST_PAUSE_SECONDS / 2), LONGEST_PAUSE_SECONDS)
        self._pauses[work_id], self._ends[work_id] = pause, self._clock() + pause
        return pause

    def forget(self, work_id: str) -> None:
        """It succeeded."""
        self._pauses.pop(work_id, None)
        self._ends.pop(work_id, None)

    def rests(self, work_id: str) -> bool:
        """Whether it is too early to try it again."""
        return self._ends.get(work_id, 0.0) > self._clock()

    def next_end(self, most: float) -> float:
        """Seconds until the next pause ends, `most` at most."""
        now = self._clock()
        return min([most, *(end - now for end in self._ends.values() if end > now)])


class PrefectEngine:
    """Runs sessions' activations as Prefect flow runs. Implements `cao.engine.Engine`; safe to call from any thread."""

    def __init__(self, house: House, public_url: str | None = None) -> None:
        """public_url: the origin under which our server shows Prefect's UI."""
        self._house = house
        self._public_url = public_url or ""
        self._lock = threading.Lock()
        self._wanted: dict[str, None] = {}
        self._active: dict[str, Runner | None] = {}
        self._setbacks = Setbacks()
        self._state: State = "stopped"
        self._detail = ""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._stopping = False
        self._grace = 0.0
        self._api: PrefectApi | None = None
        self._proxy = PrefectProxy()

    def submit(self, work_id: str) -> None:
        with self._lock:
            self._wanted[work_id] = None
        self.start()
        self._nudge()

    def start(self) -> None:
        with self._lock:
            if self._stopping or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="cao-engine", daemon=True)
            _started[self._thread] = self
            self._thread.start()

    def _nudge(self) -> None:
        if self._loop is not None and self._wake is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop closed between the two lines
                self._loop.call_soon_threadsafe(self._wake.set)

    def status(self) -> EngineStatus:
        with self._lock:
            active = [is_workflow(id) for id in self._active]
            queued = sum(id not in self._active for id in self._wanted)
            return EngineStatus(self._state, self._detail, self._api_url, active.count(False), queued, active.count(True))

    @property
    def _api_url(self) -> str | None:
        return self._house.settings.prefect_api_url or (self._api.url if self._api else None)

    async def bridge(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request with Prefect's own API and UI. Raises `Unavailable` until they run, and starts them."""
        api = self._api
        if api is None or self._state != "ready":
            self.start()
            raise Unavailable(f"Prefect is {self._state}; it starts now: try again in a moment")
        await self._proxy.serve(api.origin, scope, receive, send)

    def _run(self) -> None:
        """The thread: from the first work to rest, a stop or a failure."""
        while True:
            failure = self._live()
            if failure is not None:
                return self._fail(failure)
            self._change("stopped", "" if self._stopping else "at rest; it starts with the next work")
            if self._may_end():
                return None

    def _fail(self, failure: BaseException) -> None:
        self._change("failed", f"{type(failure).__name__}: {failure}"[:300])
        with self._lock:
            self._thread = None

    def _may_end(self) -> bool:
        """Let go of the thread, unless work came meanwhile."""
        with self._lock:
            if self._stopping or not self._wanted:
                self._thread = None
            return self._thread is None

    def _live(self) -> BaseException | None:
        """Start Prefect, run what comes, and end Prefect again; what went wrong, if anything did."""
        try:
            self._change("starting", "starting Prefect")
            self._serve_api()
            if not self._stopping:
                with configured(self._house.prefect_home, self._api_url, self._public_url), unheard(self._api_url):
                    asyncio.run(self._main())
        except BaseExceptionGroup as group:
            logger.exception("the engine failed")
            return group.exceptions[0]
        except Exception as error:
            logger.exception("the engine failed")
            return error
        finally:
            if self._api is not None:
                self._api.stop(10 if self._state == "ready" else 1)  # one that still starts hears nothing
                self._api = None
        return None

    def _serve_api(self) -> None:
        if self._house.settings.prefect_api_url is None:
            self._api = PrefectApi(self._house.prefect_home, self._public_url)
            self._api.spawn()
        import_prefect(self._house.prefect_home)  # while its server starts
        import_module("cao_flows.entries")
        if self._api is not None:
            self._api.wait_ready(START_SECONDS, lambda: self._stopping)

    async def _main(self) -> None:
        from prefect import get_client

        from . import results

        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        self._wake.set()
        async with get_client() as client:
            await self._prepare(client)
            self._change("ready", "")
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(self._renew()), group.create_task(self._keep_api())]
                while await self._woken():
                    self._dispatch(client, group)
                for task in beside:
                    task.cancel()
                await self._wind_down()
            await send_events(5.0)
            results.detach(str(self._house.settings.home))

    async def _woken(self) -> bool:
        """Wait for work; False when the engine is to stop, or had none for so long that it rests."""
        assert self._wake is not None  # noqa: S101 - set before
        try:
            async with asyncio.timeout(self._setbacks.next_end(self._house.settings.engine_rest_seconds)):
                await self._wake.wait()
        except TimeoutError:
            return bool(self._active or self._wanted) and not self._stopping
        self._wake.clear()
        return not self._stopping

    async def _keep_api(self) -> None:
        """Start Prefect's API again when it ends by itself; whoever talks to it waits meanwhile."""
        api = self._api
        if api is None:
            return
        for _ in range(LOSSES):
            await api.ended()
            logger.warning("Prefect's API ended by itself and is started again: %s", api.last_words())
            self._change("starting", "Prefect's API ended by itself; starting it again")
            await asyncio.to_thread(api.spawn)
            await asyncio.to_thread(api.wait_ready, START_SECONDS, lambda: self._stopping)
            self._change("ready", "")
        await api.ended()
        raise Unavailable(f"Prefect's API ended by itself {LOSSES + 1} times: {api.last_words()}")

    async def _prepare(self, client: PrefectClient) -> None:
        from . import prefect_events, results
        from .activation import activation
        from .reconcile import reconcile
        from .turn import task_for
        from .workflow import workflow

        home = str(self._house.settings.home)
        prefect_events.apply()
        results.attach(home, self._house.store)
        await results.save_block(home)
        task_for.cache_clear()
        await client.create_flow(activation)
        await client.create_flow(workflow)
        for provider, limit in self._house.settings.provider_limits.items():
            await client.upsert_global_concurrency_limit_by_name(f"cao-{provider}", limit)
        await reconcile(client, self._house.store.read(), self._held_elsewhere())

    def _held_elsewhere(self) -> list[str]:
        store, owner = self._house.store, self._house.owner
        others = entries.open_flow_runs(store.read(), owner.name, owner.is_alive, store.clock.now())
        dead = set(activations.orphans(store.read(), owner.name, owner.is_alive, store.clock.now()))
        return others + [
            flow_run_id
            for session_id, flow_run_id in activations.open_flow_runs(store.read())
            if session_id not in dead and activations.owner_of(store.read(), session_id) != owner.name
        ]

    def _dispatch(self, client: PrefectClient, group: asyncio.TaskGroup) -> None:
        with self._lock:
            chosen = [id for kind in (False, True) for id in self._waiting(kind)[: self._room(kind)]]
            for id in chosen:
                del self._wanted[id]
                self._active[id] = None
        for id in chosen:
            group.create_task(self._activate(client, id))

    def _waiting(self, workflows: bool) -> list[str]:
        """Sessions, or workflows, that could begin now and have no place."""
        wanted = [id for id in self._wanted if id not in self._active and is_workflow(id) is workflows]
        return [id for id in wanted if not self._setbacks.rests(id)]

    def _room(self, workflows: bool) -> int:
        """Free places. Workflows have their own, so that they cannot starve the sessions that they wait for."""
        settings = self._house.settings
        most = settings.max_workflows if workflows else settings.max_activations
        return max(most - sum(is_workflow(id) is workflows for id in self._active), 0)

    def _hurry(self) -> bool:
        """Whether sessions wait for a place that a lingering one takes."""
        return not self._room(False) and bool(self._waiting(False))

    async def _activate(self, client: PrefectClient, id: str) -> None:
        from .entries import enter_session, enter_workflow

        def hold(runner: Runner) -> None:
            self._active[id] = runner
            if self._stopping:  # it came in as the others were told to leave
                runner.stopping.set()

        try:
            if is_workflow(id):
                await enter_workflow(self._house, client, id, self.submit, hold)
            elif turns.claimable(self._house.store.read(), id):
                await enter_session(self._house, client, id, self._hurry, hold)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("work on %s failed; it is tried again in %g s", id, self._setbacks.add(id))
            with self._lock:
                self._wanted[id] = None
        else:
            self._setbacks.forget(id)
        finally:
            with self._lock:
                self._active.pop(id, None)
            assert self._wake is not None  # noqa: S101 - set before the first work
            self._wake.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._house.store.write(lambda tx: leases.renew_all(tx, self._house.owner.name))
            except CaoError:
                logger.warning("leases could not be renewed", exc_info=True)

    async def _wind_down(self) -> None:
        runners = [runner for runner in self._active.values() if runner is not None]
        for runner in runners:
            runner.stopping.set()
            self._house.store.hub.publish([runner.topic])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._all_left()
        with cut_quietly():
            for runner in runners:
                runner.cut()
            for provider in self._house.providers.values():
                await provider.close()
            await self._all_left()

    async def _all_left(self) -> None:
        assert self._wake is not None  # noqa: S101 - set before the first activation
        while self._active:
            await self._wake.wait()
            self._wake.clear()

    def leave(self, grace: float = 0.0) -> None:
        """Tell it to stop, and wait for nothing."""
        with self._lock:
            self._stopping, self._grace = True, grace
        self._nudge()

    async def stop(self, grace: float) -> None:
        thread = self._thread
        self.leave(grace)
        await self._proxy.close()
        if thread is not None and self._loop is not None:  # a cold start has nothing to finish, and cannot be cut short
            await asyncio.to_thread(thread.join, grace + 20)

    def _change(self, state: State, detail: str) -> None:
        with self._lock:
            before = (self._state, self._detail)
            self._state, self._detail = state, detail
        if before != (state, detail):
            with contextlib.suppress(CaoError):  # the store may be closed by now; the state is known here all the same
                self._house.store.submit(lambda tx: tx.emit(EngineChanged(state=state, detail=detail)))
