"""Packages that are installed for a test: a module, and beside it what tells Python of its entry points."""

from __future__ import annotations

from pathlib import Path

import pytest


def install(folder: Path, name: str, code: str, *, group: str = "cao.plugins") -> Path:
    """Install a package whose module `<name>_package` holds `code`, and in it the class `Main`; the folder it lies in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_package.py").write_text(code)
    about = folder / f"{name}_package-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}_package:Main\n")
    return folder


def importable(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process find what is installed in `folder`."""
    patch.syspath_prepend(str(folder))
