"""The flow of a workflow that is written in Python: registered by this program, or loaded from its project's file."""

from __future__ import annotations

import json
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from prefect.flows import Flow
from pydantic import ValidationError

from cao.protocol import InvalidInput
from cao.store import Reader, flow_code, projects, workflows
from cao.workflows.definition import Definition
from cao.workflows.entry import file_of, function_of
from cao.workflows.problems import meant

from .house import House
from .journal import Journal

_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "array": "list", "object": "object"}
_loading = threading.Lock()
"""`sys.path` belongs to the process: one flow is loaded at a time."""


def flow_of(house: House, journal: Journal) -> Flow[..., Any]:
    """The flow of a run. Runs the file's code, so never on an event loop. Raises `InvalidInput`."""
    name, entry = journal.snapshot.root, journal.snapshot.definition.flow or ""
    reader = house.store.read()
    code = flow_code.of_run(reader, journal.run_id)
    if code is None:
        known = house.flows.get(name)
        if known is None:
            raise InvalidInput(
                f"the flow {name!r} is not registered in this process; call control.register_flow before", flow=name
            )
        return known
    if journal.project_id is None:
        raise InvalidInput(f"the flow {entry!r} belongs to no project", flow=entry)
    project = Path(projects.get(reader, journal.project_id).path)
    return loaded(file_of(entry, project), code, project, function_of(entry))


def loaded(path: Path, code: str, project: Path, name: str) -> Flow[..., Any]:
    """The flow of this name in a file's code. Raises `InvalidInput`."""
    module = _module(path, code, project)
    found = getattr(module, name, None)
    if found is None:
        flows = [word for word, value in vars(module).items() if isinstance(value, Flow)]
        raise InvalidInput(f"there is no {name!r} in {path.name}; {meant(name, flows, 'its flows are')}", flow=name)
    if not isinstance(found, Flow):
        raise InvalidInput(f"{name!r} in {path.name} is no Prefect flow; put @flow above it", flow=name)
    return cast("Flow[..., Any]", found)


def definition_of(flow: Any, name: str | None) -> Definition:
    """What a registered flow is as a workflow: its parameters are the inputs. Raises `InvalidInput`."""
    if not isinstance(flow, Flow):
        raise InvalidInput.field("flow", "is no Prefect flow; put @flow above the function")
    wanted = name or re.sub(r"[^a-z0-9]+", "-", flow.name.lower()).strip("-")
    schema = flow.parameters
    inputs = {word: _input(given, word in schema.required) for word, given in schema.properties.items()}
    try:
        return Definition.model_validate(
            {"name": wanted, "description": flow.description or "", "inputs": inputs, "flow": f"registered:{flow.fn.__name__}"}
        )
    except ValidationError as error:
        raise InvalidInput.from_validation(error) from None


def _input(schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    kinds = [schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))]  # `int | None` is any of two
    type = next((_TYPES[kind] for kind in kinds if kind in _TYPES), "string")
    made: dict[str, Any] = {"type": type, "description": schema.get("title", "")}
    return {**made, "required": True} if required else {**made, "default": schema.get("default")}


def is_flow(reader: Reader, run_id: str) -> bool:
    """Whether a run's workflow is a Prefect flow."""
    row = workflows.row_of(reader, run_id)
    return json.loads(row["snapshot"])[row["definition"]].get("flow") is not None


def is_of_another_process(house: House, run_id: str) -> bool:
    """Whether a run's flow was registered by a program, and that is not this one: it waits for that program."""
    reader = house.store.read()
    registered = is_flow(reader, run_id) and flow_code.of_run(reader, run_id) is None
    return registered and str(workflows.row_of(reader, run_id)["definition"]) not in house.flows


def _module(path: Path, code: str, project: Path) -> ModuleType:
    """The file as a module: the text that the run was started with, beside what it imports as that is now."""
    name = f"cao_flow_{sha256(str([str(path), code]).encode()).hexdigest()[:16]}"
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        places = [str(path.parent), str(project)]
        sys.path[:0] = places
        try:
            exec(compile(code, str(path), "exec"), module.__dict__)  # noqa: S102 - a flow of a project is run as its commands are
        except BaseException as error:
            del sys.modules[name]
            if not isinstance(error, (Exception, SystemExit)):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1].lineno if error.__traceback__ else 0
            said = f"{type(error).__name__}: {error}"[:500]
            raise InvalidInput(f"{path.name} cannot be loaded: {said} (line {where})", flow=path.name) from error
        finally:
            for place in places:
                sys.path.remove(place)
        return module
