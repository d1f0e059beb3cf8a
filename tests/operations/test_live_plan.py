"""A plan for the kernel of a node: what it reads, and whether a saved one is still true and podnet's to carry out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError, StalePlanError
from netplan.kinds.chain.value import PlacedRule
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.operations.live_plan import LivePlan, brought_up, plan_live
from netplan.planning.fingerprint import dependencies
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

FOREIGN = make.route("192.168.0.0/24", "10.4.7.1", protocol=3)
NODES = tuple(f"n{number}: {{address: 10.4.7.2{number}/24, subnet: 172.7.2{number}.0/24}}" for number in range(1, 7))


def taken_up(change, *others):
    """Take up a saved plan into which a change was written."""
    state = make.snapshot("", *others)
    plan = make.plan(state)
    changes = (*plan.changes, change)
    return LivePlan.from_saved(
        replace(plan, changes=changes, depends=dependencies(changes, state)), MemoryKernel(state)
    )


def test_a_saved_plan_that_changes_another_program_s_route_is_refused_with_its_name():
    with pytest.raises(RefusedError, match=f"is not podnet's, and nothing was changed:\n  route {FOREIGN}"):
        taken_up(Change(FOREIGN, None, make.WHY), FOREIGN)


def test_a_saved_plan_with_a_rule_at_a_place_that_its_chain_has_not_does_not_fit_the_node():
    jump = PlacedRule(make.FORWARD, 9, make.rule("-m comment --comment podnet -j PODNET-FORWARD"))
    with pytest.raises(RefusedError, match=r"the plan of a does not fit the node, .*\. Plan again\.$"):
        taken_up(Change(None, jump, make.WHY))


def test_a_chain_that_only_packets_of_one_peer_come_to_is_read_too():
    """The packets of the first look at the kernel stand for all peers, as long as nothing singles one out."""
    rules = "*mangle\n:PREROUTING ACCEPT\n:ONE -\n-A PREROUTING -d 172.7.25.0/24 -j ONE\n-A ONE -j DROP"
    spec = make.spec(*NODES)
    live = LivePlan.from_kernel(make.desired(spec, "n1"), MemoryKernel(make.snapshot(rules)))
    assert [chain.key.name for chain in live.before.chains.values() if chain.key.name == "ONE"] == ["ONE"]


def moved(state):
    """Plan for a node, whose kernel another program then changes; return the plan for the state that it is in then."""
    wanted, kernel = make.desired(make.spec(firewall=make.REMOVE)), MemoryKernel(make.snapshot(make.docker()))
    live = LivePlan.from_kernel(wanted, kernel)
    return live, brought_up(live, state)


def placed(live):
    return {str(change.resource) for change in live.plan.changes if isinstance(change.resource, PlacedRule)}


def test_a_rule_that_another_program_puts_before_ours_meanwhile_shifts_their_places_alone():
    saved = make.docker().replace("-A FORWARD -i docker0", "-A FORWARD -j ANOTHER\n-A FORWARD -i docker0", 1)
    before, after = moved(make.snapshot(saved))
    assert placed(after) == {text.replace("FORWARD 7:", "FORWARD 8:") for text in placed(before)} != placed(before)


def test_a_plan_for_which_other_changes_are_needed_meanwhile_is_stale():
    with pytest.raises(StalePlanError, match="the plan of a is stale, and nothing was changed"):
        moved(make.snapshot(make.docker(), ip_forward="1"))


def test_where_another_program_replaced_our_route_the_newest_generation_says_that_it_was_ours(tmp_path):
    kernel, wanted = MemoryKernel(make.snapshot()), make.desired()
    make.generation(Store(tmp_path), wanted, kernel)
    stolen = make.route(via="10.4.7.254", protocol=3)
    kernel.state = kernel.state.replace(
        Route, [*[route for route in kernel.state.all(Route) if not route.ours], stolen]
    )
    live = plan_live(wanted, lambda _: kernel, tmp_path, Kept())
    assert (live.plan.refusals, make.said(live.plan.changes)) == ((), [f"update route {make.route()}"])
