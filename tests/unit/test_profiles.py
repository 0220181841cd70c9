"""Profile files: what loads, what is warned of, what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cao.agents.library import Broken, Found, Library
from cao.agents.profile import FRONT_MATTER_LIMIT, PROFILE_LIMIT, Profile, findings, parse
from cao.protocol import InvalidInput, NotFound

PEER = """---
name: code_supervisor
description: Coordinates work
provider: claude_code
role: supervisor
allowedTools: ["@cao-mcp-server", fs_read, fs_list]
capabilities: [planning]
tags: [lead, 2024]
skills: ["python-*"]
container: {path_maps: [{host: /code, container: /work}]}
provider_init_timeout: 90
mcpServers:
  cao-mcp-server:
    type: stdio
    command: uvx
    args: [cao-mcp-server]
    env: {LEVEL: debug}
tools: ["*"]
toolAliases: {}
toolsSettings: {execute_bash: {allowedCommands: ["git .*"]}}
resources: ["file://README.md"]
hooks: {agentSpawn: [{command: "date"}]}
useLegacyMcpJson: false
model: claude-sonnet
engine: v2
permissionMode: acceptEdits
native_agent: null
codexProfile: fast
codexConfig: {model_reasoning_effort: high}
claudeConfig: {effort: high, fallback_model: haiku}
kimiSwarm: true
kimiSwarmMaxConcurrency: 4
---

# Supervisor

Split the work. Use ${PROJECT} --- as it is.
"""


def test_a_profile_of_the_other_system_loads_as_it_is() -> None:
    profile = parse(PEER, "code_supervisor")
    assert profile.provider == "acp"
    assert profile.agent == "claude"
    assert profile.allowed_tools == ["@cao-mcp-server", "fs_read", "fs_list"]
    assert profile.tags == ["lead", "2024"]
    assert profile.mcp_servers["cao-mcp-server"]["command"] == "uvx"
    assert profile.prompt.startswith("# Supervisor")
    assert profile.prompt.endswith("--- as it is.")
    assert profile.extra["toolsSettings"] == {"execute_bash": {"allowedCommands": ["git .*"]}}


def test_unknown_fields_are_kept_and_warned_of_and_never_an_error() -> None:
    found = findings(PEER, "code_supervisor")
    assert {one.level for one in found} == {"warning"}
    assert {"/skills", "/container", "/hooks", "/codexConfig", "/provider"} <= {one.field for one in found}
    assert "/native_agent" not in {one.field for one in found}, "null says nothing"
    assert "/allowedTools" not in {one.field for one in found}


CORPUS = {
    "plain Markdown": ("# Only a prompt\n\nDo it.", {"name": "file", "prompt": "# Only a prompt\n\nDo it."}),
    "empty": ("", {"name": "file", "prompt": ""}),
    "empty front matter": ("---\n---\nBody", {"prompt": "Body"}),
    "comment only": ("---\n# nothing\n---\nBody", {"prompt": "Body"}),
    "Windows line ends": ("---\r\nname: win\r\n---\r\nBody\r\n", {"name": "win", "prompt": "Body"}),
    "byte order mark": ("\ufeff---\nname: bom\n---\nBody", {"name": "bom", "prompt": "Body"}),
    "spaces after the marks": ("---  \nname: spaced\n--- \nBody", {"name": "spaced", "prompt": "Body"}),
    "no line after the mark": ("---\nname: short\n---", {"name": "short", "prompt": ""}),
    "rule in the body": ("---\nname: rule\n---\nOne\n\n---\n\nTwo", {"prompt": "One\n\n---\n\nTwo"}),
    "prompt in the front matter": ("---\nprompt: From above\n---\n", {"prompt": "From above"}),
    "the body wins over it": ("---\nprompt: From above\n---\nFrom below", {"prompt": "From below"}),
    "one word for a list": ("---\ntags: solo\nallowedTools: '*'\n---\n", {"tags": ["solo"], "allowed_tools": ["*"]}),
    "numbers for text": ("---\ndescription: 42\nmodel: 4.1\n---\n", {"description": "42", "model": "4.1"}),
    "nulls": ("---\nrole:\nmodel: ~\ntags: null\n---\n", {"role": "", "model": None, "tags": []}),
    "a date stays text": ("---\nsince: 2024-01-31\n---\n", {"extra": {"since": "2024-01-31"}}),
    "a name with spaces": ("---\nname: My Agent\n---\n", {"name": "file"}),
    "a number for a name": ("---\nname: 007\n---\n", {"name": "file"}),
    "a path for a name": ("---\nname: ../../etc/passwd\n---\n", {"name": "file"}),
    "extra that is no mapping": ("---\nextra: odd\n---\n", {"extra": {"extra": "odd"}}),
    "extra that is one": ("---\nextra: {a: 1}\nb: 2\n---\n", {"extra": {"a": 1, "b": 2}}),
    "keys that are no text": ("---\n2: two\ntrue: yes\n---\n", {"extra": {"2": "two", "true": True}}),
    "block text": ("---\ndescription: >\n  two\n  lines\n---\n", {"description": "two lines\n"}),
    "an anchor without alias": ("---\ntags: &t [a]\n---\n", {"tags": ["a"]}),
    "codex of the other system": ("---\nprovider: codex\n---\n", {"provider": "acp", "agent": "codex"}),
    "a provider of one's own": ("---\nprovider: kiro_cli\n---\n", {"provider": "kiro_cli", "agent": None}),
    "an unfinished front matter": ("---\nname: lost\n", {"name": "file", "prompt": "---\nname: lost"}),
    "other scripts": ("---\ndescription: Prüft ✓ 検証\n---\n", {"description": "Prüft ✓ 検証"}),
    "both kinds of braces": ("---\ncommand: [run, '{prompt}', '${HOME}']\n---\n", {"command": ["run", "{prompt}", "${HOME}"]}),
}


@pytest.mark.parametrize(("text", "expected"), CORPUS.values(), ids=CORPUS)
def test_the_corpus_loads(text: str, expected: dict[str, object]) -> None:
    profile = parse(text, "file")
    assert {name: getattr(profile, name) for name in expected} == expected
    assert all(one.level == "warning" for one in findings(text, "file"))
    assert Profile.model_validate_json(profile.model_dump_json()) == profile


BOMB = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n"
REFUSED = {
    "an alias": (BOMB, "aliases"),
    "a key twice": ("---\nname: a\nrole: x\nname: b\n---\n", "'name' stands there twice, in line 4"),
    "a nested key twice": ("---\nmcpServers: {a: {}, a: {}}\n---\n", "stands there twice"),
    "a field in both spellings": ("---\nallowedTools: []\nallowed_tools: []\n---\n", "both"),
    "a Python object": ("---\nname: !!python/object/apply:os.system [date]\n---\n", "YAML"),
    "binary": ("---\nextra: !!binary aGVsbG8=\n---\n", "YAML"),
    "a set": ("---\nextra: !!set {a, b}\n---\n", "YAML"),
    "not a number": ("---\nretry_seconds: .nan\n---\n", "YAML"),
    "half a character": ('---\ndescription: "\\ud800"\n---\n', "YAML"),
    "a list of things": ("---\n- a\n- b\n---\n", "mapping"),
    "no YAML": ("---\nname: [unclosed\n---\n", "YAML"),
    "a key of lists": ("---\n? [a]\n: b\n---\n", "YAML"),
    "much nesting": ("---\nx: " + "[" * 5000 + "\n---\n", "YAML"),
    "a huge number": ("---\nx: " + "9" * 5000 + "\n---\n", "YAML"),
    "a huge front matter": ("---\nx: " + "y" * FRONT_MATTER_LIMIT + "\n---\n", "larger"),
    "a huge file": ("x" * (PROFILE_LIMIT + 1), "larger"),
    "control characters": ("---\nname: a\x07b\n---\n", "YAML"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_profile_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse(text, "file")
    assert [one.level for one in findings(text, "file")] == ["error"]


def test_findings_point_at_the_fields_as_the_file_spells_them() -> None:
    text = "---\nallowedTools: {a: 1}\nmcpServers: []\nretries: many\ntimeout: -1\nrecovery: pray\n---\nGo."
    assert {one.field for one in findings(text, "file")} == {
        "/allowedTools",
        "/mcpServers",
        "/retries",
        "/timeout",
        "/recovery",
    }


def test_pointers_escape_what_they_must() -> None:
    assert "/a~1b~0c" in {one.field for one in findings("---\na/b~c: 1\n---\n", "file")}


@given(st.text(max_size=400), st.text(alphabet="abc:[]{}&*!?|>-'\"# \n\t,", max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_loads_or_is_refused_in_order(body: str, front: str) -> None:
    text = f"---\n{front}\n---\n{body}"
    try:
        profile = parse(text, "file")
    except InvalidInput:
        assert [one for one in findings(text, "file") if one.level == "error"]
    else:
        json.loads(profile.model_dump_json())


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home" / "profiles")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "code" / ".cao" / "profiles").mkdir(parents=True)
    return tmp_path / "code"


def write(project: Path, name: str, text: str | bytes) -> Path:
    path = project / ".cao" / "profiles" / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_project_wins_over_installed_over_builtin(library: Library, project: Path) -> None:
    assert library.get("developer", project).origin == "builtin"
    library.install("developer", "installed")
    assert library.get("developer", project).origin == "installed"
    write(project, "developer.md", "own")
    assert library.get("developer", project).profile.prompt == "own"
    assert library.get("developer").origin == "installed"


def test_the_profiles_of_the_package_are_sound(library: Library) -> None:
    names = [one.profile.name for one in library.all()]
    assert names == ["developer", "reviewer", "supervisor"]
    for one in library.all():
        assert findings(one.text, one.profile.name) == []


def test_a_profile_goes_by_its_files_name(library: Library, project: Path) -> None:
    write(project, "scribe.md", "---\nname: other\n---\nWrite.")
    assert library.get("scribe", project).profile.name == "scribe"
    with pytest.raises(NotFound):
        library.get("other", project)


def test_a_changed_file_is_read_again(library: Library, project: Path) -> None:
    path = write(project, "scribe.md", "one")
    assert library.get("scribe", project).profile.prompt == "one"
    path.write_text("second")
    assert library.get("scribe", project).profile.prompt == "second"


@pytest.mark.parametrize(
    "name",
    ["../developer", "..", ".hidden", "a/b", "a\\b", "", "x" * 65, "a b", "a\0b", "a..b", "~root", "%2e%2e", "développeur"],
)
def test_names_that_could_leave_the_folder_are_refused(library: Library, project: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        library.get(name, project)
    with pytest.raises(InvalidInput):
        library.install(name, "text")


def test_links_out_of_the_folder_are_not_followed(library: Library, project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("a secret")
    (project / ".cao" / "profiles" / "leak.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(NotFound):
        library.get("leak", project)
    assert "leak" not in {entry_name(one) for one in library.entries(project)}


def test_a_folder_that_links_out_of_the_project_is_not_read(library: Library, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "leak.md").write_text("a secret")
    (tmp_path / "evil" / ".cao").mkdir(parents=True)
    (tmp_path / "evil" / ".cao" / "profiles").symlink_to(tmp_path / "private")
    with pytest.raises(NotFound):
        library.get("leak", tmp_path / "evil")


def test_links_in_a_circle_and_pipes_are_passed_over(library: Library, project: Path) -> None:
    folder = project / ".cao" / "profiles"
    (folder / "loop.md").symlink_to(folder / "loop.md")
    os.mkfifo(folder / "pipe.md")
    (folder / "folder.md").mkdir()
    assert {entry_name(one) for one in library.entries(project)} == {"developer", "reviewer", "supervisor"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00binary", "UTF-8"),
        (b"text\0more", "NUL"),
        (b"x" * (PROFILE_LIMIT + 1), "larger"),
        (BOMB.encode(), "alias"),
    ],
    ids=["binary", "nul", "oversized", "aliases"],
)
def test_a_broken_file_hides_nothing_else_and_says_why(library: Library, project: Path, content: bytes, reason: str) -> None:
    write(project, "broken.md", content)
    with pytest.raises(InvalidInput, match=reason):
        library.get("broken", project)
    entries = {entry_name(one): one for one in library.entries(project)}
    assert isinstance(broken := entries["broken"], Broken)
    assert reason in broken.problem
    assert isinstance(entries["developer"], Found)


def test_an_install_leaves_no_drafts_and_keeps_line_ends(library: Library) -> None:
    path = library.install("scribe", "one\r\ntwo\n")
    assert path.read_bytes() == b"one\r\ntwo\n"
    assert [one.name for one in path.parent.iterdir()] == ["scribe.md"]


def entry_name(entry: Found | Broken) -> str:
    return entry.profile.name if isinstance(entry, Found) else entry.name
