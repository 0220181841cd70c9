"""The page's files: what is sent with them, and what must never be in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cao.web import files

STATIC = Path(files.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


def test_the_document_names_its_files_by_their_digest() -> None:
    text = files.document("/under").body.decode()
    named = re.findall(r'(?:src|href)="/under/page/([0-9a-f]{16})/([\w.]+)"', text)
    assert {build for build, _ in named} == {files.build_digest()}
    assert all(files.find(build, name) for build, name in named)
    assert {script.name for script in SCRIPTS} <= {name for _, name in named}


def test_the_document_is_asked_for_anew_and_its_files_are_kept() -> None:
    document, script = files.document(), files.find(files.build_digest(), "main.js")
    assert script is not None
    assert dict(document.headers)[b"cache-control"] == b"no-cache"
    assert b"immutable" in dict(script.headers)[b"cache-control"]
    assert document.etag != script.etag


@pytest.mark.parametrize("name", ["../files.py", "index.html", "", "nothing.js", "..%2ffiles.py"])
def test_nothing_else_is_found(name: str) -> None:
    assert files.find(files.build_digest(), name) is None
    assert files.find("0" * 16, "main.js") is None


def test_the_policy_lets_only_our_own_files_run() -> None:
    assert "default-src 'none'" in files.POLICY
    assert "unsafe" not in files.POLICY
    assert "http" not in files.POLICY


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_makes_no_markup_and_calls_nobody_else(script: Path) -> None:
    text = script.read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert len(text.splitlines()) < 300


def test_the_font_comes_with_its_licence() -> None:
    assert (STATIC / "inter.woff2").stat().st_size < 60_000
    assert "SIL Open Font License" in (STATIC / "inter.LICENSE.txt").read_text("utf-8")


TEXTS = ("ink", "soft", "faint", "accent", "good", "busy", "wait", "bad")
GROUNDS = ("paper", "card", "raised", "sunken")
WASHES = (("good", "good-wash"), ("busy", "busy-wash"), ("wait", "wait-wash"), ("bad", "bad-wash"), ("accent-ink", "accent"))
PAIRS = [*((text, ground) for text in TEXTS for ground in GROUNDS), *WASHES, ("ink", "accent-wash"), ("soft", "accent-wash")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("pair", PAIRS, ids="-on-".join)
def test_text_can_be_read_on_its_ground(pair: tuple[str, str], theme: int) -> None:
    colours = {
        name: (light, dark)
        for name, light, dark in re.findall(
            r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (STATIC / "tokens.css").read_text("utf-8")
        )
    }
    text, ground = (luminance(colours[name][theme]) for name in pair)
    lighter, darker = max(text, ground), min(text, ground)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """As WCAG 2 defines it, from `#rrggbb`."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
