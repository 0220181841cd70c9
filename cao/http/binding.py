"""Which addresses a server may bind, and under which URL this computer reaches it."""

from __future__ import annotations

import ipaddress
import logging

from cao.admission import Admission
from cao.protocol import InvalidInput
from cao.settings import Settings

logger = logging.getLogger(__name__)

_OR_FORWARD = "or stay on 127.0.0.1 and forward the port: ssh -L 9889:127.0.0.1:9889 <this computer>"


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_names(settings: Settings) -> None:
    """Refuse to be reached by other computers under any name: a page could bring its own (DNS rebinding)."""
    if is_loopback(settings.host) or settings.hosts or settings.public_url:
        return
    raise InvalidInput.field(
        "host",
        f"{settings.host} is not a loopback address, and nobody said by which names other computers call it: "
        f"set CAO_HOSTS=<name>,… or CAO_PUBLIC_URL=https://<name>; {_OR_FORWARD}",
    )


def require_tokens(settings: Settings, admission: Admission) -> None:
    """Refuse to be reached by other computers while none of them could come in."""
    if is_loopback(settings.host):
        return
    if not admission.has_tokens():
        raise InvalidInput.field(
            "host",
            f"{settings.host} is not a loopback address, and there is no token for other computers: "
            f"make one: cao token create NAME --scopes SCOPE; {_OR_FORWARD}",
        )
    if not (settings.public_url or "").startswith("https://"):
        logger.warning(
            "%s is served without TLS: tokens and texts can be read on the way; put a proxy with TLS before it and say so: "
            "CAO_PUBLIC_URL=https://…",
            settings.host,
        )


def local_url(host: str, port: int) -> str:
    """The URL for programs on this computer: of a server on all addresses, the loopback one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
