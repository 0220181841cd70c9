"""How headless agents' output is read, and how their command lines are filled in."""

from __future__ import annotations

import json

import pytest

from cao.agents.command import fill
from cao.agents.output import READERS, Reader
from cao.agents.profile import OutputFormat
from cao.protocol.records import Usage


def _read(output: OutputFormat, *lines: object) -> tuple[Reader, list[tuple[str, str]]]:
    reader, entries = READERS[output](), []
    for line in lines:
        entries += reader.feed(line if isinstance(line, str) else json.dumps(line) + "\n")
    entries += reader.finish()
    return reader, [(kind, text) for kind, text, _ in entries]


def test_all_that_is_printed_is_the_answer_of_a_plain_program() -> None:
    reader, entries = _read("text", "one\n", "two\n")
    assert reader.answer == "one\ntwo"
    assert entries == [("text", "one\n"), ("text", "two\n")]


@pytest.mark.parametrize(
    "lines", [['{"result": "yes", "session_id": "s"}'], ["starting…\n", '{"result": "yes", "session_id": "s"}\n']]
)
def test_a_json_document_holds_answer_and_conversation(lines: list[str]) -> None:
    reader, _ = _read("json", *lines)
    assert (reader.answer, reader.conversation, reader.error) == ("yes", "s", None)


def test_json_output_that_is_none_is_an_error() -> None:
    reader, _ = _read("json", "no JSON here\n")
    assert reader.error == "printed no JSON object"


def test_the_stream_of_claude() -> None:
    reader, entries = _read(
        "claude",
        {"type": "system", "subtype": "init", "session_id": "s1"},
        {"type": "assistant", "message": {"content": [{"type": "thinking", "thinking": "hm"}]}},
        {
            "type": "assistant",
            "message": {"content": [{"type": "tool_use", "id": "1", "name": "Bash", "input": {"command": "ls"}}]},
        },
        {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "1", "content": "a.txt"}]}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": "one file"}]}},
        {"type": "result", "result": "one file", "total_cost_usd": 0.5, "usage": {"input_tokens": 3, "output_tokens": 2}},
    )
    assert (reader.answer, reader.conversation) == ("one file", "s1")
    assert reader.usage == Usage(input_tokens=3, output_tokens=2, cost=0.5)
    assert entries == [("thought", "hm"), ("tool_call", "Bash"), ("tool_result", "a.txt"), ("text", "one file")]


def test_an_error_of_claude_shows_only_in_its_flag() -> None:
    reader, _ = _read("claude", {"type": "result", "subtype": "success", "is_error": True, "result": "API Error: 500"})
    assert reader.error == "API Error: 500"


def test_the_stream_of_codex() -> None:
    reader, entries = _read(
        "codex",
        {"type": "thread.started", "thread_id": "t1"},
        {"type": "item.started", "item": {"type": "command_execution", "id": "1", "command": "ls"}},
        {"type": "item.completed", "item": {"type": "command_execution", "id": "1", "aggregated_output": "a.txt"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "one file"}},
        {"type": "turn.completed", "usage": {"input_tokens": 3, "output_tokens": 2}},
    )
    assert (reader.answer, reader.conversation, reader.usage) == ("one file", "t1", Usage(input_tokens=3, output_tokens=2))
    assert entries == [("tool_call", "ls"), ("tool_result", "a.txt"), ("text", "one file")]


def test_a_failed_turn_of_codex() -> None:
    reader, _ = _read("codex", {"type": "turn.failed", "error": {"message": "quota"}})
    assert reader.error == "quota"


def test_the_stream_of_gemini() -> None:
    reader, entries = _read(
        "gemini",
        {"type": "init", "session_id": "g1", "model": "m"},
        {"type": "message", "role": "user", "content": "count"},
        {"type": "message", "role": "assistant", "content": "let me see", "delta": True},
        {"type": "tool_use", "tool_name": "ls", "tool_id": "1", "parameters": {}},
        {"type": "tool_result", "tool_id": "1", "status": "success", "output": "a.txt"},
        {"type": "message", "role": "assistant", "content": "one ", "delta": True},
        {"type": "message", "role": "assistant", "content": "file", "delta": True},
        {"type": "result", "status": "success", "stats": {"input_tokens": 3, "output_tokens": 2}},
    )
    assert (reader.answer, reader.conversation) == ("one file", "g1")
    assert [kind for kind, _ in entries] == ["text", "tool_call", "tool_result", "text", "text"]


@pytest.mark.parametrize("output", ["claude", "codex", "gemini"])
def test_lines_that_are_no_events_are_notices_and_odd_events_are_nothing(output: OutputFormat) -> None:
    odd = [{"type": 5}, {"type": "item.completed", "item": "x"}, {"type": "assistant", "message": {"content": "x"}}]
    _, entries = _read(output, "warning: old\n", "[1]\n", "\n", *odd)
    assert entries[:2] == [("notice", "warning: old"), ("notice", "[1]")]
    assert len(entries) == 2


def test_placeholders_are_filled_inside_arguments_and_never_become_options() -> None:
    values = {"prompt": "--version", "model": None, "directory": "/srv/x"}
    command = ["run", "--model={model}", "--cd={directory}", "{prompt}", "{braces}", "$HOME; ls"]
    assert fill(command, values) == ["run", "--cd=/srv/x", " --version", "{braces}", "$HOME; ls"]


def test_what_fills_a_place_is_not_searched_for_places() -> None:
    assert fill(["{prompt}"], {"prompt": "say {model}", "model": "m"}) == ["say {model}"]
