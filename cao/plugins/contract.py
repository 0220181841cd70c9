"""What a plugin is: a class with marked methods, named by an entry point of the group `cao.plugins`.

class Loud(Plugin):
    name = "loud"

    @hook(RunFailed)
    async def shout(self, event: Event) -> None: ...

    @before("session.launch")
    async def allow(self, operation: Operation, request: Request, caller: Caller) -> None:
        raise Veto("not on Fridays")

    @within(ApprovalRequested)
    def record(self, tx: Transaction, event: Event) -> None: ...
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from cao.client.facade import Facade
from cao.client.local import LocalTransport
from cao.duties import Duty
from cao.events import EventData
from cao.protocol import Caller, Operation
from cao.protocol.records import Event
from cao.store import Transaction

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

    from cao.control import Control

Kind = Literal["hook", "before", "within"]
Hook = TypeVar("Hook", bound=Callable[[Any, Event], Awaitable[None] | None])
Before = TypeVar("Before", bound=Callable[[Any, Operation, Any, Caller], Awaitable[None]])
Within = TypeVar("Within", bound=Callable[[Any, Transaction, Event], None])

NEVER_ASKED = ("plugin.*", "daemon.health", "daemon.status", "daemon.logs", "daemon.stop")
"""Operations that no plugin may refuse: they are how a broken plugin is found and switched off."""

_PATTERN = re.compile(r"\*|[a-z]+\.(\*|[a-z]+)")
_MARKS = "__cao_marks__"


class Veto(Exception):
    """Raise it in a `before` method to refuse the operation. Its text is the reason that the caller is shown."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a method is for."""

    kind: Kind
    target: str
    """An event type, a pattern of operations, or `*`."""
    order: int = 0

    def covers(self, operation: str) -> bool:
        """Whether this `before` is asked about the operation."""
        return matches(self.target, operation) and not any(matches(pattern, operation) for pattern in NEVER_ASKED)


def matches(pattern: str, operation: str) -> bool:
    """Whether `group.verb`, `group.*` or `*` names the operation.

    >>> matches("session.*", "session.launch")
    True
    """
    return pattern in ("*", operation) or pattern == operation.partition(".")[0] + ".*"


def hook(event: type[EventData] | Literal["*"]) -> Callable[[Hook], Hook]:
    """Call the method with each event of a class, or with all, after the commit. Async, or plain when it has to block.

    Each process that has the data directory open calls it. An event that the plugin caused itself is not told to it.
    """
    return _marker(Mark("hook", event if isinstance(event, str) else event.type))


def before(pattern: str, *, order: int = 0) -> Callable[[Before], Before]:
    """Ask the async method before each operation that `pattern` names: `group.verb`, `group.*` or `*`.

    It refuses by raising `Veto`. One that fails or takes too long refuses as well. order: small ones are asked first.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{pattern!r} is not group.verb, group.* or *")
    if any(matches(never, pattern) for never in NEVER_ASKED):
        raise ValueError(f"no plugin may refuse {pattern}: it is how a broken plugin is found and switched off")
    return _marker(Mark("before", pattern, order))


def within(event: type[EventData] | Literal["*"]) -> Callable[[Within], Within]:
    """Call the plain method in the transaction of each event of a class: what it writes is committed if the event is.

    It does no I/O, for every writer waits for it. Where it fails, the whole transaction does. With "*" it sees all events but
    those of plugins; while it is broken nobody waits for it, for then nothing could be written at all.
    """
    target = event if isinstance(event, str) else event.type
    if matches("plugin.*", target):
        raise ValueError(f"no plugin may stand in the way of {target}: it is how a broken plugin is switched off")
    return _marker(Mark("within", target))


def _marker(mark: Mark) -> Callable[[Any], Any]:
    def add(method: Any) -> Any:
        if inspect.iscoroutinefunction(method) is not (mark.kind == "before") and mark.kind != "hook":
            raise TypeError(f"{method.__qualname__}: a `before` method is async, a `within` method is not")
        setattr(method, _MARKS, (*getattr(method, _MARKS, ()), mark))
        return method

    return add


class Plugin:
    """Derive from it, and name the class in your package's `pyproject.toml`:

    [project.entry-points."cao.plugins"]
    loud = "loud_package:Loud"
    """

    name: ClassVar[str] = ""
    """The name of the entry point, of its section in `config.toml` and in `cao plugin info`."""
    migrations: ClassVar[Migrations | None] = None
    """The tables that it keeps in the store. Their names begin with the plugin's."""

    def __init__(self, control: Control) -> None:
        """Made on the control's event loop, once for each control. Work that takes time belongs in `set_up`."""
        self.control = control
        self.options: Mapping[str, Any] = control.settings.plugins.get(self.name, {})
        """What stands in `[plugins.<name>]` of `config.toml`."""
        self.operations = Facade(LocalTransport(control, Caller(actor=actor(self.name))))
        """Every operation, in the name of the plugin: its doings are told from the owner's in events and the audit trail."""

    async def set_up(self) -> None:
        """Called before the control does anything else. An exception is shown as the plugin's failure."""

    async def tear_down(self) -> None:
        """Called when the control closes or the plugin is disabled, after its last hook, if `set_up` went well."""

    def duties(self) -> Sequence[Duty]:
        """What falls due by itself; see `cao.duties`. Only controls that work perform it."""
        return ()

    @classmethod
    def marked(cls) -> list[tuple[str, Mark]]:
        """The names of the marked methods, each with its mark, in the order of their definition."""
        names = dict.fromkeys(name for one in reversed(cls.__mro__) for name in vars(one))
        return [(name, mark) for name in names for mark in getattr(getattr(cls, name, None), _MARKS, ())]


def actor(plugin: str) -> str:
    """Who a plugin is in events and the audit trail."""
    return f"plugin:{plugin}"
