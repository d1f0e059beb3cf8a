"""Two families on one node: routes, rules and parameters of both, each by itself, and nothing left of one that goes."""

from __future__ import annotations

import pytest

from netplan.desired.backends.vxlan import compile_vxlan
from netplan.desired.compile import compile_removal
from netplan.errors import Location
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.chain.value import Chain, ChainKey, is_our_jump
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.plan import Source, plan_node
from netplan.planning.projection import project
from netplan.planning.safety import dangers
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.spec.test_families import A6, B6, DUAL, ONLY6, TUNNEL, A, B

FORWARD6 = make.FORWARD._replace(version=6)
POSTROUTING6 = make.POSTROUTING._replace(version=6)
MASQUERADE6 = make.MASQUERADE_CHAIN._replace(version=6)


def state(*others, forwarding="0"):
    eth0 = IfName("eth0")
    return make.snapshot(
        "",
        LinkAddress(eth0, InterfaceAddress.parse("fd00:4::21/64")),
        Route(Prefix.parse("fd00:4::/64"), eth0, protocol=2, metric=256),
        Sysctl("net.ipv6.conf.all.forwarding", forwarding),
        *others,
    )


def chain6(text, name="FORWARD", table="filter"):
    return Chain(ChainKey(6, table, name), tuple(Rule.parse(line, version=6) for line in text), "ACCEPT")


def planned(wanted, before):
    return make.said(plan_node(wanted, before, Source.LIVE).changes)


def test_each_subnet_is_routed_through_the_peers_address_of_its_family():
    routes = [
        str(want.resource) for want in make.desired(make.spec(A, B, **DUAL)).objects if want.resource.kind == "route"
    ]
    assert routes == [
        "172.7.22.0/24 via 10.4.7.22 dev eth0",
        "fd00:7:0:22::/64 via fd00:4::22 dev eth0 metric 1024",
    ]


def test_pods_of_ipv6_are_masqueraded_as_those_of_ipv4_are():
    wanted = make.desired(make.spec(A, B, **DUAL, ip_masq="{non_masquerade_cidrs: [10.0.0.0/8, 'fd00::/16']}"))
    chains = {want.resource.key: want.resource for want in wanted.objects if isinstance(want.resource, Chain)}
    assert make.texts(chains[MASQUERADE6].rules) == [
        "-m mark --mark 0x4000/0x4000 -j RETURN",
        "-m mark --mark 0x2000/0x2000 -j RETURN",
        "-s fd00:7:0:21::/64 -o docker0 -j RETURN",
        "-s fd00:7::/48 -d fd00:7::/48 -j ACCEPT",
        "-s fd00:7:0:21::/64 -d fd00::/16 -j ACCEPT",
        "-s fd00:7:0:21::/64 -d ff00::/8 -j ACCEPT",
        "-s fd00:7:0:21::/64 -d fe80::/10 -j ACCEPT",
        "-s fd00:7:0:21::/64 ! -o docker0 -j MASQUERADE --random-fully",
    ]


@pytest.mark.parametrize(
    ("ip_masq", "versions"),
    [("{}", {4, 6}), ("{ipv6: false}", {4}), ("{ipv4: false}", {6}), ("{enabled: false}", set())],
)
def test_masquerading_is_switched_off_for_both_families_or_for_one(ip_masq, versions):
    wanted = make.desired(make.spec(A, B, **DUAL, ip_masq=ip_masq))
    chains = [want.resource.key for want in wanted.objects if isinstance(want.resource, Chain)]
    assert {key.version for key in chains if key.table == "nat"} == versions


def test_link_local_destinations_are_masqueraded_by_family():
    wanted = make.desired(make.spec(A, B, **DUAL, ip_masq="{masq_link_local_ipv6: true}"))
    kept = {str(prefix) for traffic in wanted.traffic for prefix in traffic.kept}
    assert ("169.254.0.0/16" in kept, "fe80::/10" in kept) == (True, False)


def test_a_node_that_was_applied_is_in_sync():
    wanted = make.desired(make.spec(A, B, **DUAL))
    kernel = MemoryKernel(state())
    make.apply_desired(wanted, kernel)
    assert planned(wanted, kernel.observe(wanted.interest)) == []


@pytest.mark.parametrize("after", ["ipv4", "compile_removal"])
def test_nothing_of_a_family_that_goes_is_left(after):
    kernel = MemoryKernel(state())
    spec = make.spec(A, B, **DUAL)
    make.apply_desired(make.desired(spec), kernel)
    make.apply_desired(make.desired() if after == "ipv4" else compile_removal(spec, spec.topology.by_name["a"]), kernel)
    chains = [chain for chain in kernel.state.all(Chain) if chain.ours and chain.key.version == 6]
    routes = [route for route in kernel.state.all(Route) if route.ours and route.prefix.version == 6]
    assert (chains, routes, [*filter(is_our_jump, kernel.state.rules(FORWARD6))]) == ([], [], [])


def test_the_jump_of_ipv6_comes_behind_the_policy_of_ipv6():
    before = state(chain6(["-p tcp --dport 25 -j DROP", "-j REJECT"]))
    assert [line for line in planned(make.desired(make.spec(A, B, **DUAL)), before) if "FORWARD 2" in line] == [
        "create rule ip6 filter FORWARD 2: -m comment --comment podnet -j PODNET-FORWARD"
    ]


def test_a_rule_to_remove_is_of_the_families_in_which_iptables_takes_it():
    firewall = (
        '{remove: [{table: nat, rule: "-A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"}, '
        '{table: filter, rule: "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"}, '
        '{table: filter, rule: "-A FORWARD -d fd00:9::/64 -j DROP"}]}'
    )
    removed = [
        (removal.chain.version, str(removal.rule))
        for removal in make.desired(make.spec(A, B, **DUAL, firewall=firewall)).removals
    ]
    assert removed == [
        (4, "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"),
        (6, "-s fd00:7:0:21::/64 ! -o docker0 -j MASQUERADE"),
        (4, "-j REJECT --reject-with icmp-host-prohibited"),
        (6, "-d fd00:9::/64 -j DROP"),
    ]


def test_the_tables_of_the_two_families_are_written_apart():
    plan = plan_node(make.desired(make.spec(A, B, **DUAL)), state(), Source.LIVE)
    assert [str(batch) for batch in batches(plan.changes) if batch.table] == [
        "table nat",
        "table filter",
        "table ip6 nat",
        "table ip6 filter",
    ]


def test_forwarding_is_switched_on_for_the_families_of_the_pods():
    wanted = make.desired(make.spec(A6, B6, **ONLY6))
    names = [want.resource.name for want in wanted.objects if isinstance(want.resource, Sysctl)]
    assert names == ["net.ipv6.conf.all.forwarding"]


@pytest.mark.parametrize(("accept_ra", "warned"), [("1", True), ("2", False)])
def test_a_default_route_that_forwarding_takes_away_is_said(accept_ra, warned):
    announced = Route(Prefix.parse("::/0"), IfName("eth0"), Address.parse("fe80::1"), metric=1024, protocol=9)
    before = state(announced, Sysctl("net.ipv6.conf.eth0.accept_ra", accept_ra))
    warnings = plan_node(make.desired(make.spec(A, B, **DUAL)), before, Source.LIVE).warnings
    assert any("was announced by a router" in warning for warning in warnings) is warned


def beside(version, *rules, table="ip6 mine", name="c", hook="postrouting", owner=Owner.NFTABLES):
    chain = Chain(ChainKey(version, table, name), make.rules(*rules, version=version), "ACCEPT")
    return OtherChain(owner, chain, hook, hook == "postrouting", len(rules))


@pytest.mark.parametrize("spec", [make.spec(A, B, **DUAL), make.spec()])
def test_a_masquerade_of_ipv6_beside_ip6tables_is_refused_where_pods_have_ipv6(spec):
    before = state(beside(6, "-s fd00:7:0:21::/64 -j MASQUERADE"))
    refusals = plan_node(make.desired(spec), before, Source.LIVE).refusals
    said = (
        "nft's table ip6 mine holds rules that ip6tables-nft does not show, and c 1 may give pod traffic to "
        "fd00:7::/48 another source: -s fd00:7:0:21::/64 -j MASQUERADE; take it away first: "
        "nft list table ip6 mine shows it"
    )
    assert refusals == ((said,) if len(spec.model.networks) == 2 else ())


@pytest.mark.parametrize("rule", ["-s fd99::/64 -j MASQUERADE", "-m mark --mark 0x4000/0x4000 -j MASQUERADE"])
def test_a_masquerade_of_other_ipv6_packets_is_let_be(rule):
    before = state(beside(6, rule))
    assert plan_node(make.desired(make.spec(A, B, **DUAL)), before, Source.LIVE).refusals == ()


def test_a_rule_of_a_table_for_both_versions_is_judged_by_what_it_does_to_each():
    both = (beside(4, "-m nft --never", table="inet mine"), beside(6, "-j MASQUERADE", table="inet mine"))
    refusals = plan_node(make.desired(make.spec(A, B, **DUAL)), state(*both), Source.LIVE).refusals
    assert [refusal.partition(",")[0] for refusal in refusals] == [
        "nft's table inet mine holds rules that iptables-nft does not show"
    ]


def test_a_filter_of_ipv6_in_the_other_backend_is_refused_and_named_by_its_program():
    before = state(beside(6, "-j DROP", table="filter", name="FORWARD", hook="forward", owner=Owner.LEGACY))
    (refusal,) = plan_node(make.desired(make.spec(A, B, **DUAL)), before, Source.LIVE).refusals
    assert refusal == (
        "ip6tables-legacy's table filter holds rules that ip6tables-nft does not show, and FORWARD 1 may refuse pod "
        "traffic to fd00:7::/48 and the outside: -j DROP; take it away first: ip6tables-legacy-save -t filter shows it"
    )


@pytest.mark.parametrize("spec", [make.spec(A, B, **DUAL), make.spec()])
def test_rules_beside_that_were_not_read_are_said_where_pods_have_ipv6(spec):
    chain = Chain(ChainKey(6, "ip6 mine", "f"), (), "ACCEPT")
    before = state(OtherChain(Owner.NFTABLES, chain, "forward", length=1))
    warnings = plan_node(make.desired(spec), before, Source.LIVE).warnings
    assert any("nft's table ip6 mine holds" in warning for warning in warnings) is (len(spec.model.networks) == 2)


def test_one_tunnel_leads_to_the_subnets_of_both_families():
    spec = make.spec(A, B, **DUAL, **TUNNEL)
    node = spec.topology.by_name["a"]
    wanted = compile_vxlan(spec.topology, node, spec.model.backend, Location("s.yaml", 1, 1))
    assert [f"{want.resource.kind} {want.resource}" for want in wanted] == [
        "link podnet.1 mtu 1450 up 0e:2a:0a:04:07:15 vxlan id 1 local 10.4.7.21 dev eth0 dstport 8472 nolearning",
        "address 172.7.21.0/32 dev podnet.1",
        "address fd00:7:0:21::/128 dev podnet.1",
        "sysctl net.ipv6.conf.podnet/1.accept_ra = 0",
        "neighbour 172.7.22.0 dev podnet.1 lladdr 0e:2a:0a:04:07:16",
        "neighbour fd00:7:0:22:: dev podnet.1 lladdr 0e:2a:0a:04:07:16",
        "fdb 0e:2a:0a:04:07:16 dev podnet.1 dst 10.4.7.22",
        "route 172.7.22.0/24 via 172.7.22.0 dev podnet.1 onlink",
        "route fd00:7:0:22::/64 via fd00:7:0:22:: dev podnet.1 metric 1024 onlink",
    ]


def test_the_route_to_the_tunnels_own_address_takes_nothing_away():
    spec = make.spec(A, B, **DUAL, **TUNNEL, defaults="{blackhole: true}")
    kernel = MemoryKernel(state())
    make.apply_desired(make.desired(spec), kernel)
    own = Route(Prefix.parse("fd00:7:0:21::/128"), IfName("podnet.1"), metric=256, protocol=2)
    observed = kernel.state.replace(Route, [*kernel.state.all(Route), own])
    plan = plan_node(make.desired(spec), observed, Source.LIVE)
    assert plan.changes == ()
    assert not any("takes its part" in warning for warning in plan.warnings)


def test_routes_into_a_tunnel_are_no_danger():
    spec, before = make.spec(A, B, **DUAL, **TUNNEL), state()
    plan = plan_node(make.desired(spec), before, Source.LIVE)
    assert dangers(plan, before, project(before, plan.changes), None) == ()


def test_a_tunnel_over_ipv6_leaves_room_for_its_longer_header():
    spec = make.spec(A6, B6, **ONLY6, **TUNNEL)
    link = next(compile_vxlan(spec.topology, spec.topology.by_name["a"], spec.model.backend, Location("s", 1, 1)))
    assert str(link.resource).startswith("podnet.1 mtu 1430 up ")
    assert "local fd00:4::21 " in str(link.resource)
