"""The `cao` program without a server."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cao_cli.__main__ import main

PROGRAM = [sys.executable, "-m", "cao_cli"]


class Done(NamedTuple):
    """How a command line ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Shell:
    """Runs the program on a data directory of its own: its `main`, in this process, which saves the second of its imports."""

    def __init__(self, home: Path, place: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> None:
        self.home = home
        self.place = place
        self._patch = patch
        self._capture = capture
        self._patch.chdir(place)
        for name, value in {"CAO_HOME": str(home), "CAO_PORT": "0", "NO_COLOR": "1", "COLUMNS": "120"}.items():
            self._patch.setenv(name, value)

    def run(self, *words: str, given: bytes = b"") -> Done:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._capture.readouterr()
        status = main(list(words))
        said = self._capture.readouterr()
        return Done(status, said.out, said.err)

    def json(self, *words: str, given: bytes = b"") -> Any:
        done = self.run(*words, "--json", given=given)
        assert done.returncode == 0, done.stderr
        envelope = json.loads(done.stdout)
        assert (envelope["schema"], envelope["ok"]) == ("cao.cli.v1", True)
        return envelope["data"]

    def error(self, *words: str, given: bytes = b"") -> Any:
        """The error of a command that fails, with nothing on standard output."""
        done = self.run(*words, "--json", given=given)
        assert done.stdout == b""
        [line] = done.stderr.decode().splitlines()
        envelope = json.loads(line)
        assert (envelope["schema"], envelope["ok"]) == ("cao.cli.v1", False)
        assert envelope["error"]["exit_code"] == done.returncode
        return envelope["error"]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Shell:
    place = tmp_path / "place"
    place.mkdir()
    return Shell(tmp_path / "home", place, monkeypatch, capsysbinary)


def test_a_session_is_launched_here_and_listed(shell: Shell) -> None:
    session = shell.json("launch", "Say hello.", "--provider", "scripted", "--name", "greeting", "--local")
    assert session["name"] == "greeting"
    assert session["terminals"][0]["directory"] == str(shell.place)
    [listed] = shell.json("session", "--local")["items"]
    assert listed["id"] == session["id"]
    shown = shell.run("session", "list").stdout.decode()
    assert shown.splitlines()[0].split() == ["name", "status", "agent", "id", "created"]
    assert "greeting" in shown
    assert not (shell.home / "server.json").exists()


def test_work_that_is_only_recorded_is_said_to_wait(shell: Shell) -> None:
    done = shell.run("launch", "Say hello.", "--provider", "scripted", "--local")
    assert b"queued; work it off with: cao tick, or cao serve" in done.stderr
    assert shell.json("run")["items"][0]["state"] == "queued"


def test_reads_need_no_server_and_start_none(shell: Shell) -> None:
    assert shell.json("daemon", "status")["running"] is False
    assert shell.json("profile", "list")["items"]
    assert not (shell.home / "cao.log").exists()


def test_each_class_of_error_has_its_exit_status(shell: Shell) -> None:
    assert shell.error("session", "get", "nope")["code"] == "not_found"
    assert shell.error("session", "list", "--limit", "0")["code"] == "invalid_input"
    assert shell.error("daemon", "stop")["code"] == "conflict"
    assert shell.error("session", "list", "--url", "http://127.0.0.1:9")["code"] == "unavailable"


@pytest.mark.parametrize(
    ("words", "pointer"),
    [
        (["session", "list", "--limit", "many"], "/limit"),
        (["session", "get"], "/session"),
        (["approval", "decide", "apr_1", "maybe"], "/decision"),
        (["launch", "--labels", "{broken"], "/labels"),
        (["session", "list", "--limt", "3"], ""),
    ],
)
def test_bad_usage_is_exit_2_in_the_same_envelope(shell: Shell, words: list[str], pointer: str) -> None:
    error = shell.error(*words)
    assert error["code"] == "invalid_input"
    assert error["exit_code"] == 2
    assert error["details"]["errors"][0]["pointer"] == pointer


def test_an_unknown_command_names_the_nearest_one(shell: Shell) -> None:
    assert "did you mean: cao session list" in shell.error("session", "lsit")["message"]
    assert shell.run("sesion").returncode == 2


def test_a_prompt_comes_from_standard_input_or_a_file(shell: Shell) -> None:
    (shell.place / "prompt.md").write_text("from a file\n")
    launch = ("launch", "--provider", "scripted", "--local")
    shell.json(*launch, "-", given="von Röhre\n".encode())
    shell.json(*launch, "@prompt.md")
    shell.json(*launch, "@@everyone: hello")
    texts = [message["text"] for message in shell.json("message", "list")["items"]]
    assert texts == ["@everyone: hello", "from a file\n", "von Röhre\n"]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\xff\xfe", "not text in UTF-8"), (b"a\0b", "binary"), (b"x" * ((1 << 20) + 1), "longer than 1 MiB")],
)
def test_what_is_no_text_is_refused(shell: Shell, content: bytes, why: str) -> None:
    assert why in shell.error("launch", "-", "--local", given=content)["message"]


def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    assert "gone.md cannot be read" in shell.error("launch", "@gone.md", "--local")["message"]


def test_a_list_goes_on_with_the_command_that_it_shows(shell: Shell) -> None:
    done = shell.run("operation", "list", "--limit", "3")
    more = done.stderr.decode().strip().removeprefix("more: cao ").split()
    assert "--cursor" in more
    first = done.stdout.decode().splitlines()[1:]
    second = shell.run(*more).stdout.decode().splitlines()[1:]
    assert len(first) == len(second) == 3
    assert set(first).isdisjoint(second)


def test_what_an_agent_wrote_cannot_steer_the_terminal(shell: Shell) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2Jhello \u202egnp"
    shell.json("launch", hostile, "--provider", "scripted", "--local")
    shown = shell.run("message", "list")
    assert b"hello gnp" in shown.stdout
    assert b"\x1b" not in shown.stdout
    line = shell.run("message", "list", "--json").stdout
    assert b"\x1b" not in line
    assert "\u202e".encode() not in line
    assert json.loads(line)["data"]["items"][0]["text"] == hostile


def test_it_runs_as_a_program_of_its_own(shell: Shell) -> None:
    done = subprocess.run([*PROGRAM, "session", "--json"], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["data"] == {"items": [], "next_cursor": None}


def test_help_needs_no_data_directory(shell: Shell) -> None:
    for words in ([], ["--help"], ["session", "--help"], ["launch", "--help"], ["daemon"], ["help"], ["help", "launch"]):
        done = shell.run(*words)
        assert done.returncode == 0
        assert b"Usage: cao" in done.stdout
    assert shell.run("help", "session", "send").stdout == shell.run("session", "send", "--help").stdout
    assert not shell.home.exists()


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_completion(shell: Shell, name: str) -> None:
    script = shell.run("completion", name).stdout.decode()
    assert "launch" in script
    assert "--provider" in script or "provider" in script


def test_the_version_is_printed(shell: Shell) -> None:
    import cao

    assert shell.run("--version").stdout.decode().strip() == cao.__version__
    assert shell.json("version") == {"version": cao.__version__}


def test_whoever_stops_reading_ends_the_program_quietly(shell: Shell) -> None:
    shell.json("launch", "hello", "--provider", "scripted", "--local")
    program = subprocess.Popen([*PROGRAM, "event", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout
    assert program.stderr
    program.stdout.close()
    assert program.wait(30) == 141
    assert program.stderr.read() == b""
    program.stderr.close()


def test_ctrl_c_exits_130(shell: Shell) -> None:
    shell.json("launch", "--provider", "scripted", "--local")
    program = subprocess.Popen(
        [*PROGRAM, "event", "follow", "--after", "0", "--local", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout
    assert program.stderr
    assert json.loads(program.stdout.readline())["data"]["seq"] == 1
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 130
    program.stdout.close()
    program.stderr.close()


def test_a_stream_is_one_envelope_for_each_item(shell: Shell) -> None:
    shell.json("launch", "hello", "--provider", "scripted", "--local")
    done = shell.run("event", "follow", "--after", "0", "--limit", "3", "--local", "--json")
    assert [json.loads(line)["data"]["seq"] for line in done.stdout.splitlines()] == [1, 2, 3]


def test_a_run_without_an_answer_is_told_on_standard_error(shell: Shell) -> None:
    run = shell.json("launch", "hello", "--provider", "scripted", "--local")["run_id"]
    done = shell.run("run", "result", run, "--local")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"queued; no answer yet")


@pytest.mark.parametrize(
    ("noun", "good", "bad"),
    [
        ("definition", "name: x\nphases: [{id: say, command: {run: [echo, hello]}, effect: idempotent}]\n", "name: [\n"),
        ("profile", "You write minutes.", "---\nretries: many\n---\nGo."),
    ],
)
def test_a_text_that_is_not_valid_is_exit_1_with_its_flaws(shell: Shell, noun: str, good: str, bad: str) -> None:
    assert shell.json(noun, "validate", f"--text={good}")["valid"]
    done = shell.run(noun, "validate", f"--text={bad}", "--json")
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["data"]["valid"] is False


def test_a_directory_that_was_deleted_is_told_of(shell: Shell) -> None:
    shell.place.rmdir()
    for words in (["launch", "hello"], ["project", "init", "."]):
        error = shell.error(*words, "--local")
        assert (error["code"], "was deleted" in error["message"]) == ("invalid_input", True)


def test_ctrl_c_while_waiting_without_a_server_says_what_goes_on_with_the_work(shell: Shell) -> None:
    program = subprocess.Popen(
        [*PROGRAM, "--local", "launch", '<script>[{"sleep": 600}]</script>', "--provider", "scripted", "--wait"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert program.stderr
    assert program.stderr.readline().startswith(b"session ")
    program.send_signal(signal.SIGINT)
    assert b"queued; work it off with: cao tick, or cao serve" in program.stderr.read()
    assert program.wait(60) == 130
    program.stderr.close()


def test_a_dry_run_changes_nothing(shell: Shell) -> None:
    shell.json("launch", "--provider", "scripted", "--local", "--name", "kept")
    assert shell.json("shutdown", "kept", "--dry-run")["dry_run"] is True
    assert shell.json("session", "get", "kept")["status"] == "open"


def test_a_wait_without_a_prompt_is_refused(shell: Shell) -> None:
    assert "no prompt to wait for" in shell.error("launch", "--wait", "--provider", "scripted", "--local")["message"]
