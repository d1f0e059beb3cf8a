"""Programs are run to their end, within their time."""

from __future__ import annotations

import pytest

from netplan.errors import ObserveError
from netplan.system import programs


def test_a_program_that_takes_too_long_is_stopped():
    with pytest.raises(ObserveError, match="did not end within 0 s and was stopped"):
        programs.run(["sleep", "60"], limit=0.2)


def test_a_program_that_can_not_be_started_is_named(tmp_path):
    (tmp_path / "iptables").write_text("no program")
    (tmp_path / "iptables").chmod(0o755)
    with pytest.raises(ObserveError, match="/iptables can't be started: Exec format error"):
        programs.run([str(tmp_path / "iptables")])


def test_what_a_program_was_killed_by_is_named():
    assert programs.run(["sh", "-c", "kill -9 $$"]).killed == "killed by SIGKILL"
