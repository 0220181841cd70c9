"""The scenarios of the spine: sessions and all that stands around them."""

from __future__ import annotations

import json
from typing import Any

from .world import Case, World, has, lists, scenario


@scenario("session.launch")
async def _(world: World) -> Case:
    name = world.name()
    fields = {"profile": "developer", "provider": "scripted", "directory": str(world.place), "name": name}
    return Case(fields, has(name=name, status="open"))


@scenario("session.list")
async def _(world: World) -> Case:
    session = await world.session()
    return Case({"name": session.name, "status": "open"}, lists(session.id))


@scenario("session.get")
async def _(world: World) -> Case:
    session = await world.session()
    return Case({"session": session.name}, has(id=session.id))


@scenario("session.send")
async def _(world: World) -> Case:
    session = await world.session()
    return Case({"session": session.id, "text": "line one\nline two ünïcode"}, has(session_id=session.id))


@scenario("session.wait")
async def _(world: World) -> Case:
    session = await world.session()
    return Case({"session": session.id, "timeout": 5}, has(at_rest=True))


@scenario("session.interrupt")
async def _(world: World) -> Case:
    return Case({"session": (await world.session()).id}, has(turn_ids=[]))


@scenario("session.transcript")
async def _(world: World) -> Case:
    return Case({"session": (await world.session()).id, "limit": 5}, has(items=[], next_cursor=None))


@scenario("session.shutdown")
async def _(world: World) -> Case:
    session = await world.session()
    return Case({"session": session.id}, has(session_ids=[session.id], dry_run=False))


@scenario("terminal.add")
async def _(world: World) -> Case:
    session, name = await world.session(), world.name()
    fields = {"session": session.id, "profile": "reviewer", "provider": "scripted", "name": name}
    return Case({**fields, "directory": str(world.place)}, has(session_id=session.id, name=name))


@scenario("terminal.list")
async def _(world: World) -> Case:
    terminal = await world.terminal()
    return Case({"session": terminal.session_id}, lists(terminal.id))


@scenario("terminal.get")
async def _(world: World) -> Case:
    terminal = await world.terminal()
    return Case({"terminal": terminal.id}, has(id=terminal.id, status="idle"))


@scenario("terminal.output")
async def _(world: World) -> Case:
    return Case({"terminal": (await world.terminal()).id, "whole": True}, has(text="", turn=None))


@scenario("terminal.handoff")
async def _(world: World) -> Case:
    session = await world.session()
    fields = {"session": session.id, "message": "review", "provider": "scripted", "profile": "reviewer", "timeout": 0}
    return Case({**fields, "directory": str(world.place)}, has(session_id=session.id))


@scenario("terminal.assign")
async def _(world: World) -> Case:
    session = await world.session()
    fields = {"session": session.id, "message": "count", "provider": "scripted", "directory": str(world.place)}
    return Case(fields, has(session_id=session.id))


@scenario("terminal.interrupt")
async def _(world: World) -> Case:
    return Case({"terminal": (await world.terminal()).id}, has(turn_ids=[]))


@scenario("terminal.close")
async def _(world: World) -> Case:
    terminal = await world.terminal()
    return Case({"terminal": terminal.id}, has(id=terminal.id, status="closed"))


@scenario("message.send")
async def _(world: World) -> Case:
    terminal = await world.terminal()
    return Case({"terminal": terminal.id, "text": "hello"}, has(terminal_id=terminal.id, text="hello", kind="prompt"))


@scenario("message.list")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"terminal": run.terminal_id}, lists(run.message_id))


@scenario("message.get")
async def _(world: World) -> Case:
    run = await world.run("find me")
    return Case({"message": run.message_id}, has(id=run.message_id, text="find me"))


@scenario("run.list")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"session": run.session_id}, lists(run.id))


@scenario("run.get")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"run": run.id}, has(id=run.id))


@scenario("run.wait")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"run": run.id, "timeout": 0}, has(id=run.id))


@scenario("run.result")
async def _(world: World) -> Case:
    run = await world.run()
    return Case({"run": run.id}, has(run_id=run.id))


@scenario("run.cancel")
async def _(world: World) -> Case:
    run = await world.run(f"<script>{json.dumps([{'sleep': 600}])}</script>")
    return Case({"run": run.id, "dry_run": True}, has(id=run.id))


@scenario("approval.list")
async def _(world: World) -> Case:
    approval = await world.approval()
    return Case({"session": approval.session_id, "state": "pending"}, lists(approval.id))


@scenario("approval.get")
async def _(world: World) -> Case:
    approval = await world.approval()
    return Case({"approval": approval.id}, has(question="Delete everything?", state="pending"))


@scenario("approval.decide")
async def _(world: World) -> Case:
    approval = await world.approval()
    fields = {"approval": approval.id, "decision": "deny", "digest": approval.digest, "reason": "no"}
    return Case(fields, has(id=approval.id, state="denied", reason="no"))


@scenario("event.list")
async def _(world: World) -> Case:
    session = await world.session()
    fields = {"session": session.id, "types": ["session.launched", "terminal.*"]}
    return Case(fields, lambda page: [item["type"] for item in page["items"]] == ["session.launched", "terminal.added"])


@scenario("event.follow")
async def _(world: World) -> Case:
    session = await world.session()
    fields = {"session": session.id, "after": 0, "limit": 2}
    return Case(fields, lambda items: [item["type"] for item in items] == ["session.launched", "terminal.added"])


@scenario("daemon.start")
async def _(world: World) -> Case:
    return Case({"timeout": 20}, has(home=str(world.backstage.settings.home)))


@scenario("daemon.stop")
async def _(world: World) -> Case:
    return Case({"dry_run": True}, has(stopping=False))


@scenario("daemon.status")
async def _(world: World) -> Case:
    return Case({}, has(home=str(world.backstage.settings.home)))


@scenario("daemon.health")
async def _(world: World) -> Case:
    return Case({}, lambda answer: answer["status"] in ("ok", "degraded"))


@scenario("daemon.logs")
async def _(world: World) -> Case:
    return Case({"lines": 5}, lambda answer: answer["path"].endswith("cao.log"))


@scenario("daemon.config")
async def _(world: World) -> Case:
    return Case({}, lambda answer: any(setting["name"] == "linger_seconds" for setting in answer["settings"]))


@scenario("daemon.backup")
async def _(world: World) -> Case:
    return Case({"path": f"{world.name()}.db"}, has(sound=True))


@scenario("daemon.tick")
async def _(world: World) -> Case:
    return Case({"timeout": 0}, lambda answer: answer["left"] >= 0)


@scenario("operation.list")
async def _(world: World) -> Case:
    return Case({"group": "session"}, lists("session.launch", key="name"))


@scenario("operation.get")
async def _(world: World) -> Case:
    return Case({"operation": "run.wait"}, has(name="run.wait", effect="read"))


@scenario("project.init")
async def _(world: World) -> Case:
    folder = world.place / world.name()
    folder.mkdir()
    return Case({"path": str(folder), "name": folder.name}, has(name=folder.name, path=str(folder)))


@scenario("project.list")
async def _(world: World) -> Case:
    return Case({"limit": 200}, lists((await world.project()).id))


@scenario("project.get")
async def _(world: World) -> Case:
    project = await world.project()
    return Case({"project": project.name}, has(id=project.id))


@scenario("project.use")
async def _(world: World) -> Case:
    project = await world.project()
    return Case({"project": project.id}, has(id=project.id, current=True))


@scenario("project.remove")
async def _(world: World) -> Case:
    project = await world.project()
    return Case({"project": project.id}, has(id=project.id))


@scenario("profile.list")
async def _(world: World) -> Case:
    return Case({"origin": "builtin"}, lists("supervisor", key="name"))


@scenario("profile.get")
async def _(world: World) -> Case:
    name = await world.profile()
    return Case({"profile": name}, lambda answer: name in json.dumps(answer))


@scenario("profile.find")
async def _(world: World) -> Case:
    return Case({"words": "review"}, lambda page: "reviewer" in json.dumps(page))


@scenario("profile.validate")
async def _(world: World) -> Case:
    return Case({"text": "---\nname: x\nflavour: sweet\n---\nHello"}, lambda answer: "/flavour" in json.dumps(answer))


@scenario("profile.install")
async def _(world: World) -> Case:
    return Case({"source": "reviewer", "name": (name := world.name())}, has(name=name))


@scenario("profile.remove")
async def _(world: World) -> Case:
    name = await world.profile()
    return Case({"profile": name}, lambda answer: name in json.dumps(answer))


@scenario("provider.list")
async def _(world: World) -> Case:
    return Case({}, lists("scripted", key="name"))


@scenario("provider.get")
async def _(world: World) -> Case:
    return Case({"provider": "scripted"}, has(name="scripted"))


@scenario("schedule.add")
async def _(world: World) -> Case:
    fields = {"name": world.name(), "every": "6h", "provider": "scripted", "prompt": "hello", "directory": str(world.place)}
    return Case(fields, has(name=fields["name"], every="6h", enabled=True))


@scenario("schedule.list")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    return Case({"enabled": True}, lists(schedule.id))


@scenario("schedule.get")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    return Case({"schedule": schedule.name}, has(id=schedule.id, cron="0 3 * * *"))


@scenario("schedule.enable")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    await world.client.schedule.disable(schedule.id)
    return Case({"schedule": schedule.id}, lambda answer: answer["enabled"] and answer["next_due"])


@scenario("schedule.disable")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    return Case({"schedule": schedule.id}, has(enabled=False, next_due=None))


@scenario("schedule.run")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    return Case({"schedule": schedule.name}, has(schedule_id=schedule.id, state="fired", due=None))


@scenario("schedule.next")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    fields = {"schedule": schedule.id, "count": 1, "after": "2027-03-28T00:00:00Z"}
    return Case(fields, lambda answer: answer["fires"][0]["local"] == "2027-03-28T03:00:00+02:00")


@scenario("schedule.history")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    fire = await world.client.schedule.run(schedule.id)
    return Case({"schedule": schedule.id}, lists(fire.id))


@scenario("schedule.remove")
async def _(world: World) -> Case:
    schedule = await world.schedule()
    return Case({"schedule": schedule.id}, has(id=schedule.id))


@scenario("token.create")
async def _(world: World) -> Case:
    name = world.name()
    return Case({"name": name, "scopes": ["session:*", "run:read"]}, lambda made: made["secret"].startswith("cao_pat_"))


@scenario("token.list")
async def _(world: World) -> Case:
    made = await world.client.token.create(name=world.name(), scopes=["*:read"])
    return Case({"limit": 5}, lists(made.id))


@scenario("token.revoke")
async def _(world: World) -> Case:
    made = await world.client.token.create(name=world.name(), scopes=["*:read"])
    return Case({"token": made.name}, has(id=made.id, state="revoked"))


@scenario("token.link")
async def _(world: World) -> Case:
    return Case({}, lambda link: "/#code=cao_code_" in link["url"])


@scenario("plugin.list")
async def _(world: World) -> Case:
    return Case({}, lists("guest", key="name"))


@scenario("plugin.info")
async def _(world: World) -> Case:
    return Case({"plugin": "guest"}, has(name="guest", package="guest-package 1.2", methods=[], duties=[], options=[]))


@scenario("plugin.disable")
async def _(world: World) -> Case:
    await world.client.plugin.enable("guest")
    return Case({"plugin": "guest"}, has(name="guest", status="off"))


@scenario("plugin.enable")
async def _(world: World) -> Case:
    await world.client.plugin.disable("guest")
    return Case({"plugin": "guest"}, has(name="guest", status="on"))


NOWHERE = "json://127.0.0.1:9/hook"
"""An address that nobody answers at."""


async def notifier(world: World) -> Any:
    """A notifier that holds what it is given."""
    made = await world.client.notifier.add(world.name(), NOWHERE, tags=["parity"])
    return await world.client.notifier.pause(made.id)


async def delivery(world: World) -> str:
    """A notification that is held; its id."""
    made = await notifier(world)
    return str((await world.client.notify.send("hello", notifier=made.id)).deliveries[0])


@scenario("notifier.add")
async def _(world: World) -> Case:
    name = world.name()
    return Case({"name": name, "address": NOWHERE}, has(name=name, target="json://127.0.0.1:9/***", paused=False))


@scenario("notifier.list")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"limit": 200}, lists(made.id))


@scenario("notifier.get")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"notifier": made.name}, has(id=made.id, tags=["parity"], paused=True))


@scenario("notifier.test")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"notifier": made.name}, has(notifier=made.name, outcome="failed"))


@scenario("notifier.pause")
async def _(world: World) -> Case:
    made = await world.client.notifier.add(world.name(), NOWHERE)
    return Case({"notifier": made.name}, has(id=made.id, paused=True))


@scenario("notifier.resume")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"notifier": made.name}, has(id=made.id, paused=False))


@scenario("notifier.remove")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"notifier": made.name}, has(id=made.id, withdrawn=0, dry_run=False))


@scenario("rule.add")
async def _(world: World) -> Case:
    name = world.name()
    return Case(
        {"events": ["needs-you"], "tags": ["nobody"], "name": name}, has(name=name, events=["needs-you"], tags=["nobody"])
    )


@scenario("rule.list")
async def _(world: World) -> Case:
    made = await world.client.rule.add(["done"], tags=["nobody"])
    return Case({"limit": 200}, lists(made.id))


@scenario("rule.remove")
async def _(world: World) -> Case:
    made = await world.client.rule.add(["done"], tags=["nobody"], name=world.name())
    return Case({"rule": made.name}, has(id=made.id, name=made.name))


@scenario("notify.send")
async def _(world: World) -> Case:
    made = await notifier(world)
    return Case({"text": "hello", "notifier": made.name}, lambda answer: len(answer["deliveries"]) == 1)


@scenario("delivery.list")
async def _(world: World) -> Case:
    id = await delivery(world)
    return Case({"state": "held", "limit": 200}, lists(id))


@scenario("delivery.get")
async def _(world: World) -> Case:
    id = await delivery(world)
    return Case({"delivery": id}, has(id=id, state="held", body="hello", receipts=[]))


@scenario("delivery.retry")
async def _(world: World) -> Case:
    id = await delivery(world)
    await world.backstage.services.store.write(lambda tx: tx.update("notifiers_deliveries", id, state="dead"))
    return Case({"delivery": id}, has(id=id, state="held"))
