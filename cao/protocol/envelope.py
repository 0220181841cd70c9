"""The command line's machine envelope: one line of JSON for each answer, error or stream item."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SCHEMA = "cao.cli.v1"


def success(data: Any) -> str:
    """The line for an answer, for standard output.

    >>> success({"id": "ses_1"})
    '{"schema": "cao.cli.v1", "ok": true, "data": {"id": "ses_1"}}'
    """
    return json.dumps({"schema": SCHEMA, "ok": True, "data": data}, ensure_ascii=False)


def failure(body: Mapping[str, Any]) -> str:
    """The line for an error (`CaoError.body`), for standard error."""
    return json.dumps({"schema": SCHEMA, "ok": False, "error": body}, ensure_ascii=False)
