"""Packets over all nodes of a cluster, from where they start to where they end, and what comes back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.address.value import LinkAddress
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.net import Address, LinkLayerAddress, Prefix
from netplan.trace.flow import Phase
from netplan.trace.intervals import of_prefix, size
from netplan.trace.journey import Ending
from netplan.trace.packet import Packet
from tests.spec.factory import A, B
from tests.trace import states
from tests.trace.networks import NODE, OUTSIDE, POD, VXLAN, changed, lacking, linked, network, routed, ruled

HOST_GW = "{type: host-gw}"
MASQUERADE = "nat POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
DOCKERS = "raw PREROUTING -d 172.7.22.2/32 ! -i docker0 -j DROP"
TO_PORT = "-p udp -m udp --dport 8472 -j DROP"
WELL = "packets accept at b: 172.7.21.2 -> 172.7.22.2"


@pytest.fixture(params=[HOST_GW, VXLAN])
def backend(request):
    return request.param


def journeys(nodes, source=POD["a"], destination=POD["b"], *, at="a", iif="docker0", protocol=6):
    """Follow one packet, by default from a pod of node a to one of b."""
    sport, dport = (None, None) if protocol == 1 else (40000, 80)
    sender = None if source is None else Address.parse(source)
    packet = Packet(sender, Address.parse(destination), protocol, sport, dport, iif=iif)
    return nodes.follow(packet.flow, at)


def outcome(nodes, *ends, **options):
    """Say what becomes of a connection, and where: `packets accept at b: 172.7.21.2 -> 172.7.22.2`."""
    (journey,) = journeys(nodes, *ends, **options)
    return f"{journey.phase} {journey.verdict} at {journey.ended}: {journey.source} -> {journey.destination}"


def way(journey):
    return [(hop.host, hop.iif, hop.oif) for hop in journey.hops]


class TestWell:
    @pytest.mark.parametrize(("backend", "device"), [(HOST_GW, "eth0"), (VXLAN, "podnet.1")])
    def test_a_pod_reaches_the_pod_of_a_peer_under_its_own_address(self, backend, device):
        (journey,) = journeys(network(backend))
        assert (outcome(network(backend)), journey.source_kept) == (WELL, True)
        assert way(journey) == [("a", "docker0", device), ("b", device, "docker0")]

    def test_the_reply_comes_back_hop_by_hop(self, backend):
        (journey,) = journeys(network(backend))
        (reply,) = (leg.walk for leg in journey.legs if leg.phase is Phase.REPLY)
        assert [hop.host for hop in reply.hops] == ["b", "a"]

    def test_a_tunnel_shows_the_way_of_the_packets_that_carry_others(self):
        (journey,) = journeys(network(VXLAN))
        (first, last) = journey.hops
        assert [(hop.host, hop.iif, hop.oif) for hop in first.carried] == [("a", None, "eth0"), ("b", "eth0", "lo")]
        assert last.carried == ()

    @pytest.mark.parametrize(
        ("ends", "came", "said"),
        [
            ((POD["a"], OUTSIDE), "docker0", f"packets accept at None: {NODE['a']} -> {OUTSIDE}"),
            ((OUTSIDE, POD["a"]), "eth0", f"packets accept at a: {OUTSIDE} -> {POD['a']}"),
            ((POD["a"], NODE["b"]), "docker0", f"packets accept at b: {NODE['a']} -> {NODE['b']}"),
            ((NODE["a"], NODE["b"]), None, f"packets accept at b: {NODE['a']} -> {NODE['b']}"),
            ((NODE["a"], NODE["a"]), None, f"packets accept at a: {NODE['a']} -> {NODE['a']}"),
            ((POD["a"], "172.7.21.3"), "docker0", f"packets accept at a: {POD['a']} -> 172.7.21.3"),
            ((POD["a"], "10.4.7.99"), "docker0", f"packets accept at None: {NODE['a']} -> 10.4.7.99"),
        ],
    )
    def test_other_ends_are_reached_as_the_spec_says(self, backend, ends, came, said):
        assert outcome(network(backend), *ends, iif=came) == said

    def test_an_unbound_socket_of_a_node_reaches_a_pod_through_the_tunnel_under_the_tunnels_address(self):
        said = "packets accept at b: 172.7.21.0 -> 172.7.22.2"
        assert outcome(network(VXLAN), None, POD["b"], iif=None, protocol=1) == said

    def test_ipv6_is_followed_alike(self, backend):
        nodes = [
            f"{name}: {{address: 10.4.7.2{n}/24, ipv6_address: 'fd00:4::2{n}/64', "
            f"subnet: 172.7.2{n}.0/24, ipv6_subnet: 'fd00:7:0:2{n}::/64'}}"
            for n, name in enumerate("ab", 1)
        ]
        cluster = network(backend, nodes, ipv6_network="'fd00:7::/48'")
        said = "packets accept at b: fd00:7:0:21::2 -> fd00:7:0:22::2"
        assert outcome(cluster, "fd00:7:0:21::2", "fd00:7:0:22::2") == said


class TestBroken:
    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"b": ruled(DOCKERS)}, "packets drop at b"),
            ({"a": ruled("raw PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP")}, "replies drop at a"),
            ({"b": ruled("filter FORWARD -s 172.7.22.0/24 -p tcp -j REJECT")}, "replies reject at b"),
            (
                {"b": ruled("filter FORWARD -m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL -j DROP")},
                "later packets drop at b",
            ),
            (
                {"a": ruled("filter FORWARD -p icmp -m conntrack --ctstate RELATED -j DROP")},
                "path MTU errors drop at a",
            ),
        ],
    )
    def test_a_rule_of_any_node_on_the_way_breaks_the_connection(self, backend, changed, said):
        (journey,) = journeys(network(backend, **changed))
        assert f"{journey.phase} {journey.verdict} at {journey.ended}" == said

    def test_a_route_that_is_missing_on_the_peer_leads_replies_astray(self):
        (journey,) = journeys(network(HOST_GW, b=routed(without="172.7.21.0/24")))
        assert (journey.phase, journey.ended, journey.ending) == (Phase.REPLY, None, Ending.OUTSIDE)

    @pytest.mark.parametrize("node", ["a", "b"])
    def test_a_rule_against_the_tunnels_packets_drops_what_they_carry(self, node):
        hook = {"a": "filter OUTPUT", "b": "filter INPUT"}[node]
        (journey,) = journeys(changed(VXLAN, node, ruled(f"{hook} {TO_PORT}")))
        assert (journey.phase, journey.verdict, journey.ended) == (Phase.FIRST, "drop", node)
        assert journey.steps[-1].rule == TO_PORT

    def test_nodes_that_send_packets_to_each_other_are_a_loop(self):
        nodes = network(
            HOST_GW,
            a=routed("172.7.99.0/24 via 10.4.7.22 dev eth0"),
            b=routed("172.7.99.0/24 via 10.4.7.21 dev eth0"),
        )
        (journey,) = journeys(nodes, destination="172.7.99.9")
        assert (journey.verdict, journey.ending) == ("drop", Ending.LOOP)
        assert [hop.host for hop in journey.hops] == ["a", "b", "a"]

    def test_a_tunnel_that_carries_its_own_packets_gets_nowhere(self):
        nodes = network(VXLAN, a=routed("10.4.7.22/32 via 172.7.22.0 dev podnet.1"))
        (journey,) = journeys(nodes)
        assert (journey.verdict, journey.ending) == ("drop", Ending.LOOP)

    def test_a_device_that_is_down_receives_nothing(self):
        (journey,) = journeys(network(HOST_GW, b=linked("eth0", up=False)))
        assert (journey.verdict, journey.steps[-1].effect) == ("drop", "dropped: eth0 of b is down")

    def test_a_tunnels_packets_that_leave_the_cluster_take_what_they_carry_along(self):
        def elsewhere(state):
            entries = [replace(entry, dst=Address.parse(OUTSIDE)) for entry in state.all(FdbEntry)]
            return state.replace(FdbEntry, entries)

        (journey,) = journeys(network(VXLAN, a=elsewhere))
        assert (journey.ending, journey.ended) == (Ending.OUTSIDE, None)

    def test_a_peer_without_the_tunnel_drops_what_comes_by_it(self):
        nodes = network(VXLAN, b=lambda state: state.replace(Link, [o for o in state.all(Link) if o.vxlan is None]))
        (journey,) = journeys(nodes)
        said = "dropped: no tunnel that is up has port 8472 and VNI 1"
        assert (journey.verdict, journey.ended, journey.steps[-1].effect) == ("drop", "b", said)

    def test_frames_for_another_address_than_the_tunnels_are_dropped(self):
        nodes = network(VXLAN, b=linked("podnet.1", lladdr=LinkLayerAddress("0e:00:00:00:00:01")))
        (journey,) = journeys(nodes)
        assert (journey.verdict, journey.ended) == ("drop", "b")


class TestUnknown:
    def test_where_a_node_has_no_state_it_is_unknown_from_there(self, backend):
        (journey,) = journeys(network(backend, b=None))
        assert (journey.verdict, journey.ended, journey.ending) == ("unknown", "b", Ending.UNRECORDED)

    def test_where_packets_start_at_a_node_without_a_state_all_is_unknown(self):
        (journey,) = journeys(network(HOST_GW, a=None))
        assert (journey.verdict, journey.ended, journey.hops, journey.steps) == ("unknown", "a", (), ())
        assert str(journey.source) == POD["a"]

    def test_a_neighbour_that_is_not_recorded_is_unknown(self):
        (journey,) = journeys(network(VXLAN, a=lacking(Neighbour)))
        said = "unknown: podnet.1 has no permanent neighbour 172.7.22.0"
        assert (journey.verdict, journey.steps[-1].effect) == ("unknown", said)

    def test_a_router_that_is_no_node_may_lead_to_pods_or_not(self):
        nodes = network(HOST_GW, a=routed("172.7.22.2/32 via 10.4.7.254 dev eth0"))
        (journey,) = journeys(nodes)
        assert (journey.verdict, journey.ending) == ("unknown", Ending.ROUTER)

    def test_a_rule_that_is_not_understood_leaves_two_journeys_of_the_same_packets(self):
        nodes = network(HOST_GW, b=ruled("filter FORWARD -m unheard --of -j DROP"))
        fates = {f"{one.phase} {one.verdict}" for one in journeys(nodes)}
        assert fates >= {"packets accept", "packets drop"}

    def test_a_neighbour_that_no_entry_places_is_unknown(self):
        (journey,) = journeys(network(VXLAN, a=lacking(FdbEntry)))
        assert journey.steps[-1].effect.endswith(", the neighbour 172.7.22.0")

    def test_an_entry_of_which_more_is_asked_than_is_understood_is_unknown(self):
        def elsewhere(state):
            return state.replace(FdbEntry, [replace(entry, options=("via eth9",)) for entry in state.all(FdbEntry)])

        (journey,) = journeys(network(VXLAN, a=elsewhere))
        assert journey.steps[-1].effect.startswith("unknown: where podnet.1 sends to is not known")

    def test_a_tunnel_whose_address_is_not_recorded_may_take_the_packets_or_not(self):
        (journey,) = journeys(network(VXLAN, b=linked("podnet.1", lladdr=None)))
        assert journey.steps[-1].effect == "unknown: the link-layer address of podnet.1 is not recorded"

    @pytest.mark.parametrize(("destination", "verdict"), [("172.7.22.0", "accept"), (POD["b"], "unknown")])
    def test_on_a_tunnel_without_a_next_hop_the_destination_is_the_neighbour(self, destination, verdict):
        nodes = network(VXLAN, a=routed("172.7.22.0/24 dev podnet.1", without="172.7.22.0/24"))
        (journey,) = journeys(nodes, destination=destination)
        assert journey.verdict == verdict

    def test_of_two_nodes_with_one_address_either_may_receive_what_is_for_it(self):
        def doubled(state):
            return state.replace(LinkAddress, [*state.all(LinkAddress), states.address("10.4.7.22/24 eth0")])

        (journey,) = journeys(network(HOST_GW, c=doubled))
        assert journey.steps[-1].effect == "unknown: b and c hold the same address"


class TestRouters:
    def test_a_router_brings_packets_to_the_addresses_of_nodes(self):
        nodes = network(HOST_GW, a=routed("10.4.7.22/32 via 10.4.7.254 dev eth0"))
        assert outcome(nodes, NODE["a"], NODE["b"], iif=None) == f"packets accept at b: {NODE['a']} -> {NODE['b']}"

    def test_a_router_gives_packets_for_a_public_address_the_nodes_own(self):
        b = "b: {address: 10.5.0.22/24, public_address: 203.0.113.9, subnet: 172.7.22.0/24}"
        ways = {"a": "203.0.113.9/32 via 10.4.7.254", "b": "10.4.7.0/24 via 10.5.0.254"}
        nodes = network(VXLAN, (A, b), a=routed(f"{ways['a']} dev eth0"), b=routed(f"{ways['b']} dev eth0"))
        (journey,) = journeys(nodes, NODE["a"], "203.0.113.9", iif=None)
        assert (journey.phase, journey.ended, str(journey.destination)) == (Phase.FIRST, "b", "10.5.0.22")

    def test_a_node_on_another_network_does_not_receive_what_is_sent_on_this_one(self):
        c = "c: {address: 10.5.0.23/24, subnet: 172.7.23.0/24}"
        nodes = network(VXLAN, (A, B, c), a=routed("10.5.0.23/32 dev eth0"))
        (journey,) = journeys(nodes, NODE["a"], "10.5.0.23", iif=None)
        assert journey.ending is Ending.OUTSIDE


class TestTranslated:
    def test_the_reply_to_a_masqueraded_source_is_given_back_by_the_node_that_masqueraded(self):
        (journey,) = journeys(network(HOST_GW, a=ruled(MASQUERADE)))
        assert (str(journey.source), journey.source_kept, journey.phase) == (NODE["a"], False, Phase.FIRST)
        (reply,) = (leg.walk for leg in journey.legs if leg.phase is Phase.REPLY)
        assert [hop.host for hop in reply.hops] == ["b", "a"]

    def test_a_masquerade_of_the_peer_is_undone_there(self):
        redirect = ruled("nat POSTROUTING -o docker0 -s 172.7.21.0/24 -j MASQUERADE")
        assert outcome(network(HOST_GW, b=redirect)) == "packets accept at b: 172.7.22.1 -> 172.7.22.2"

    def test_a_destination_that_a_node_translates_is_followed_to_the_node_that_has_it(self):
        redirect = "nat PREROUTING -d 198.51.100.2/32 -p tcp --dport 80 -j DNAT --to-destination 172.7.22.2:8080"
        nodes = network(HOST_GW, a=ruled(redirect))
        assert outcome(nodes, POD["a"], OUTSIDE) == "packets accept at b: 172.7.21.2 -> 172.7.22.2"

    def test_replies_that_pass_the_node_by_which_translated_go_astray(self):
        redirect = ruled("nat PREROUTING -d 172.7.23.9/32 -j DNAT --to-destination 172.7.22.2")
        nodes = network(HOST_GW, c=redirect, a=routed("172.7.23.9/32 via 10.4.7.23 dev eth0"))
        (journey,) = journeys(nodes, destination="172.7.23.9")
        assert journey.phase is Phase.REPLY
        assert [hop.host for hop in journey.hops] == ["b", "a"]


class TestSets:
    def test_the_parts_are_the_whole_set(self, backend):
        flow = replace(pods_to_pods(), iif="docker0")
        parts = network(backend, b=ruled(DOCKERS)).follow(flow, "a")
        assert sum(part.flow.packets for part in parts) == flow.packets
        broken = [part for part in parts if part.verdict == "drop"]
        assert [size(part.flow.destination) for part in broken] == [1]

    def test_packets_to_several_nodes_go_each_to_its_own(self):
        flow = replace(pods_to_pods(), destination=of_prefix(Prefix.parse("172.7.22.0/23")))
        parts = network(HOST_GW).follow(flow, "a")
        assert {part.ended for part in parts} == {"b", "c"}

    def test_a_part_whose_replies_are_dropped_is_told_apart(self):
        dropping = ruled("raw PREROUTING -d 172.7.21.9/32 ! -i docker0 -j DROP")
        parts = network(HOST_GW, a=dropping).follow(pods_to_pods(), "a")
        assert {(part.phase, size(part.flow.source)) for part in parts} == {(Phase.FIRST, 252), (Phase.REPLY, 1)}


def pods_to_pods():
    """Return all TCP packets that pods of a send to port 80 of the pods of b."""
    packet = Packet(Address.parse(POD["a"]), Address.parse(POD["b"]), 6, 40000, 80, iif="docker0")
    pods = {name: (Address.parse(POD[name]).value, Address.parse(POD[name]).value + 253 - 1) for name in "ab"}
    return replace(packet.flow, source=pods["a"], destination=pods["b"])
