"""The parts of the HTTP clients that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from cao.client import catalog
from cao.client.catalog import target
from cao.client.wire import Event, EventReader, Place, WireError, address, patience, problem, refusal


def read(*lines: str) -> list[Event]:
    reader = EventReader()
    return [event for line in lines for event in reader.read(line)]


def test_a_path_field_is_one_segment_whatever_it_holds() -> None:
    assert target("/sessions/{session}", {"session": "a/b?c#d%"}, has_body=False) == ("/sessions/a%2Fb%3Fc%23d%25", None)


def test_a_query_leaves_out_nothing_given_and_repeats_lists() -> None:
    fields = {"limit": 5, "cursor": None, "whole": True, "types": ["run.*", "turn.done"]}
    assert target("/events", fields, has_body=False) == ("/events?limit=5&whole=true&types=run.%2A&types=turn.done", None)


def test_a_body_holds_what_is_not_in_the_path() -> None:
    fields = {"session": "docs", "text": "hi", "terminal": None}
    assert target("/sessions/{session}/prompts", fields, has_body=True) == (
        "/sessions/docs/prompts",
        {"text": "hi", "terminal": None},
    )


def test_events_are_read_as_the_standard_says() -> None:
    said = read(": quiet", "", "id: 7\r\n", "event: run.queued\n", "data: {\n", "data:}\n", "\n", "data: 1", "")
    assert said == [Event("7", "run.queued", "{\n}"), Event("7", "message", "1")]


def test_an_event_without_data_tells_only_where_the_stream_is() -> None:
    assert read("id: 9", "", "", "id: 9", "") == [Event("9", "message", "")]


def test_an_id_with_a_nul_and_an_unknown_field_are_ignored() -> None:
    assert read("id: 1\0", "retry: 5", "data: x", "") == [Event("", "message", "x")]


def test_a_stream_with_a_limit_asks_each_connection_for_what_is_left() -> None:
    place = Place({"limit": 3, "after": 0})
    place.pass_by("4")
    place.count()
    place.count()
    assert (place.fields["limit"], place.last_id, place.is_over) == (1, "4", False)
    place.count()
    assert place.is_over


def test_a_stream_is_tried_again_ever_more_slowly() -> None:
    place = Place({})
    pauses = list[float]()
    for _ in range(8):
        place.lose(WireError("unavailable", "cut"))
        pauses.append(place.pause)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    place.pass_by("1")
    assert place.pause == 0


def test_the_local_token_is_shown_to_this_computer_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("cao_local")
    assert address("http://127.0.0.1:9889/", None, tmp_path).token == "cao_local"
    assert address("http://[::1]:9889", None, tmp_path).token == "cao_local"
    assert address("http://127.0.0.1.example.org", None, tmp_path).token is None
    assert address("https://cao.example.org", "theirs", tmp_path).token == "theirs"


@pytest.mark.parametrize("url", ["", "localhost:9889", "file:///etc/passwd", "http://"])
def test_what_is_no_url_of_a_server_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(WireError, match="is not the URL of a server"):
        address(url, None, tmp_path)


def test_an_error_is_rebuilt_from_problem_details() -> None:
    error = refusal(404, b'{"status":404,"code":"not_found","detail":"no session","details":{"session":"x"}}')
    assert error.body() == {"code": "not_found", "message": "no session", "exit_code": 3, "details": {"session": "x"}}
    assert problem({"code": "conflict", "message": "taken"}).exit_status == 4


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, b"<html>", "502 without saying why"),
        (400, b"<html>", "a prefix missing"),
        (404, b'{"detail": "Not Found"}', "a prefix missing"),
        (404, b'["code"]', "a prefix missing"),
    ],
)
def test_an_answer_of_something_else_is_not_taken_for_ours(status: int, body: bytes, words: str) -> None:
    error = refusal(status, body)
    assert (error.code, words in error.message) == ("unavailable", True)


def test_a_waiting_operation_is_given_its_own_time_on_top() -> None:
    plain, wait = patience(catalog.entry("run.get"), {}), patience(catalog.entry("run.wait"), {"timeout": 600})
    assert wait == plain + 600
    assert patience(catalog.entry("run.wait"), {}) == plain + 60
