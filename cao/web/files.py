"""The page's files, read once: their bytes, their media type, and the policy under which a browser runs them.

All but the document stand under a path that names their digest, so a browser keeps them for good, and a page never mixes the
modules of two versions.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

MEDIA: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
DOCUMENT = "index.html"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Only our own files run, they talk to this server alone, and text never becomes markup: the page has no way to make any."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page."""

    body: bytes
    media: str
    etag: str
    """Its digest, in quotes, as the header wants it."""
    lasting: bool
    """It never changes under its address."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What is sent with it, besides its type and length."""
        cache = b"public, max-age=31536000, immutable" if self.lasting else b"no-cache"
        return [(b"cache-control", cache), (b"etag", self.etag.encode()), (b"content-security-policy", POLICY.encode())]


@functools.lru_cache(maxsize=8)
def document(prefix: str = "") -> File:
    """The one HTML document; every screen is a fragment of its address. prefix: the path under which this server stands.

    It names its files by their addresses, and all modules beforehand, so that a browser asks for them all at once.
    """
    place = f"{prefix}/page/{build_digest()}"
    modules = [name for name in _sources() if name.endswith(".js") and name != "theme.js"]
    preloads = "\n".join(f'<link rel="modulepreload" href="{place}/{name}">' for name in modules)
    filled = _sources()[DOCUMENT].replace(b"{preloads}", preloads.encode()).replace(b"{place}", place.encode())
    return _file(DOCUMENT, filled, lasting=False)


def find(build: str, name: str) -> File | None:
    """A file by the digest of all and its own name; None for any other."""
    return _bundle().get(name) if build == build_digest() else None


@functools.cache
def build_digest() -> str:
    """What the version of the page is called in its addresses."""
    whole = hashlib.sha256()
    for name, body in _sources().items():
        whole.update(f"{name} {len(body)}\n".encode() + body)
    return whole.hexdigest()[:16]


@functools.cache
def _bundle() -> Mapping[str, File]:
    return {name: _file(name, body, lasting=True) for name, body in _sources().items() if name != DOCUMENT}


@functools.cache
def _sources() -> Mapping[str, bytes]:
    found = sorted((files("cao.web") / "static").iterdir(), key=lambda file: file.name)
    return {file.name: file.read_bytes() for file in found if _suffix(file.name) in MEDIA}


def _file(name: str, body: bytes, *, lasting: bool) -> File:
    return File(body, MEDIA[_suffix(name)], f'"{hashlib.sha256(body).hexdigest()[:32]}"', lasting)


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]
