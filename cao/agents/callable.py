"""Agents that are Python functions of the application that embeds us."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

from cao.protocol.records import RecoveryPolicy

from .profile import Profile
from .provider import Missing, Prompt, ProviderError, Seat, TurnResult, Watch

Function = Callable[..., Awaitable[str | TurnResult]]
"""An async function that takes `prompt`, and if it wants them `seat` and `watch`, and returns the answer."""


class CallableProvider:
    """Runs registered functions on the application's own event loop."""

    name: str = "callable"
    summary: str = "runs an async Python function that the embedding application registered"
    recovery: RecoveryPolicy = "ask"

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that the functions run on."""
        self._loop = loop

    def register(self, name: str, function: Function) -> None:
        """Make `function` the agent called `name`. Raises `TypeError` unless it is async."""
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{name}: register an async function")
        self._functions[name] = function

    def missing(self, profile: Profile | None) -> list[Missing]:
        if profile is None:
            nothing = Missing("no function is registered", "call control.register(name, function) in your application")
            return [] if self._functions else [nothing]
        name = _name(profile)
        if name in self._functions:
            return []
        return [
            Missing(f"no function {name!r} is registered", f"call control.register({name!r}, function) in your application")
        ]

    async def turn(self, seat: Seat, prompt: Prompt, watch: Watch) -> TurnResult:
        function = self._functions.get(_name(seat.profile))
        if function is None or self._loop is None:
            raise ProviderError("missing", self.missing(seat.profile)[0].what)
        offered = {"prompt": prompt, "seat": seat, "watch": watch}
        wanted = inspect.signature(function).parameters
        arguments = {name: value for name, value in offered.items() if name in wanted}
        answer = await self._on_its_loop(function, arguments)
        result = answer if isinstance(answer, TurnResult) else TurnResult(text=str(answer))
        await watch.entry("text", result.text)
        return result

    async def _on_its_loop(self, function: Function, arguments: dict[str, Any]) -> str | TurnResult:
        if self._loop is asyncio.get_running_loop():
            return await function(**arguments)
        coroutine = cast("Any", function(**arguments))
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, cast("Any", self._loop)))

    async def rest(self, terminal_id: str) -> None:
        """Nothing is warm."""

    async def close(self) -> None:
        """Nothing is warm."""


def _name(profile: Profile) -> str:
    return profile.agent or profile.name
