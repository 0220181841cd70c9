"""Which commands there are: each operation of the catalogue as `noun verb`, its shortcut, and a few programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cao.client import catalog
from cao.client.catalog import Entry, Field
from cao.client.wire import WireError


def _option(name: str, kind: str, help: str, default: Any = None, choices: tuple[str, ...] = ()) -> Field:
    return Field(name, kind, many=False, required=False, default=default, help=help, choices=choices)


GLOBAL: tuple[Field, ...] = (
    _option("json", "boolean", "Print one JSON envelope a line: answers on standard output, errors on standard error.", False),
    _option("local", "boolean", "Use no server: open the data directory in this process.", False),
    _option("home", "path", "The data directory; CAO_HOME, else the platform's directory for user data."),
    _option("url", "word", "The server to ask, such as http://127.0.0.1:9889; the one that runs on the data directory."),
    _option("token_file", "path", "A file with the token to show at --url."),
)
"""Options of every command; they may also stand before it."""

_REFUSED: Mapping[str, tuple[str, ...]] = dict.fromkeys(("serve", "mcp"), ("local", "url", "token_file"))
"""But for these: a server asks no server."""

EXTRA: Mapping[str, tuple[Field, ...]] = {
    "session.launch": (
        _option("wait", "boolean", "Wait for the first answer and print it; exit 1 unless the run completes.", False),
        _option("timeout", "number", "With --wait: seconds to wait at most.", 3600.0),
    ),
    "token.link": (_option("open", "boolean", "Open the page in this computer's browser, and do not print the link.", False),),
}
"""Conveniences of the command line, beyond the operation's own fields."""


def _program(name: str, summary: str, help: str = "", fields: tuple[Field, ...] = ()) -> Entry:
    positional = tuple(field.name for field in fields if field.required)
    text = f"{summary}\n\n{help}".strip()
    return Entry(name, summary, text, "", "", "program", False, None, positional, {}, {}, fields)


PROGRAMS: Mapping[str, Entry] = {
    program.name: program
    for program in (
        _program(
            "serve",
            "Run the server in the foreground: HTTP, MCP, the engine and the clock.",
            "It binds loopback addresses only. `cao daemon start` runs it in the background.",
            (
                _option("host", "word", "The loopback address to bind; 127.0.0.1 unless configured."),
                _option("port", "integer", "The port to bind, 0 for a free one; 9889 unless configured."),
                _option("log_level", "choice", "What the log holds.", None, ("debug", "info", "warning", "error")),
            ),
        ),
        _program(
            "mcp",
            "Serve the operations as MCP tools on standard input and output, for an agent's configuration.",
            "A model reads all tools that it is offered: name the groups that it needs.",
            (_option("groups", "word", "Offer the tools of these groups only, such as session,run,approval."),),
        ),
        _program(
            "completion",
            "Print the script that completes commands in a shell.",
            'For instance in ~/.bashrc: eval "$(cao completion bash)"',
            (Field("shell", "choice", False, True, None, "The shell.", ("bash", "zsh", "fish")),),
        ),
        _program("version", "Print the version."),
    )
}
"""Commands that are no operations."""


class Command(NamedTuple):
    """What a command line asks for."""

    words: tuple[str, ...]
    """How it is called: `session list`, `launch`."""
    entry: Entry

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of its own."""
        return (*self.entry.fields, *EXTRA.get(self.entry.name, ()))

    @property
    def options(self) -> tuple[Field, ...]:
        """Those of every command that it takes."""
        return tuple(field for field in GLOBAL if field.name not in _REFUSED.get(self.entry.name, ()))


def names(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """The verbs of each noun."""
    found: dict[str, list[str]] = {group: [] for group in content["groups"]}
    for name in content["operations"]:
        group, _, verb = name.partition(".")
        found[group].append(verb)
    return found


def shortcuts(content: Mapping[str, Any]) -> dict[str, str]:
    """Top-level commands to the operations that they stand for."""
    return {entry["shortcut"]: name for name, entry in content["operations"].items() if entry["shortcut"]}


def every(content: Mapping[str, Any]) -> Iterator[Command]:
    """All commands."""
    operations: Mapping[str, Any] = content["operations"]
    for name, written in operations.items():
        yield Command(tuple(name.split(".")), catalog.read_entry(name, written))
    for shortcut, name in shortcuts(content).items():
        yield Command((shortcut,), catalog.read_entry(name, operations[name]))
    for name, program in PROGRAMS.items():
        yield Command((name,), program)


def find(arguments: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that `arguments` name, and what is left for it. Raises `WireError` that names the nearest one."""
    content = catalog.content()
    ahead = _leading(arguments)
    before, rest = list(arguments[:ahead]), list(arguments[ahead:])
    noun = rest.pop(0) if rest else ""
    if noun in PROGRAMS:
        return Command((noun,), PROGRAMS[noun]), [*before, *rest]
    verbs, short = names(content), shortcuts(content)
    if noun in short:
        return Command((noun,), catalog.entry(short[noun])), [*before, *rest]
    if noun not in verbs:
        raise _unknown(noun, [*verbs, *short, *PROGRAMS], "")
    verb = "list" if "list" in verbs[noun] and (not rest or rest[0].startswith("-")) else rest.pop(0) if rest else ""
    if verb not in verbs[noun]:
        raise _unknown(verb, verbs[noun], noun)
    return Command((noun, verb), catalog.entry(f"{noun}.{verb}")), [*before, *rest]


def _leading(arguments: Sequence[str]) -> int:
    """How many arguments stand before the command: global options and their values."""
    valued = {"--" + field.name.replace("_", "-") for field in GLOBAL if field.kind != "boolean"}
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        place += 2 if arguments[place] in valued else 1
    return place


def _unknown(word: str, known: list[str], noun: str) -> WireError:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.5)
    asked = f"cao {noun}".strip()
    hint = f"did you mean: {asked} {near[0]}" if near else f"see: {asked} --help"
    what = f"{asked} has no command {word!r}" if word else f"{asked} needs a command: {', '.join(known)}"
    return WireError("invalid_input", f"{what}; {hint}" if word else what)
