"""A drift begins to read legacy tables before it is loaded, and tells no difference from that alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.scenarios.podnet import argv, process
from tests.scenarios.tools import first_in_path, real

pytestmark = pytest.mark.parametrize("backend", ["legacy"], indirect=True)

SAVE = "iptables-legacy-save"
JUMP = "FORWARD -m comment --comment podnet -j PODNET-FORWARD"
WRONG = "version: 2\n"
PATIENT = """
from netplan.system import programs
from netplan.cli.start import main

programs._LATELY = 60.0
main()
"""
"""Runs podnet as one that is in time also on a machine so busy that it takes more than a second to start."""

LATE = """
set -eu
mkfifo "$0"
(sleep 0.5; iptables-legacy -D {jump}; sleep 1; cat "$1") > "$0" &
shift
exec "$@"
"""


class Saver(NamedTuple):
    """An iptables-legacy-save that keeps a list of its processes, and does something before its work."""

    folder: Path

    def does(self, *commands):
        lines = ["#!/bin/sh", f"echo $$ >> {self.folder}/log", *commands, f'exec {real(SAVE)} "$@"', ""]
        (self.folder / SAVE).write_text("\n".join(lines))
        (self.folder / SAVE).chmod(0o755)
        return first_in_path(self.folder)

    @property
    def processes(self):
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def saver(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    return Saver(folder)


@pytest.fixture
def applied(node):
    """A node that is what its spec says."""
    assert node.apply().code == 0
    return node


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    return path


def test_tables_that_were_begun_for_nothing_leave_no_process(applied, saver, wrong):
    done = process(applied.lab, applied.name, "drift", wrong, before=saver.does("exec sleep 60"))
    assert (done.code, bool(saver.processes)) == (2, True)
    ended = f"for each in {' '.join(saver.processes)}; do kill -0 $each 2>/dev/null && exit 1; done; true"
    assert applied.lab.run(applied.name, ["sh", "-c", ended], check=False).returncode == 0


def test_a_drift_that_mends_begins_nothing_before_it_has_its_lock(applied, saver, wrong):
    assert process(applied.lab, applied.name, "drift", wrong, "--fix", before=saver.does()).code == 2
    assert saver.processes == []


def test_each_table_is_read_once_by_a_drift_in_sync(applied, saver):
    tables = applied.shell("cat /proc/net/ip_tables_names").split()
    command = [*saver.does(), sys.executable, "-c", PATIENT, "drift", str(applied.spec)]
    assert applied.lab.run(applied.name, command, check=False).returncode == 0
    assert len(saver.processes) == len(tables)


def test_what_was_different_when_the_drift_began_is_no_difference_any_more(applied, saver, tmp_path):
    applied.iptables(f"-D {JUMP}")
    (tmp_path / "before").write_text(applied.shell("iptables-legacy-save -t filter"))
    applied.iptables(f"-A {JUMP}")
    first = f'[ "$2" = filter ] && mkdir {tmp_path}/once 2>/dev/null && exec cat {tmp_path}/before'
    done = process(applied.lab, applied.name, "drift", applied.spec, before=saver.does(first))
    assert (done.code, done.stdout) == (0, f"No changes. {applied.name}: in sync.\n")
    assert (tmp_path / "once").exists()


def test_what_was_begun_long_ago_is_read_again(applied, tmp_path):
    script = LATE.format(jump=JUMP)
    command = ["sh", "-c", script, str(tmp_path / "slow.yaml"), str(applied.spec)]
    done = applied.lab.run(applied.name, [*command, *argv("drift", tmp_path / "slow.yaml")], check=False)
    assert (done.returncode, "+ rule" in done.stdout) == (1, True)
