"""The MCP inspector, a stranger's strict client, against `cao serve`: it lists and calls our tools without complaint."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cao.client.daemon import start
from cao.discovery import local_token
from cao.mcp.catalogue import catalogue

PINNED = Path(__file__).parent / "inspector"
CACHE = Path(__file__).parents[2] / ".cache" / "inspector"
INSTALL_SECONDS = 600
CALL_SECONDS = 120
NODE = (22, 19)
"""The oldest node that it runs on."""

ERAS = ("legacy", "modern")


@dataclass(frozen=True)
class Inspector:
    """The inspector's command line, and the server that it looks at."""

    url: str
    token: str
    path: str

    def ask(self, era: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = CACHE / "node_modules" / ".bin" / "mcp-inspector"
        target = ["--cli", self.url, "--transport", "http", "--header", f"Authorization: Bearer {self.token}"]
        command = [str(program), *target, "--protocol-era", era, *arguments]
        environment = {"PATH": self.path, "HOME": str(CACHE), "NO_COLOR": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=CALL_SECONDS)

    def call(self, era: str, tool: str, **arguments: str) -> subprocess.CompletedProcess[str]:
        given = [f"{name}={value}" for name, value in arguments.items()]
        return self.ask(era, "--method", "tools/call", "--tool-name", tool, *(["--tool-arg", *given] if given else []))


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    path = _installed_or_skipped()
    home = tmp_path_factory.mktemp("home")
    server = start(home, 60, {"CAO_PORT": "0"})
    try:
        yield Inspector(f"{server.url}/mcp", local_token(home), path)
    finally:
        subprocess.run([sys.executable, "-m", "cao_cli", "--home", str(home), "daemon", "stop"], timeout=60, check=True)


@pytest.mark.parametrize("era", ERAS)
def test_it_lists_the_tools_strictly(inspector: Inspector, era: str) -> None:
    ran = inspector.ask(era, "--method", "tools/list", "--strict")
    assert ran.returncode == 0, ran.stderr
    tools: list[dict[str, Any]] = json.loads(ran.stdout)["tools"]
    assert [tool["name"] for tool in tools] == list(catalogue())


@pytest.mark.parametrize("era", ERAS)
def test_it_calls_tools(inspector: Inspector, era: str) -> None:
    made = inspector.call(era, "session_launch", provider="scripted", name=f"by-{era}")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["structuredContent"]["name"] == f"by-{era}"
    followed = inspector.call(era, "event_follow", after="0", limit="2")
    assert followed.returncode == 0, followed.stderr
    assert len(json.loads(followed.stdout)["structuredContent"]["events"]) == 2


@pytest.mark.parametrize("era", ERAS)
def test_it_shows_errors_as_those_of_the_tool(inspector: Inspector, era: str) -> None:
    ran = inspector.call(era, "session_get", session="nobody")
    assert ran.returncode == 5, ran.stderr
    assert '\\"code\\": \\"not_found\\"' in ran.stdout


def test_it_is_refused_without_the_token(inspector: Inspector) -> None:
    ran = Inspector(inspector.url, "cao_wrong", inspector.path).ask("modern", "--method", "tools/list")
    assert ran.returncode != 0


def _installed_or_skipped() -> str:
    """The PATH on which its node is. Installs it first; skips the tests where that cannot be done, except in CI."""
    try:
        return _installed()
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"MCP INSPECTOR NOT RUN: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _installed() -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        raise FileNotFoundError("there is no node with npm; install the dev dependencies, which bring one")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    if tuple(int(part) for part in found.removeprefix("v").split(".")[:2]) < NODE:
        raise OSError(f"node {found} is too old; it needs v{'.'.join(map(str, NODE))}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm, path)
    return path


def _install(npm: str, path: str) -> None:
    """Install unless exactly this lock file was installed before."""
    digest = hashlib.sha256((PINNED / "package-lock.json").read_bytes()).hexdigest()
    done = CACHE / ".installed"
    if done.is_file() and done.read_text() == digest:
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, CACHE / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {**os.environ, "PATH": path}
    ran = subprocess.run(command, cwd=CACHE, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if ran.returncode != 0:
        raise OSError(f"npm ci failed: {ran.stderr[-1000:]}")
    done.write_text(digest)
