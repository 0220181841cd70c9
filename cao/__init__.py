"""An embeddable control plane for AI-agent sessions.

    import cao

    async with cao.open() as control:                      # in this process
        session = await control.session.launch(profile="developer", prompt="Fix the failing test.")
        result = await control.run.result(session.run_id, timeout=600)

    async with cao.connect() as control:                   # the server that runs here
        print(await control.session.list())

Importing it starts nothing and loads nothing: what a name needs is loaded when the name is used.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cao.version import VERSION as __version__

if TYPE_CHECKING:
    from cao.client.facade import Facade
    from cao.client.remote import Remote
    from cao.control import Control
    from cao.http.embedded import Authenticate, Embedded
    from cao.protocol.caller import Caller
    from cao.protocol.errors import (
        CaoError,
        Conflict,
        Denied,
        Internal,
        InvalidInput,
        NotFound,
        Unauthenticated,
        Unavailable,
    )

__all__ = [
    "Caller",
    "CaoError",
    "Conflict",
    "Control",
    "Denied",
    "Facade",
    "Internal",
    "InvalidInput",
    "NotFound",
    "Remote",
    "Unauthenticated",
    "Unavailable",
    "__version__",
    "asgi",
    "connect",
    "open",
]

_HOMES = {
    "Caller": "cao.protocol.caller",
    "Control": "cao.control",
    "Facade": "cao.client.facade",
    "Remote": "cao.client.remote",
}


def open(home: str | os.PathLike[str] | None = None, *, work: bool = True, **settings: Any) -> Control:
    """Open a data directory in this process, as an async context manager with an attribute for each group of operations.

    home: the directory; else `CAO_HOME`, else the platform's. work: run sessions here; otherwise work is recorded and waits for
    a server or a tick. settings: any of `cao.settings.Settings`. Raises `InvalidInput` for settings that do not fit, and
    when it is entered `Unavailable` for a directory that cannot be used.
    """
    from cao.control import Control
    from cao.settings import load

    return Control(load(Path(home) if home is not None else None, **settings), work=work)


def connect(
    url: str | None = None, token: str | None = None, *, home: str | os.PathLike[str] | None = None, timeout: float = 60.0
) -> Remote:
    """The same interface over HTTP, as an async context manager.

    url, token: the server; without them the one that runs on the data directory `home`. timeout: seconds to wait for an answer,
    beyond what an operation is asked to wait itself. Raises `Unavailable` that says what to start when no server runs.
    """
    from cao.client.remote import connect as connect_to

    return connect_to(url, token, home=Path(home) if home is not None else None, timeout=timeout)


def asgi(control: Control, *, authenticate: Authenticate, prefix: str = "") -> Embedded:
    """The HTTP surface of a control as an ASGI application, to be mounted in another one, which enters the control itself.

        application.mount("/agents", cao.asgi(control, authenticate=who))

    authenticate: an async function from the request's ASGI scope to the `Caller` who sends it, or None to refuse. prefix: where
    the application mounts it, which only frameworks that cut the path have to be told of, such as Litestar. Raises
    `InvalidInput` for a prefix that is none.
    """
    from cao.http.embedded import Embedded

    return Embedded(control, authenticate=authenticate, prefix=prefix)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "cao.protocol.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
