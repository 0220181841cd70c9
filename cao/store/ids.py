"""Identifiers: a prefix that names the kind, then time and chance in Crockford's base 32, so that they sort by age."""

from __future__ import annotations

import secrets
from typing import Literal

Kind = Literal[
    "prj", "ses", "ter", "msg", "run", "trn", "apr", "act", "sch", "fir", "tok", "ntf", "rul", "dlv", "tsk", "req", "itm", "wkt"
]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(kind: Kind, now: float) -> str:
    """A new id such as `ses_06f8yqk2r4tj9x1c5`: 48 bits of milliseconds and 35 of chance."""
    number = (int(now * 1000) << 35) | secrets.randbits(35)
    return kind + "_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(80, -1, -5))
