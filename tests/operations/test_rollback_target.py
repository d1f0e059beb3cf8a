"""Which state a rollback goes back to; several generations on a kernel in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.errors import UsageError
from netplan.kinds.chain.value import Chain
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Resource
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl, accept_ra
from netplan.net import IfName
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.apply_plan import apply_plan
from netplan.operations.live_plan import LivePlan
from netplan.operations.rollback_target import adopted_objects, rollback_target
from netplan.store.store import Store
from netplan.trace import settings_of
from tests import make, tunnels
from tests.kernels.memory import MemoryKernel

SPEC = make.spec(firewall=make.REMOVE)
FIRST = make.desired(SPEC)
SECOND = make.desired(make.spec(firewall=make.REMOVE, forward="none", sysctl="{net.ipv4.ip_default_ttl: 65}"))
START = make.snapshot(make.docker(), Sysctl("net.ipv4.ip_default_ttl", "64"))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def kernel():
    return MemoryKernel(START)


@pytest.fixture
def states(store, kernel):
    """Apply one spec, then another, then take podnet off; give the state before each, and the last."""
    observed = [START]
    for wanted in (FIRST, SECOND, compile_removal(SPEC, SPEC.topology.nodes[0])):
        make.generation(store, wanted, kernel)
        observed.append(kernel.state)
    return [make.content(state) for state in observed]


def roll_back(store, kernel, number=None):
    way = rollback_target(store.generations.all(), number)
    work = LivePlan.for_rollback(way, kernel)
    journal = ApplyJournal(store, make.origin(way.verb), WantedState(work.plan.sysctls))
    apply_plan(work, journal)
    journal.finished()
    return work


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_rollback_to_a_generation_brings_back_what_it_left(store, kernel, states, number):
    roll_back(store, kernel, number)
    assert make.content(kernel.state) == states[number]


def test_a_rollback_without_a_number_brings_back_what_was_before_the_newest(store, kernel, states):
    roll_back(store, kernel)
    assert make.content(kernel.state) == states[2]


def test_a_rollback_of_a_rollback_brings_back_what_was_before_that(store, kernel, states):
    roll_back(store, kernel, 1)
    roll_back(store, kernel)
    assert make.content(kernel.state) == states[3]


def test_a_rollback_before_the_first_apply_brings_back_foreign_rules_and_parameters(store, kernel):
    make.generation(store, FIRST, kernel)
    roll_back(store, kernel)
    assert make.content(kernel.state) == make.content(START)


@pytest.mark.parametrize(("number", "wanted"), [(1, FIRST), (2, SECOND), (None, SECOND)])
def test_of_a_rollback_those_parameters_are_kept_that_were_wanted_then(store, kernel, states, number, wanted):
    roll_back(store, kernel, number)
    assert {sysctl.name for sysctl in store.generations.all()[-1].after.all(Sysctl)} == wanted.sysctls


def test_a_rollback_is_a_generation_with_its_verb(store, kernel, states):
    roll_back(store, kernel, 1)
    *_, newest = store.generations.all()
    assert (newest.number, newest.origin.verb) == (4, "rollback to 1")


def test_a_rollback_names_the_spec_of_the_state_that_it_brings_back(store, kernel):
    kept = [make.generation(store, wanted, kernel) for wanted in (FIRST, SECOND)]
    named = [
        replace(generation, origin=replace(generation.origin, spec_path=f"{generation.number}.yaml"))
        for generation in kept
    ]
    assert rollback_target(named, None).origin.spec_path == "1.yaml"


def test_of_the_state_before_podnet_no_spec_is_named(store, kernel):
    make.generation(store, FIRST, kernel)
    assert rollback_target(store.generations.all(), None).origin.spec_path == ""


TAKES_OVER = make.spec(backend="{type: vxlan, name: flannel.1, adopt: true}")
ALONE = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
FLANNELS: tuple[Resource, ...] = (
    tunnels.link("flannel.1", mac="22:b5:5b:b0:88:ad", alias=""),
    tunnels.address(device="flannel.1", ours=False),
    tunnels.fdb("f6:41:ad:6c:69:98", "10.4.7.22", device="flannel.1", ours=False),
    tunnels.neighbour(mac="f6:41:ad:6c:69:98", device="flannel.1", ours=False),
    tunnels.route(device="flannel.1", protocol=3),
    tunnels.route("172.7.98.0/24", device="flannel.1", protocol=3),
    *(Sysctl(name, "0") for name in settings_of(IfName("flannel.1"))),
    Sysctl(accept_ra("flannel.1"), "1"),
)
"""What flannel made of a node; the last route leads to a node that the spec does not have."""


@pytest.mark.parametrize("before", [(), (make.spec(ALONE),)], ids=["first of all", "after another apply"])
def test_what_was_taken_over_comes_back_after_remove_by_the_number_before_that(store, before):
    kernel = MemoryKernel(make.snapshot("", *FLANNELS))
    for spec in before:
        make.generation(store, make.desired(spec), kernel)
    flannels = make.content(kernel.state)
    for wanted in (make.desired(TAKES_OVER), compile_removal(TAKES_OVER, TAKES_OVER.topology.nodes[0])):
        make.generation(store, wanted, kernel)
    assert not [route for route in kernel.state.all(Route) if route.oif == "flannel.1"]
    roll_back(store, kernel, len(before))
    assert make.content(kernel.state) == flannels


def test_what_was_given_back_is_not_taken_over_any_more(store):
    kernel = MemoryKernel(make.snapshot("", *FLANNELS))
    make.generation(store, make.desired(TAKES_OVER), kernel)
    taken = adopted_objects(store.generations.all(), kernel.state.all(Link))
    roll_back(store, kernel)
    assert (str(taken), adopted_objects(store.generations.all(), kernel.state.all(Link))) == ("flannel.1", None)


def test_a_rollback_says_why_of_each_change(store, kernel, states):
    reasons = {change.reason.text for change in roll_back(store, kernel, 2).plan.changes}
    assert reasons == {"as it was after generation 2"}


def test_a_rollback_to_what_is_there_changes_nothing(store, kernel, states):
    assert not LivePlan.for_rollback(rollback_target(store.generations.all(), 3), kernel).plan.changes


def test_rules_that_others_added_meanwhile_survive(store, kernel, states):
    added = make.rule("-s 10.200.0.0/24 -j ACCEPT")
    chains = [
        Chain(chain.key, (added, *chain.rules), chain.policy) if chain.key == make.POSTROUTING else chain
        for chain in kernel.state.all(Chain)
    ]
    kernel.state = kernel.state.replace(Chain, chains)
    roll_back(store, kernel, 1)
    assert added in kernel.state.rules(make.POSTROUTING)


def test_a_rollback_where_nothing_was_applied_is_wrong_use():
    with pytest.raises(UsageError, match="podnet has applied nothing on this node"):
        rollback_target((), None)


def test_a_generation_that_is_not_kept_is_answered_with_those_that_are(store, states):
    with pytest.raises(UsageError, match="there is no generation 7; kept are 1 to 3"):
        rollback_target(store.generations.all(), 7)


@pytest.mark.parametrize("number", [None, 3])
def test_a_generation_of_another_version_is_not_gone_back_to(store, states, number):
    path = store.generations.folder / "000003.json"
    path.write_text(path.read_text().replace('"format_version": "2.', '"format_version": "3.', 1))
    with pytest.raises(UsageError, match=r"another version .* generation 3, in format 3\.\d.*choose another"):
        rollback_target(store.generations.all(), number)


@pytest.mark.parametrize("number", [None, 3])
def test_a_damaged_generation_is_not_gone_back_to(store, states, number):
    (store.generations.folder / "000003.json").write_text("{")
    with pytest.raises(UsageError, match=r"generation 3 can't be read \(.*000003\.json\)"):
        rollback_target(store.generations.all(), number)


def test_a_damaged_generation_between_is_left_out(store, kernel, states):
    (store.generations.folder / "000003.json").write_text("{")
    roll_back(store, kernel, 2)
    assert make.content(kernel.state) == states[2]
