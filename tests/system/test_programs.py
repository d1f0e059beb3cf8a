"""Programs are run to their end, and one that was begun is not started twice."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from netplan.errors import ObserveError
from netplan.system import programs


def test_what_a_begun_program_prints_is_given_to_who_runs_it(tmp_path):
    command = ["sh", "-c", f"echo started >> {tmp_path}/log; cat {tmp_path}/log"]
    programs.begin(command)
    assert programs.run(command).stdout == "started\n"


def test_a_begun_program_shows_its_state_to_one_run_only(tmp_path):
    command = ["sh", "-c", f"echo started >> {tmp_path}/log; cat {tmp_path}/log"]
    programs.begin(command)
    programs.run(command)
    assert programs.run(command).stdout == "started\nstarted\n"


NOBODY_ASKS = """
import os, time
from netplan.system import programs
programs.begin(["sh", "-c", "echo $$ > new; mv new pid; exec sleep 60"])
while not os.path.exists("pid"):
    time.sleep(0.01)
"""


def test_a_begun_program_that_nobody_asks_for_is_ended(tmp_path):
    subprocess.run([sys.executable, "-c", NOBODY_ASKS], check=True, timeout=30, cwd=tmp_path)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_begun_program_has_its_time_limit_too():
    command = ["sleep", "60"]
    programs.begin(command)
    start = time.monotonic()
    with pytest.raises(ObserveError, match="did not end within 0 s and was stopped"):
        programs.run(command, limit=0.2)
    assert time.monotonic() - start < 30


def test_a_program_that_can_not_be_started_is_named(tmp_path):
    (tmp_path / "iptables").write_text("no program")
    (tmp_path / "iptables").chmod(0o755)
    with pytest.raises(ObserveError, match="/iptables can't be started: Exec format error"):
        programs.run([str(tmp_path / "iptables")])


def test_what_a_program_was_killed_by_is_named():
    assert programs.run(["sh", "-c", "kill -9 $$"]).killed == "killed by SIGKILL"
