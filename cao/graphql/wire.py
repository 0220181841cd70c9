"""What goes over the wire, whatever carries it: one request, and errors as GraphQL shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cao.protocol import CaoError, InvalidInput

Answer = Mapping[str, Any]
"""What is sent back: `data`, `errors` or both."""


class Asked(BaseModel):
    """A document, and what it is to be run with. What we do not know of is left aside, as the specification wants."""

    model_config = ConfigDict(frozen=True, strict=True)

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, alias="operationName")


class Refused(Exception):
    """A document that is not run, or a subscription that cannot go on. `errors` are ready to be sent."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("refused")
        self.errors = errors

    @property
    def answer(self) -> Answer:
        return {"errors": self.errors}


def loads(text: str | bytes) -> object:
    """Read JSON. Raises `InvalidInput`."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidInput.field("", "this is not JSON, or is nested too deeply", "json_invalid") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def dumps(answer: object) -> str:
    """Write JSON, in ASCII: what a client sent may hold characters that are no text in UTF-8."""
    return json.dumps(answer, separators=(",", ":"))


def asked(body: object) -> Asked:
    """Read a request from JSON. Raises `InvalidInput`."""
    if isinstance(body, list):
        raise InvalidInput.field("", "one operation at a time: batches are not taken; name several fields in one document")
    try:
        return Asked.model_validate(body)
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from None


def shown(error: CaoError) -> dict[str, Any]:
    """An error of ours.

    >>> shown(InvalidInput("no"))
    {'message': 'no', 'extensions': {'code': 'invalid_input'}}
    """
    details = {"details": error.details} if error.details else {}
    return {"message": error.message, "extensions": {"code": error.code, **details}}
