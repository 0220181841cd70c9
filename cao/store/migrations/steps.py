"""The list that the modules of this package add their steps to."""

from __future__ import annotations

from sqlite_utils.migrations import Migrations

steps = Migrations("cao")
