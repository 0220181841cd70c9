"""Packages that extend a control: the contract that they keep, and the host that keeps them from doing harm.

from cao.plugins import Plugin, Veto, before, hook, within
"""

from .contract import Plugin, Veto, before, hook, within

__all__ = ["Plugin", "Veto", "before", "hook", "within"]
