"""What a bearer shows: 256 bits of chance under a prefix that names their kind, and a checksum that tells a typing error.

Only the SHA-256 of the whole is kept. A secret of this size needs no salt and no slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from typing import Literal, cast

Bearer = Literal["pat", "web", "code"]
"""A personal access token, a signed-in browser, a link's code."""

_ALPHABET = string.digits + string.ascii_letters
_SHAPE = re.compile(r"cao_(pat|web|code)_[0-9A-Za-z]{49}")
_CHANCE, _CHECK = 43, 6
"""Digits of base 62 that 256 and 32 bits take."""


def mint(bearer: Bearer) -> str:
    """A new secret such as `cao_pat_…`."""
    text = f"cao_{bearer}_" + _base62(secrets.randbits(256), _CHANCE)
    return text + _checksum(text)


def kind_of(shown: str) -> Bearer | None:
    """What kind of secret this is; None for what was never one of ours.

    >>> kind_of("cao_pat_" + 49 * "0") is None
    True
    """
    found = _SHAPE.fullmatch(shown)
    if found is None or _checksum(shown[:-_CHECK]) != shown[-_CHECK:]:
        return None
    return cast("Bearer", found[1])


def digest(shown: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(shown.encode()).hexdigest()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits = _ALPHABET[rest] + digits
    return digits
