"""The settings of podnet's own tunnel and of other devices: what is undone, rolled back to, and back after a reboot."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress, Prefix
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.apply_plan import apply_plan
from netplan.operations.live_plan import LivePlan, whole_state
from netplan.operations.settle import bring_back, settle
from netplan.planning.differences import diff_node
from netplan.planning.plan import Source, plan_node
from netplan.store.generations import Generation
from netplan.store.records import parse, render
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.operations.test_rollback_target import roll_back
from tests.plans import read_plan, rendered
from tests.spec.test_families import A6, B6, DUAL, ONLY6, A, B

EARLIER = "another boot"
FAMILIES = {
    "IPv4": lambda backend: make.spec(backend=backend),
    "dual stack": lambda backend: make.spec(A, B, backend=backend, **DUAL),
    "IPv6": lambda backend: make.spec(A6, B6, backend=backend, **ONLY6),
}
BACKENDS = ("{type: host-gw}", "{type: vxlan}", "{type: vxlan, direct_routing: true}")
TUNNEL = make.spec(backend="{type: vxlan}", firewall=make.REMOVE)
ETH0 = IfName("eth0")
START = make.snapshot(
    make.docker(),
    LinkAddress(ETH0, InterfaceAddress.parse("fd00:4::21/64")),
    Route(Prefix.parse("fd00:4::/64"), ETH0, protocol=2, metric=256),
    Sysctl("net.ipv6.conf.all.forwarding", "0"),
)
NETFILTER = "net.bridge.bridge-nf-call-iptables"
SETTING = "net.ipv4.conf.podnet/1.accept_local"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def wanted(spec):
    return compile_node(spec, spec.topology.nodes[0])


def begun(store, kernel, desired, count):
    """Write the journal of an apply, and of its changes the first batches."""
    before = whole_state(kernel, desired.interest)
    changes = tuple(diff_node(desired, before))
    journal = ApplyJournal(store, make.origin(), WantedState(desired.sysctls))
    journal.opened(changes, before)
    for batch in batches(changes)[:count]:
        kernel.write(batch)
    return journal


@pytest.mark.parametrize("count", range(8))
def test_a_remove_of_a_tunnel_that_was_killed_is_undone_with_the_settings_of_the_tunnel(store, count):
    kernel = MemoryKernel(START)
    make.apply_desired(wanted(TUNNEL), kernel)
    before = make.content(kernel.state)
    begun(store, kernel, compile_removal(TUNNEL, TUNNEL.topology.nodes[0]), count)
    settle(store, lambda _: kernel)
    assert (make.content(kernel.state), store.journal.read()) == (before, None)


def test_an_apply_with_a_setting_of_the_tunnel_is_undone_where_it_changed_something_else(store):
    kernel = MemoryKernel(START)
    spec = make.spec(backend="{type: vxlan}", sysctl=f"{{{SETTING}: 1}}")
    make.apply_desired(wanted(spec), kernel)
    before = make.content(kernel.state)
    other = make.spec(backend="{type: vxlan}", sysctl=f"{{{SETTING}: 1}}", forward="none")
    begun(store, kernel, wanted(other), 9)
    settle(store, lambda _: kernel)
    assert make.content(kernel.state) == before


def test_a_rollback_between_two_generations_that_keep_the_tunnel_keeps_it_with_its_settings(store):
    kernel = MemoryKernel(START)
    make.generation(store, wanted(TUNNEL), kernel)
    make.generation(store, wanted(make.spec(backend="{type: vxlan}", forward="none")), kernel)
    roll_back(store, kernel, 1)
    assert make.said(diff_node(wanted(TUNNEL), kernel.state)) == []


def test_a_rollback_to_a_tunnel_that_is_gone_brings_back_the_settings_that_its_spec_wanted(store):
    kernel = MemoryKernel(START)
    make.generation(store, wanted(make.spec(backend="{type: vxlan}", sysctl=f"{{{SETTING}: 1}}")), kernel)
    make.generation(store, wanted(make.spec()), kernel)
    roll_back(store, kernel, 1)
    assert Sysctl(SETTING, "1") in kernel.state.all(Sysctl)


def rebooted(*, bridge):
    """Make the state of the node after a boot, when no program has written any rules yet."""
    state = START.replace(Chain, ())
    return state if bridge else state.replace(Link, [link for link in state.all(Link) if link.name != "docker0"])


@pytest.mark.parametrize("bridge", [True, False], ids=["bridge", "no bridge"])
@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_after_a_reboot_the_network_is_back_whatever_it_is_made_of(store, backend, families, bridge):
    spec = FAMILIES[families](backend)
    make.generation(store, wanted(spec), MemoryKernel(START), EARLIER)
    kernel = MemoryKernel(rebooted(bridge=bridge))
    (kept,) = (generation for generation in store.generations.all() if isinstance(generation, Generation))
    bring_back(store, kept, lambda _: kernel, 0.0)
    assert make.said(diff_node(wanted(spec), kernel.state)) == []


def test_after_a_reboot_an_interrupted_remove_of_a_tunnel_is_undone(store):
    kernel = MemoryKernel(START)
    make.apply_desired(wanted(TUNNEL), kernel)
    removal = compile_removal(TUNNEL, TUNNEL.topology.nodes[0])
    ApplyJournal(store, make.origin(boot=EARLIER), WantedState(())).opened(
        tuple(diff_node(removal, kernel.state)), whole_state(kernel, removal.interest)
    )
    kernel = MemoryKernel(rebooted(bridge=True))
    settle(store, lambda _: kernel, 0.0)
    assert [link.name for link in kernel.state.all(Link) if link.ours] == ["podnet.1"]


LATE = "net.ipv4.conf.cni0.rp_filter"
WAITS = f"{LATE} = 2 waits for the interface cni0: once that is there, apply or drift --fix sets it"
OF_A_BRIDGE = make.spec(sysctl=f"{{{LATE}: 2, {NETFILTER}: 1}}")
WITH_NETFILTER = START.replace(Sysctl, [*START.all(Sysctl), Sysctl(NETFILTER, "0")])


def with_cni0(state):
    """Return a state that has the bridge cni0 too."""
    kernel = MemoryKernel(state)
    kernel.write(batches([Change(None, Link(IfName("cni0"), 1500, up=True), make.WHY)])[0])
    return kernel.state


def test_a_setting_of_a_device_that_is_not_there_waits_for_it_and_nothing_else_does():
    plan = plan_node(wanted(OF_A_BRIDGE), WITH_NETFILTER, Source.LIVE)
    assert (plan.refusals, plan.warnings) == ((), (WAITS,))
    assert [change.resource.key for change in plan.changes if change.resource.kind == "sysctl"] == [
        "net.ipv4.ip_forward",
        NETFILTER,
    ]


def test_a_setting_of_a_device_is_a_difference_once_that_is_there():
    kernel = MemoryKernel(WITH_NETFILTER)
    make.apply_desired(wanted(OF_A_BRIDGE), kernel)
    assert make.said(diff_node(wanted(OF_A_BRIDGE), with_cni0(kernel.state))) == [f"update sysctl {LATE} = 2"]


def test_a_device_that_comes_while_an_apply_writes_does_not_undo_it(store):
    kernel = MemoryKernel(WITH_NETFILTER)
    work = LivePlan.from_kernel(wanted(OF_A_BRIDGE), kernel)
    kernel.state = with_cni0(kernel.state)
    apply_plan(work, ApplyJournal(store, make.origin(), WantedState(work.plan.sysctls)))
    assert make.said(diff_node(wanted(OF_A_BRIDGE), kernel.state)) == [f"update sysctl {LATE} = 2"]


def test_a_saved_plan_keeps_what_waits_for_the_next_boot_and_says_so_as_an_apply_of_its_spec_does(store):
    kernel = MemoryKernel(WITH_NETFILTER)
    saved = rendered(make.plans(LivePlan.from_kernel(wanted(OF_A_BRIDGE), kernel).plan))
    work = LivePlan.from_saved(read_plan(saved, "plan.json").nodes[0], kernel)
    journal = ApplyJournal(store, make.origin(), WantedState(work.plan.sysctls, waiting=work.plan.waiting))
    apply_plan(work, journal)
    assert work.plan.warnings == (WAITS,)
    assert Sysctl(LATE, "2") in journal.finished().after.all(Sysctl)


def test_where_no_device_of_a_node_is_known_no_setting_waits():
    assert LATE in str(plan_node(wanted(OF_A_BRIDGE), Snapshot(FirewallBackend.NFT), Source.EMPTY).changes)


def after_a_boot(store, state):
    """Bring back what was applied with the bridge cni0, on a node that may not have it."""
    make.generation(store, wanted(OF_A_BRIDGE), MemoryKernel(with_cni0(WITH_NETFILTER)), EARLIER)
    kernel = MemoryKernel(state)
    return bring_back(store, store.generations.all()[-1], lambda _: kernel, 0.0), kernel.state


def test_after_a_reboot_a_setting_waits_for_its_device_and_the_rest_is_back(store):
    recovery, state = after_a_boot(store, WITH_NETFILTER)
    assert (recovery.whole, recovery.late) == (True, (Sysctl(LATE, "2"),))
    assert make.said(diff_node(wanted(OF_A_BRIDGE), state)) == []


def test_after_a_reboot_what_the_kernel_does_not_have_is_said_to_be_missing(store):
    recovery, _ = after_a_boot(store, with_cni0(START))
    assert (recovery.whole, recovery.late) == (False, (Sysctl(NETFILTER, "1"),))


def test_what_waited_after_a_reboot_is_in_the_generation_for_the_next_one(store):
    recovery, _ = after_a_boot(store, WITH_NETFILTER)
    assert Sysctl(LATE, "2") in store.generations.all()[recovery.generation - 1].after.all(Sysctl)


WITHOUT_IPV6 = replace(make.snapshot(make.docker()), ipv6=False)


def test_a_tunnel_is_made_without_the_settings_of_ipv6_where_the_kernel_has_none():
    kernel = MemoryKernel(WITHOUT_IPV6)
    make.apply_desired(wanted(TUNNEL), kernel)
    assert make.said(diff_node(wanted(TUNNEL), kernel.observe(wanted(TUNNEL).interest))) == []


def test_a_plan_from_a_record_knows_that_the_kernel_has_no_ipv6():
    record = parse(render(WITHOUT_IPV6, "a", "c"), "a.json", "c", "a")
    plan = plan_node(wanted(TUNNEL), record.state, Source.RECORDED)
    assert [change.resource.key for change in plan.changes if change.resource.kind == "sysctl"] == [
        "net.ipv4.ip_forward"
    ]


def test_what_needs_ipv6_is_refused_where_the_kernel_has_none():
    spec = make.spec(A, B, backend="{type: vxlan}", **DUAL)
    why = "needs IPv6, and the kernel of this node has none: start it without ipv6.disable=1"
    plan = plan_node(wanted(spec), MemoryKernel(WITHOUT_IPV6).observe(wanted(spec).interest), Source.LIVE)
    assert set(plan.refusals) == {f"fd00:7::/48 {why}", f"net.ipv6.conf.all.forwarding = 1 {why}"}
