"""Who interrupts podnet finds the state as it was before."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import NamedTuple

import pytest

from tests.scenarios.node import State
from tests.scenarios.podnet import argv
from tests.scenarios.strace import injected, points
from tests.scenarios.tools import first_in_path, links, wrap

MANY = 1000

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A spec of so many nodes that their routes take a while."""
    spec = tmp_path_factory.mktemp("many") / "many.yaml"
    numbers = [(number // 250, number % 250) for number in range(MANY)]
    nodes = [f"n{a}-{b}: {{address: 10.4.{16 + a}.{1 + b}/16, subnet: 172.{16 + a}.{b}.0/24}}" for a, b in numbers]
    nodes.append("hdss7-21: {address: 10.4.7.21/16, subnet: 172.31.0.0/24}")
    head = "version: 1\ncluster: many\nnetwork: 172.16.0.0/12\nbackend: {type: host-gw}\nnodes:\n"
    spec.write_text(head + "".join(f"  {node}\n" for node in nodes))
    return spec


@pytest.fixture(scope="module")
def wide(nodes):
    """The node as the story starts, with an address that has all the others on-link."""
    node = nodes["hdss7-21"]
    node.reset()
    node.shell("ip address add 10.4.0.1/16 dev eth0")
    yield node
    node.shell("ip address del 10.4.0.1/16 dev eth0")


@pytest.fixture(scope="module")
def middle(wide, many, tmp_path_factory):
    """The system call by which the middle one of the batches of routes goes to the kernel."""
    calls = points(wide, tmp_path_factory.mktemp("calls"), "apply", many, "--yes")
    wide.reset()
    writes = [call for call in calls if call.changes_the_kernel]
    return writes[len(writes) // 2]


class Interruption(NamedTuple):
    """An apply that was interrupted while it wrote routes, and the state before and after it."""

    by: signal.Signals
    code: int
    said: str
    before: State
    after: State


@pytest.fixture(
    scope="module", params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["SIGINT", "SIGTERM", "SIGHUP"]
)
def interruption(request, wide, many, middle):
    before = wide.state()
    done = injected(wide, middle, f"signal={request.param.name}", "apply", many, "--yes")
    return Interruption(request.param, done.code, done.stderr, before, wide.state())


def test_interrupted_apply_exits_4(interruption):
    assert interruption.code == 4


def test_interrupted_apply_says_by_what(interruption):
    assert interruption.by.name in interruption.said


def test_interrupted_apply_leaves_the_state_as_it_was(interruption):
    assert interruption.after == interruption.before


def test_second_ctrl_c_does_not_stop_the_undoing(wide, many, middle):
    before = wide.state()
    done = injected(wide, middle, "signal=SIGINT", "apply", many, "--yes", times=2)
    assert (done.code, wide.state()) == (4, before)


@pytest.mark.parametrize("words", [["plan", "--live"], ["drift"], ["apply", "--yes"]], ids=" ".join)
def test_interrupted_look_exits_as_the_shell_says_and_not_with_1(node, tmp_path, words):
    links(tmp_path, {"iptables-nft-restore": "iptables-nft-restore"})
    wrap(tmp_path, "iptables-nft", before=[f"touch {tmp_path}/reached", "sleep 10"])
    command = node.lab.command(node.name, [*first_in_path(tmp_path), *argv(words[0], node.spec, *words[1:])])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "reached").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "podnet: interrupted\n")
