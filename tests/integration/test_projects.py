"""Projects, through the one way in that every binding uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.protocol import REGISTRY, Caller, CaoError, Conflict, InvalidInput, NotFound
from cao.settings import load


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield control


async def call(control: Control, name: str, /, **fields: Any) -> Any:
    definition = REGISTRY[name]
    return await control.call(definition, definition.parse(fields), Caller(surface="http"))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    place = tmp_path / "My code!"
    place.mkdir()
    return place


async def test_init_makes_the_folder_for_profiles_and_the_first_project_is_current(control: Control, code: Path) -> None:
    project = await call(control, "project.init", path=str(code))
    assert (project.name, project.path, project.current) == ("My-code", str(code), True)
    assert (code / ".cao" / "profiles").is_dir()


async def test_init_of_a_known_directory_gives_it_back(control: Control, code: Path) -> None:
    first = await call(control, "project.init", path=str(code), name="one")
    again = await call(control, "project.init", path=f"{code}/.", name="two")
    assert again == first


async def test_a_name_is_taken_once(control: Control, code: Path, tmp_path: Path) -> None:
    await call(control, "project.init", path=str(code), name="docs")
    (tmp_path / "other").mkdir()
    with pytest.raises(Conflict, match="another name"):
        await call(control, "project.init", path=str(tmp_path / "other"), name="docs")


@pytest.mark.parametrize(
    "path", ["relative", "/no/such/place", "~nobody-of-this-name/x", "/" + "x" * 300, "/dev/null"], ids=lambda path: path[:20]
)
async def test_init_refuses_what_is_no_directory(control: Control, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await call(control, "project.init", path=path)
    assert refused.value.details["errors"][0]["pointer"] == "/path"


async def test_init_refuses_a_nul_character(control: Control) -> None:
    with pytest.raises(InvalidInput):
        await call(control, "project.init", path="/tmp\0")


async def test_init_refuses_a_link_out_of_the_project(control: Control, code: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (code / ".cao").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="link out of the project"):
        await call(control, "project.init", path=str(code))
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_links_in_a_circle_are_refused(control: Control, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InvalidInput):
        await call(control, "project.init", path=str(tmp_path / "a"))


async def test_use_moves_the_mark_and_remove_forgets(control: Control, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        await call(control, "project.init", path=str(tmp_path / name))
    used = await call(control, "project.use", project="two")
    assert used.current
    would = await call(control, "project.remove", project="two", dry_run=True)
    assert would.name == "two"
    assert len((await call(control, "project.list")).items) == 2
    await call(control, "project.remove", project="two")
    left = (await call(control, "project.list")).items
    assert [(one.name, one.current) for one in left] == [("one", False)]
    assert (tmp_path / "two" / ".cao").is_dir(), "its files stay"


async def test_lists_go_on_by_cursor_newest_first(control: Control, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        await call(control, "project.init", path=str(tmp_path / name))
    first = await call(control, "project.list", limit=2)
    rest = await call(control, "project.list", limit=2, cursor=first.next_cursor)
    assert [one.name for one in (*first.items, *rest.items)] == ["c", "b", "a"]
    assert rest.next_cursor is None


@pytest.mark.parametrize("name", ["project.get", "project.use", "project.remove"])
async def test_an_unknown_project_is_not_found(control: Control, name: str) -> None:
    with pytest.raises(NotFound, match="cao project list"):
        await call(control, name, project="nothing")


async def test_the_same_key_gives_the_same_answer(control: Control, code: Path) -> None:
    first = await call(control, "project.init", path=str(code), idempotency_key="k1")
    assert await call(control, "project.init", path=str(code), idempotency_key="k1") == first
    with pytest.raises(CaoError) as refused:
        await call(control, "project.init", path=str(code), name="other", idempotency_key="k1")
    assert refused.value.code == "conflict"


async def test_providers_tell_what_is_missing_and_how_to_mend_it(control: Control) -> None:
    listed = (await call(control, "provider.list")).items
    assert [one.name for one in listed] == sorted(one.name for one in listed)
    by_name = {one.name: one for one in listed}
    assert by_name["scripted"].ready
    assert not by_name["callable"].ready
    assert "control.register" in by_name["callable"].missing[0].fix
    ready = (await call(control, "provider.list", ready=True)).items
    assert "callable" not in {one.name for one in ready}


async def test_a_provider_is_asked_about_a_profile(control: Control) -> None:
    async def count(prompt: Any) -> str:
        return str(len(prompt.text))

    control.register("counter", count)
    assert (await call(control, "provider.get", provider="callable")).ready
    about = await call(control, "provider.get", provider="callable", profile="developer")
    assert "developer" in about.missing[0].what


async def test_an_unknown_provider_names_those_that_there_are(control: Control) -> None:
    with pytest.raises(NotFound, match="scripted"):
        await call(control, "provider.get", provider="nothing")


async def test_providers_go_on_by_cursor(control: Control) -> None:
    everything = [one.name for one in (await call(control, "provider.list")).items]
    seen: list[str] = []
    cursor = None
    while True:
        page = await call(control, "provider.list", limit=1, cursor=cursor)
        seen += [one.name for one in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == everything
