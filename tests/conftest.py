"""What holds for all tests."""

from __future__ import annotations

import os

os.environ.setdefault("CAO_PRELOAD", "false")  # most servers of the tests are asked for neither Prefect nor MCP
