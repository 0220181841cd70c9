"""What schemathesis cannot read from the document: rules between fields, what exists on this computer, and patience.

Only requests that it means to be valid are mended; those that it means to be wrong go out as they are, but for their time-outs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import schemathesis
from schemathesis import GenerationMode

SECONDS = 0.01
DIRECTORY = os.environ.get("CAO_FUZZ_DIRECTORY", "/")

Fields = dict[str, Any]


def _launch(fields: Fields) -> None:
    """The agent command lines of other providers are not installed; directories must exist."""
    fields["provider"] = "scripted"
    if fields.get("directory") is not None:
        fields["directory"] = DIRECTORY


def _shutdown(fields: Fields) -> None:
    """One session, or all."""
    if fields.get("all"):
        fields.pop("session", None)
    elif not fields.get("session"):
        fields["session"] = "nobody"


def _validate(fields: Fields) -> None:
    """Exactly one of three, and no files over HTTP."""
    fields.update(text=fields.get("text") or "You write minutes.", profile=None, path=None)


def _schedule(fields: Fields) -> None:
    """One of a cron line and an interval, no files over HTTP, and what a file would say."""
    fields.update(cron="0 3 * * *", every=None, file=None, zone="UTC", window=None)
    fields.update({name: fields.get(name) or word for name, word in (("name", "nightly"), ("prompt", "Look around."))})
    _launch(fields)


def _rule(fields: Fields) -> None:
    """Events that exist, templates without names that do not, and a notifier or tags."""
    fields.update(events=["needs-you"], title=None, body=None, notifier=None)


def _enqueue(fields: Fields) -> None:
    """One of four kinds of work with what goes with it, and tomorrow, so that nothing is dispatched."""
    fields.update(task=None, requirement=None, workflow=None, inputs=None, profile=None, project=None, expires=None)
    fields.update(prompt=fields.get("prompt") or "Say hello.", not_before="1d")
    _launch(fields)


def _some(fields: Fields) -> None:
    """Some items, or all that wait."""
    if not fields.get("items"):
        fields["items"] = ["itm_000000000"]
    fields["all"] = False


def _reorder(fields: Fields) -> None:
    """An end of the line, or beside another item."""
    _some(fields)
    fields.update(to="front", anchor=None)


def _definition(fields: Fields) -> None:
    """Exactly one of three, no files over HTTP, and the project that is current."""
    fields.update(text=fields.get("text") or "name: nothing", definition=None, path=None, directory=None, project=None)


def _written(case: Any) -> None:
    """A definition that can be run, of the name that the path says."""
    name = (case.path_parameters or {}).get("definition", "x")
    text = f"name: {name}\nphases: [{{id: hello, agent: {{prompt: Say hello.}}}}]\n"
    _body(case).update(text=text, expect_digest=None, directory=None, project=None)


def _imported(fields: Fields) -> None:
    """A text that holds a workflow, for the project that is current; no files over HTTP."""
    fields.update(text="workflows: [{id: w, phases: [a]}]", file=None, directory=None, project=None)


def _task(fields: Fields) -> None:
    """For an agent or a person, and until a time that calendars know."""
    fields.update(person=None, deadline="2027-03-31T16:00:00Z")


def _bulk(fields: Fields) -> None:
    """Each item is one change."""
    fields["items"] = [{"task": item.get("task") or "x", "status": "ready"} for item in fields.get("items") or [{}]]


def _refine(fields: Fields) -> None:
    """An agent that is there, and notes in which it finds no script."""
    fields.update(provider="scripted", profile="developer", directory=None, notes=None)


MENDS: dict[tuple[str, str], Callable[[Fields], object]] = {
    ("POST", "/sessions"): _launch,
    ("POST", "/sessions/{session}/terminals"): _launch,
    ("POST", "/sessions/{session}/assign"): _launch,
    ("POST", "/sessions/{session}/handoff"): _launch,
    ("POST", "/sessions/shutdown"): _shutdown,
    ("POST", "/projects"): lambda fields: fields.update(path=DIRECTORY),
    ("POST", "/daemon/backup"): lambda fields: fields.pop("path", None),
    ("POST", "/profiles"): lambda fields: fields.update(source="developer", digest=None),
    ("POST", "/profiles/validate"): _validate,
    ("POST", "/schedules"): _schedule,
    ("POST", "/definitions/validate"): _definition,
    ("POST", "/definitions/{definition}/render"): lambda fields: fields.update(
        phase="hello", inputs={}, phases={}, directory=None, project=None
    ),
    ("POST", "/workflows"): lambda fields: fields.update(directory=None, project=None),
    ("POST", "/workflows/import"): _imported,
    ("POST", "/approvals"): lambda fields: fields.update(session=None),
    ("POST", "/workflows/batch"): lambda fields: fields.update(directory=None, project=None),
    ("POST", "/queue"): _enqueue,
    ("POST", "/queue/hold"): _some,
    ("POST", "/queue/release"): _some,
    ("POST", "/queue/drop"): _some,
    ("POST", "/queue/reorder"): _reorder,
    ("POST", "/git/commits"): lambda fields: fields.update(paths=[]),
    ("POST", "/rules"): _rule,
    ("POST", "/tasks"): _task,
    ("PUT", "/requirements/{requirement}"): lambda fields: fields.update(clear=[]),
    ("PUT", "/tasks/{task}"): lambda fields: fields.update(clear=[]),  # what is given cannot be emptied
    ("POST", "/tasks/{task}/deadline"): lambda fields: fields.update(deadline="2027-03-31T16:00:00Z"),
    ("POST", "/bulk/tasks"): _bulk,
    ("POST", "/rebalance/tasks"): lambda fields: fields.update(essential=[], nice=[]),
    ("POST", "/requirements/{requirement}/refine"): _refine,
    ("POST", "/vision/refine"): _refine,
    ("POST", "/notify"): lambda fields: fields.update(notifier=None),
    ("POST", "/notifiers"): lambda fields: fields.update(address="json://127.0.0.1:9/"),
    ("POST", "/tokens"): lambda fields: fields.update(scopes=["*:read"]),  # scopes name groups that exist
}
FREE: dict[str, tuple[str, ...]] = {
    "/schedules/{schedule}/next": ("after",),  # a time that calendars know
    "/history": ("since", "until"),
    "/search/history": ("since", "until"),
    "/git/diff": ("target", "paths"),  # the one needs a base, the others must lie inside
}
"""Fields of questions that are left out, because what is free to say of them is no schema."""
WAITS = {
    "/tick",
    "/sessions/{session}/handoff",
    "/sessions/{session}/wait",
    "/runs/{run}/wait",
    "/runs/{run}/result",
    "/workflows/{run}/wait",
    "/approvals/{approval}/wait",
}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    method, path = case.operation.method.upper(), case.operation.path
    if path in WAITS:
        _hurry(case, in_body=method == "POST")
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    (case.query or {}).pop("cursor", None)  # valid ones are made by the server
    if (case.query or {}).get("everywhere"):
        case.query.pop("project", None)  # all of them, or one
    for name in FREE.get(path, ()):
        (case.query or {}).pop(name, None)
    if path.startswith("/definitions"):
        (case.query or {}).pop("directory", None)  # one that exists
    if (method, path) == ("PUT", "/definitions/{definition}"):
        _written(case)
    if mend := MENDS.get((method, path)):
        mend(_body(case))


def _body(case: Any) -> Fields:
    """The fields of the body; a body that was left out is an empty one."""
    if not isinstance(case.body, dict):
        case.body, case.media_type = {}, "application/json"
    return case.body


def _hurry(case: Any, *, in_body: bool) -> None:
    if in_body:
        fields = _body(case)
    else:
        fields = case.query = case.query if isinstance(case.query, dict) else {}
    if _is_long(fields.get("timeout", 60)):
        fields["timeout"] = SECONDS


def _is_long(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and float(value) > SECONDS
    except (TypeError, ValueError):
        return False
