"""Models whose fields are documented by the docstring below them, read when a schema is asked for and not at import.

Pydantic can read them itself (`use_attribute_docstrings`), but does so for every class when it is made: half a second for ours.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Described(BaseModel):
    """Base of all our models."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties: dict[str, dict[str, Any]] = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in descriptions(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """What the docstrings below a model's fields say, by the field's name."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        found.update(_in_module(kind.__module__).get(kind.__qualname__, {}))
    return {name: found[name] for name in model.model_fields if name in found}


@cache
def _in_module(name: str) -> Mapping[str, Mapping[str, str]]:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not file.endswith(".py") or not name.startswith("cao"):
        return {}
    tree = ast.parse(Path(file).read_text("utf-8"))
    return {node.name: dict(_documented(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _documented(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                pass
