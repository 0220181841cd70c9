"""What holds for all tests."""

from __future__ import annotations

import os

import pytest

LONGEST = ("parity/test_parity.py", "acceptance/test_docs.py")
"""The files that take longest come first, so that no worker is left with one when the others are done."""

os.environ.setdefault("CAO_PRELOAD", "false")  # most servers of the tests are asked for neither Prefect nor MCP


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))
