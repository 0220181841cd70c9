"""The reference is what the code says, and the examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import cao
from cao.events import EVENT_TYPES
from cao.protocol import ERRORS, REGISTRY
from cao.protocol.described import descriptions
from cao.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

importlib.import_module("cao.operations")


def test_the_generated_pages_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_noticed(tmp_path: Path) -> None:
    """The generator in another place finds none of its pages there."""
    copy = tmp_path / "docs" / "generate.py"
    copy.parent.mkdir()
    copy.write_text((ROOT / "docs" / "generate.py").read_text())
    done = subprocess.run([sys.executable, str(copy), "--check"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "errors.md is stale; run: make generate" in done.stderr


@pytest.mark.parametrize("name", REGISTRY)
def test_every_operation_has_its_place_on_its_groups_page(name: str) -> None:
    page = (REFERENCE / "operations" / f"{name.partition('.')[0]}.md").read_text()
    _, found, after = page.partition(f"\n## {name}\n")
    assert found
    section = after.partition("\n## ")[0]
    defined = REGISTRY[name]
    assert defined.summary in section
    assert all(f"| `{field}` |" in section for field in defined.request.model_fields)
    shown = {"python": "```python", "cli": f"$ cao {name.replace('.', ' ')}", "http": "$ curl", "mcp": defined.identifier}
    for surface, example in shown.items():
        offered = surface not in defined.without
        assert (example in section) == offered, surface
        assert offered or f"not on {surface}: " in section


def test_every_event_error_and_setting_is_described() -> None:
    events, errors, settings = ((REFERENCE / f"{name}.md").read_text() for name in ("events", "errors", "configuration"))
    assert all(f"\n## {type}\n" in events for type in EVENT_TYPES)
    assert all(f"| `{error.code}` | {error.exit_status} | {error.http_status} |" in errors for error in ERRORS)
    assert all(f"| `{name}` |" in settings for name in Settings.model_fields)


def test_every_field_of_the_protocol_says_what_it_means() -> None:
    for name, defined in REGISTRY.items():
        undescribed = defined.request.model_fields.keys() - descriptions(defined.request).keys()
        assert not undescribed, f"{name}: {undescribed} have no docstring"


MODULES = sorted(module.name for module in pkgutil.walk_packages(cao.__path__, "cao."))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    if ">>>" not in _source(name):
        return
    module: ModuleType = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def _source(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
