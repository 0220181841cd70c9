"""The shapes that every request and answer is made of."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field, StringConstraints

from .described import Described

T = TypeVar("T")

MESSAGE_LIMIT = 1 << 20
"""The largest message text, in bytes of UTF-8."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that people choose: letters, digits, dot, underscore and dash, at most 64."""

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
"""An id, or the name of the thing where it has one."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MESSAGE_LIMIT)]
"""A message or prompt: at least one character; the store refuses more than `MESSAGE_LIMIT` bytes."""


class Answer(Described):
    """What an operation gives back. Readers are tolerant: a field that they do not know is kept out of the way."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Request(Described):
    """What an operation is asked. Unknown fields are refused, so that a typo never passes for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WriteRequest(Request):
    """A request that changes something."""

    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")] | None = None
    """Give the same key with the same request and get the same answer, without doing the work again."""


class DestructiveRequest(WriteRequest):
    """A request that takes something away."""

    dry_run: bool = False
    """Say what would happen and change nothing."""


class ListRequest(Request):
    """A request for one page of a list, newest first unless the operation says otherwise."""

    limit: int = Field(default=50, ge=1, le=200)
    """How many items to give at most."""
    cursor: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,400}$")] | None = None
    """Where to go on: the `next_cursor` of the page before."""


class Page(Answer, Generic[T]):
    """One page of a list."""

    items: list[T]
    """The items of this page."""
    next_cursor: str | None = None
    """Give it as `cursor` to get the next page; null on the last one."""
