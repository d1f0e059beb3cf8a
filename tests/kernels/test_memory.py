from __future__ import annotations

import pytest

from netplan.errors import KernelError
from netplan.kinds.batches import batches
from netplan.kinds.chain.value import Chain, ChainKey, PlacedRule, jump_to
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Prefix
from tests import make, tunnels
from tests.kernels.memory import MemoryKernel

JUMP = PlacedRule(make.POSTROUTING, 1, jump_to(make.MASQUERADE_CHAIN))
CHAIN = Chain(make.MASQUERADE_CHAIN)


def write(kernel, *changes):
    for batch in batches(Change(before, after, make.WHY) for before, after in changes):
        kernel.write(batch)


def refuses(state, *changes, match):
    kernel = MemoryKernel(state)
    with pytest.raises(KernelError, match=match):
        write(kernel, *changes)
    assert make.content(kernel.state) == make.content(state)


def test_a_route_whose_next_hop_is_not_on_link_is_refused():
    refuses(make.snapshot(), (None, make.route(via="10.5.0.1")), match="the next hop is not on-link")


def test_a_route_by_an_interface_that_is_not_there_is_refused():
    refuses(make.snapshot(), (None, make.route(dev="eth9")), match="there is no interface eth9")


def test_a_second_route_of_one_key_is_refused():
    foreign = make.route(via="10.4.7.9", protocol=4)
    refuses(make.snapshot("", foreign), (None, make.route()), match="a route of this prefix, metric and table exists")


def test_a_route_is_replaced():
    kernel = MemoryKernel(make.snapshot("", make.route(via="10.4.7.9")))
    write(kernel, (make.route(via="10.4.7.9"), make.route()))
    assert make.route() in kernel.state.all(Route)


def test_a_jump_to_a_chain_that_is_not_there_is_refused():
    refuses(make.snapshot(), (None, JUMP), match="refers to nat PODNET-POSTROUTING, which does not exist")


def test_a_chain_that_a_rule_leads_into_can_not_go():
    state = make.settled(make.desired(), make.snapshot())
    refuses(state, (state.chains[make.MASQUERADE_CHAIN], None), match="which does not exist")


def test_a_rule_that_does_not_stand_where_it_should_is_refused():
    refuses(make.snapshot(), (JUMP, None), match="rule 1 of nat POSTROUTING is not")


def test_a_table_is_one_write():
    kernel = MemoryKernel(make.snapshot())
    write(kernel, (None, CHAIN), (None, JUMP))
    assert kernel.writes == 1


def test_every_other_object_is_a_write_of_its_own():
    kernel = MemoryKernel(make.snapshot())
    write(kernel, (None, make.route()), (None, make.route("172.7.23.0/24")))
    assert kernel.writes == 2


def test_the_write_that_a_test_asks_for_fails_and_leaves_the_ones_before():
    kernel = MemoryKernel(make.snapshot(), fail_at=2)
    with pytest.raises(KernelError, match=r"172\.7\.23\.0/24"):
        write(kernel, (None, make.route()), (None, make.route("172.7.23.0/24")), (None, make.route("172.7.24.0/24")))
    assert [route for route in kernel.state.all(Route) if route.ours] == [make.route()]


def observed(rules, *, chains=(), walks=(), sysctls=()):
    kernel = MemoryKernel(make.snapshot(rules))
    state = kernel.observe(Interest(frozenset(chains), frozenset(walks), frozenset(sysctls)))
    return [chain.key.name for chain in state.all(Chain)], [sysctl.name for sysctl in state.all(Sysctl)]


BELOW = make.saved(nat=["-j ONE"]) + "\n*nat\n:ONE - [0:0]\n:TWO - [0:0]\n-A ONE -g TWO\n-A TWO -j ACCEPT"


def test_only_chains_of_interest_are_observed():
    assert observed(BELOW, chains=[make.POSTROUTING]) == (["POSTROUTING"], [])


def test_a_walk_observes_every_chain_that_a_packet_can_reach():
    assert observed(BELOW, walks=[make.POSTROUTING]) == (["POSTROUTING", "ONE", "TWO"], [])


def test_of_a_big_table_what_costs_too_much_is_observed_without_its_rules():
    kernel = MemoryKernel(make.snapshot(BELOW))
    observed = kernel.observe(Interest(walks=frozenset({make.POSTROUTING}), limit=2))
    assert [(chain.key.name, len(chain.rules), chain.unread) for chain in observed.all(Chain)] == [
        ("POSTROUTING", 1, 0),
        ("ONE", 1, 0),
        ("TWO", 0, 1),
    ]


def test_rules_beside_are_not_observed_where_no_rules_are_of_interest():
    state = make.snapshot().replace(OtherChain, [OtherChain(Owner.NFTABLES, Chain(make.FORWARD))])
    nothing, hook = (
        Interest(),
        Interest(frozenset({make.FORWARD})),
    )
    assert [len(MemoryKernel(state).observe(interest).all(OtherChain)) for interest in (nothing, hook)] == [0, 1]


def test_what_does_not_exist_is_not_observed():
    assert observed("", chains=[ChainKey(4, "nat", "NONE")], sysctls=["net.ipv4.none"]) == ([], [])


def test_only_parameters_of_interest_are_observed():
    assert observed("", sysctls=["net.ipv4.ip_forward"])[1] == ["net.ipv4.ip_forward"]


def tunnelled(*others):
    return make.snapshot("", tunnels.link(), tunnels.address(), tunnels.neighbour(), tunnels.fdb(), *others)


@pytest.mark.parametrize("resource", [tunnels.address(), tunnels.neighbour(), tunnels.fdb(), tunnels.route()], ids=str)
def test_nothing_stands_on_a_device_that_is_not_there(resource):
    refuses(make.snapshot(), (None, resource), match=r"there is no interface podnet\.1")


def test_a_second_tunnel_of_one_vni_and_port_is_refused():
    other = tunnels.link("flannel.1", local="10.4.7.99")
    refuses(tunnelled(), (None, other), match="there is a vxlan device of this VNI and port")


def test_a_second_device_of_one_name_is_refused():
    refuses(tunnelled(), (None, tunnels.link(vni=2)), match="there is a device of this name")


def test_a_tunnel_by_an_interface_that_is_not_there_is_refused():
    refuses(make.snapshot(), (None, tunnels.link(device="eth9")), match="there is no interface eth9")


def test_a_tunnel_that_carries_more_than_fits_into_its_interface_is_refused():
    refuses(make.snapshot(), (None, tunnels.link(mtu=1451)), match="the MTU is more than that of eth0, less 50")


def test_a_next_hop_off_link_takes_a_route_that_says_so():
    refuses(tunnelled(), (None, tunnels.route(onlink=False)), match="the next hop is not on-link")


def test_a_route_by_a_device_that_is_down_is_refused():
    state = make.snapshot("", tunnels.link(up=False))
    refuses(state, (None, tunnels.route()), match=r"the interface podnet\.1 is down")


def test_a_route_that_leads_nowhere_needs_no_device():
    blackhole = Route(Prefix.parse("172.7.21.0/24"), type="blackhole", metric=9)
    kernel = MemoryKernel(make.snapshot())
    write(kernel, (None, blackhole))
    assert blackhole in kernel.state.all(Route)


def test_settings_of_our_tunnels_are_observed_with_them():
    setting = Sysctl("net.ipv6.conf.podnet/1.accept_ra", "0")
    kernel = MemoryKernel(tunnelled(setting, Sysctl("net.ipv6.conf.eth0.accept_ra", "1")))
    assert kernel.observe(Interest()).all(Sysctl) == (setting,)
