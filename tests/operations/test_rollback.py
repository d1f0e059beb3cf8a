"""podnet rollback as a use case, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import pytest

from netplan.errors import RefusedError, RestoredError, UsageError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply import apply_spec
from netplan.operations.request import Dialogue, Options
from netplan.operations.rollback import roll_back
from netplan.planning.safety import Flag
from netplan.store.generations import Generation
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import machine

FIRST = make.spec(firewall=make.REMOVE)
SECOND = make.spec(firewall=make.REMOVE, forward="none", sysctl="{net.ipv4.ip_default_ttl: 65}")
START = make.snapshot(make.docker(), Sysctl("net.ipv4.ip_default_ttl", "64"))
ALL = Options(frozenset({Flag.MANY_DELETES}))


@pytest.fixture
def states(tmp_path):
    """Apply two specs; return the state before each, and the last."""
    here, kernel, _ = machine(tmp_path, START)
    passed = [START]
    for spec in (FIRST, SECOND):
        apply_spec(here, spec, spec.topology.by_name["a"])
        passed.append(kernel.state)
    return passed


@pytest.mark.parametrize("number", [0, 1, 2, None])
def test_a_rollback_brings_back_what_a_generation_left_by_default_the_one_before(tmp_path, states, number):
    here, kernel, _ = machine(tmp_path, states[-1])
    roll_back(here, number, ALL, Dialogue())
    assert make.content(kernel.state) == make.content(states[1 if number is None else number])


def test_a_rollback_is_a_generation_that_says_where_it_went_back_to(tmp_path, states):
    here, _, report = machine(tmp_path, states[-1])
    roll_back(here, 1, ALL, Dialogue())
    newest = next(here.store.generations.newest_first())
    assert isinstance(newest, Generation)
    assert (newest.number, newest.origin.verb) == (3, "rollback to 1")
    assert report.notes[0].startswith("Applied. a is as planned")


def test_a_generation_that_is_not_there_is_a_mistake(tmp_path, states):
    here, kernel, _ = machine(tmp_path, states[-1])
    with pytest.raises(UsageError, match="there is no generation 7; kept are 1 to 2"):
        roll_back(here, 7, ALL, Dialogue())
    assert kernel.writes == 0


def test_a_generation_that_can_not_be_read_is_warned_of(tmp_path, states):
    here, _, report = machine(tmp_path, states[-1])
    (here.store.generations.folder / "000001.json").write_text("?")
    roll_back(here, None, ALL, Dialogue())
    assert report.notes[0].startswith("warning: generation 1 can't be read and is left out")


def test_without_a_yes_nothing_is_rolled_back(tmp_path, states):
    here, kernel, _ = machine(tmp_path, states[-1])
    with pytest.raises(RefusedError, match=r"^nothing was changed$"):
        roll_back(here, 1, ALL, Dialogue(decide=lambda _: False))
    assert kernel.writes == 0


def test_a_rollback_whose_write_fails_leaves_the_node_as_it_was(tmp_path, states):
    here, kernel, _ = machine(tmp_path, MemoryKernel(states[-1], fail_at=2))
    with pytest.raises(RestoredError, match="a test asked for that"):
        roll_back(here, 0, ALL, Dialogue())
    assert make.content(kernel.state) == make.content(states[-1])
