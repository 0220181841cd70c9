"""Fields that several requests have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from ..addresses import LIMIT

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""A word that notifiers are chosen by."""

Tags = Annotated[list[Tag], Field(max_length=20)]

Address = Annotated[
    str,
    StringConstraints(min_length=4, max_length=LIMIT, strip_whitespace=True),
    Field(repr=False, json_schema_extra={"format": "password", "writeOnly": True}),
]
"""A secret: the command line takes it from a file or standard input as well, and a form hides what is typed."""
