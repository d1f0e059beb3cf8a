from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.link.value import Link
from netplan.kinds.resource import Change
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.planning.sysctls import given_up, no_such_sysctl, put_back, unknown, waiting, waiting_warnings, warnings
from tests import make, tunnels

NAME = "net.ipv4.conf.all.rp_filter"
FORWARD = "net.ipv4.ip_forward"
BRIDGE = (
    Link(IfName("br-x"), 1500, up=True, type="bridge"),
    LinkAddress(IfName("br-x"), InterfaceAddress.parse("172.30.5.1/24")),
)


def leaving(*overwritten):
    spec = make.spec()
    return replace(compile_removal(spec, spec.topology.nodes[0]), overwritten=overwritten)


def back(desired, state):
    return [str(want.resource) for want in put_back(desired, state)]


WRITTEN = leaving(Overwritten(NAME, "0", "2"))
FORWARDING = leaving(Overwritten(FORWARD, "0", "1"))


@pytest.mark.parametrize(("now", "put"), [("2", [f"{NAME} = 0"]), ("1", []), ("0", [])])
def test_what_is_still_podnets_goes_back(now, put):
    assert back(WRITTEN, make.snapshot("", Sysctl(NAME, now))) == put


def test_what_the_spec_wants_stays():
    desired = replace(make.desired(make.spec(sysctl=f"{{{NAME}: 2}}")), overwritten=WRITTEN.overwritten)
    assert back(desired, make.snapshot("", Sysctl(NAME, "2"))) == []


def test_what_is_about_a_link_of_ours_goes_with_it():
    name = "net.ipv6.conf.podnet/1.accept_ra"
    state = make.snapshot("", tunnels.link(), Sysctl(name, "0"))
    assert back(leaving(Overwritten(name, "1", "0")), state) == []


@pytest.mark.parametrize(
    ("rules", "others", "user"),
    [
        ("", BRIDGE, "bridge br-x (172.30.5.1/24)"),
        (make.saved(nat=["-s 10.9.0.0/16 -j MASQUERADE"]), (), "nat POSTROUTING 1: -s 10.9.0.0/16 -j MASQUERADE"),
        (make.saved(filter=["-i wg0 -j ACCEPT"]), (), "filter FORWARD 1: -i wg0 -j ACCEPT"),
    ],
)
def test_forwarding_stays_on_for_who_forwards(rules, others, user):
    state = make.snapshot(rules, *others, ip_forward="1")
    assert back(FORWARDING, state) == []
    assert [*warnings(FORWARDING, state)] == [
        f"net.ipv4.ip_forward stays 1, and was 0 before podnet: {user} may need it"
    ]


def beside(*rules, owner=Owner.NFTABLES, table="inet router", hook="forward", version=4, length=0):
    chain = Chain(ChainKey(version, table, hook), make.rules(*rules, version=version), "ACCEPT")
    return OtherChain(owner, chain, hook, length=length or len(rules))


@pytest.mark.parametrize(
    ("other", "user"),
    [
        (beside("-s 10.9.0.0/16 -j ACCEPT"), "nft inet router forward 1: -s 10.9.0.0/16 -j ACCEPT"),
        (
            beside(make.REJECT, "-s 10.9.0.0/16 -j MASQUERADE", hook="postrouting"),
            "nft inet router postrouting 2: -s 10.9.0.0/16 -j MASQUERADE",
        ),
        (
            beside("-i wg0 -j ACCEPT", owner=Owner.LEGACY, table="filter"),
            "iptables-legacy filter forward 1: -i wg0 -j ACCEPT",
        ),
        (beside(length=7), "nft inet router forward, 7 rules"),
    ],
)
def test_forwarding_stays_on_for_rules_beside_this_nodes_iptables(other, user):
    state = make.snapshot("", other, ip_forward="1")
    assert [*warnings(FORWARDING, state)] == [
        f"net.ipv4.ip_forward stays 1, and was 0 before podnet: {user} may need it"
    ]


@pytest.mark.parametrize(
    "other",
    [
        beside("-s fd00:77::/64 -j ACCEPT", version=6),
        beside("-m nft --never"),
        beside(make.REJECT),
        beside("-j ACCEPT", hook="prerouting"),
    ],
    ids=["of the other version", "for packets of the other version", "refuses", "not behind forwarding"],
)
def test_forwarding_goes_off_where_rules_beside_serve_nothing_that_is_forwarded(other):
    assert back(FORWARDING, make.snapshot("", other, ip_forward="1")) == [f"{FORWARD} = 0"]


@pytest.mark.parametrize("rules", ["", make.saved(filter=[make.REJECT])])
def test_forwarding_goes_off_where_nothing_else_forwards(rules):
    state = make.snapshot(rules, ip_forward="1")
    assert (back(FORWARDING, state), [*warnings(FORWARDING, state)]) == ([f"{FORWARD} = 0"], [])


def test_what_another_program_changed_is_named_as_podnet_leaves():
    (said,) = warnings(WRITTEN, make.snapshot("", Sysctl(NAME, "1")))
    assert said == f"{NAME} stays 1, which another program set after podnet's 2; it was 0 before"


def test_what_an_older_spec_alone_wants_goes_to_a_value_that_no_spec_says():
    then, now = make.desired(make.spec(sysctl=f"{{{NAME}: 2}}")), make.desired()
    changes = [*given_up(now, then, make.settled(then, make.snapshot("", Sysctl(NAME, "0"))))]
    assert make.said(changes) == [f"delete sysctl {NAME} = 2"]
    assert [*unknown([Change(None, make.route(), make.WHY), *changes])] == [
        f"no spec says what {NAME} was before podnet: apply the spec itself"
    ]


def test_of_what_is_as_it_was_nothing_is_told():
    assert [*warnings(WRITTEN, make.snapshot("", Sysctl(NAME, "0")))] == []


@pytest.mark.parametrize("unread", [True, False], ids=["a chain that was not read", "no chain at all"])
def test_forwarding_stays_on_where_it_is_unknown_whether_rules_forward(unread):
    chains = [Chain(make.FORWARD, policy="ACCEPT", unread=9000)] if unread else []
    state = make.snapshot("", ip_forward="1").replace(Chain, chains)
    assert back(FORWARDING, state) == ([] if unread else [f"{FORWARD} = 0"])
    stays = "net.ipv4.ip_forward stays 1, and was 0 before podnet: filter FORWARD, about 9000 rules may need it"
    assert [*warnings(FORWARDING, state)] == ([stays] if unread else [])


OF_CNI0 = Sysctl("net.ipv4.conf.cni0.rp_filter", "0")
SPEC = make.spec(sysctl=f"{{{OF_CNI0.name}: 0, net.ipv4.conf.eth0.rp_filter: 0}}")


def test_a_parameter_of_a_device_that_is_not_there_waits_for_it():
    assert waiting(make.desired(SPEC), make.snapshot()) == (OF_CNI0,)


def test_nothing_waits_where_no_device_is_known():
    assert waiting(make.desired(SPEC), make.snapshot().replace(Link, [tunnels.link()])) == ()


def test_a_parameter_of_a_device_that_the_plan_makes_does_not_wait():
    spec = make.spec(backend="{type: vxlan}", sysctl="{net.ipv4.conf.podnet/1.rp_filter: 0}")
    assert waiting(make.desired(spec), make.snapshot()) == ()


@pytest.mark.parametrize(
    ("sysctl", "said"),
    [
        (OF_CNI0, f"{OF_CNI0} waits for the interface cni0: once that is there, apply or drift --fix sets it"),
        (Sysctl("net.ipv4.tcp_x", "1"), "the kernel of this node has no net.ipv4.tcp_x"),
    ],
)
def test_it_is_said_what_a_parameter_waits_for(sysctl, said):
    assert [*waiting_warnings([sysctl])] == [said]


def test_a_parameter_of_bridges_needs_its_module():
    said = no_such_sysctl(Sysctl("net.bridge.bridge-nf-call-iptables", "1"))
    assert said.endswith("no net.bridge.bridge-nf-call-iptables; load its module first: modprobe br_netfilter")
