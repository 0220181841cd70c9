"""Paths that people name: absolute, because whoever does the work may sit in another directory than whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from cao.protocol import InvalidInput

LocalPath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$"),
    Field(json_schema_extra={"format": "path"}),
]
"""A path on this computer. `~` is the home directory. A surface that knows its own directory makes relative ones absolute."""


def absolute(name: str, text: str) -> Path:
    """The path in field `name`, resolved. Raises `InvalidInput` for a relative one."""
    try:
        path = Path(text).expanduser()
        if not path.is_absolute():
            raise InvalidInput.field(name, "must be absolute, such as /srv/code or ~/code")
        return path.resolve()
    except RuntimeError:
        raise InvalidInput.field(name, "names a home directory that does not exist, or links that lead in a circle") from None
