from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from netplan.errors import LockedError
from netplan.store.lock import LockHolder, alone, end_holder, hold, locked
from netplan.system import programs

HOLD = "import sys, time; from pathlib import Path; from netplan.store.lock import locked\n"
HOLD += "with locked(Path(sys.argv[1]), 'apply', 0): print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def other(tmp_path):
    """Another podnet, which holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def lock(folder, timeout=0.0):
    with locked(folder, "drift --fix", timeout):
        return True


def test_a_lock_that_another_holds_is_refused_with_who_it_is(tmp_path, other):
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
    with pytest.raises(
        LockedError, match=rf"^podnet apply \(pid {other.pid}, since {when}\) holds the lock on this node"
    ):
        lock(tmp_path)


def test_a_lock_that_another_holds_is_waited_for(tmp_path, other):
    threading.Timer(0.2, other.stdin.close).start()
    assert lock(tmp_path, timeout=30)


def test_a_lock_that_another_does_not_give_back_in_time_is_refused(tmp_path, other):
    with pytest.raises(LockedError):
        lock(tmp_path, timeout=0.1)


def test_a_lock_that_a_killed_process_left_is_taken(tmp_path, other):
    other.kill()
    other.wait()
    assert lock(tmp_path)


def test_a_lock_can_be_taken_twice_in_a_row(tmp_path):
    assert lock(tmp_path)
    assert lock(tmp_path)


def test_a_program_that_a_killed_process_started_is_waited_for(tmp_path):
    with locked(tmp_path, "apply", 0) as descriptor:
        ended = subprocess.Popen(["true"])
        ended.wait()
        hold(descriptor, LockHolder(ended.pid, "apply", "then"))
        child = subprocess.Popen(["sleep", "0.3"], pass_fds=[descriptor])
    assert lock(tmp_path)
    assert child.wait(timeout=0) == 0


def test_programs_that_are_run_under_the_lock_have_it_open(tmp_path):
    with locked(tmp_path, "apply", 0) as descriptor:
        listed = programs.run(["ls", "-l", "/proc/self/fd"]).stdout
    assert re.search(rf" {descriptor} -> {tmp_path}/lock$", listed, re.MULTILINE)


def test_programs_that_are_run_later_do_not(tmp_path):
    listing = ["ls", "-l", "/proc/self/fd"]
    with locked(tmp_path, "apply", 0):
        meanwhile = programs.run(listing).stdout
    assert [str(tmp_path) in shown for shown in (meanwhile, programs.run(listing).stdout)] == [True, False]


def test_a_lock_whose_holder_is_not_written_down_is_refused_all_the_same(tmp_path, other):
    os.truncate(tmp_path / "lock", 0)
    with pytest.raises(LockedError, match=r"^another podnet holds the lock"):
        lock(tmp_path)


def test_a_holder_that_hangs_is_ended(tmp_path, other):
    other.send_signal(signal.SIGSTOP)
    end_holder(tmp_path)
    assert other.wait(30) == -signal.SIGKILL
    assert lock(tmp_path)


def test_a_process_that_has_the_number_of_an_earlier_holder_is_not_ended(tmp_path):
    with locked(tmp_path, "apply", 0) as descriptor, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        hold(descriptor, LockHolder(stranger.pid, "apply", "then"))
        end_holder(tmp_path)
        stranger.communicate(timeout=30)
    assert stranger.returncode == 0


def test_one_at_a_time_settles(tmp_path):
    order: list[str] = []
    with alone(tmp_path, 30):
        waiting = threading.Thread(target=lambda: alone_once(tmp_path, order))
        waiting.start()
        waiting.join(0.1)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def alone_once(folder, order):
    with alone(folder, 30):
        order.append("second")


def test_one_that_settles_and_hangs_is_not_waited_for_for_ever(tmp_path):
    order = ["first"]
    with alone(tmp_path, 30), alone(tmp_path, 0.1):
        order.append("second")
    assert order == ["first", "second"]


def test_a_lock_that_is_a_link_to_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match=r"the lock can't be written: .*; nothing was changed"):
        lock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
