"""What holds for every sequence of edits of a spec, and every state that they find."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import RestoredError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.planning.ownership import foreign
from netplan.planning.plan import Plan, Source, plan_node
from netplan.spec.load import Spec
from netplan.trace import settings_of
from tests import make, tunnels
from tests.edits import HERE, edits
from tests.kernels.memory import MemoryKernel
from tests.plans import read_plan, rendered
from tests.runs import examples

thorough = examples(80)

TUNNELS = (
    "{type: vxlan}",
    "{type: vxlan, direct_routing: true}",
    "{type: vxlan, vni: 77}",
    "{type: vxlan, port: 4789}",
    "{type: vxlan, name: flannel.1}",
    "{type: vxlan, name: flannel.1, vni: 77}",
    "{type: vxlan, mtu: 1400}",
)
ETH0 = IfName("eth0")
FOREIGN = make.snapshot(
    "",
    *(LinkAddress(ETH0, InterfaceAddress.parse(f"10.4.{third}.21/24")) for third in HERE[1:]),
    *(LinkAddress(ETH0, InterfaceAddress.parse(f"fd00:4:{third}::21/64")) for third in HERE),
    make.route("0.0.0.0/0", "10.4.7.1", protocol=4),
    Sysctl("net.ipv6.conf.all.forwarding", "0"),
    bridge=None,
)
FLANNEL = make.snapshot(
    "",
    tunnels.link("flannel.1", mac="22:b5:5b:b0:88:ad", alias=""),
    tunnels.address(device="flannel.1", ours=False),
    tunnels.neighbour(device="flannel.1", ours=False),
    tunnels.neighbour("172.7.98.0", "f6:41:ad:6c:69:98", device="flannel.1", ours=False),
    tunnels.fdb(device="flannel.1", ours=False),
    tunnels.fdb("f6:41:ad:6c:69:98", "10.4.7.98", device="flannel.1", ours=False),
    tunnels.route(device="flannel.1", protocol=3),
    tunnels.route("172.7.98.0/24", device="flannel.1", protocol=3),
    Sysctl("net.ipv6.conf.flannel/1.accept_ra", "1"),
    *(Sysctl(name, "0") for name in settings_of("flannel.1")),
)


def wanted(spec: Spec):
    return compile_node(spec, spec.topology.by_name["a"])


@thorough
@given(edits())
def test_edits_one_after_the_other_lead_to_what_the_last_spec_makes_of_a_fresh_node(clusters):
    kernel, fresh = MemoryKernel(FOREIGN), MemoryKernel(FOREIGN)
    last = clusters[-1].spec
    for cluster in clusters:
        spec = cluster.spec
        make.apply_desired(wanted(spec), kernel)
        assert not plan_node(wanted(spec), kernel.observe(wanted(spec).interest), Source.LIVE).changes
    make.apply_desired(wanted(last), fresh)
    assert make.content(kernel.observe(wanted(last).interest)) == make.content(fresh.observe(wanted(last).interest))


@thorough
@given(edits(most=2))
def test_after_a_failure_at_any_write_the_state_is_what_it_was(clusters):
    kernel = MemoryKernel(FOREIGN)
    for cluster in clusters:
        spec, before = cluster.spec, kernel.state
        make.apply_desired(wanted(spec), kernel)
        every_failure_is_undone(spec, before)


def every_failure_is_undone(spec: Spec, before: Snapshot) -> None:
    whole = MemoryKernel(before)
    make.apply_desired(wanted(spec), whole)
    for number in range(1, whole.writes + 1):
        kernel = MemoryKernel(before, fail_at=number)
        with pytest.raises(RestoredError):
            make.apply_desired(wanted(spec), kernel)
        assert make.content(kernel.state) == make.content(before)


@thorough
@given(edits(most=1))
def test_remove_leaves_exactly_what_is_foreign(clusters):
    one, other = (cluster.spec for cluster in clusters)
    kernel, removed = MemoryKernel(FOREIGN), MemoryKernel(FOREIGN)
    for spec in (one, other):
        make.apply_desired(wanted(spec), kernel)
    make.apply_desired(compile_removal(other, other.topology.by_name["a"]), kernel)
    make.apply_desired(compile_removal(other, other.topology.by_name["a"]), removed)
    assert make.content(kernel.state.replace(Sysctl, ())) == make.content(removed.state.replace(Sysctl, ()))


@thorough
@given(edits(most=1))
def test_a_saved_plan_is_read_back_as_it_was(clusters):
    one, other = (cluster.spec for cluster in clusters)
    kernel = MemoryKernel(FOREIGN)
    make.apply_desired(wanted(one), kernel)
    saved = Plan("c", "specs/c.yaml", "0" * 64, (plan_node(wanted(other), kernel.state, Source.LIVE),))
    assert read_plan(rendered(saved), "plan.json") == saved


@thorough
@given(edits(most=1))
def test_what_is_planned_changes_nothing_of_other_programs(clusters):
    one, other = (cluster.spec for cluster in clusters)
    kernel = MemoryKernel(FOREIGN)
    make.apply_desired(wanted(one), kernel)
    node_plan = plan_node(wanted(other), kernel.state, Source.LIVE)
    assert list(foreign(node_plan.changes, kernel.state, adopts=node_plan.adopts)) == []


@thorough
@given(edits(most=1))
def test_a_route_to_a_subnet_that_stays_is_never_away(clusters):
    one, other = (cluster.spec for cluster in clusters)
    kernel = MemoryKernel(FOREIGN)
    make.apply_desired(wanted(one), kernel)
    changes = plan_node(wanted(other), kernel.state, Source.LIVE).changes
    links = [change for change in changes if isinstance(change.resource, Link)]
    both = {want.resource.key for want in wanted(one).objects} & {want.resource.key for want in wanted(other).objects}
    routes = [change for change in changes if change.resource.kind == "route" and change.resource.key in both]
    made_anew = [link for link in links if link.before is not None and link.after is not None]
    assert made_anew or all(change.action == "update" for change in routes)


ADOPTIONS = (
    "{type: vxlan, name: flannel.1, adopt: true}",
    "{type: vxlan, name: flannel.1, adopt: true, direct_routing: true}",
    "{type: vxlan, name: flannel.1, adopt: true, mtu: 1400}",
)


@pytest.mark.parametrize("backend", ADOPTIONS)
def test_a_failure_while_a_foreign_tunnel_is_adopted_gives_it_back_whole(backend):
    every_failure_is_undone(make.spec(backend=backend), FLANNEL)


@pytest.mark.parametrize("backend", ADOPTIONS)
def test_an_adopted_tunnel_is_what_a_new_one_would_be(backend):
    spec = make.spec(backend=backend)
    adopted, fresh = MemoryKernel(FLANNEL), MemoryKernel(make.snapshot())
    for kernel in (adopted, fresh):
        make.apply_desired(wanted(spec), kernel)
    assert make.content(adopted.state) == make.content(fresh.state)


def test_a_tunnel_is_changed_in_place_or_made_anew_but_never_beside_itself():
    kernel = MemoryKernel(FOREIGN)
    for one, other in pairwise([*TUNNELS, *reversed(TUNNELS)]):
        for backend in (one, other):
            make.apply_desired(wanted(make.spec(backend=backend)), kernel)
            assert sum(link.ours for link in kernel.state.all(Link)) == 1
