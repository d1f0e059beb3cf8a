"""The verb `lab`, on labs that are up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netplan.lab import Lab
from tests.lab.topologies import node, topology


@pytest.fixture
def labs():
    """Two labs, each with a host that the other has not, and one that both have."""
    names = [f"{letter}{os.getpid()}" for letter in "ab"]
    both = node("both", "10.4.7.9/24", "172.7.9.0/24")
    with (
        Lab.temporary(topology(node(names[0]), both), pods=1) as first,
        Lab.temporary(topology(node(names[1]), both), pods=1) as second,
    ):
        yield first, second


def execute(host):
    argv = [sys.executable, "-m", "netplan", "lab", "exec", host, "--", "hostname"]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_of_two_labs_the_one_that_has_the_host_is_meant(labs):
    for lab in labs:
        name = lab.hosts[0].name
        assert execute(name).stdout == f"{name}\n"


def test_host_that_both_labs_have_is_not_guessed(labs):
    done = execute("both")
    assert (done.returncode, "name one by its SPEC" in done.stderr) == (2, True)
