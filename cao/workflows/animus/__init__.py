"""Workflows written for Animus, as ours: definitions, profiles, and a report of what means something else here or is lost.

text ─ part.py ─► workflows.py ─► phases.py ─► commands, agents, people    each piece of text by templates.py
                            └───► team.py    ─► profiles
"""

from .part import Report
from .workflows import Translation, translate

__all__ = ["Report", "Translation", "translate"]
