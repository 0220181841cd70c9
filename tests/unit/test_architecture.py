"""Who may import whom, and how the house is kept: checked on every run, not only in `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("cao", "flows/cao_flows", "notifiers/cao_notifiers", "cli/cao_cli")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache", "--config"]
    return subprocess.run([*command, str(config)], capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


def test_the_import_rules_are_kept() -> None:
    done = lint_imports(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_import_rule_is_noticed(tmp_path: Path) -> None:
    """The store does import the protocol: a rule that forbids it has to fail."""
    rules = tmp_path / "rules.ini"
    rules.write_text(
        "[importlinter]\nroot_packages =\n    cao\n[importlinter:contract:planted]\nname = planted\ntype = forbidden\n"
        "source_modules =\n    cao.store\nforbidden_modules =\n    cao.protocol\n"
    )
    done = lint_imports(rules)
    assert done.returncode == 1
    assert "planted BROKEN" in done.stdout


def test_every_dependency_with_a_cap_has_its_reason_in_the_decision() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    record = (ROOT / "docs" / "decisions" / "0002-version-ranges.md").read_text()
    for dependency in project["dependencies"]:
        name = re.split(r"[<>=]", dependency)[0]
        assert "<" not in dependency or f"`{name}`" in record, f"{dependency}: say why in decisions/0002"


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE)
    assert len(pins) > 100
    assert lock.count("--hash=sha256:") >= len(pins)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    wanted = (*project["dependencies"], *project["optional-dependencies"]["dev"])
    assert {re.split(r"[<>=\[]", one)[0] for one in wanted} <= pins, "run make lock"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are_and_fit_in_a_head(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""'), "a module begins with its docstring"
    generated = "generated" in text[:400].lower()
    assert generated or text.count("\n") < 500, "a module nearing 500 lines has two subjects"
    assert path.stem not in ("utils", "helpers", "manager", "common"), "name the subject"
