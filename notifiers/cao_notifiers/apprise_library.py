"""Apprise, set up as we use it. Importing this module loads it, which takes some tenths of a second.

It reports why something failed only to its log, so that is where the reason is read: of the thread that sends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from .records import Kind
from .text import escape_markdown, unmention

_MARKDOWN_READERS = frozenset(("discord", "mmost", "mmosts", "rocket", "rockets", "zulip", "guilded", "revolt"))
"""Services that read text as Markdown although Apprise sends it as it is."""
_MACHINES = frozenset(("json", "jsons", "xml", "xmls", "form", "forms"))
"""Services that hand text on to a program: it gets exactly what was said."""
_TYPES: dict[Kind, NotifyType] = {"needs-you": NotifyType.WARNING, "done": NotifyType.SUCCESS, "info": NotifyType.INFO}

_asset = AppriseAsset(
    app_id="cao",
    app_desc="cao",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    async_mode=False,
    http_redirects=False,
    storage_mode="memory",
)


class _Ear(logging.Filter):
    """Keeps the warnings of the threads that listen, and keeps all that they say out of every log: it may hold secrets."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        heard: list[str] | None = getattr(self._local, "heard", None)
        if heard is None:
            return True
        if record.levelno >= logging.WARNING and len(heard) < 20:
            heard.append(record.getMessage())
        return False

    @contextmanager
    def listening(self) -> Generator[list[str]]:
        self._local.heard = heard = list[str]()
        try:
            yield heard
        finally:
            self._local.heard = None


_ear = _Ear()
logging.getLogger("apprise").addFilter(_ear)


@dataclass(frozen=True, slots=True)
class Service:
    """What Apprise makes of an address."""

    scheme: str
    host: str
    """Empty where the address has something else in the host's place."""
    port: int | None
    plugin: Any = field(repr=False)


def read(url: str) -> Service | None:
    """The service behind an address; None when it is not understood."""
    with _ear.listening():
        plugin: Any = cast("Any", Apprise).instantiate(url, asset=_asset, suppress_exceptions=True)
    if plugin is None:
        return None
    names = plugin.schemas()
    given = url.partition("://")[0].lower()
    scheme = given if given in names else min(names)
    return Service(scheme, plugin.host or "" if "host" in plugin.template_tokens else "", plugin.port, plugin)


def send(service: Service, title: str, body: Sequence[str], kind: Kind, seconds: float) -> str | None:
    """Send one message, in this thread. What went wrong, or None when the service took it.

    body: pieces of text; every second one is a link and stands as it is. seconds: until the service must be reached, and
    again until it must answer.
    """
    service.plugin.socket_connect_timeout = service.plugin.socket_read_timeout = seconds
    tame = _tamer(service)
    text = "".join(piece if number % 2 else tame(piece) for number, piece in enumerate(body))
    sender: Any = Apprise(asset=_asset)
    sender.add(service.plugin)
    with _ear.listening() as heard:
        try:
            taken = sender.notify(title=tame(title), body=text, notify_type=_TYPES[kind], body_format=NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001 - a service's plugin may raise anything; it is told as the reason
            return f"{type(error).__name__} in Apprise's plugin"
    return None if taken else (heard[-1] if heard else "the service refused, and Apprise does not say why")


def _tamer(service: Service) -> Callable[[str], str]:
    """What keeps text from being read as markup by this service. For HTML, Apprise does it."""
    if service.scheme in _MACHINES:
        return str
    if service.scheme in _MARKDOWN_READERS or service.plugin.notify_format == NotifyFormat.MARKDOWN:
        return lambda text: unmention(escape_markdown(text))
    return unmention
