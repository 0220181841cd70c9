"""Whatever valid query is made of the schema, it is answered or refused, and nothing in us breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import hypothesis_graphql
import pytest
from graphql import IntValueNode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cao.control import Control
from cao.graphql.execution import Executor
from cao.graphql.schema import SCHEMA_FILE
from cao.graphql.wire import Refused, asked
from cao.protocol import OWNER
from cao.settings import load

NUMBERS = st.integers(-(2**54), 2**54).map(lambda number: IntValueNode(value=str(number)))
TEXTS = hypothesis_graphql.nodes.String
SCALARS: dict[str, Any] = {"Long": NUMBERS, "DateTime": st.text().map(TEXTS), "JSON": st.text().map(TEXTS)}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run a document: the codes of the errors in its answer."""
    with asyncio.Runner() as runner:
        control = Control(load(tmp_path_factory.mktemp("fuzz") / "home", {}), work=False)
        runner.run(control.__aenter__())
        executor = Executor(control)

        async def codes(query: str) -> list[str]:
            try:
                answer = await executor.run(executor.prepare(asked({"query": query})), OWNER)
            except Refused as refused:
                answer = refused.answer
            return [error["extensions"]["code"] for error in answer.get("errors", [])]

        yield lambda query: runner.run(codes(query))
        runner.run(control.__aexit__(None, None, None))


@given(query=hypothesis_graphql.queries(SCHEMA_FILE.read_text("utf-8"), custom_scalars=SCALARS))
@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_query_breaks_us(ask: Any, query: str) -> None:
    assert set(ask(query)) <= {"invalid_input", "not_found", "unavailable", "conflict"}


@given(text=st.text(max_size=200) | st.text('{}()[]"\\ \n#$@!:=|&.,a1', max_size=400))
@settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_text_breaks_us(ask: Any, text: str) -> None:
    assert set(ask(text)) == {"invalid_input"}
