"""What a lab has when it has been built, and what is said where it can't be."""

from __future__ import annotations

import time

import pytest

from netplan.errors import RefusedError
from netplan.lab import Lab
from tests.lab.topologies import node, topology


def test_progress_is_told_after_each_step():
    reports = []
    Lab.up(topology(node()), pods=1, progress=lambda done, total: reports.append((done, total))).down()
    assert reports == [(number, 6) for number in range(1, 7)]


def test_hosts_know_each_other_by_name(lab):
    assert lab.run("n1-pod1", ["getent", "hosts", "n2"]).stdout.split() == ["10.4.7.2", "n2"]


def test_name_that_is_unknown_is_no_long_wait(lab):
    start = time.monotonic()
    lab.run("n1-pod1", ["getent", "hosts", "no.such.name"], check=False)
    assert time.monotonic() - start < 2


def test_up_that_the_kernel_refuses_names_the_command():
    with pytest.raises(RefusedError, match=r"n1: ip link add index 3 name eth0 .*: File exists"):
        Lab.up(topology(node(interface="eth0", bridge="eth0")))
