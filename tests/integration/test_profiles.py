"""Profiles, through the one way in that every binding uses, and from a real HTTPS server on loopback."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from cao.agents.download import is_public, place
from cao.control import Control
from cao.protocol import REGISTRY, Caller, Conflict, InvalidInput, NotFound, Surface, Unavailable
from cao.settings import load

SCRIBE = "---\nname: scribe\ndescription: Writes minutes\nrole: writer\ntags: [notes, minutes]\n---\nWrite."


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        yield control


async def call(control: Control, name: str, /, surface: Surface = "cli", **fields: Any) -> Any:
    definition = REGISTRY[name]
    return await control.call(definition, definition.parse(fields), Caller(surface=surface))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scribe.md"
    path.write_text(SCRIBE)
    return path


async def test_lists_filter_and_page(control: Control, file: Path) -> None:
    await call(control, "profile.install", source=str(file))
    everything = (await call(control, "profile.list")).items
    assert [one.name for one in everything] == ["developer", "reviewer", "scribe", "supervisor"]
    assert [one.name for one in (await call(control, "profile.list", origin="installed")).items] == ["scribe"]
    assert [one.name for one in (await call(control, "profile.list", tag="minutes")).items] == ["scribe"]
    assert [one.name for one in (await call(control, "profile.list", role="reviewer")).items] == ["reviewer"]
    first = await call(control, "profile.list", limit=3)
    rest = await call(control, "profile.list", limit=3, cursor=first.next_cursor)
    assert [one.name for one in (*first.items, *rest.items)] == [one.name for one in everything]


async def test_a_broken_file_is_listed_with_its_problem(control: Control, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "profiles"
    folder.mkdir(parents=True)
    (folder / "odd.md").write_bytes(b"\xff\xfe")
    listed = {one.name: one.problem for one in (await call(control, "profile.list")).items}
    assert "UTF-8" in listed["odd"]
    assert listed["developer"] is None
    verdict = await call(control, "profile.validate", profile="odd")
    assert not verdict.valid
    installed = await call(control, "profile.install", source="developer", name="odd", replace=True)
    assert installed.name == "odd"


async def test_a_projects_profiles_come_first(control: Control, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    project = await call(control, "project.init", path=str(tmp_path / "code"))
    (tmp_path / "code" / ".cao" / "profiles" / "developer.md").write_text("Ours.")
    detail = await call(control, "profile.get", profile="developer")
    assert (detail.origin, detail.profile.prompt) == ("project", "Ours.")
    await call(control, "project.remove", project=project.id)
    assert (await call(control, "profile.get", profile="developer")).origin == "builtin"


async def test_find_ranks_by_where_the_words_stand(control: Control, file: Path) -> None:
    await call(control, "profile.install", source=str(file))
    found = (await call(control, "profile.find", words="minutes")).items
    assert [one.name for one in found] == ["scribe"]
    found = (await call(control, "profile.find", words="review a change")).items
    assert found[0].name == "reviewer"
    assert (await call(control, "profile.find", words="xyzzy !!")).items == []


async def test_validate_takes_a_name_a_text_or_a_file(control: Control, file: Path) -> None:
    assert (await call(control, "profile.validate", profile="developer")).findings == []
    assert (await call(control, "profile.validate", text=SCRIBE)).valid
    assert (await call(control, "profile.validate", path=str(file))).valid
    verdict = await call(control, "profile.validate", text="---\nretries: many\n---\nGo.")
    assert not verdict.valid
    assert verdict.findings[0].field == "/retries"
    with pytest.raises(InvalidInput, match="exactly one"):
        await call(control, "profile.validate", text=SCRIBE, profile="developer")
    with pytest.raises(NotFound):
        await call(control, "profile.validate", profile="nothing")


@pytest.mark.parametrize("surface", ["http", "mcp"])
async def test_files_are_for_the_command_line_and_python_only(control: Control, file: Path, surface: Surface) -> None:
    with pytest.raises(InvalidInput, match="only the command line and Python"):
        await call(control, "profile.install", surface, source=str(file))
    with pytest.raises(InvalidInput, match="only the command line and Python"):
        await call(control, "profile.validate", surface, path="/etc/passwd")


async def test_install_a_builtin_one_under_another_name(control: Control) -> None:
    installed = await call(control, "profile.install", "http", source="developer", name="mine")
    assert [one.field for one in installed.warnings] == ["/name"]
    assert (await call(control, "profile.get", profile="mine")).digest == installed.digest


async def test_another_text_replaces_only_when_told_to(control: Control, file: Path) -> None:
    await call(control, "profile.install", source=str(file))
    await call(control, "profile.install", source=str(file))
    file.write_text(SCRIBE + " More.")
    with pytest.raises(Conflict, match="replace"):
        await call(control, "profile.install", source=str(file))
    await call(control, "profile.install", source=str(file), replace=True)
    assert (await call(control, "profile.get", profile="scribe")).profile.prompt == "Write. More."


@pytest.mark.parametrize("content", [b"\0", b"\xff", b"---\na: &a 1\nb: *a\n---\n", b"x" * (256 * 1024 + 1)])
async def test_install_refuses_what_is_no_profile(control: Control, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InvalidInput):
        await call(control, "profile.install", source=str(file))
    assert (await call(control, "profile.list", origin="installed")).items == []


async def test_install_refuses_names_and_files_that_are_not_there(control: Control, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="built-in"):
        await call(control, "profile.install", source="nothing")
    with pytest.raises(InvalidInput):
        await call(control, "profile.install", source=str(tmp_path / "nothing.md"))
    with pytest.raises(InvalidInput, match="absolute"):
        await call(control, "profile.install", source="./scribe.md")


async def test_remove_takes_only_installed_ones(control: Control, file: Path) -> None:
    await call(control, "profile.install", source=str(file))
    would = await call(control, "profile.remove", profile="scribe", dry_run=True)
    assert would.dry_run
    assert Path(would.path).is_file()
    await call(control, "profile.remove", profile="scribe")
    assert not Path(would.path).exists()
    for name in ("scribe", "developer"):
        with pytest.raises(NotFound):
            await call(control, "profile.remove", profile=name)
    types = [event.type for event in (await call(control, "event.list", types=["profile.*"])).items]
    assert types == ["profile.installed", "profile.removed"]


@dataclass
class Site:
    """A web site on loopback, with a certificate that the tests trust."""

    url: str
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    site = Site("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.headers["Host"])
            status, headers, content = site.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.url = f"https://localhost:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def trusting(tmp_path: Path) -> AsyncIterator[Control]:
    """A control that may fetch from this computer."""
    async with Control(load(tmp_path / "home", {"CAO_PROFILE_HOSTS": "localhost, other.test"}), work=False) as control:
        yield control


DIGEST = hashlib.sha256(SCRIBE.encode()).hexdigest()


@pytest.fixture
def page(site: Site) -> str:
    site.pages["/team/scribe.md"] = (200, {}, SCRIBE.encode())
    return f"{site.url}/team/scribe.md"


async def test_a_url_is_fetched_and_its_digest_checked(trusting: Control, site: Site, page: str) -> None:
    installed = await call(trusting, "profile.install", "http", source=page, digest=DIGEST)
    assert installed.name == "scribe"
    assert site.asked == [site.url.removeprefix("https://")]
    with pytest.raises(InvalidInput) as refused:
        await call(trusting, "profile.install", "http", source=page, digest="0" * 64, name="other")
    assert refused.value.details["errors"][0]["pointer"] == "/digest"


async def test_a_url_needs_a_digest(trusting: Control, page: str) -> None:
    with pytest.raises(InvalidInput, match="required for a URL"):
        await call(trusting, "profile.install", source=page)


async def test_a_private_address_is_refused_unless_its_host_is_named_in_the_settings(
    control: Control, site: Site, page: str
) -> None:
    with pytest.raises(InvalidInput, match="profile_hosts"):
        await call(control, "profile.install", source=page, digest=DIGEST)
    assert site.asked == []


async def test_redirects_stay_on_the_host(trusting: Control, site: Site, page: str) -> None:
    site.pages["/moved"] = (302, {"Location": "/team/scribe.md"}, b"")
    site.pages["/away"] = (302, {"Location": "https://other.test/scribe.md"}, b"")
    site.pages["/down"] = (302, {"Location": page.replace("https", "http")}, b"")
    site.pages["/round"] = (302, {"Location": "/round"}, b"")
    await call(trusting, "profile.install", source=f"{site.url}/moved", digest=DIGEST)
    for path, reason in (("/away", "another host"), ("/down", "https"), ("/round", "redirects")):
        with pytest.raises(InvalidInput, match=reason):
            await call(trusting, "profile.install", source=site.url + path, digest=DIGEST)


async def test_what_is_too_large_is_given_up(trusting: Control, site: Site) -> None:
    site.pages["/big"] = (200, {}, b"x" * 1_000_000)
    with pytest.raises(InvalidInput, match="larger than"):
        await call(trusting, "profile.install", source=f"{site.url}/big", digest=DIGEST)


async def test_a_host_that_refuses_or_is_not_there_is_unavailable(trusting: Control, site: Site) -> None:
    with pytest.raises(Unavailable, match="404"):
        await call(trusting, "profile.install", source=f"{site.url}/nothing", digest=DIGEST)
    with pytest.raises(Unavailable):
        await call(trusting, "profile.install", source="https://localhost:1/x", digest=DIGEST)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    trusting: Control, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    with pytest.raises(Unavailable, match="could not be asked"):
        await call(trusting, "profile.install", source=page, digest=DIGEST)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.md",
        "file:///etc/passwd",
        "https://user:secret@example.com/a.md",
        "https:///a.md",
        "https://example.com:99999/a.md",
        "https://exa mple.com/a.md",
        "https://[::1/a.md",
    ],
)
async def test_urls_that_are_not_plain_https_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        place(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:10.0.0.1",
        "2002:a00:1::1",
        "64:ff9b::a00:1",
        "nonsense",
    ],
)
def test_private_addresses_are_told_from_public_ones(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are_public() -> None:
    assert all(is_public(address) for address in ("1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"))
