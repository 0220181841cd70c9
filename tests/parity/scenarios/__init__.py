"""One scenario for each operation: what must be there first, what is asked, what must come back. A module for each subject."""

from . import definitions, git, pictures, questions, queue, reads, spine, tasks, workflows
from .world import PLUGIN, SCENARIOS, World

__all__ = [
    "PLUGIN",
    "SCENARIOS",
    "World",
    "definitions",
    "git",
    "pictures",
    "questions",
    "queue",
    "reads",
    "spine",
    "tasks",
    "workflows",
]
