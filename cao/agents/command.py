"""Command lines of profiles: placeholders are replaced inside each argument, and nothing passes through a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_PLACE = re.compile(r"\{(prompt|model|system|directory|conversation)\}")


def fill(arguments: Sequence[str], values: Mapping[str, str | None]) -> list[str]:
    """The arguments with their placeholders replaced; one whose value is unset (None) is left out as a whole.

    A text that would look like an option gets a space before it, so that a prompt cannot pass for one.

    >>> fill(["run", "--model={model}", "{prompt}"], {"model": None, "prompt": "-v"})
    ['run', ' -v']
    """
    return [_filled(argument, values) for argument in arguments if all(values.get(n) is not None for n in places([argument]))]


def places(arguments: Sequence[str]) -> set[str]:
    """The placeholders that occur.

    >>> sorted(places(["--model={model}", "{prompt}", "{other}"]))
    ['model', 'prompt']
    """
    return {name for argument in arguments for name in _PLACE.findall(argument)}


def _filled(argument: str, values: Mapping[str, str | None]) -> str:
    filled = _PLACE.sub(lambda match: values[match.group(1)] or "", argument)
    return f" {filled}" if filled.startswith("-") and argument.startswith("{") else filled
