"""Schedules at work: when they are due, what their files and scripts say, and the duty that fires them.

`cao.store.schedules` holds the definitions and the ledger; this is what reads clocks and starts things.
"""

from .duty import Schedules

__all__ = ["Schedules"]
