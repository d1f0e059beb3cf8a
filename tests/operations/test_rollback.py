"""podnet rollback as a use case, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import json

import pytest

from netplan.errors import RefusedError, RestoredError, UsageError
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.resource import Resource
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply import apply_spec
from netplan.operations.request import Dialogue, Options, PlanShown
from netplan.operations.rollback import roll_back
from netplan.operations.safety import allowed
from netplan.planning.safety import Flag
from netplan.store.generations import Generation
from netplan.trace import BRIDGE_CALLS, settings_of
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


GUARD = "-d 172.7.21.2/32 ! -i docker0 -j DROP"
KEPT = make.spec()
LEFT_TO_DOCKER = make.spec(ip_masq="{enabled: false}")
BELIEVING = [Sysctl(name, "0") for device in ("all", "eth0", "docker0") for name in settings_of(device)]
ROUTED: tuple[Resource, ...] = (
    make.route("0.0.0.0/0", "10.4.7.254", protocol=3),
    *BELIEVING,
    Sysctl(BRIDGE_CALLS[4], "1"),
)


@pytest.fixture
def guarded(tmp_path):
    """A node on which podnet kept the sources of pods; now docker masquerades them, and drops what comes straight."""
    here, kernel, report = machine(tmp_path, make.snapshot(make.saved(), *ROUTED, ip_forward="1"))
    for spec in (KEPT, LEFT_TO_DOCKER):
        apply_spec(here, spec, spec.topology.by_name["a"])
    rules = (
        Chain(make.POSTROUTING, make.rules(make.DOCKER_MASQUERADE), "ACCEPT"),
        Chain(ChainKey(4, "raw", "PREROUTING"), make.rules(GUARD), "ACCEPT"),
    )
    others = [chain for chain in kernel.state.all(Chain) if chain.key not in {chain.key for chain in rules}]
    kernel.state = kernel.state.replace(Chain, [*others, *rules])
    report.notes.clear()
    return here, kernel, report


def test_a_rollback_that_breaks_what_works_and_what_its_spec_wants_is_refused(guarded):
    here, kernel, _ = guarded
    writes = kernel.writes
    with pytest.raises(
        RefusedError, match=r"--allow-broken-traffic: pod -> pod on b, only from 172\.7\.21\.2 works now"
    ):
        roll_back(here, 1, Options(), Dialogue())
    assert kernel.writes == writes


def test_a_rollback_that_breaks_what_works_is_done_where_that_is_allowed(guarded):
    here, kernel, _ = guarded
    roll_back(here, 1, Options(allowed(broken=True)), Dialogue())
    assert make.texts(kernel.state.rules(make.POSTROUTING))[0].endswith("-j PODNET-POSTROUTING")


def test_what_a_rollback_wants_is_kept_with_its_generation(guarded):
    here, _, _ = guarded
    roll_back(here, 1, Options(allowed(broken=True)), Dialogue())
    first, _, newest = here.store.generations.all()
    assert newest.traffic == first.traffic


def test_of_a_generation_that_does_not_say_what_it_wants_that_is_told_and_nothing_is_refused(guarded):
    here, _, _ = guarded
    path = here.store.generations.folder / "000001.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps({**written, "format_version": "2.1", "traffic": None}))
    shown: list[PlanShown] = []
    roll_back(here, 1, Options(), Dialogue(show=shown.append))
    assert shown[0].plan.nodes[0].warnings == (
        "generation 1 does not say what traffic it wants: what breaks is unknown",
    )


def test_the_state_before_podnet_wants_no_traffic(guarded):
    here, _, _ = guarded
    shown: list[PlanShown] = []
    roll_back(here, 0, Options(allowed(many_deletes=True)), Dialogue(show=shown.append))
    assert (shown[0].plan.nodes[0].warnings, shown[0].plan.nodes[0].traffic) == ((), ())


def test_a_generation_whose_traffic_can_not_be_read_is_a_mistake(guarded):
    here, _, _ = guarded
    path = here.store.generations.folder / "000001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "traffic": {"lists": [], "classes": [{}]}}))
    with pytest.raises(UsageError, match=r"generation 1 can't be read \(its traffic: .*\): choose another one"):
        roll_back(here, 1, Options(), Dialogue())
