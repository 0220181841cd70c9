"""The one funnel that text passes before it becomes durable: secrets are replaced, known values first, then shapes."""

from __future__ import annotations

import re
from typing import Any, cast

_SHAPES = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{1,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----",
            r"\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,200}",
            r"\bgh[pousr]_[A-Za-z0-9]{30,255}",
            r"\bgithub_pat_[A-Za-z0-9_]{40,255}",
            r"\bglpat-[A-Za-z0-9_-]{20,64}",
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,200}",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\bAIza[A-Za-z0-9_-]{35}",
            r"\bcaot?_[A-Za-z0-9_-]{32,64}",
            r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,40}",
            r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
            r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{16,500}",
            r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{3,200}(?=@)",
        )
    )
)
"""Every repetition is bounded, so that hostile text costs linear time."""

_CUES = (
    "sk-",
    "gh",
    "glpat",
    "xox",
    "KIA",
    "SIA",
    "AIza",
    "cao_",
    "caot_",
    ":AA",
    "eyJ",
    "earer ",
    "://",
    "PRIVATE KEY",
)
"""Substrings without which no shape can match; looking for them first makes ordinary text nearly free."""

MASK = "[redacted]"


class Redactor:
    """Replaces secrets in text and in JSON-like values.

    >>> Redactor().text("key sk-ant-" + "x" * 24)
    'key [redacted]'
    """

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()

    def learn(self, *secrets: str) -> None:
        """Remember values that must never be written; shorter than 8 characters are not told from words and ignored."""
        kept = {*self._known, *(secret for secret in secrets if len(secret) >= 8)}
        self._known = tuple(sorted(kept, key=len, reverse=True))

    def text(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        if any(cue in text for cue in _CUES):
            text = _SHAPES.sub(MASK, text)
        return text

    def value(self, value: Any) -> Any:
        """Redact every string inside lists and dictionaries; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self.value(item) for item in cast("list[Any]", value)]
        return value
