"""What `import cao` and the command line load, and what they leave alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cao

HEAVY = (
    "prefect", "litestar", "mcp", "graphql", "ariadne", "apprise", "rich", "pydantic", "httpx", "sqlite_utils", "uvicorn",
    "cyclopts", "asyncio", "blinker", "yaml",
)  # fmt: skip


def loaded_by(code: str) -> tuple[set[str], int]:
    """The top-level packages that are loaded after `code`, and how many threads run."""
    probe = f"{code}\nimport json, sys, threading\nprint(json.dumps([sorted(sys.modules), threading.active_count()]))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    names, threads = json.loads(done.stdout.splitlines()[-1])
    return {name.partition(".")[0] for name in names}, threads


def test_importing_cao_starts_nothing_and_loads_nothing_heavy() -> None:
    modules, threads = loaded_by("import cao")
    assert threads == 1
    assert modules.isdisjoint(HEAVY)


def test_the_wire_client_needs_no_models_and_no_event_loop() -> None:
    modules, _ = loaded_by("import cao.client.wire")
    assert modules.isdisjoint(HEAVY)


def test_help_loads_nothing_that_parses() -> None:
    modules, _ = loaded_by("from cao_cli.__main__ import main\nmain(['session', 'launch', '--help'])")
    assert modules.isdisjoint({*HEAVY, "http"})


def test_a_command_line_is_read_without_models_and_without_an_event_loop() -> None:
    code = "import cao_cli.program as p\nassert p.run(['session', 'get']) == 2"
    modules, _ = loaded_by(code)
    assert modules.isdisjoint(set(HEAVY) - {"cyclopts", "rich"})


def test_public_names_are_sorted_and_there() -> None:
    assert cao.__all__ == sorted(cao.__all__)
    for name in cao.__all__:
        assert getattr(cao, name) is not None
    assert set(cao.__all__) <= set(dir(cao))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cao.nonsense  # type: ignore[attr-defined]


def test_errors_are_the_protocols_own() -> None:
    from cao.protocol import NotFound

    assert cao.NotFound is NotFound
    assert issubclass(cao.NotFound, cao.CaoError)
