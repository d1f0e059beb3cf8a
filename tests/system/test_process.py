from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netplan.system.process import Process, alive, stat
from netplan.system.programs import SEARCH_PATH

CONNECTION = "10.4.7.1 50000 10.4.7.21 22"
ASK = "from netplan.system.process import ssh_connection; print(ssh_connection())"


def session(*before: str, own: str | None = None, outer: str | None = None) -> str:
    """Ask a process for its session; `before` starts it, `outer` is the variable of its parent, `own` its own."""
    inner = ["env", "-u", "SSH_CONNECTION", *([f"SSH_CONNECTION={own}"] if own is not None else [])]
    argv = [*before, "sh", "-c", '"$@"; exit $?', "sh", *inner, sys.executable, "-c", ASK]
    environment = {"PATH": SEARCH_PATH} | ({"SSH_CONNECTION": outer} if outer is not None else {})
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_session_is_found_in_the_environment():
    assert session(own=CONNECTION) == CONNECTION


def test_a_session_that_sudo_hid_is_found_in_the_environment_of_a_parent():
    assert session(outer=CONNECTION) == CONNECTION


def test_a_session_is_found_through_two_shells_without_it():
    again = ["sh", "-c", 'env -u SSH_CONNECTION "$@"; exit $?', "sh"]
    assert session(*again, outer=CONNECTION) == CONNECTION


def test_the_own_environment_comes_first():
    assert session(own=CONNECTION, outer="10.9.9.9 1 10.4.7.21 22") == CONNECTION


def test_an_empty_variable_is_no_session_of_its_own():
    assert session(own="", outer=CONNECTION) == CONNECTION


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["NOT_SSH_CONNECTION", "SSH_CONNECTIONS"])
def test_a_variable_of_another_name_is_no_session(name):
    hidden = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    assert session(*hidden, "env", f"{name}={CONNECTION}") == "None"


@pytest.mark.kernel
def test_an_ancestor_that_can_not_be_seen_is_none():
    hidden = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    assert session(*hidden, "env", "-u", "SSH_CONNECTION", outer=CONNECTION) == "None"


def test_a_process_with_a_name_that_looks_like_numbers_does_not_mislead(tmp_path):
    odd = tmp_path / ") S 1 1"
    odd.symlink_to("/bin/sh")
    assert session(str(odd), "-c", 'env -u SSH_CONNECTION "$@"; exit $?', "sh", outer=CONNECTION) == CONNECTION


def test_a_process_that_runs_is_alive_until_it_has_ended_whether_or_not_its_parent_has_noticed():
    running = subprocess.Popen(["sleep", "60"])
    known = stat(running.pid)
    assert known is not None
    process = Process(running.pid, known.started)
    assert (process.alive, alive(running.pid)) == (True, True)
    process.kill()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
    assert (process.alive, alive(running.pid)) == (False, False)
    running.wait()
    assert (process.alive, alive(running.pid)) == (False, False)


def test_the_number_of_a_process_that_was_given_to_another_one_is_not_the_first():
    here = Process.here()
    later = here._replace(started=here.started + 1)
    assert (here.alive, later.alive) == (True, False)
    later.kill()  # this test goes on
