"""An activation, as a Prefect flow: drain the inboxes of a session's terminals, linger a while, leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from prefect import flow
from prefect.exceptions import PrefectException

from cao.agents import Profile, ProviderError
from cao.protocol import CaoError
from cao.protocol.records import Failure, Terminal
from cao.store import Lease, LeaseLost, Transaction, activations, terminals, turns
from cao.store.activations import Activation
from cao.store.hub import work_topic
from cao.store.ids import new_id

from . import patience
from .house import House
from .turn import PLAYER, describe, task_for

logger = logging.getLogger(__name__)


class SessionRunner:
    """Runs one session's turns, one at a time for each terminal, many at a time for the session."""

    def __init__(self, house: House, activation: Activation, hurry: Callable[[], bool]) -> None:
        """hurry: whether others wait for this place, so that lingering has to end."""
        self.house = house
        self.activation = activation
        self.lease: Lease = activation.lease
        self.flow_run_id: str | None = activation.flow_run_id
        self.stops: dict[str, asyncio.Event] = {}
        self.terminals: dict[str, Terminal] = {}
        self.stopping = asyncio.Event()
        self._hurry = hurry
        self._playing: dict[str, asyncio.Task[None]] = {}
        self._profiles: dict[str, Profile] = {}

    @property
    def session_id(self) -> str:
        return self.activation.session_id

    @property
    def topic(self) -> str:
        """Commits on it give the runner something to do."""
        return work_topic(self.session_id)

    async def drain(self) -> None:
        """Play what comes in until nothing has come for a while."""
        quiet_since = time.monotonic()
        with self.house.store.hub.subscribe(self.topic) as commits:
            async with asyncio.TaskGroup() as group:
                while not self.stopping.is_set():
                    self._begin(group)
                    self._pass_on_interrupts()
                    if self._playing:
                        quiet_since = time.monotonic()
                    left = quiet_since + self.house.settings.linger_seconds - time.monotonic()
                    if not self._playing and (left <= 0 or self._hurry()) and await self._leave():
                        return
                    await commits.wait(30 if self._playing else min(max(left, 0), 0.5))

    def _begin(self, group: asyncio.TaskGroup) -> None:
        for ready in turns.ready(self.house.store.read(), self.session_id):
            if len(self._playing) >= self.house.settings.max_turns:
                return
            if ready.terminal.id not in self._playing:
                self.terminals[ready.terminal.id] = ready.terminal
                self._playing[ready.terminal.id] = group.create_task(self._play(ready.turn_id, ready.terminal))

    async def _play(self, begun: str | None, terminal: Terminal) -> None:
        """Play a new turn, or one that was begun before."""
        turn_id = begun or new_id("trn", self.house.store.clock.now())
        self.stops[turn_id] = asyncio.Event()  # before the turn begins: an interruption may follow at once
        try:
            await self._run_task(turn_id, terminal, begun=begun is not None)
        finally:
            del self._playing[terminal.id], self.terminals[terminal.id], self.stops[turn_id]
            self.house.store.hub.publish([self.topic])

    def profile_of(self, terminal: Terminal) -> Profile:
        """The terminal's profile as it was when this activation first needed it."""
        if terminal.id not in self._profiles:
            self._profiles[terminal.id] = self.house.profile_of(terminal)
        return self._profiles[terminal.id]

    async def _run_task(self, turn_id: str, terminal: Terminal, *, begun: bool) -> None:
        try:
            profile = self.profile_of(terminal)
            seconds = min(profile.timeout or self.house.settings.turn_seconds, self.house.settings.turn_seconds)
            task = task_for(str(self.house.settings.home), begun, profile.retries, seconds)
            await task(**describe(terminal, turn_id))
        except asyncio.CancelledError:
            raise
        except LeaseLost:
            logger.warning("turn %s was taken over", turn_id)
        except Exception as error:  # noqa: BLE001 - a provider may raise anything; it becomes the turn's failure
            await self._fail(turn_id, terminal, error)

    async def _fail(self, turn_id: str, terminal: Terminal, error: Exception) -> None:
        failure = explain(error)
        if failure.code == "internal":
            logger.error("turn %s failed", turn_id, exc_info=error)

        def settle(tx: Transaction) -> None:
            if not turns.exists(tx, turn_id):  # it failed before the agent began
                turns.start(
                    tx, turn_id, terminal.id, self.lease, recovery="fail", flow_run_id=self.flow_run_id, task_run_id=None
                )
            if turns.exists(tx, turn_id):
                turns.settle(tx, turn_id, self.lease, "failed", failure=failure)

        await patience.write(self.house.store, settle)

    def _pass_on_interrupts(self) -> None:
        if not self.stops:
            return
        for turn_id in turns.interrupted(self.house.store.read(), self.session_id):
            if turn_id in self.stops:
                self.stops[turn_id].set()

    async def _leave(self) -> bool:
        left = await patience.write(self.house.store, lambda tx: activations.leave(tx, self.activation))
        if left:
            await self.rest()
        return left

    async def rest(self) -> None:
        """End what the providers keep warm for this session's terminals."""
        async with asyncio.TaskGroup() as group:
            for terminal in terminals.of_session(self.house.store.read(), self.session_id):
                if terminal.provider in self.house.providers:
                    group.create_task(self.house.providers[terminal.provider].rest(terminal.id))

    def cut(self) -> None:
        """Stop every turn at once; each follows its recovery policy when the session is next recovered."""
        for task in self._playing.values():
            task.cancel()


def explain(error: Exception) -> Failure:
    """An exception as a turn's failure, in words for its caller."""
    if isinstance(error, ProviderError):
        return error.failure
    if isinstance(error, TimeoutError):
        return Failure(code="timeout", message="the turn took longer than its time-out")
    if isinstance(error, CaoError):
        return Failure(code=error.code, message=error.message)
    kind = "engine" if isinstance(error, PrefectException) else "internal"
    return Failure(code=kind, message=f"{type(error).__name__}: {error}"[:500])


@flow(name="activation", flow_run_name="{name}", validate_parameters=False)
async def activation(session_id: str, name: str) -> None:
    """Drain a session's inboxes."""
    runner = PLAYER.get()
    assert isinstance(runner, SessionRunner)  # noqa: S101 - set by the engine before it enters the flow
    await runner.drain()
