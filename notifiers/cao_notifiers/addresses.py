"""Addresses: Apprise URLs. They hold passwords and tokens, so outside of the vault they are only shown masked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from cao.protocol import InvalidInput

if TYPE_CHECKING:
    from .apprise_library import Service

LIMIT = 4096
"""Characters of an address."""

HIDDEN = "***"

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]{0,30}://")
_HOST_NAME = re.compile(r"^(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$")
_LONG = 16
"""Characters from which a part of a path or a query is taken for a secret."""
_CUES = ("key", "token", "secret", "pass", "auth")


def read(url: str) -> Service:
    """The service behind an address. Raises `InvalidInput` that does not repeat the address.

    Blocks for some tenths of a second the first time, while Apprise looks for its plugins.
    """
    from . import apprise_library

    if not _SCHEME.match(url) or any(ord(one) < 32 for one in url):
        raise InvalidInput.field("address", "is not the URL of a service, such as discord://… or mailto://…")
    if any(name.lower() == "template" for name, _ in _query(url)):
        raise InvalidInput.field("address", "names a template, which is a file of this computer; use the templates of a rule")
    service = apprise_library.read(url)
    if service is None:
        scheme = url.partition("://")[0].lower()
        raise InvalidInput.field("address", f"is not understood by Apprise as {scheme}://; see its page of that service")
    return service


def mask(service: Service) -> str:
    """The address with nothing left that could be a secret: scheme, and the host where it is one.

    Apprise masks passwords and tokens, but neither headers nor topics. Many services keep a token where others have the host.
    """
    if not service.host or not _is_network_name(service.host):
        return f"{service.scheme}://{HIDDEN}"
    port = f":{service.port}" if service.port else ""
    return f"{service.scheme}://{service.host}{port}/{HIDDEN}"


def _is_network_name(host: str) -> bool:
    if host == "localhost" or _HOST_NAME.match(host):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def secrets(url: str) -> list[str]:
    """What must not be written anywhere: the address, and the parts of it that could be secrets."""
    return [url, *{part for part in _parts(url) if len(part) >= 8}]


def _parts(url: str) -> Iterator[str]:
    parsed = urlsplit(url)
    before, _, place = parsed.netloc.rpartition("@")
    for part in (*before.split(":"), *place.split(":"), *parsed.path.split("/")):
        if len(part) >= _LONG and "@" not in unquote(part) and not _is_network_name(part):
            yield from (part, unquote(part))
    if password := before.partition(":")[2]:
        yield from (password, unquote(password))
    for name, value in _query(url):
        if name[:1] in "+-:" or any(cue in name.lower() for cue in _CUES):
            yield value


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query.replace("+", "%2B"), keep_blank_values=True, max_num_fields=100)
