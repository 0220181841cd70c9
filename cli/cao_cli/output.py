"""What a command prints: answers on standard output, talk and errors on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO, cast

from cao.client.catalog import Entry
from cao.client.wire import WireError

from .lists import nothing
from .tables import cell, details, table
from .text import ago, escaped, fitted, one_line, plain

SCHEMA = "cao.cli.v1"

_TEXT_STREAM = "output.follow"

_COLOURS: Mapping[str, str] = {
    "title": "1",
    **dict.fromkeys(("idle", "open", "completed", "done", "approved", "ok", "ready", "live"), "32"),
    **dict.fromkeys(("queued", "pending", "waiting", "delivered", "degraded", "starting"), "33"),
    **dict.fromkeys(("failed", "denied", "expired"), "31"),
    **dict.fromkeys(("running", "yes"), "36"),
    **dict.fromkeys(("closed", "cancelled", "withdrawn", "revoked", "no"), "2"),
}


def envelope(data: Any) -> str:
    """The machine's line for an answer: `cao.protocol.envelope.success`, without loading the protocol (a test compares)."""
    return json.dumps({"schema": SCHEMA, "ok": True, "data": data}, ensure_ascii=False)


def error_envelope(error: WireError) -> str:
    """The machine's line for an error: `cao.protocol.envelope.failure`."""
    return json.dumps({"schema": SCHEMA, "ok": False, "error": error.body()}, ensure_ascii=False)


class Printer:
    """Prints for people, or for machines (`as_json`)."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._within_line = False

    @property
    def shows_progress(self) -> bool:
        """Whether somebody watches."""
        return not self.as_json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def answer(self, entry: Entry, data: Any, more: Callable[[str], str] | None = None) -> None:
        """An operation's answer. more: the command for the next page, from its cursor."""
        if self.as_json:
            _write(sys.stdout, escaped(envelope(data)))
            return
        shown = rendered(entry, data)
        if shown:
            _write(sys.stdout, shown)
        if entry.name in _REMARKS and (remark := _REMARKS[entry.name](data)):
            self.talk(remark)
        if more and isinstance(data, dict) and (cursor := cast("dict[str, Any]", data).get("next_cursor")):
            self.talk(f"more: {more(str(cursor))}")

    def item(self, entry: Entry, item: Any) -> None:
        """One item of a stream: an event, or a piece of a text."""
        if self.as_json:
            _write(sys.stdout, escaped(envelope(item)))
        elif entry.name == _TEXT_STREAM:
            self._piece(plain(item["text"]))
        else:
            _write(sys.stdout, event_line(item))

    def _piece(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._within_line = not text.endswith("\n") if text else self._within_line

    def end_stream(self) -> None:
        """After the last item."""
        if self._within_line:
            _write(sys.stdout, "")

    def error(self, error: WireError) -> None:
        if self.as_json:
            _write(sys.stderr, escaped(error_envelope(error)))
            return
        _write(sys.stderr, _painted(sys.stderr, "error", "31;1") + f": {plain(error.message)}")
        flaws = cast("list[Mapping[str, str]]", error.details.get("errors") or [])
        for flaw in flaws[1:]:
            _write(sys.stderr, f"  {one_line(flaw['pointer'])}: {one_line(flaw['message'])}")

    def talk(self, text: str) -> None:
        """Words for people, never part of an answer."""
        if not self.as_json:
            _write(sys.stderr, plain(text))


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()


def rendered(entry: Entry, data: Mapping[str, Any]) -> str:
    """An answer for people."""
    if entry.name in _TEXTS:
        return plain(_TEXTS[entry.name](data)).rstrip("\n")
    if "items" in data and "next_cursor" in data:
        items = cast("list[Mapping[str, Any]]", data["items"])
        return table(entry.name, items, columns(), paint) if items else nothing(entry.name)
    return details(_of_the_server(data) if entry.name == "daemon.status" else data, columns(), paint)


def columns() -> int:
    """How wide the terminal is; wide enough for anything when there is none."""
    if os.environ.get("COLUMNS", "").isdecimal():
        return max(int(os.environ["COLUMNS"]), 20)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 100
    except (OSError, ValueError):
        return 200


def paint(text: str, value: str) -> str:
    """Colour a cell by what it says, on a terminal that wants colours."""
    colour = _COLOURS.get(value)
    return _painted(sys.stdout, text, colour) if colour else text


def _painted(stream: TextIO, text: str, colour: str) -> str:
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted else text


def event_line(item: Mapping[str, Any]) -> str:
    """An event in one line."""
    told = cell("data", item.get("data", {}))
    line = f"{item.get('seq', ''):>6}  {ago(str(item.get('at', ''))):>9}  {fitted(one_line(str(item.get('type', ''))), 20)}  "
    line += f"{one_line(str(item.get('session_id') or ''))}  {told}"
    return line.rstrip() if not sys.stdout.isatty() else fitted(line, columns()).rstrip()


def _transcript(data: Mapping[str, Any]) -> str:
    return "\n".join(_entry(entry) for entry in data["items"]) or "nothing said yet"


def _entry(entry: Mapping[str, Any]) -> str:
    lines = (str(entry["text"]) or json.dumps(entry["data"], ensure_ascii=False)).strip("\n").split("\n")
    mark = f"{entry['seq']:>6}  {entry['kind']:<11}  "
    return "\n".join([mark + lines[0], *(" " * len(mark) + line for line in lines[1:])])


def _of_the_server(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status without what it tells of the answering process, where that is this command's own."""
    return status if status["running"] else {key: one for key, one in status.items() if key not in ("pid", "started_at")}


def _standing(result: Mapping[str, Any]) -> str:
    """What is said of a run that gave no answer."""
    state, failure = result["state"], result["failure"]
    if failure:
        return f"{state}: {failure['message']}"
    if state in ("queued", "running", "waiting"):
        return f"{state}; no answer yet; to wait for it: cao run result {result['run_id']} --timeout 600"
    return "" if result["text"] else f"{state}; no answer"


def _settings(data: Mapping[str, Any]) -> str:
    lines = [f"{one['name']} = {json.dumps(one['value'])}  ({one['origin']}; {one['variable']})" for one in data["settings"]]
    return "\n".join(lines)


_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "daemon.logs": lambda data: "\n".join(data["lines"]) or f"{data['path']} is empty",
    "daemon.config": _settings,
    "run.result": lambda data: str(data["text"] or ""),
    "session.transcript": _transcript,
    "terminal.output": lambda data: str(data["text"]) or "no answer yet",
    "definition.graph": lambda data: str(data["text"]),
    "workflow.graph": lambda data: str(data["text"]),
}
"""Answers that are read rather than looked up: what is printed of them."""

_REMARKS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"run.result": _standing}
"""What is said about an answer, on standard error."""
