"""Fetching a profile that somebody published: HTTPS only, from a public address, of bounded size, under a deadline.

A URL that a caller gives may be meant to make this computer ask its own network. So the name is resolved once, every address
must be public, and the connection goes to exactly the address that was checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from cao.protocol import InvalidInput, Unavailable

REDIRECTS = 3
"""Redirects that are followed at most; each must stay on the host."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Place:
    """A checked URL: whom to ask, and for what."""

    host: str
    port: int
    path: str


async def download(url: str, *, limit: int, seconds: float, trusted: Collection[str] = ()) -> bytes:
    """The bytes at `url`. Raises `InvalidInput` for a URL that may not be asked, `Unavailable` when it does not answer well.

    limit: bytes at most. seconds: for all of it. trusted: hosts that may have a private address.
    """
    import httpx

    try:
        async with asyncio.timeout(seconds):
            context = await asyncio.to_thread(httpx.create_ssl_context)
            async with httpx.AsyncClient(verify=context, trust_env=False, timeout=seconds) as client:
                return await _follow(client, url, limit, trusted)
    except TimeoutError:
        raise Unavailable(f"the host did not answer within {seconds:g} s; try again later") from None
    except httpx.HTTPError as error:
        raise Unavailable(f"the host could not be asked: {type(error).__name__}: {str(error)[:200]}") from None


async def _follow(client: Any, url: str, limit: int, trusted: Collection[str]) -> bytes:
    first = place(url)
    for _ in range(REDIRECTS + 1):
        here = place(url)
        if here.host != first.host:
            raise InvalidInput.field("source", "leads to another host")
        address = await _address(here, trusted)
        answer = await _ask(client, here, address, limit)
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise InvalidInput.field("source", f"leads through more than {REDIRECTS} redirects")


async def _ask(client: Any, here: Place, address: str, limit: int) -> bytes | str:
    """The content, or where the host says that it is."""
    literal = f"[{address}]" if ":" in address else address
    host = here.host if here.port == 443 else f"{here.host}:{here.port}"
    async with client.stream(
        "GET",
        f"https://{literal}:{here.port}{here.path}",
        headers={"Host": host, "Accept": "text/markdown, text/plain;q=0.9, */*;q=0.1", "Accept-Encoding": "identity"},
        extensions={"sni_hostname": here.host},
    ) as response:
        if response.is_redirect:
            return str(response.headers["location"])
        if response.status_code != 200:
            raise Unavailable(f"{here.host} answered {response.status_code}")
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > limit:
                raise InvalidInput.field("source", f"is larger than {limit} bytes", "too_long")
        return bytes(content)


def place(url: str) -> Place:
    """Take a URL apart. Raises `InvalidInput` unless it is plain HTTPS without credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise InvalidInput.field("source", "is not a URL") from None
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput.field("source", "must be an https URL")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput.field("source", "must not hold credentials")
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise InvalidInput.field("source", "holds characters that a URL has to escape")
    return Place(parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


async def _address(here: Place, trusted: Collection[str]) -> str:
    """The address to connect to: the first of the host's, all of which must be public unless the host is trusted."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(here.host, here.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(f"no address is known for {here.host}") from None
    addresses = [str(entry[4][0]) for entry in found]
    if here.host not in trusted and not all(is_public(address) for address in addresses):
        raise InvalidInput.field(
            "source", f"{here.host} is at a private address; if you mean it, add the host to the setting profile_hosts"
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address lies in the public internet, an IPv4 address inside an IPv6 one included.

    >>> [is_public(one) for one in ("1.1.1.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "169.254.169.254")]
    [True, False, False, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        ip = inside or ip
    return ip.is_global and not ip.is_multicast
