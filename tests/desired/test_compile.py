from __future__ import annotations

import pytest

from netplan.desired.chains import OUR_CHAINS
from netplan.desired.compile import compile_removal
from netplan.desired.interest import full_interest
from netplan.kinds.chain.value import ChainKey, FirewallBackend
from netplan.trace import Packet, Passing
from tests import make


def objects(**keys):
    return [str(want.resource) for want in make.desired(make.spec(**keys)).objects]


def jumps(**keys):
    return [f"{jump.hook}: {jump.rule}" for jump in make.desired(make.spec(**keys)).jumps]


def test_a_node_gets_routes_chains_and_forwarding():
    assert objects() == [
        "172.7.22.0/24 via 10.4.7.22 dev eth0",
        "nat PODNET-POSTROUTING, 7 rules",
        "filter PODNET-FORWARD, 2 rules",
        "net.ipv4.ip_forward = 1",
    ]


def test_each_chain_has_one_jump():
    assert jumps() == [
        "nat POSTROUTING: -m comment --comment podnet -j PODNET-POSTROUTING",
        "filter FORWARD: -m comment --comment podnet -j PODNET-FORWARD",
    ]


def test_without_masquerading_nothing_of_nat_is_wanted():
    off = {"ip_masq": "{enabled: false}"}
    assert not [line for line in objects(**off) + jumps(**off) if "POSTROUTING" in line]


def test_without_forwarding_of_ours_the_chain_forward_is_left_alone():
    assert not [line for line in objects(forward="none") + jumps(forward="none") if "FORWARD" in line]


def test_of_pods_with_nodes_alone_the_chain_forward_has_the_addresses_of_all_nodes():
    assert "filter PODNET-FORWARD, 5 rules" in objects(forward="pods")
    assert jumps(forward="pods") == jumps()


def test_more_parameters_are_wanted_beside_forwarding():
    assert objects(sysctl="{net.ipv4.conf.all.rp_filter: 2}")[-2:] == [
        "net.ipv4.ip_forward = 1",
        "net.ipv4.conf.all.rp_filter = 2",
    ]


def test_a_spec_that_names_forwarding_wants_it_once():
    assert [line for line in objects(sysctl="{net.ipv4.ip_forward: 1}") if "ip_forward" in line] == [
        "net.ipv4.ip_forward = 1"
    ]


def test_the_rules_to_remove_have_the_nodes_values_in_them():
    removals = make.desired(make.spec(firewall=make.REMOVE), "b").removals
    assert [f"{removal.chain}: {removal.rule}" for removal in removals] == [
        "nat POSTROUTING: -s 172.7.22.0/24 ! -o docker0 -j MASQUERADE",
        f"filter FORWARD: {make.REJECT}",
    ]


def test_every_placeholder_is_filled_in():
    rule = "-A FORWARD -s {subnet} -d {network} -i {interface} -o {bridge} -j DROP"
    keys = {
        "firewall": f'{{remove: [{{table: filter, rule: "{rule}"}}]}}',
        "defaults": "{interface: ens3, bridge: cni0}",
    }
    (removal,) = make.desired(make.spec(**keys)).removals
    assert str(removal.rule) == "-s 172.7.21.0/24 -d 172.7.0.0/16 -i ens3 -o cni0 -j DROP"


@pytest.mark.parametrize(
    ("chosen", "backend"), [("auto", None), ("nft", FirewallBackend.NFT), ("legacy", FirewallBackend.LEGACY)]
)
def test_the_packet_filter_is_the_one_that_the_spec_chooses(chosen, backend):
    spec = make.spec(firewall=f"{{backend: {chosen}}}")
    assert make.desired(spec).backend is backend
    assert compile_removal(spec, spec.topology.by_name["a"]).backend is backend


def test_a_node_that_podnet_leaves_is_looked_at_for_all_that_may_be_ours():
    spec = make.spec()
    assert compile_removal(spec, spec.topology.by_name["a"]).interest.chains >= {
        make.MASQUERADE_CHAIN,
        make.FORWARD_CHAIN,
    }


def test_the_chains_of_rules_to_be_removed_are_looked_at():
    firewall = '{remove: [{table: mangle, rule: "-A POSTROUTING -s {subnet} -j DROP"}]}'
    assert ChainKey(4, "mangle", "POSTROUTING") in make.desired(make.spec(firewall=firewall)).interest.chains


def test_a_record_holds_all_that_a_plan_looks_at():
    wanted, recorded = make.desired(make.spec(firewall=make.REMOVE)).interest, full_interest()
    assert wanted.chains <= recorded.chains | recorded.walks
    assert wanted.walks <= recorded.walks
    assert wanted.sysctls <= recorded.sysctls


def test_for_packets_the_hooks_are_traced_and_our_own_chains_are_looked_at():
    flow = Packet(None, make.desired().address).flow
    interest = full_interest(flows=[flow])
    assert interest.traced == full_interest().walks
    assert (interest.chains, interest.walks) == (frozenset(OUR_CHAINS), frozenset())
    assert interest.follows == Passing(frozenset({flow}))


def test_a_plan_s_interest_keeps_what_it_walks_beside_traced_packets():
    wanted = make.desired().interest
    both = wanted | full_interest(flows=[Packet(None, make.desired().address).flow], limit=5)
    assert (both.walks, both.limit) == (wanted.walks, wanted.limit)


def test_what_the_spec_says_in_a_line_comes_from_that_line():
    wanted = make.desired(make.spec(forward="accept", sysctl="{net.ipv4.tcp_sack: 0}"))
    places = {str(want.resource): str(want.reason.at) for want in wanted.objects}
    assert places["filter PODNET-FORWARD, 2 rules"] == "s.yaml:5:1"
    assert places["net.ipv4.tcp_sack = 0"] == "s.yaml:6:10"


TUNNEL = "{type: vxlan}"
ACCEPT_RA = "net.ipv6.conf.podnet/1.accept_ra"


def of_node(more, **keys):
    nodes = (
        f"a: {{address: 10.4.7.21/24, subnet: 172.7.21.0/24{more}}}",
        "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}",
    )
    return make.desired(make.spec(*nodes, **keys)).objects


def said_of(more, **keys):
    return [str(want.resource) for want in of_node(more, **keys)]


def test_with_vxlan_a_node_gets_a_tunnel_and_what_leads_into_it():
    kinds = [want.resource.kind for want in of_node("", backend=TUNNEL)]
    assert kinds == ["link", "address", "sysctl", "neighbour", "fdb", "route", "chain", "chain", "sysctl"]


@pytest.mark.parametrize(
    ("more", "keys", "there"),
    [
        ("", {}, False),
        (", blackhole: true", {}, True),
        ("", {"defaults": "{blackhole: true}"}, True),
        (", blackhole: false", {"defaults": "{blackhole: true}"}, False),
    ],
)
def test_a_subnet_is_a_blackhole_where_the_node_or_the_defaults_say_so(more, keys, there):
    assert ("blackhole 172.7.21.0/24 metric 4294967295" in said_of(more, **keys)) is there


def test_a_blackhole_comes_from_the_line_that_wants_it():
    reasons = {want.reason.text: want.reason.at for want in of_node(", blackhole: true")}
    assert str(reasons["blackhole"]).startswith("s.yaml:6:")


@pytest.mark.parametrize(
    ("route", "text"),
    [
        ("{prefix: 10.9.0.0/16, via: 10.4.7.254}", "10.9.0.0/16 via 10.4.7.254 dev eth0"),
        ("{prefix: 10.9.0.0/16, dev: eth1}", "10.9.0.0/16 dev eth1"),
        ("{prefix: 10.9.0.0/16, via: 10.5.0.1, dev: eth1}", "10.9.0.0/16 via 10.5.0.1 dev eth1"),
    ],
)
def test_a_node_has_the_routes_that_are_written_for_it(route, text):
    assert text in said_of(f", routes: [{route}]")


def test_a_parameter_of_a_node_goes_before_the_clusters():
    reasons = said_of(", sysctl: {net.ipv4.tcp_ecn: 1}", sysctl="{net.ipv4.tcp_ecn: 2, net.ipv4.tcp_sack: 1}")
    assert reasons[-3:] == ["net.ipv4.ip_forward = 1", "net.ipv4.tcp_sack = 1", "net.ipv4.tcp_ecn = 1"]


def test_a_parameter_that_is_written_goes_before_the_backends():
    reasons = said_of("", backend=TUNNEL, sysctl=f"{{{ACCEPT_RA}: 2}}")
    assert [text for text in reasons if text.startswith(ACCEPT_RA)] == [f"{ACCEPT_RA} = 2"]
