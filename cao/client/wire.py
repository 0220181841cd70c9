"""Operations over HTTP with the standard library alone: for programs that have to start in a moment.

Everything is JSON-ready here: fields in, answers out. `cao.client.remote` is the typed client.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from cao.client import catalog
from cao.client.catalog import Entry, target
from cao.discovery import default_home, local_token, read_server

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"""How long an operation that does not wait may take to answer."""
STREAM_SILENCE_SECONDS = 90.0
"""A stream that says nothing for so long, not even that it lives, counts as cut."""
RETURN_SECONDS = 30.0
"""How long a cut stream is tried again before it is given up."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_ITEM_LIMIT = 64 << 20

Report = Callable[[float, float | None, str], None]
"""Hears of progress: done, in all (if known), and a sentence."""


class WireError(Exception):
    """An error as it came over the wire, or one of the client's own, in the shape of `CaoError.body`."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})

    @property
    def exit_status(self) -> int:
        """What a program that fails with this exits with."""
        return int(catalog.content()["errors"].get(self.code, 1))

    def body(self) -> dict[str, Any]:
        """As in the command line's envelope."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "exit_code": self.exit_status}
        return {**body, "details": self.details} if self.details else body


class Event(NamedTuple):
    """One server-sent event."""

    id: str
    kind: str
    data: str


class Address(NamedTuple):
    """Where a server answers, and the credential it asks for."""

    url: str
    token: str | None


def home_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory: `CAO_HOME`, else the platform's."""
    return Path(environment.get("CAO_HOME") or default_home()).expanduser().absolute()


def discover(home: Path) -> Address | None:
    """The running server of a data directory, if there is one."""
    record = read_server(home)
    return Address(record.url, local_token(home)) if record else None


def address(url: str, token: str | None, home: Path) -> Address:
    """A server by its URL. The local credential is only ever shown to an address of this computer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WireError("invalid_input", f"{url!r} is not the URL of a server; it looks like http://127.0.0.1:9889")
    if token is None and parts.hostname in LOOPBACK:
        token = local_token(home)
    return Address(url.rstrip("/"), token)


class Place:
    """How far a stream was read, over all its connections, and when to try the next one."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = dict(fields)
        self.last_id: str = ""
        self.pause = 0.0
        self._lost_at: float | None = None
        self._left = int(fields.get("limit") or 0)
        self.is_over = False

    def pass_by(self, id: str, kind: str = "message") -> None:
        """An event was seen, or the place at which the stream begins again: the server is back. After `end` nothing comes."""
        self.is_over |= kind == "end"
        if id and id != self.last_id:
            self.last_id, self.pause = id, 0.0
        self._lost_at = None

    def count(self) -> None:
        """An item was seen: with a `limit`, the next connection has to bring one less."""
        if self._left:
            self._left -= 1
            self.fields["limit"], self.is_over = self._left, self._left == 0

    def lose(self, error: Exception) -> None:
        """The connection ended. Raises `error` when the server has been away for too long."""
        if self.is_over:
            return
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
        elif now - self._lost_at > RETURN_SECONDS:
            raise error
        self.pause = min(max(self.pause * 2, 0.05), 2.0)


class Wire:
    """A server, reached with one connection for each call."""

    def __init__(self, where: Address, surface: str = "cli") -> None:
        self._where = where
        self._surface = surface

    def call(self, operation: Entry, fields: Mapping[str, Any], report: Report | None = None) -> Any:
        """Run an operation; its answer. With `report`, an operation that waits tells how far it is."""
        wants_progress = report is not None and operation.waits
        with self._asked(operation, fields, "text/event-stream" if wants_progress else "application/json") as response:
            if _media_type(response) != "text/event-stream":
                return _json(response.read())
            return _result(_events(response), report)

    def stream(self, operation: Entry, fields: Mapping[str, Any]) -> Iterator[Any]:
        """The items of a streaming operation. After a cut it goes on where it was, for `RETURN_SECONDS` at most."""
        place = Place(fields)
        while not place.is_over:
            try:
                for event in self._part(operation, place):
                    place.pass_by(event.id, event.kind)
                    if event.data:
                        place.count()
                        yield _json(event.data.encode())
                place.lose(WireError("unavailable", "the stream ended; see: cao daemon status"))
            except WireError as error:
                if error.code != "unavailable":
                    raise
                place.lose(error)
            time.sleep(place.pause)

    def _part(self, operation: Entry, place: Place) -> Iterator[Event]:
        """The stream as far as one connection carries it."""
        with self._asked(operation, place.fields, "text/event-stream", place.last_id) as response:
            for event in _events(response):
                if event.kind == "error":
                    raise problem(_json(event.data.encode()))
                yield event

    @contextmanager
    def _asked(
        self, operation: Entry, fields: Mapping[str, Any], accept: str, last_id: str = ""
    ) -> Generator[http.client.HTTPResponse, None, None]:
        """The answer to a request, if it is a success; the connection lasts as long as it is read."""
        path, body = target(operation.path, fields, has_body=operation.has_body)
        headers = self._headers(accept, last_id, has_body=body is not None)
        with closing(_connection(self._where.url)) as connection:
            try:
                connection.connect()
                connection.sock.settimeout(patience(operation, fields))
                content = None if body is None else json.dumps(body).encode()
                connection.request(operation.method, urlsplit(self._where.url).path + path, content, headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            with response:
                if response.status >= 400:
                    raise refusal(response.status, response.read(_ITEM_LIMIT))
                yield response

    def _headers(self, accept: str, last_id: str, *, has_body: bool) -> dict[str, str]:
        wanted = {
            "Accept": accept,
            "Authorization": f"Bearer {self._where.token}" if self._where.token else "",
            "Cao-Surface": self._surface,
            "Content-Type": "application/json" if has_body else "",
            "Last-Event-ID": last_id,
        }
        return {name: value for name, value in wanted.items() if value}

    def _unreachable(self, error: Exception) -> WireError:
        return WireError(
            "unavailable", f"no answer from {self._where.url} ({error or type(error).__name__}); see: cao daemon status"
        )


def patience(operation: Entry, fields: Mapping[str, Any]) -> float:
    """Seconds to wait for a sign of life: longer than the operation was asked to wait itself."""
    if operation.effect == "stream":
        return STREAM_SILENCE_SECONDS
    if not operation.waits:
        return ANSWER_SECONDS
    asked = fields.get("timeout")
    default = next((field.default for field in operation.fields if field.name == "timeout"), 0)
    return float(default if asked is None else asked) + ANSWER_SECONDS


def refusal(status: int, body: bytes) -> WireError:
    """The error in an answer that is not a success."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and "code" in found:
        return problem(cast("Any", found))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return WireError("unavailable", f"the server answered {status} without saying why")
    return WireError("unavailable", f"{status} is no answer of a cao server; is a prefix missing in the URL, such as /agents?")


def problem(body: Any) -> WireError:
    """The error in problem details (`detail`) or in a stream's error (`message`)."""
    found = cast("Mapping[str, Any]", body)
    message = found.get("detail") or found.get("message") or found.get("title") or "unknown error"
    return WireError(str(found.get("code", "internal")), str(message), found.get("details"))


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)


def _media_type(response: http.client.HTTPResponse) -> str:
    return (response.getheader("Content-Type") or "").partition(";")[0].strip()


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise WireError("internal", "the server's answer is not JSON; is it a cao server?") from None


def _result(events: Iterator[Event], report: Report | None) -> Any:
    for event in events:
        data = _json(event.data.encode())
        if event.kind == "error":
            raise problem(data)
        if event.kind == "result":
            return data
        if event.kind == "progress" and report is not None:
            report(float(data.get("progress", 0)), data.get("total"), str(data.get("message", "")))
    raise WireError("unavailable", "the server went away before it answered; ask again: what it does goes on when it is back")


def _events(response: http.client.HTTPResponse) -> Iterator[Event]:
    reader = EventReader()
    try:
        while line := response.readline(_ITEM_LIMIT):
            yield from reader.read(line.decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        raise WireError("unavailable", f"the stream was cut ({error or type(error).__name__})") from error


class EventReader:
    """Reads server-sent events line by line.

    >>> reader = EventReader()
    >>> [event for line in ("id: 7", "event: run.queued", "data: {}", "") for event in reader.read(line)]
    [Event(id='7', kind='run.queued', data='{}')]
    """

    def __init__(self) -> None:
        self._last = self._told = ""
        self._kind, self._data = "message", list[str]()

    def read(self, line: str) -> Iterator[Event]:
        """The event that this line ends, if it ends one. One without data only tells an id, to come back to."""
        line = line.rstrip("\r\n")
        if not line:
            if self._data or self._last != self._told:
                yield Event(self._last, self._kind, "\n".join(self._data))
            self._told, self._kind, self._data = self._last, "message", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._last = value
