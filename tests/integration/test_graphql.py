"""GraphQL over HTTP: answers, refusals with the codes and pointers of the other surfaces, limits, and server-sent events."""

from __future__ import annotations

from typing import Any

from .conftest import Site


async def ask(site: Site, query: str, variables: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = await site.client.post("/graphql", json={"query": query, "variables": variables or {}}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_change_and_a_read(site: Site) -> None:
    launch = """
      mutation ($name: String!, $labels: JSON) {
        sessionLaunch(profile: "developer", provider: "scripted", name: $name, labels: $labels) {
          id name status labels createdAt
        }
      }
    """
    made = (await ask(site, launch, {"name": "one", "labels": {"a": "b"}}))["data"]["sessionLaunch"]
    assert (made["name"], made["status"], made["labels"]) == ("one", "open", {"a": "b"})
    found = await ask(site, "{ sessionList(status: open) { items { id terminals { name depth } } nextCursor } }")
    assert found["data"]["sessionList"]["items"][0]["id"] == made["id"]
