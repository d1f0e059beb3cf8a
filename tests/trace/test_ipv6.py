"""An IPv6 packet's way through a node."""

from __future__ import annotations

import pytest

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.trace import Flow, Packet, PacketVerdict, Tracer, trace
from netplan.trace.fib import Fib

POD, PEER, OUTSIDE = "fd00:7:0:21::5", "fd00:7:0:22::5", "2001:db8::5"
FORWARDING = "net.ipv6.conf.all.forwarding"
CALLS = "net.bridge.bridge-nf-call-ip6tables"


def assigned(text):
    address, device = text.split()
    return LinkAddress(IfName(device), InterfaceAddress.parse(address))


def route(prefix, device, via=None, kind="unicast"):
    next_hop = None if via is None else Address.parse(via)
    return Route(Prefix.parse(prefix), IfName(device) if device else None, next_hop, metric=1024, type=kind)


def chain(table, name, *rules):
    key = ChainKey(6, table, name)
    return Chain(key, tuple(Rule.parse(text, version=6) for text in rules), "ACCEPT")


def state(*others, forwarding="1"):
    return Snapshot.of(
        FirewallBackend.NFT,
        [
            Link(IfName("lo"), 65536, up=True),
            Link(IfName("eth0"), 1500, up=True, type=""),
            Link(IfName("docker0"), 1500, up=True, type="bridge"),
            assigned("::1/128 lo"),
            assigned("fd00:4::21/64 eth0"),
            assigned("fd00:7:0:21::1/64 docker0"),
            route("fd00:4::/64", "eth0"),
            route("fd00:7:0:21::/64", "docker0"),
            route("fd00:7:0:22::/64", "eth0", "fd00:4::22"),
            route("::/0", "eth0", "fd00:4::fe"),
            Sysctl(FORWARDING, forwarding),
            Sysctl(CALLS, "1"),
            *others,
        ],
    )


def answer(snapshot, source=POD, destination=PEER, *, iif="docker0", protocol=6, port=80):
    packet = Packet(source and Address.parse(source), Address.parse(destination), protocol, port, port, iif=iif)
    result = trace(snapshot, packet)
    return result.verdict.value, result.source and str(result.source), result.next_hop and str(result.next_hop)


def test_a_packet_between_pods_keeps_its_source():
    assert answer(state()) == ("accept", POD, "fd00:4::22")


def test_masquerade_takes_the_address_of_the_device_that_packets_leave_by():
    masquerade = chain("nat", "POSTROUTING", "-s fd00:7:0:21::/64 ! -o docker0 -j MASQUERADE")
    assert answer(state(masquerade), destination=OUTSIDE) == ("accept", "fd00:4::21", "fd00:4::fe")


def test_rules_of_ipv4_are_none_for_ipv6():
    drop = Chain(ChainKey(4, "filter", "FORWARD"), (Rule.parse("-j DROP"),), "DROP")
    assert answer(state(drop))[0] == "accept"


@pytest.mark.parametrize(("forwarding", "verdict"), [("0", "drop"), ("1", "accept")])
def test_a_node_that_does_not_forward_drops(forwarding, verdict):
    assert answer(state(forwarding=forwarding))[0] == verdict


@pytest.mark.parametrize(("kind", "verdict"), [("blackhole", "drop"), ("unreachable", "reject")])
def test_a_route_that_refuses_comes_before_forwarding_is_asked(kind, verdict):
    snapshot = state(route("fd00:9::/64", None, kind=kind), forwarding="0")
    assert answer(snapshot, destination="fd00:9::1")[0] == verdict


@pytest.mark.parametrize("source", ["::1", "ff02::1", "::"])
def test_what_is_no_source_is_dropped(source):
    assert answer(state(), source=source)[0] == "drop"


def test_sources_are_believed_wherever_they_come_from():
    assert answer(state(), source="fd00:7:0:22::5", destination=OUTSIDE, iif="docker0")[0] == "accept"


def test_link_local_sources_are_not_forwarded():
    assert answer(state(), source="fe80::5", destination=PEER)[0] == "reject"


def test_a_packet_for_the_node_is_taken_in():
    result = trace(state(), Packet(Address.parse(POD), Address.parse("fd00:4::21"), 6, 1, 1, iif="docker0"))
    assert (result.verdict, result.oif) == (PacketVerdict.ACCEPT, "lo")


def test_a_process_sends_with_the_address_of_its_route():
    assert answer(state(), source=None, iif=None) == ("accept", "fd00:4::21", "fd00:4::22")


def test_an_echo_request_is_known_by_its_type():
    filtered = chain("filter", "FORWARD", "-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP")
    assert answer(state(filtered), protocol=58, port=None)[0] == "drop"
    assert answer(state(filtered))[0] == "accept"


def test_what_stays_on_the_bridge_passes_ip6tables():
    filtered = chain("filter", "FORWARD", "-i docker0 -o docker0 -j DROP")
    assert answer(state(filtered), destination="fd00:7:0:21::6")[0] == "drop"


@pytest.mark.parametrize(("forwarding", "oif"), [("1", "lo"), ("0", None)])
def test_the_anycast_address_of_its_subnets_is_a_router_s_own(forwarding, oif):
    packet = Packet(Address.parse(PEER), Address.parse("fd00:7:0:21::"), 6, 1, 1, iif="eth0")
    assert trace(state(forwarding=forwarding), packet).oif == oif


def test_a_bridge_sends_back_what_was_redirected_whatever_the_node_forwards():
    redirect = chain("nat", "PREROUTING", "-d fd99::/64 -j DNAT --to-destination fd00:7:0:21::6")
    assert answer(state(redirect, forwarding="0"), destination="fd99::1") == ("accept", POD, None)


def test_rules_of_routing_lead_to_their_tables():
    rules = [PolicyRule(0, 255, version=6), PolicyRule(9, 100, source=Prefix.parse(f"{POD}/128"), version=6)]
    snapshot = state(
        *rules, PolicyRule(32766, 254, version=6), Route(Prefix.parse("::/0"), None, table=100, type="prohibit")
    )
    assert answer(snapshot)[0] == "reject"
    assert answer(snapshot, source="fd00:7:0:21::6")[0] == "accept"


def test_what_the_node_sends_is_looked_up_by_a_source_where_it_would_end_nowhere():
    rules = [PolicyRule(0, 255, version=6), PolicyRule(9, 100, source=Prefix.parse("fd00:4::21/128"), version=6)]
    snapshot = state(*rules, Route(Prefix.parse("fd99::/64"), IfName("eth0"), Address.parse("fd00:4::22"), table=100))
    assert answer(snapshot, source=None, destination="fd99::1", iif=None) == ("accept", "fd00:4::21", "fd00:4::22")


def test_a_changed_hop_limit_changes_nothing_else():
    assert answer(state(chain("mangle", "FORWARD", "-j HL --hl-set 64")))[0] == "accept"


@pytest.mark.parametrize(
    ("type_", "verdict"),
    [("LOCAL", "accept"), ("MULTICAST", "accept"), ("BROADCAST", "accept"), ("UNICAST", "unknown")],
)
def test_a_pod_s_address_is_of_none_of_the_types_that_lie_apart(type_, verdict):
    assert answer(state(chain("filter", "FORWARD", f"-m addrtype --dst-type {type_} -j DROP")))[0] == verdict


def test_the_loopback_address_does_not_come_from_outside():
    assert answer(state(), destination="::1")[0] == "drop"


REDIRECTED_HOME = chain("nat", "PREROUTING", "-d fd99::/64 -j DNAT --to-destination ::1")


def test_what_a_bridge_redirected_to_the_loopback_address_is_dropped_where_no_route_leads_back():
    assert answer(state(REDIRECTED_HOME), destination="fd99::1")[0] == "drop"


def test_what_was_redirected_to_the_loopback_address_is_unknown_beside_rules_of_routing():
    rule = PolicyRule(9, 100, source=Prefix.parse("fd00:4::21/128"), version=6)
    snapshot = state(REDIRECTED_HOME, PolicyRule(0, 255, version=6), rule, PolicyRule(32766, 254, version=6))
    assert answer(snapshot, source=PEER, destination="fd99::1", iif="eth0")[0] == "unknown"


def test_link_local_destinations_are_those_of_one_device_s_network():
    assert answer(state(route("fe80::/64", "eth0")), destination="fe80::22")[0] == "unknown"


def test_many_pods_are_masqueraded_by_the_addresses_of_the_device_that_they_leave_by():
    masquerade = chain("nat", "POSTROUTING", "-o eth0 -j MASQUERADE")
    packets = Flow.between(Prefix.parse("fd00:7:0:21::/64"), Prefix.parse("2001:db8::/32"), iif="docker0")
    (end,) = [end for end in Tracer(state(masquerade)).ends(packets) if end.verdict is PacketVerdict.ACCEPT]
    assert end.flow.from_address == Address.parse("fd00:4::21")


@pytest.mark.parametrize("addresses", [[], [assigned("fe80::1/64 wlan0")]])
def test_many_pods_are_masqueraded_by_addresses_of_other_devices_where_theirs_has_none(addresses):
    bare = state(
        Link(IfName("wlan0"), 1500, up=True, type=""),
        *addresses,
        route("2001:db8::/32", "wlan0"),
        chain("nat", "POSTROUTING", "-o wlan0 -j MASQUERADE"),
    )
    packets = Flow.between(Prefix.parse("fd00:7:0:21::/64"), Prefix.parse("2001:db8::/32"), iif="docker0")
    ends = [end for end in Tracer(bare).ends(packets) if end.verdict is PacketVerdict.ACCEPT]
    sources = {(end.flow.sources, end.flow.snat) for end in ends}
    own, bridge = (Address.parse(text).value for text in ("fd00:4::21", "fd00:7:0:21::1"))
    assert sources == {((own, own, bridge, bridge), True)}


def test_a_node_with_link_local_addresses_alone_masquerades_by_that_of_the_device():
    near = [assigned("fe80::1/64 eth0"), assigned("fe80::2/64 docker0"), assigned("::1/128 lo")]
    fib = Fib(Snapshot.of(FirewallBackend.NFT, near), 6)
    value = Address.parse("fe80::1").value
    assert fib.sources_towards("eth0", None) == (value, value)


def test_a_process_that_sends_to_its_own_node_has_an_address_of_it():
    assert answer(state(), source=None, destination="fd00:4::21", iif=None)[0] == "accept"


def test_what_was_redirected_to_the_loopback_address_takes_a_route_of_its_device():
    looped = state(REDIRECTED_HOME, route("::1/128", "eth0"))
    assert answer(looped, source=PEER, destination="fd99::1", iif="eth0")[0] == "accept"


def test_a_local_route_makes_addresses_the_node_s_own():
    mine = route("fd99::/64", "lo", kind="local")
    dropping = chain("mangle", "PREROUTING", "-m addrtype --dst-type LOCAL -j DROP")
    assert answer(state(mine, dropping), destination="fd99::1")[0] == "drop"
