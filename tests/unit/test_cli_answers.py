"""What the command line makes of an answer: the columns of a list, the words for an empty one, and the exit status."""

from __future__ import annotations

import importlib
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from cao.client import catalog
from cao.protocol import REGISTRY, Operation
from cao_cli.lists import COLUMNS, columns_of, nothing
from cao_cli.outcomes import exit_status
from cao_cli.output import Printer, rendered

importlib.import_module("cao.operations")

MADE_OF = {"agent": "terminals", "fix": "missing"}
"""Columns that are no fields, and the field that each is made of."""


def item_of(operation: Operation) -> type[BaseModel]:
    """The model of what an operation lists."""
    [item] = get_args(operation.output.model_fields["items"].annotation)
    return item


LISTS = [one for one in REGISTRY.on("cli") if {"items", "next_cursor"} <= one.output.model_fields.keys()]
TABLES = [one for one in LISTS if one.name != "session.transcript"]
"""All lists but the one that is read as a text."""


@pytest.mark.parametrize("operation", TABLES, ids=lambda one: one.name)
def test_a_list_shows_how_things_stand(operation: Operation) -> None:
    fields = item_of(operation).model_fields
    assert {"state", "status", "reason"} & fields.keys() <= set(columns_of(operation.name))


@pytest.mark.parametrize("operation", TABLES, ids=lambda one: one.name)
def test_a_column_is_a_field_of_what_is_listed(operation: Operation) -> None:
    columns = columns_of(operation.name)
    fields = item_of(operation).model_fields
    assert columns
    assert not [name for name in columns if name not in fields and MADE_OF.get(name) not in fields]


def test_every_list_of_columns_is_of_something() -> None:
    groups = {one.group for one in LISTS}
    fields = {"blocked", "failed_lately", "in_progress", "kept", "removed", "step", "turn", "waiting_for_you"}
    assert COLUMNS.keys() <= groups | fields | {one.name for one in LISTS}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("session.list", "no sessions"),
        ("delivery.list", "no deliveries"),
        ("queue.list", "the queue is empty"),
        ("runner.orphans", "no orphans"),
        ("schedule.list", "no schedules"),
        ("schedule.history", "never due yet"),
        ("history.search", "nothing found"),
    ],
)
def test_an_empty_list_says_what_there_is_none_of(name: str, words: str) -> None:
    assert rendered(catalog.entry(name), {"items": [], "next_cursor": None}) == words


@pytest.mark.parametrize("operation", TABLES, ids=lambda one: one.name)
def test_only_a_list_of_what_the_group_is_about_is_called_after_it(operation: Operation) -> None:
    if nothing(operation.name) == f"no {operation.group}s":
        assert issubclass(item_of(operation), item_of(REGISTRY[f"{operation.group}.list"]))


@pytest.mark.parametrize("name", ["run.wait", "run.result", "workflow.wait"])
@pytest.mark.parametrize(
    ("state", "status"), [("completed", 0), ("failed", 1), ("cancelled", 1), ("running", 1), ("waiting", 1)]
)
def test_to_wait_for_a_run_succeeds_as_the_run_does(name: str, state: str, status: int) -> None:
    assert exit_status(name, {"state": state}) == status


@pytest.mark.parametrize("name", [one.name for one in REGISTRY.on("cli") if one.verb == "validate"])
def test_a_text_that_is_not_valid_is_no_success(name: str) -> None:
    assert exit_status(name, {"valid": False}) == 1
    assert exit_status(name, {"valid": True}) == 0


def test_a_test_of_a_notifier_succeeds_when_the_service_takes_it() -> None:
    assert exit_status("notifier.test", {"outcome": "accepted"}) == 0
    assert exit_status("notifier.test", {"outcome": "failed"}) == 1
    assert exit_status("notifier.test", {"outcome": "timed-out"}) == 1


def test_to_look_up_what_failed_is_a_success() -> None:
    assert exit_status("run.get", {"state": "failed"}) == 0


@pytest.mark.parametrize(
    ("result", "out", "err"),
    [
        ({"state": "completed", "text": "Done."}, "Done.\n", ""),
        ({"state": "completed", "text": ""}, "", "completed; no answer\n"),
        ({"state": "cancelled"}, "", "cancelled; no answer\n"),
        ({"state": "failed", "failure": {"code": "x", "message": "no way"}}, "", "failed: no way\n"),
        ({"state": "queued"}, "", "queued; no answer yet; to wait for it: cao run result run_1 --timeout 600\n"),
    ],
)
def test_only_an_answer_stands_on_standard_output(
    result: dict[str, Any], out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"run_id": "run_1", "text": None, "failure": None, **result}
    Printer(as_json=False).answer(catalog.entry("run.result"), answer)
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize("pieces", [["One ", "and\ntwo."], ["One and\n", "two.\n"]])
def test_a_text_that_is_followed_is_printed_as_it_comes(pieces: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(as_json=False)
    for seq, text in enumerate(pieces):
        printer.item(catalog.entry("output.follow"), {"type": "output", "seq": seq, "text": text})
        assert capsys.readouterr().out == text
    printer.end_stream()
    assert capsys.readouterr().out == ("" if pieces[-1].endswith("\n") else "\n")


def test_without_a_server_a_status_tells_nothing_of_the_command_itself() -> None:
    status = {"running": False, "pid": 7, "started_at": "2030-01-02T12:00:00Z", "home": "/x"}
    assert rendered(catalog.entry("daemon.status"), status).split() == ["running", "no", "home", "/x"]
    assert "pid" in rendered(catalog.entry("daemon.status"), {**status, "running": True})
