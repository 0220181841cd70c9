"""Every code block of the documentation is run.

    ```python    a program of its own where it says `asyncio.run`, else lines with `cao`, and `control` connected to a server
    ```console   the commands of a page, one after another in one shell; below a command is what it prints, `…` is anything
    ```json, ```toml, ```yaml, ```crontab, ```markdown, ```graphql    read as what they are
    ```text      for people

A page's commands run in a new git repository, against a server of the tests. `make` is only asked what it would do, and npm is
not run. In the reference the examples name things that do not exist, so there an answer that the operation declares is enough.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from graphql import OperationDefinitionNode
from graphql.execution.values import get_variable_values

import cao
from cao.agents.profile import findings, split
from cao.discovery import local_token, read_server
from cao.graphql.execution import read
from cao.graphql.schema import schema
from cao.mcp.catalogue import catalogue
from cao.protocol import REGISTRY, CaoError
from cao.schedules.file import FrontMatter
from cao.workflows.check import examine
from cao_flows.prefect_api import PrefectApi

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_SECONDS = 90
STRICT_CURL = 'curl() { command curl --fail-with-body "$@"; }\n'
"""An answer that is an error is an exit status of 22, and is still printed."""
EXIT = "=-=-= exit"

pytestmark = [pytest.mark.timeout(400)]


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    kind: str
    text: str

    @property
    def is_example(self) -> bool:
        """It shows an operation on things that do not exist."""
        return "reference/operations" in self.page.as_posix()


def blocks(page: Path) -> list[Block]:
    return [Block(page, kind, text) for kind, text in FENCE.findall(page.read_text("utf-8"))]


def pages_with(*kinds: str) -> list[Any]:
    found = [page for page in PAGES if any(block.kind in kinds for block in blocks(page))]
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in found]


@dataclass(frozen=True)
class Place:
    """A running server, and the environment in which a reader of the documentation would sit."""

    home: Path
    url: str
    token: str
    prefect: str
    """Prefect's API: one for the server and all programs, since each would start its own."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home.parent),
            "LANG": "C.UTF-8",
            "CAO_HOME": str(self.home),
            "CAO_URL": self.url,
            "CAO_TOKEN": self.token,
            "CAO_PREFECT_API_URL": self.prefect,
            "CAO_PRELOAD": "false",
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server, on a port of its own."""
    home = tmp_path_factory.mktemp("docs") / "home"
    (home.parent / "code" / "docs").mkdir(parents=True)
    prefect = PrefectApi(home.parent / "prefect", "")
    prefect.spawn()
    try:
        prefect.wait_ready(120, lambda: False)
        environment = {**os.environ, "HOME": str(home.parent), "CAO_PREFECT_API_URL": prefect.url}
        with (home.parent / "server.log").open("wb") as log:
            command = [sys.executable, "-m", "cao_cli", "serve", "--port", "0", "--home", str(home)]
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            try:
                yield Place(home, _url(home, server), local_token(home), prefect.url)
            finally:
                server.terminate()
                server.wait(30)
    finally:
        prefect.stop(10)


def _url(home: Path, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        if found := read_server(home):
            return found.url
        time.sleep(0.05)
    raise AssertionError(f"no server within 90 s: {(home.parent / 'server.log').read_text()}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty git repository, with the file that `make` reads."""
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True, timeout=30)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    known = {"python", "console", "json", "toml", "yaml", "crontab", "markdown", "graphql", "text"}
    assert {block.kind for block in blocks(page)} <= known
    assert page.read_text("utf-8").count("\n```") % 2 == 0


LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


EVERY_EXAMPLE = os.environ.get("CAO_DOCS") == "full"
SAMPLE = ("session", "run", "workflow", "task", "queue")
"""The groups whose examples are typed into a shell in every run: what they ask is asked of all in the parity test."""


def pages_to_type() -> list[Any]:
    """Pages whose commands are typed into a shell; of the reference's many, a sample."""
    return [
        page
        for page in pages_with("console")
        if EVERY_EXAMPLE or "reference/operations" not in page.id or Path(page.id).stem in SAMPLE
    ]


@pytest.mark.parametrize("page", pages_to_type())
def test_commands_do_what_they_show(page: Path, place: Place, repository: Path) -> None:
    commands = [command for block in blocks(page) if block.kind == "console" for command in _commands(block)]
    script = STRICT_CURL + "\n".join(f"{_tame(line)}\nprintf '\\n{EXIT} %s\\n' $?" for line, _ in commands)
    with (repository.parent / "errors").open("w+") as errors:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=repository,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            timeout=300,
            check=False,
        )
        errors.seek(0)
        said = errors.read()
    outputs = re.split(rf"\n{EXIT} (\d+)\n", done.stdout)
    assert len(outputs) == 2 * len(commands) + 1, f"the shell ended early\n{done.stdout}\n{said}"
    example = blocks(page)[0].is_example
    for (line, expected), output, status in zip(commands, outputs[::2], outputs[1::2], strict=False):
        assert _went_well(int(status), output, expected, example), f"$ {line}\nexit {status}\n{output}\n{said}"
        if expected:
            pattern = ".*".join(re.escape(part) for part in expected.split("…"))
            assert re.fullmatch(pattern, output.strip(), re.DOTALL), f"$ {line}\nprinted\n{output}\nnot\n{expected}"


def _went_well(status: int, output: str, expected: str, example: bool) -> bool:
    """Whether a command did what the page says. An example may name what does not exist, and a check in it may fail: then the
    command exits with 1 and an answer. A shown error is an error.
    """
    if status == 22:
        return bool(expected) or (example and re.search(r'"code": ?"(not_found|conflict)"', output) is not None)
    return status == 0 or (example and (status in (3, 4) or (status == 1 and bool(output))))


def _commands(block: Block) -> list[tuple[str, str]]:
    """Each command, and what it shall print."""
    found = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not found[0].strip(), "a console block begins with a command"
    return [(line, output.strip()) for line, _, output in (one.partition("\n") for one in found[1:])]


def _tame(command: str) -> str:
    """What is run for a command: nothing is built or installed, and a stop of the server stays an intention."""
    if command.startswith("make "):
        return command.replace("make ", "make --dry-run ", 1) + " > /dev/null"
    if command.startswith("npm ") or "claude" in command or command.endswith('repository in five lines." --wait'):
        return f"bash -n -c {json.dumps(command)}"
    return command


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_runs(page: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAO_HOME", str(place.home))
    for block in (one for one in blocks(page) if one.kind == "python"):
        if "asyncio.run(" in block.text:
            _run_program(block, place, tmp_path)
        else:
            asyncio.run(_run_lines(block, place))


def _run_program(block: Block, place: Place, tmp_path: Path) -> None:
    """Programs have another data directory than the server's: they may be the ones that work there."""
    home = place.home.with_name("programs")
    environment = {**place.environment, "CAO_HOME": str(home)}
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    if (found := read_server(home)) is not None:
        subprocess.run([sys.executable, "-m", "cao_cli", "daemon", "stop"], env=environment, timeout=30, check=True)
        _gone(found.pid)
    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"


def _gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)


async def _run_lines(block: Block, place: Place) -> None:
    code = compile(block.text, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with cao.connect(home=place.home) as control:
        run = eval(code, {"cao": cao, "control": control})
        if not inspect.isawaitable(run):
            return
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                async with asyncio.timeout(RUN_SECONDS):
                    await run
        except CaoError as error:
            assert block.is_example, f"{block.text}\n{error!r}"
            assert error.code in ("not_found", "conflict"), f"{block.text}\n{error!r}"


@pytest.mark.parametrize("page", pages_with("json", "toml", "yaml", "markdown", "crontab", "graphql"))
def test_data_is_what_it_says(page: Path) -> None:
    for block in blocks(page):
        match block.kind:
            case "json":
                _check_json(block)
            case "toml":
                cao.open(work=False, **tomllib.loads(block.text))
            case "yaml" if "\nphases:" in block.text or "\nflow:" in block.text:
                assert examine(block.text).problems == []
            case "yaml":
                assert isinstance(yaml.safe_load(block.text), dict)
                assert not findings(f"---\ndescription: x\n{block.text}---\nGo.", yaml.safe_load(block.text)["name"])
            case "markdown" if "\nschedule: " in block.text:
                FrontMatter.model_validate(split(block.text)[0])
            case "markdown":
                assert not findings(block.text, "scribe")
            case "graphql":
                _check_graphql(block)
            case "crontab":
                assert re.fullmatch(r"(\S+\s+){5}CAO_HOME=\S+ cao .+\n", block.text)
            case _:
                pass


def _check_json(block: Block) -> None:
    """Tool calls of the reference are valid calls."""
    value = json.loads(block.text)
    if block.is_example:
        assert value["name"] in catalogue()
        REGISTRY[value["name"].replace("_", ".", 1)].parse_json(json.dumps(value["arguments"]))


def _check_graphql(block: Block) -> None:
    """Documents are valid, and so are the variables in the comment before them."""
    said = re.match(r"# variables: (.+)\n", block.text)
    variables = json.loads(said[1]) if said else {}
    [operation] = read(block.text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(get_variable_values(schema(), operation.variable_definitions or (), variables), dict)
