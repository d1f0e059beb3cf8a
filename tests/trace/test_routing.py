from __future__ import annotations

import pytest

from tests.trace.states import outcome, state, traced

OUTSIDE, POD, PEER_POD, PEER = "198.51.100.2", "172.7.21.2", "172.7.22.2", "10.4.7.22"


def test_the_longest_prefix_decides():
    assert outcome(state(), POD, PEER_POD) == "accept 172.7.21.2 -> 172.7.22.2 dev eth0 via 10.4.7.22"


def test_what_has_no_route_of_its_own_takes_the_default():
    assert outcome(state(), POD, OUTSIDE) == "accept 172.7.21.2 -> 198.51.100.2 dev eth0 via 10.4.7.254"


def test_of_two_routes_to_one_prefix_the_lower_metric_decides():
    metrics = ("198.51.100.0/24 via 10.4.7.8 dev eth0 metric 20", "198.51.100.0/24 via 10.4.7.9 dev eth0 metric 10")
    assert outcome(state(routes=metrics), POD, OUTSIDE).endswith("via 10.4.7.9")


def test_of_two_routes_of_one_prefix_and_metric_the_first_decides():
    beside = ("198.51.100.0/24 via 10.4.7.8 dev eth0", "198.51.100.0/24 via 10.4.7.9 dev eth0")
    assert outcome(state(routes=beside), POD, OUTSIDE).endswith("via 10.4.7.8")


def test_what_is_on_link_has_no_next_hop():
    assert traced(state(), POD, PEER).next_hop is None


@pytest.mark.parametrize(
    ("kind", "verdict"), [("blackhole", "drop"), ("unreachable", "reject"), ("prohibit", "reject")]
)
def test_a_route_may_refuse(kind, verdict):
    assert traced(state(routes=[f"{kind} 172.7.22.2/32"]), POD, PEER_POD).verdict == verdict


def test_without_a_route_packets_are_rejected():
    assert traced(state(routes=["throw 198.51.100.0/24"]), POD, OUTSIDE).verdict == "reject"


def test_an_address_of_the_node_is_for_itself():
    assert outcome(state(), POD, "10.4.7.21") == "accept 172.7.21.2 -> 10.4.7.21 dev lo"


def test_a_broadcast_is_for_the_node():
    assert traced(state(), PEER, "10.4.7.255").oif == "lo"


def test_a_local_route_is_for_the_node_even_if_it_does_not_forward():
    snapshot = state(routes=["local 192.168.0.1/32 dev lo"], net__ipv4__ip_forward="0")
    assert traced(snapshot, POD, "192.168.0.1").oif == "lo"


def test_a_node_that_does_not_forward_drops():
    result = traced(state(net__ipv4__ip_forward="0"), POD, OUTSIDE)
    assert (result.verdict, result.steps[-1].effect) == ("drop", "dropped: net.ipv4.ip_forward is 0")


FORWARDING = "net.ipv4.conf.docker0.forwarding"


@pytest.mark.parametrize(
    ("switch", "device", "verdict", "effect"),
    [
        ("1", "0", "drop", "dropped: net.ipv4.conf.docker0.forwarding is 0"),
        ("0", "0", "drop", "dropped: net.ipv4.ip_forward is 0"),
        ("0", "1", "accept", "leaves via 10.4.7.254 dev eth0"),
        ("1", None, "accept", "leaves via 10.4.7.254 dev eth0"),
    ],
)
def test_the_device_that_packets_come_in_by_decides_whether_they_are_forwarded(switch, device, verdict, effect):
    result = traced(state(net__ipv4__ip_forward=switch, **{FORWARDING: device}), POD, OUTSIDE)
    assert (result.verdict, result.steps[-1].effect) == (verdict, effect)


def test_the_device_that_packets_leave_by_does_not_decide_whether_they_are_forwarded():
    assert traced(state(**{"net.ipv4.conf.eth0.forwarding": "0"}), POD, OUTSIDE).verdict == "accept"


def test_where_it_is_unknown_whether_a_node_forwards_the_way_is_too():
    assert traced(state(net__ipv4__ip_forward=None), POD, OUTSIDE).verdict == "unknown"


def test_a_node_that_does_not_forward_sends():
    assert traced(state(net__ipv4__ip_forward="0"), "10.4.7.21", OUTSIDE).verdict == "accept"


def test_of_several_hops_the_one_is_unknown():
    result = traced(state(routes=["198.51.100.0/24 nexthop:10.4.7.8 nexthop:10.4.7.9"]), POD, OUTSIDE)
    assert (result.verdict, result.oif, result.next_hop) == ("accept", "eth0", None)


def test_the_route_is_what_made_it_unknown():
    result = traced(state(routes=["198.51.100.0/24 nexthop:10.4.7.8 nexthop:10.4.7.9"]), POD, OUTSIDE)
    assert result.doubt is not None
    assert result.doubt.at == "route"


def test_an_unbound_socket_gets_the_source_of_the_route():
    snapshot = state(routes=["198.51.100.0/24 via 10.4.7.254 dev eth0 src 172.7.21.1"])
    assert str(traced(snapshot, None, OUTSIDE).source) == "172.7.21.1"


def test_an_unbound_socket_gets_the_address_in_the_prefix_of_the_next_hop():
    snapshot = state(addresses=["10.9.0.1/24 eth0"], routes=["198.51.100.0/24 via 10.9.0.254 dev eth0"])
    assert str(traced(snapshot, None, OUTSIDE).source) == "10.9.0.1"


def test_an_unbound_socket_that_sends_to_the_node_gets_the_address_it_sends_to():
    assert str(traced(state(), None, "10.4.7.21").source) == "10.4.7.21"


def test_an_unbound_socket_that_sends_to_a_secondary_address_gets_the_primary_one():
    assert str(traced(state(addresses=["10.4.7.31/24 eth0"]), None, "10.4.7.31").source) == "10.4.7.21"


def test_no_packet_may_claim_to_be_from_the_node():
    assert traced(state(), "10.4.7.21", POD, iif="eth0").verdict == "drop"


@pytest.mark.parametrize(("mode", "verdict"), [("0", "accept"), ("1", "drop"), ("2", "accept"), (None, "unknown")])
def test_a_source_that_is_elsewhere_is_dropped_only_by_a_strict_filter(mode, verdict):
    snapshot = state(net__ipv4__conf__eth0__rp_filter=mode)
    assert traced(snapshot, "172.7.21.3", "10.4.7.22", iif="eth0").verdict == verdict


@pytest.mark.parametrize("mode", ["1", "2"])
def test_a_source_that_no_route_leads_to_is_dropped_by_any_filter(mode):
    snapshot = state(routes=["unreachable 203.0.113.0/24"], net__ipv4__conf__all__rp_filter=mode)
    assert traced(snapshot, "203.0.113.9", POD).verdict == "drop"


def test_a_loopback_address_does_not_come_from_outside():
    assert traced(state(), POD, "127.0.0.1").verdict == "drop"


def test_pods_of_one_bridge_do_not_need_forwarding():
    assert outcome(state(net__ipv4__ip_forward="0"), POD, "172.7.21.3").startswith("accept 172.7.21.2 -> 172.7.21.3")


@pytest.mark.parametrize("route", ["blackhole 172.7.21.0/25", "172.7.21.3/32 via 10.4.7.9 dev eth0"])
def test_pods_of_one_bridge_do_not_need_the_routes_of_the_node(route):
    assert outcome(state(routes=[route]), POD, "172.7.21.3") == "accept 172.7.21.2 -> 172.7.21.3 dev docker0"


def test_pods_look_for_all_hosts_of_the_network_of_their_bridge_on_it():
    wide = state(addresses=["172.7.21.1/16 docker0"])
    assert outcome(wide, POD, PEER_POD) == "accept 172.7.21.2 -> 172.7.22.2 dev docker0"


def test_the_routes_of_a_bridge_without_an_address_are_its_network():
    bridge = state(routes=["172.30.0.0/24 dev br9"])
    assert outcome(bridge, "172.30.0.2", "172.30.0.3", iif="br9") == "accept 172.30.0.2 -> 172.30.0.3 dev br9"


def test_multicast_goes_where_its_routing_daemon_says():
    assert traced(state(), POD, "239.1.1.1").verdict == "unknown"


def test_the_broadcast_address_of_all_networks_is_for_the_node():
    assert traced(state(), POD, "255.255.255.255").oif == "lo"


def test_a_broadcast_that_the_node_sends_leaves_by_its_device():
    assert outcome(state(), None, "10.4.7.255") == "accept 10.4.7.21 -> 10.4.7.255 dev eth0"


@pytest.mark.parametrize(("setting", "verdict"), [("0", "drop"), ("1", "accept"), (None, "unknown")])
def test_a_loopback_address_leaves_the_node_only_where_a_setting_allows_it(setting, verdict):
    names = [f"net__ipv4__conf__{device}__route_localnet" for device in ("all", "eth0")]
    snapshot = state(addresses=["127.0.0.1/8 lo 254"], **dict.fromkeys(names, setting))
    assert traced(snapshot, "127.0.0.1", OUTSIDE, iif=None).verdict == verdict


def test_a_route_of_a_type_that_is_not_followed_is_unknown():
    assert traced(state(routes=["nat 198.51.100.0/24 via 10.4.7.9 dev eth0"]), POD, OUTSIDE).verdict == "unknown"


def test_a_route_without_a_device_is_unknown():
    assert traced(state(routes=["198.51.100.0/24 via 10.4.7.9"]), POD, OUTSIDE).verdict == "unknown"


@pytest.mark.parametrize("source", ["224.0.0.1", "255.255.255.255"])
def test_an_address_of_many_hosts_is_no_source(source):
    assert traced(state(), source, POD).verdict == "drop"


def test_a_local_route_may_say_the_source_of_what_the_node_sends_to_itself():
    snapshot = state(routes=["local 192.168.0.1/32 dev lo src 172.7.21.1"])
    assert str(traced(snapshot, None, "192.168.0.1").source) == "172.7.21.1"
