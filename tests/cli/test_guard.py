"""The guard's process, as an apply or a timer starts it."""

from __future__ import annotations

import json
import subprocess

from netplan.system import helpers


def test_a_guard_of_an_apply_that_is_over_holds_the_lock_once_and_ends(tmp_path):
    command = helpers.command("guard", str(tmp_path), "0" * 16)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert json.loads((tmp_path / "lock").read_text())["verb"] == "guard"
