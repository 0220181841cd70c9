"""The page at / in a real browser: what a person does there, and what agents' words must not do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from cao.discovery import local_token
from cao.protocol import REGISTRY
from tests.acceptance.page_house import House, open_house

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("page") / "home") as opened:
        yield opened


async def test_without_a_cookie_there_is_only_the_sign_in(house: House) -> None:
    page = await house.visit()
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("Token").fill("cao_wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Token").fill(local_token(house.settings.home))
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    await page.context.close()


async def test_a_session_is_launched_watched_and_allowed_to_go_on(house: House) -> None:
    page = await house.enter()
    assert "code=" not in page.url  # nor in the history: the code left the address before anything was asked
    steps = [
        {"think": "It is a small change."},
        {"say": "I looked at it."},
        {"ask": "git push origin main", "action": {"tool": "shell", "command": ["git", "push"]}},
        {"say": " Now it is done."},
    ]
    await page.keyboard.press("n")
    await page.get_by_label("Prompt").fill(f"<script>{json.dumps(steps)}</script>")
    await page.get_by_label("Provider").fill("scripted")
    await page.get_by_label("Name", exact=True).fill("small-change")
    await page.get_by_label("Directory").fill(str(house.settings.home))
    await page.locator("dialog").get_by_role("button", name="Launch").click()
    await expect(page.get_by_role("heading", name="small-change")).to_be_visible()
    story = page.locator(".story .parts")
    await expect(story.get_by_text("I looked at it.")).to_be_visible()
    await expect(story.get_by_text("git push origin main")).to_be_visible()
    await expect(page.locator("nav .count")).to_have_text("1")

    await page.keyboard.press("g")
    await page.keyboard.press("i")
    card = page.locator(".inbox .approval")
    await expect(card.get_by_text("git push origin main")).to_be_visible()
    await card.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name="Nothing needs you")).to_be_visible()

    await page.goto("/#/sessions/small-change")
    await expect(story.get_by_text("Now it is done.")).to_be_visible()
    await expect(page.locator(".turn[data-state=completed]")).to_have_count(1)
    run = (await house.client.run.list(limit=1)).items[0]
    assert (run.state, run.result) == ("completed", "I looked at it.\n Now it is done.")
    await page.context.close()


async def test_words_of_agents_stay_words(house: House) -> None:
    markup = "<img src=x onerror='window.taken=1'><script>window.taken=1</script>"
    controls = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202etxt.exe\u202c \u2066x\u2069"
    await house.launch("hostile", {"say": markup + controls}, {"ask": markup + controls, "action": {markup: controls}})
    page = await house.enter()
    await page.goto("/#/sessions/hostile")
    story = page.locator(".story")
    await expect(story.locator(".words").filter(has_text="<img src=x").last).to_contain_text(
        "red \u241b]0;title\u2407 ‹U+202E›txt.exe"
    )
    await expect(story.locator(".approval .question")).to_contain_text("‹U+2066›x‹U+2069›")
    for place in ("inbox", "events", "runs"):
        await page.goto(f"/#/{place}")
        await expect(page.locator("main h1")).to_be_visible()
        assert await page.locator("main img, main script").count() == 0
        assert not re.search("[\x1b\u202e\u2066]", await page.locator("main").inner_text())
    assert await page.evaluate("window.taken") is None
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } }"
    assert await page.evaluate(refused), "Trusted Types leave the page no way to make markup of text"
    await house.client.session.shutdown(session="hostile")
    house.complaints[:] = [one for one in house.complaints if "TrustedHTML" not in one]  # the assignment just refused
    await page.context.close()


async def test_the_palette_lists_every_operation_and_calls_one(house: House) -> None:
    page = await house.enter()
    await house.client.session.launch(
        profile="developer", provider="scripted", name="to-close", directory=str(house.settings.home)
    )
    await page.keyboard.press("Control+k")
    listed = await page.locator(".palette [data-entry*='.']").evaluate_all("all => all.map(one => one.dataset.entry)")
    assert listed == [operation.name for operation in REGISTRY.on("web")]

    await page.keyboard.type("shutdown")
    await page.keyboard.press("Enter")
    form = page.locator("form[data-operation='session.shutdown']")
    await form.get_by_role("button", name="See what would happen").click()
    await expect(form.get_by_role("alert").first).to_contain_text("give one session, or all")
    await form.get_by_label("Session").fill("to-close")
    await form.get_by_role("button", name="See what would happen").click()
    await expect(form.get_by_role("heading", name="What would happen")).to_be_visible()
    assert (await house.client.session.get("to-close")).status == "open"
    await form.get_by_role("button", name="Shutdown").click()
    await expect(form.get_by_role("heading", name="Answer")).to_be_visible()
    assert (await house.client.session.list(name="to-close")).items[0].status == "closed"
    await page.context.close()


async def test_every_operation_has_a_form_that_can_be_read(house: House) -> None:
    page = await house.enter()
    for operation in REGISTRY.on("web"):
        fields = await page.evaluate(
            """async (name) => {
                const build = [...document.scripts].find((one) => one.type === "module").src.replace("main.js", "");
                const [{ describe }, { fieldsOf }] = [await import(`${build}api.js`), await import(`${build}schema.js`)];
                return fieldsOf((await describe(name)).request_schema).map(({ name, required }) => ({ name, required }));
            }""",
            operation.name,
        )
        model = operation.request.model_fields
        assert {one["name"]: one["required"] for one in fields} == {name: known.is_required() for name, known in model.items()}
    await page.context.close()


async def test_a_schedule_is_made_and_its_ledger_seen(house: House) -> None:
    page = await house.enter()
    await page.goto("/#/schedules")
    await page.get_by_role("button", name="New").click()
    form = page.locator("form[data-operation='schedule.add']")
    await form.get_by_label("Name", exact=True).fill("every-second")
    await form.get_by_label("Every").fill("1s")
    await form.get_by_label("Zone").fill("UTC")
    await form.get_by_label("Provider").fill("scripted")
    await form.get_by_label("Prompt").fill("Say hello.")
    await form.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("heading", name="every-second")).to_be_visible()
    await expect(page.locator(".ledger tr[data-state=fired]").first).to_be_visible()
    await page.get_by_role("button", name="Turn off").click()
    await expect(page.get_by_role("button", name="Turn on")).to_be_visible()
    first = (await house.client.schedule.history(schedule="every-second")).items[-1]
    await expect(page.locator(f".ledger a[href='#/runs/{first.run_id}']")).to_be_visible()
    await page.context.close()


async def test_a_notifier_is_added_and_tested(house: House) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue(8)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await received.put(await reader.readexactly(int(length[1]) if length else 0))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    page = await house.enter()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as receiver:
        port = receiver.sockets[0].getsockname()[1]
        await page.goto("/#/notifications")
        await page.get_by_role("button", name="New notifier").click()
        form = page.locator("form[data-operation='notifier.add']")
        await form.locator("[name=name]").fill("team")
        await expect(form.locator("[name=address]")).to_have_attribute("type", "password")
        await form.locator("[name=address]").fill(f"json://127.0.0.1:{port}/secret-path")
        await form.get_by_role("button", name="Add").click()
        card = page.locator("[data-notifier=team]")
        await card.get_by_role("button", name="Send a test").click()
        await expect(page.get_by_role("status").filter(has_text="team accepted the test")).to_be_visible()
        assert b"This is a test" in await asyncio.wait_for(received.get(), 20)
        assert "secret-path" not in await page.locator("body").inner_text()
    await page.context.close()


async def test_the_server_is_lost_and_comes_back(house: House) -> None:
    page = await house.enter()
    await page.goto("/#/sessions")
    beside = await page.context.new_page()
    await beside.goto("/#/tasks")
    await expect(beside.locator(".connection")).to_have_text("live")
    port = await house.kill_server()
    banner = page.locator(".banner")
    await expect(banner).to_contain_text("stale since")
    await house.start_again(port)
    home = str(house.settings.home)
    await house.client.session.launch(profile="developer", provider="scripted", name="while-away", directory=home)
    await house.client.task.create(title="Made while away")
    await expect(banner).to_be_hidden()
    await expect(page.locator(".connection")).to_have_text("live")
    await expect(page.locator(".index .row[data-name=while-away]")).to_be_visible()
    await expect(beside.locator(".kin .row")).to_contain_text("Made while away")
    await page.context.close()


@pytest.mark.parametrize("width", [360, 768, 1600])
async def test_nothing_is_wider_than_the_window(house: House, width: int) -> None:
    page = await house.enter(viewport={"width": width, "height": 800})
    for place in (
        "inbox",
        "sessions",
        "sessions/small-change",
        "runs",
        "workflows",
        "tasks",
        "queue",
        "schedules/every-second",
        "notifications",
        "events",
        "health",
    ):
        await page.goto(f"/#/{place}")
        await expect(page.locator("main h1").locator("visible=true").first).to_be_visible()
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, place
    await page.context.close()
