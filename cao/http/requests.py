"""From an HTTP request to an operation's request: path, query and body, each read as strictly as its schema says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn, cast, get_origin
from urllib.parse import parse_qsl

from litestar.types import HTTPScope, Receive, WebSocketScope

from cao.protocol import Conflict, InvalidInput, Operation, Request, WriteRequest

from .replies import TooLarge, TooSlow, UnsupportedMedia

BODY_LIMIT = 3 << 19
"""The largest body in bytes, 1.5 MiB: a message of 1 MiB, and room for its escapes."""
BODY_SECONDS = 30.0
"""The longest that a body may take to arrive."""
_DISCARD_LIMIT = 16 << 20
_QUERY_FIELDS = 100


PREFIX = "cao.prefix"
"""The key in a scope for the path under which another application has put us."""


class ClientLeft(Exception):
    """The client closed its connection; there is nobody to answer."""


def place(scope: HTTPScope | WebSocketScope) -> str:
    """The path that was asked, as the client knows it."""
    return (prefix(scope) or "") + scope["path"]


def prefix(scope: HTTPScope | WebSocketScope) -> str | None:
    """The path under which another application has put us, without a slash at the end; None on our own server."""
    return cast("dict[str, str]", scope).get(PREFIX)


def header(scope: HTTPScope, name: bytes) -> str | None:
    """The first header of that name (in small letters), if there is one."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


class RequestReader:
    """Reads requests for one operation. What can be known beforehand is worked out once."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._path_fields = frozenset(operation.path_fields)
        self._lists = frozenset(
            name for name, field in operation.request.model_fields.items() if get_origin(field.annotation) is list
        )
        self._takes_key = issubclass(operation.request, WriteRequest)
        self._takes_cursor = operation.effect == "stream"

    async def read(self, scope: HTTPScope, receive: Receive) -> Request:
        """The request. Raises `InvalidInput` and its kin, or `ClientLeft`."""
        query = self._query(scope["query_string"]) if scope["query_string"] else {}
        headers = self._headers(scope)
        if not self._operation.has_body:
            _refuse_difference(query, headers)
            return self._operation.parse({**query, **headers, **scope["path_params"]})
        body = await read_body(scope, receive)
        require_json(scope, body)
        fixed = {**headers, **scope["path_params"]}
        return self._operation.parse_json(self._merge(body, fixed) if fixed else body or b"{}")

    def _query(self, text: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in _pairs(text):
            if self._operation.has_body or name in self._path_fields:
                raise InvalidInput.field(name, "is not a query parameter here", "extra_forbidden")
            if name in self._lists:
                found.setdefault(name, []).append(value)
            elif name in found:
                raise InvalidInput.field(name, "is given more than once", "repeated")
            else:
                found[name] = value
        return found

    def _headers(self, scope: HTTPScope) -> dict[str, str]:
        if self._takes_key and (key := header(scope, b"idempotency-key")) is not None:
            return {"idempotency_key": key}
        if self._takes_cursor and (seen := header(scope, b"last-event-id")):
            return {"after": seen}
        return {}

    def _merge(self, body: bytes, fixed: Mapping[str, str]) -> str:
        """The body with the fields that came by path and header. Those of the path may not be in it too."""
        given = _object(body)
        for name in self._path_fields & given.keys():
            raise InvalidInput.field(name, "comes from the path", "extra_forbidden")
        _refuse_difference(given, fixed)
        return json.dumps({**given, **fixed})


def _refuse_difference(given: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    key = headers.get("idempotency_key")
    if key is not None and given.get("idempotency_key", key) != key:
        raise Conflict("the Idempotency-Key header and the field idempotency_key differ; give one of them")


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS)
    except ValueError:
        raise InvalidInput("the query string is not UTF-8 in percent-encoding, or has too many fields") from None


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value: Any = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    if not isinstance(value, dict):
        raise InvalidInput.field("", "the body must be a JSON object", "dict_type")
    return cast("dict[str, Any]", value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json(error: Exception) -> InvalidInput:
    reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return InvalidInput.field("", f"the body is not JSON: {reason}", "json_invalid")


def require_json(scope: HTTPScope, body: bytes) -> None:
    """Refuse a body of another kind: forms, above all, which any site's page may send."""
    media = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if (body or media) and media != "application/json":
        raise UnsupportedMedia("send JSON: Content-Type: application/json")


async def read_body(scope: HTTPScope, receive: Receive) -> bytes:
    """The whole body, however it is chunked. What is too large is read to its end, so that the client sees the refusal."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _collect(scope, receive)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {BODY_SECONDS:g} s") from None


async def _collect(scope: HTTPScope, receive: Receive) -> bytes:
    declared = header(scope, b"content-length") or "0"
    if declared.isdigit() and int(declared) > _DISCARD_LIMIT:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    async for part in _parts(receive):
        size += len(part)
        if size > _DISCARD_LIMIT:
            raise _too_large()
        if size <= BODY_LIMIT:
            parts.append(part)
    if size > BODY_LIMIT:
        raise _too_large()
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeft
        yield message.get("body", b"")  # both have defaults, which some servers leave out
        if not message.get("more_body", False):
            return


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {BODY_LIMIT} bytes", limit=BODY_LIMIT)
