"""What can go wrong, said once for every surface.

    CaoError                 root; catch it to catch all of them
    ├── Internal             a defect of ours; the text is masked, the log has it under the same id
    ├── InvalidInput         the request breaks the schema or a rule; `details.errors` names the fields
    ├── NotFound             the named thing does not exist
    ├── Conflict             the thing is not in a state that allows this, or a key was used before
    ├── Unavailable          something that must run does not; the message says what to start
    └── Denied               the caller may not do this
        └── Unauthenticated  the caller did not say who it is

The class carries the stable `code`, the exit status of the command line and the HTTP status. Nothing ever matches on
message text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypedDict

from pydantic import ValidationError


class FieldError(TypedDict):
    """One broken field: a JSON pointer into the request, what is wrong, and pydantic's name for the kind."""

    pointer: str
    message: str
    kind: str


class CaoError(Exception):
    """Root of all errors that an operation raises on purpose.

    `message` says what happened, to which object, and the next command to try. `details` is JSON-ready.
    """

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """The error as it stands in the command line's envelope, in problem details and in MCP results."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "exit_code": self.exit_status}
        if self.details:
            body["details"] = self.details
        return body


class Internal(CaoError):
    """A defect of ours. The text that leaves the process never holds the cause, only the id under which it is logged."""

    @classmethod
    def masked(cls, incident: str) -> Internal:
        """The error to show for an unexpected exception that was logged under `incident`."""
        return cls(f"internal error {incident}; the server's log has it: cao daemon logs", incident=incident)


class InvalidInput(CaoError):
    """The request breaks the schema or a rule. Catch it to show the caller which fields to mend."""

    code = "invalid_input"
    exit_status = 2
    http_status = 422

    @classmethod
    def field(cls, name: str, message: str, kind: str = "value_error") -> InvalidInput:
        """The error for one field that the schema alone cannot judge."""
        pointer = "/" + name if name else ""
        return cls(
            f"{name or 'request'}: {message}",
            errors=[FieldError(pointer=pointer, message=message, kind=kind)],
        )

    @classmethod
    def from_validation(cls, error: ValidationError) -> InvalidInput:
        """Translate pydantic's findings. The refused values are left out: they may be secrets or huge."""
        found = error.errors(include_url=False, include_input=False, include_context=False)
        errors = [FieldError(pointer=_pointer(e["loc"]), message=e["msg"], kind=e["type"]) for e in found[:50]]
        first = errors[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return cls(f"{first['pointer'] or 'request'}: {first['message']}{more}", errors=errors)


class NotFound(CaoError):
    """The named thing does not exist, or is not visible to the caller."""

    code = "not_found"
    exit_status = 3
    http_status = 404


class Conflict(CaoError):
    """The thing is not in a state that allows this, or an idempotency key was used for another request."""

    code = "conflict"
    exit_status = 4
    http_status = 409


class Unavailable(CaoError):
    """Something that must run does not. Trying again later, or after the named command, can succeed."""

    code = "unavailable"
    exit_status = 5
    http_status = 503
    retryable = True


class Denied(CaoError):
    """The caller lacks the scope, or a rule forbids the action to everybody."""

    code = "denied"
    exit_status = 6
    http_status = 403


class Unauthenticated(Denied):
    """The caller did not show a valid token where one is needed."""

    http_status = 401


ERRORS: tuple[type[CaoError], ...] = (Internal, InvalidInput, NotFound, Conflict, Unavailable, Denied)
_BY_CODE: Mapping[str, type[CaoError]] = {error.code: error for error in ERRORS}


def from_body(body: Mapping[str, Any]) -> CaoError:
    """Rebuild the error that another process sent as `CaoError.body`.

    >>> from_body({"code": "not_found", "message": "no session 'x'"})
    NotFound("no session 'x'")
    """
    details: Mapping[str, Any] = body.get("details") or {}
    return _BY_CODE.get(str(body.get("code")), Internal)(str(body.get("message", "")), **details)


def _pointer(location: Iterable[int | str]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
