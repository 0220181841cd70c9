"""One run of the program: find the command, carry it out, print, and say how it went by the exit status."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cao.client import catalog
from cao.client.wire import WireError

from .arguments import Options, absolute, parse
from .commands import Command, find
from .outcomes import exit_status
from .output import Printer
from .places import Place, choose, home_of, makes_work
from .progress import Progress

INTERRUPTED = 130
BROKEN_PIPE = 141

_QUEUED = "queued; work it off with: cao tick, or cao serve"


def run(arguments: Sequence[str]) -> int:
    """The exit status of a command line."""
    printer = Printer(as_json="--json" in arguments)
    try:
        command, words = find(arguments)
        fields, options = parse(command, words)
        printer = Printer(as_json=options.json)
        if command.entry.effect == "program":
            return _program(command, fields, options)
        return _operation(command, fields, options, printer)
    except WireError as error:
        printer.error(error)
        return error.exit_status
    except KeyboardInterrupt:
        printer.talk("")
        return INTERRUPTED
    except BrokenPipeError:
        _close_outputs()
        return BROKEN_PIPE


def _close_outputs() -> None:
    """Whoever read us has gone: keep the interpreter from flushing into the void at its end."""
    void = os.open(os.devnull, os.O_WRONLY)
    os.dup2(void, 1)
    os.close(void)


def _program(command: Command, fields: Mapping[str, Any], options: Options) -> int:
    from . import programs

    start: Callable[..., int] = getattr(programs, command.words[0])
    return start(home_of(options), options, **fields)


def _operation(command: Command, fields: dict[str, Any], options: Options, printer: Printer) -> int:
    entry = command.entry
    follow_up = {name: fields.pop(name, None) for name in ("wait", "timeout")} if entry.name == "session.launch" else {}
    if entry.name == "session.launch" or (entry.name == "schedule.add" and "file" not in fields):
        fields["directory"] = os.path.normpath(absolute(fields.get("directory") or "."))
    opens = fields.pop("open", False) if entry.name == "token.link" else False
    place = choose(entry, fields, options, printer.talk)
    if entry.effect == "stream":
        place.stream(entry, fields, lambda item: printer.item(entry, item))
        printer.end_stream()
        return 0
    with Progress(f"{' '.join(command.words)} ...", visible=entry.waits and printer.shows_progress) as progress:
        answer = place.call(entry, fields, progress if entry.waits and printer.shows_progress else None)
    if follow_up.get("wait"):
        return _wait(answer, follow_up.get("timeout"), options, printer)
    if opens:
        from .browser import show  # which loads what few commands need

        show(answer["url"], home_of(options), printer.talk)
        return 0
    printer.answer(entry, answer, lambda cursor: _next_page(command, fields, options, cursor))
    if options.local and makes_work(entry) and not entry.waits and _is_queued(answer):
        printer.talk(_QUEUED)
    return exit_status(entry.name, answer)


def _is_queued(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("run_id")) or answer.get("state") == "queued"


def _next_page(command: Command, fields: Mapping[str, Any], options: Options, cursor: str) -> str:
    """The command that shows the next page."""
    import shlex

    given = {name: value for name, value in {**fields, **options._asdict(), "cursor": cursor}.items() if value}
    values = [(name, one) for name, value in given.items() for one in catalog.as_list(value)]
    flags = [f"--{name.replace('_', '-')}" + ("" if one is True else f" {shlex.quote(str(one))}") for name, one in values]
    return " ".join(["cao", *command.words, *flags])


def _wait(session: Mapping[str, Any], seconds: float | None, options: Options, printer: Printer) -> int:
    """Wait for the run that a session was launched with, and print what came of it."""
    run = session.get("run_id")
    if run is None:
        raise WireError("invalid_input", f"session {session['name']} has no prompt to wait for; give one, or leave out --wait")
    entry = catalog.entry("run.result")
    asked = {"run": run, "timeout": 3600.0 if seconds is None else seconds}
    place: Place = choose(entry, asked, options, printer.talk)
    try:
        printer.talk(f"session {session['name']}, run {run}")
        with Progress(f"run {run} is queued", visible=printer.shows_progress) as progress:
            result = place.call(entry, asked, progress if printer.shows_progress else None)
    except KeyboardInterrupt:
        printer.talk(_QUEUED if options.local else f"the work goes on; see: cao run result {run}")
        raise
    if printer.as_json:
        printer.answer(entry, {"session": session, "result": result})
    else:
        printer.answer(entry, result)
    return exit_status(entry.name, result)
