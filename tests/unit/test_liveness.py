"""Who lives: locks of processes that begin and end at the same time, and of files that are swept away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cao.liveness import Owner
from cao.store.locks import FileLock, is_held, sweep

BEGINNERS = """
import os, sys
from pathlib import Path
from cao.liveness import Owner
from cao.store.locks import is_held

def begin_and_end(home, rounds):
    for _ in range(rounds):
        owner = Owner(home)
        owner.appear()
        if not is_held(home / "owners" / f"{owner.name}.lock"):
            return "a living owner is taken for dead"
        owner.vanish()

processes = 6
for _ in range(processes):
    if os.fork() == 0:
        sys.exit(begin_and_end(Path(sys.argv[1]), rounds=200))
sys.exit(any([os.wait()[1] for _ in range(processes)]))
"""


def test_of_many_that_begin_together_none_is_taken_for_dead(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BEGINNERS, str(tmp_path)], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "owners").iterdir()) == []


def test_who_appears_sweeps_away_the_dead_and_not_the_living(tmp_path: Path) -> None:
    first, second = Owner(tmp_path), Owner(tmp_path)
    first.appear()
    left = tmp_path / "owners" / "0123456789ab.lock"
    left.touch()
    second.appear()
    assert (left.exists(), second.is_alive(first.name), first.is_alive(second.name)) == (False, True, True)
    first.vanish()
    assert not second.is_alive(first.name)
    second.vanish()


def test_to_look_at_a_lock_neither_makes_the_file_nor_takes_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "some.lock"
    assert (is_held(path), path.exists()) == (False, False)
    sweep(path)
    assert not path.exists()
    lock = FileLock(path)
    assert lock.acquire()
    sweep(path)
    assert (is_held(path), FileLock(path).acquire()) == (True, False)
    lock.release()
    assert not is_held(path)
    sweep(path)
    assert not path.exists()
