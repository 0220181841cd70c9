"""Workflows, tasks and the queue on the page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from cao.protocol.tasks import TASK_MACHINE
from tests.acceptance.page_house import House, open_house

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

MARKUP = "<img src=x onerror='window.taken=1'><b>bold</b>"
CHANGE = """\
name: change
description: Plan it, look at it, and ask.
inputs:
  goal: {type: string, required: true, description: What is wanted}
  size: {type: string, choices: [small, large], default: small}
  times: {type: integer, default: 2}
  careful: {type: boolean, default: true}
defaults: {provider: scripted, effect: idempotent}
phases:
  - id: plan
    command: {run: [echo, "{{ inputs.goal }}, {{ inputs.size }}, {{ inputs.times }}, {{ inputs.careful }}"]}
  - id: review
    agent:
      prompt: >
        Look at it. <script>[{"say":
        "{\\"verdict\\": \\"advance\\", \\"confidence\\": 0.9, \\"reason\\": \\"It is <b>fine</b>.\\",
        \\"evidence\\": [{\\"kind\\": \\"code-read\\", \\"description\\": \\"all of it\\"}]}"}]</script>
    contract: {evidence: [code-read], confidence: 0.5}
  - id: gate
    manual: {question: "Merge {{ inputs.goal }}?"}
    routes: {rework: plan}
  - id: merge
    command: {run: [echo, merged]}
outputs: {said: "{{ phases.merge.output.text }}"}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    place = tmp_path_factory.mktemp("work")
    (place / "notes").mkdir()
    async with open_house(place / "home") as opened:
        await opened.client.project.init(path=str(place / "notes"), name="notes")
        yield opened


def folder(house: House) -> Path:
    return house.settings.home.parent / "notes"


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def go(page: Page, key: str, name: str) -> None:
    """Go to a screen by its key."""
    await press(page, "g", key)
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


async def send(page: Page, name: str) -> None:
    """Send the form that is open. Until it is closed the page hears no keys."""
    await page.locator("dialog").get_by_role("button", name=name).click()
    await expect(page.locator("dialog")).to_have_count(0)


async def moves(page: Page) -> set[str]:
    """Where the buttons of the task that is shown lead."""
    found = page.locator(".thing .actions [data-key^='to-']")
    return {name.removeprefix("to-") for name in await found.evaluate_all("all => all.map(one => one.dataset.key)")}


async def test_a_task_goes_only_where_its_table_lets_it(house: House) -> None:
    other = await house.client.task.create(title="The palette", status="ready")
    page = await house.enter()
    await go(page, "t", "Tasks")
    await press(page, "n")
    form = page.locator("form[data-operation='task.create']")
    await form.get_by_label("Title").fill(f"Dark mode {MARKUP}")
    await form.get_by_label("Priority").select_option("critical")
    await form.get_by_role("button", name="Create").click()
    shown = page.locator("article.thing")
    await expect(shown.get_by_role("heading", level=1)).to_have_text(f"Dark mode {MARKUP}")
    task: Any = (await house.client.task.list(priority="critical")).items[0]
    assert await moves(page) == set(TASK_MACHINE.targets("ready")) == set(task.moves)

    await shown.get_by_label("Add an item").fill("The switch")
    await shown.get_by_label("Add an item").press("Enter")
    await shown.get_by_label("The switch").check()
    await expect(shown.locator(".past")).to_contain_text("Checklist: 1 of 1 item")
    await house.client.dependency.add(task=task.id, other=other.id)
    await expect(shown.get_by_role("link", name="The palette")).to_be_visible()  # by the event alone
    await expect(shown.get_by_role("button", name="Start")).to_be_disabled()
    await house.client.task.status(task=other.id, status="in-progress")
    await house.client.task.status(task=other.id, status="done")
    await shown.get_by_role("button", name="Start").click()
    await expect(page.locator(".kin[data-status=in-progress] .row")).to_contain_text("Dark mode")
    assert await moves(page) == set(TASK_MACHINE.targets("in-progress"))
    await shown.get_by_role("button", name="Blocked").click()
    await page.locator("dialog").get_by_label("Reason").fill("no designer")
    await send(page, "Save")
    await expect(page.locator(".kin[data-status=blocked] .row")).to_contain_text("no designer")
    await expect(shown.locator(".standing")).to_have_text("no designer")
    await house.client.task.status(task=task.id, status="in-progress")
    await shown.get_by_role("button", name="Done").click()
    await shown.get_by_role("button", name="Reopen").click()
    await expect(shown.get_by_role("button", name="Start")).to_be_visible()
    assert await page.locator("main img").count() == 0
    assert await page.evaluate("window.taken") is None
    await page.context.close()


async def test_the_queue_is_held_reordered_and_let_go(house: House) -> None:
    page = await house.enter()
    await go(page, "q", "Queue")
    await page.get_by_role("button", name="Pause").click()
    await page.locator("dialog").get_by_label("Reason").fill("the release is built")
    await send(page, "Pause")
    await expect(page.locator(".standing")).to_contain_text("the release is built")
    for words in ("first", "second", "third"):
        await house.client.queue.enqueue(prompt=words, provider="scripted", directory=str(folder(house)))
    names = page.locator(".item .name")
    await expect(names).to_have_text(["first", "second", "third"])
    third = page.locator(".item").filter(has_text="third")
    await third.focus()
    await press(page, "f")
    await expect(names).to_have_text(["third", "first", "second"])
    await expect(third).to_be_focused()  # though all rows were drawn again
    await press(page, "h")
    await expect(third.locator(".badge")).to_have_text("held")
    await page.get_by_role("button", name="Drop: second").click()
    await send(page, "Drop")
    await expect(names).to_have_text(["third", "first"])
    await page.get_by_role("button", name="Resume").click()
    await expect(names).to_have_text(["third"])
    await page.get_by_role("radio", name="Done").check()
    await expect(names).to_have_text(["first"])
    await page.get_by_role("radio", name="Dropped").check()
    await expect(names).to_have_text(["second"])
    await page.context.close()


async def test_a_workflow_is_started_held_approved_and_run_again(house: House) -> None:
    await house.client.definition.put(definition="change", text=CHANGE)
    page = await house.enter()
    await go(page, "w", "Workflows")
    await press(page, "n")
    form = page.locator("form[data-operation='workflow.run']")
    await form.get_by_role("button", name="Start").click()
    await expect(form.locator("[data-field=goal] .wrong")).to_contain_text("is required")
    await form.get_by_label("Goal").fill(f"dark mode {MARKUP}")
    await form.get_by_text("3 more").click()
    await expect(form.get_by_label("Times")).to_have_attribute("type", "number")
    await form.get_by_label("Size").select_option("large")
    await form.get_by_label("Careful").uncheck()
    await form.get_by_role("button", name="Start").click()

    shown = page.locator("article.thing")
    gate = shown.locator(".approval")
    await expect(gate).to_contain_text(f"Merge dark mode {MARKUP}?")
    await expect(shown.locator(".step[data-path=plan]")).to_contain_text("large, 2, false")
    review = shown.locator(".step[data-path=review]")
    await review.locator("summary").click()
    await expect(review).to_contain_text("It is <b>fine</b>.")
    await expect(review.locator(".evidence")).to_contain_text("all of it")
    graph = shown.locator("figure.graph img")
    assert await graph.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    await expect(graph).to_have_attribute("alt", re.compile("2 of 4 phases done"))

    await shown.get_by_role("button", name="Pause").click()
    await shown.get_by_role("button", name="Resume").click()
    await page.locator("dialog").get_by_label("Feedback").fill("mind the links")
    await send(page, "Resume")
    await expect(page.locator("nav .count")).to_have_text("1")
    await go(page, "i", "Inbox")
    card = page.locator(".inbox .approval")
    await expect(card.get_by_role("link", name=re.compile("^change-"))).to_be_visible()
    await card.get_by_label("Reason").fill("looks right")
    await card.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Nothing needs you")).to_be_visible()

    await go(page, "w", "Workflows")
    await page.locator(".index .row").filter(has_text="completed").click()
    await expect(shown.locator(".step[data-path=gate]")).to_contain_text("looks right")
    await expect(shown).to_contain_text("Said")
    await shown.get_by_role("button", name="Retry").click()
    await page.locator("dialog").get_by_label("Phase").fill("gate")
    await send(page, "Retry")
    await expect(shown.get_by_text("again from")).to_be_visible()
    await shown.get_by_role("button", name="Reject").click()
    await expect(shown.locator(".step[data-path=plan]")).to_have_count(2)  # sent back
    await expect(shown.locator(".step[data-path=gate] .badge").first).to_have_text("rework")
    assert await page.evaluate("window.taken") is None
    await page.context.close()


async def test_all_of_it_fits_a_phone(house: House) -> None:
    page = await house.enter(viewport={"width": 360, "height": 760})
    task = (await house.client.task.create(title="word" * 50, description=f"{'long' * 80} {MARKUP}", status="ready")).id
    await house.client.queue.enqueue(prompt="word" * 50, provider="scripted", directory=str(folder(house)), not_before="1d")
    runs = (await house.client.workflow.list(limit=1)).items  # of the tests before, where they ran
    places = (
        "tasks",
        f"tasks/{task}",
        "tasks/wishes",
        "queue",
        "workflows",
        *(f"workflows/{run.id}" for run in runs),
        "workflows/definitions/change",
    )
    for place in places:
        await page.goto(f"/#/{place}")
        await expect(page.locator("main h1").locator("visible=true").first).to_be_visible()
        await expect(page.locator("main .waiting:visible")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
        inner = "[...document.querySelectorAll('main, .index, .detail')].map(one => one.scrollWidth - one.clientWidth)"
        assert max(await page.evaluate(inner)) <= 0, place
    await page.context.close()
