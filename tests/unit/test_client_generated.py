"""What is generated from the registry: complete, fresh, and as strict types want it."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from cao.client import catalog, facade
from cao.client.wire import WireError
from cao.generate import products, stale
from cao.protocol import ERRORS, REGISTRY, NotFound, Operation
from cao.protocol.envelope import failure, success
from cao_cli.arguments import parse
from cao_cli.commands import GLOBAL, PROGRAMS, Command, every, find
from cao_cli.manual import example
from cao_cli.output import envelope, error_envelope
from cao_cli.pages import PAGES

ROOT = Path(__file__).parents[2]
COMMANDS = list(every(catalog.content()))
ON_CLI = REGISTRY.on("cli")
ON_PYTHON = REGISTRY.on("python")


def by_name(operation: Operation) -> str:
    return operation.name


def test_nothing_generated_is_stale() -> None:
    assert stale() == [], "run: python -m cao.generate"


def test_a_stale_file_fails_the_check(tmp_path: Path) -> None:
    """On a copy of the package, so that a planted change harms nobody."""
    for package in ("cao", "cli"):
        subprocess.run(["cp", "-r", str(ROOT / package), str(tmp_path)], check=True)
    planted = tmp_path / "cao" / "client" / "facade.py"
    planted.write_text(planted.read_text("utf-8") + "\n# planted\n")
    command = [sys.executable, "-m", "cao.generate", "--check"]
    environment = {"PYTHONPATH": f"{tmp_path}:{tmp_path / 'cli'}:{ROOT / 'flows'}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "facade.py is stale; run: python -m cao.generate" in done.stderr


def test_every_product_is_a_file_of_the_packages() -> None:
    assert {path.name for path in products()} == {"facade.py", "catalog.json", "pages.py", "schema.graphql"}


@pytest.mark.parametrize("operation", ON_PYTHON, ids=by_name)
def test_every_operation_has_a_typed_method(operation: Operation) -> None:
    method = getattr(getattr(facade, f"{operation.group.title()}Group"), operation.method_name)
    signature = inspect.signature(method)
    assert set(signature.parameters) - {"self"} == set(operation.request.model_fields)
    required = {name for name, field in operation.request.model_fields.items() if field.is_required()}
    assert {name for name, one in signature.parameters.items() if one.default is one.empty} - {"self"} == required
    assert " ".join((inspect.getdoc(method) or "").split()).startswith(operation.summary)


@pytest.mark.parametrize("operation", ON_CLI, ids=by_name)
def test_every_operation_has_a_command(operation: Operation) -> None:
    command, rest = find([operation.group, operation.verb, "--json"])
    assert command.entry.name == operation.name
    assert rest == ["--json"]
    if operation.shortcut:
        assert find([operation.shortcut])[0].entry.name == operation.name


@pytest.mark.parametrize("operation", ON_CLI, ids=by_name)
def test_every_example_is_a_command_line_that_says_the_same(operation: Operation) -> None:
    command, _ = find([operation.group, operation.verb])
    line = example(command.entry, " ".join(["cao", *command.words]))
    assert line in PAGES[" ".join(command.words)]
    found, rest = find(words(line)[1:])
    given, _ = parse(found, rest)
    paths = {field.name for field in found.fields if field.kind == "path"}
    wanted = {name: str(Path(value).expanduser()) if name in paths else value for name, value in operation.example.items()}
    assert operation.parse(given) == operation.parse(wanted)


def words(line: str) -> list[str]:
    """A command as the shell reads it."""
    script = f"printf '%s\\0' {line}"
    read = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=True).stdout
    return read.split("\0")[:-1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_has_a_page_that_tells_all_it_takes(command: Command) -> None:
    page = PAGES[" ".join(command.words)]
    for field in (*command.fields, *command.options):
        shown = field.name.upper() if field.name in command.entry.positional else "--" + field.name.replace("_", "-")
        assert shown in page
    assert "Exit codes" in page


@pytest.mark.parametrize("name", ["serve", "mcp"])
def test_what_serves_takes_no_option_that_names_a_server(name: str) -> None:
    command, _ = find([name])
    assert [field.name for field in command.options] == ["json", "home"]
    assert "--local" not in PAGES[name]
    with pytest.raises(WireError, match="--local"):
        parse(command, ["--local"])


def test_the_root_page_tells_all_nouns_shortcuts_and_programs() -> None:
    root = PAGES[""]
    for word in (*catalog.content()["groups"], *PROGRAMS, "launch", "shutdown", "tick"):
        assert f"\n  {word} " in root


def test_no_field_hides_a_global_option() -> None:
    taken = {field.name for field in GLOBAL}
    assert not [(command.words, field.name) for command in COMMANDS for field in command.fields if field.name in taken]


def test_a_group_that_lists_does_so_by_its_bare_name() -> None:
    assert find(["session"])[0].words == ("session", "list")
    command, rest = find(["--home", "/x", "session", "--limit", "3"])
    assert (command.words, rest) == (("session", "list"), ["--home", "/x", "--limit", "3"])


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["sesion"], "did you mean: cao session"), (["session", "lst"], "cao session list"), (["session", "zzz"], "--help")],
)
def test_an_unknown_command_names_the_nearest(words: list[str], hint: str) -> None:
    with pytest.raises(WireError, match=hint) as caught:
        find(words)
    assert caught.value.exit_status == 2


def test_the_envelope_is_the_protocols() -> None:
    error = NotFound("no session 'x'", session="x")
    assert envelope({"id": "ses_ü"}) == success({"id": "ses_ü"})
    assert error_envelope(WireError(error.code, error.message, error.details)) == failure(error.body())


def test_exit_codes_are_the_protocols() -> None:
    for error in ERRORS:
        assert WireError(error.code, "").exit_status == error.exit_status


class Recorder:
    """A transport that only remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []

    async def call(self, name: str, fields: object) -> object:
        self.asked.append((name, dict(fields)))  # type: ignore[call-overload]
        return None

    def stream(self, name: str, fields: object) -> object:
        self.asked.append((name, dict(fields)))  # type: ignore[call-overload]
        return iter(())


@pytest.mark.parametrize("operation", ON_PYTHON, ids=by_name)
def test_a_method_hands_on_what_the_operation_takes(operation: Operation) -> None:
    transport = Recorder()
    group = getattr(facade.Facade(transport), operation.group)  # type: ignore[arg-type]
    answer = getattr(group, operation.method_name)(**operation.example)
    if operation.effect != "stream":
        asyncio.run(answer)
    name, fields = transport.asked[0]
    assert name == operation.name
    assert operation.parse(fields) == operation.parse(operation.example)


GOOD = """
import cao

async def main() -> None:
    async with cao.open(work=False) as control, cao.connect() as remote:
        session = await control.session.launch(profile="developer", prompt="Say hello.")
        name: str = session.name
        page = await remote.session.list(status="open")
        first: cao.Control = control
        async for event in remote.event.follow(after=0):
            print(event.seq + 1, page.items[0].terminals[0].status, name, first)
        facades: list[cao.Facade] = [control, remote]
        print(facades)
"""
BAD = """
import cao

async def main() -> None:
    async with cao.open() as control:
        await control.session.launch(profil="developer")
        await control.session.list(status="opened")
        number: int = (await control.session.get("greeting")).name
"""


def check(tmp_path: Path, code: str) -> str:
    (tmp_path / "program.py").write_text(code)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, cwd=tmp_path)
    return done.stdout


def test_a_program_on_the_facade_passes_strict_typing(tmp_path: Path) -> None:
    assert "0 errors" in check(tmp_path, GOOD)


def test_strict_typing_refuses_wrong_arguments_and_answers(tmp_path: Path) -> None:
    said = check(tmp_path, BAD)
    assert 'No parameter named "profil"' in said
    assert "Argument of type \"Literal['opened']\"" in said
    assert '"str" is not assignable to "int"' in said
