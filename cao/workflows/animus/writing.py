"""A definition as YAML that people like to read: texts of several lines as blocks, nothing folded."""

from __future__ import annotations

from typing import Any, cast

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as `|` blocks, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)  # lists stand deeper than their keys


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    block = "\n" in text.strip("\n")
    return cast("Any", dumper).represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _text)


def written(definition: dict[str, Any]) -> str:
    """The text of a definition.

    >>> print(written({"name": "x", "phases": [{"id": "a", "agent": {"prompt": "One\\nTwo"}}]}), end="")
    name: x
    phases:
      - id: a
        agent:
          prompt: |-
            One
            Two
    """
    return yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
