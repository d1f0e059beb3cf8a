"""What the parts of a spec must agree on."""

from __future__ import annotations

import pytest

from netplan.spec.load import parse
from tests.spec.factory import cursor, load, mistakes, only_problem, problems, spec_text

A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}"


def related(text: str) -> list[str]:
    return [str(at) for at, _ in only_problem(text).related]


def removal(rule: str, table: str = "nat") -> str:
    return f"{{remove: [{{table: {table}, rule: '{rule}'}}]}}"


def many_nodes(count: int) -> str:
    hosts = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/8" for n in range(1, count + 1))
    subnets = (f"172.{16 + (n >> 8)}.{n & 255}.0/24" for n in range(1, count + 1))
    nodes = (f"n{n}: {{address: {a}, subnet: {s}}}" for n, (a, s) in enumerate(zip(hosts, subnets, strict=True)))
    return spec_text(*nodes, network="172.16.0.0/12")


def test_a_spec_without_a_mistake_has_no_problem():
    assert mistakes(A, B) == []


def test_a_subnet_length_leaves_four_subnets_in_the_network():
    assert mistakes(subnet_len="17") == ["subnet_len: /17 leaves less than four subnets in 172.7.0.0/16"]


@pytest.mark.parametrize("key", ["subnet_min", "subnet_max"])
def test_a_bound_lies_inside_the_network(key):
    assert mistakes(**{key: "172.8.0.0"}) == [f"{key}: 172.8.0.0 lies outside the pod network 172.7.0.0/16"]


@pytest.mark.parametrize("key", ["subnet_min", "subnet_max"])
def test_a_bound_is_the_first_address_of_a_subnet(key):
    assert only_problem(spec_text(**{key: "172.7.21.9"})).hint == "write 172.7.21.0"


def test_the_bounds_stand_in_order():
    problems = mistakes(subnet_min="172.7.22.0", subnet_max="172.7.20.0")
    assert problems == ["subnet_min: 172.7.22.0 is above subnet_max, 172.7.20.0: no subnet is left"]


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ({"subnet_min": "172.7.22.0"}, "node a: subnet 172.7.21.0/24 is below subnet_min, 172.7.22.0"),
        ({"subnet_max": "172.7.21.0"}, "node b: subnet 172.7.22.0/24 is above subnet_max, 172.7.21.0"),
    ],
)
def test_every_subnet_lies_within_the_bounds(bound, message):
    assert mistakes(A, B, **bound) == [message]


def test_a_subnet_at_the_last_bound_is_within():
    assert mistakes(A, B, subnet_min="172.7.21.0", subnet_max="172.7.22.0") == []


def test_a_cluster_has_nodes():
    text = spec_text().partition("nodes:")[0] + "nodes: {}\n"
    assert only_problem(text).message == "nodes: the cluster has no node"


def test_a_node_without_a_subnet_is_told_the_command_that_gives_it_one():
    text = spec_text("x: {address: 10.4.7.21/24}", B)
    assert only_problem(text).hint == "run podnet lease s.yaml, or write the subnet here"


def test_nodes_without_a_subnet_are_one_problem_at_the_first_of_them():
    text = spec_text(B, *(f"n{number}: {{address: 10.4.7.{100 + number}/24}}" for number in range(12)))
    problem = only_problem(text)
    assert str(problem.at) == cursor(text, "n0:")
    assert problem.message == "nodes n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more have no subnet"


def test_a_misspelt_subnet_is_one_problem():
    assert mistakes("a: {address: 10.4.7.21/24, subnett: 172.7.21.0/24}") == ["nodes.a.subnett: there is no such key"]


def test_a_subnet_outside_the_network_is_shown_with_the_network():
    text = spec_text("a: {address: 10.4.7.21/24, subnet: 172.8.21.0/24}")
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "172.8.21.0"), [cursor(text, "172.7.0.0")])


def test_a_subnet_has_the_length_of_the_cluster():
    problem = only_problem(spec_text("a: {address: 10.4.7.21/24, subnet: 172.7.21.128/25}"))
    assert problem.hint == "write 172.7.21.0/24"


def test_a_subnet_of_two_nodes_is_shown_at_both():
    text = spec_text(A, "b: {address: 10.4.7.22/24, subnet: 172.7.21.0/24}")
    assert (str(only_problem(text).at), related(text)) == (
        cursor(text, "172.7.21.0", 2),
        [cursor(text, "172.7.21.0")],
    )


def test_a_narrow_subnet_inside_another_nodes_is_an_overlap():
    problems = mistakes(A, "b: {address: 10.4.7.22/24, subnet: 172.7.21.0/25}")
    assert "node b: subnet 172.7.21.0/25 overlaps 172.7.21.0/24, the subnet of node a" in problems


def test_a_subnet_that_is_too_wide_is_one_problem_and_not_one_for_each_that_it_covers():
    assert len(mistakes(A, B, "w: {address: 10.4.7.23/24, subnet: 172.7.20.0/22}")) == 1


def test_an_address_of_two_nodes_is_shown_at_both():
    text = spec_text(A, "b: {address: 10.4.7.21/24, subnet: 172.7.22.0/24}")
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.4.7.21", 2), [cursor(text, "10.4.7.21")])


def test_a_node_has_no_address_of_the_pod_network():
    assert mistakes("a: {address: 172.7.9.9/24, subnet: 172.7.21.0/24}") == [
        "node a: 172.7.9.9/24 lies inside the pod network 172.7.0.0/16"
    ]


def test_a_segment_does_not_cover_the_pod_network():
    assert mistakes("a: {address: 172.10.9.9/8, subnet: 172.7.21.0/24}") == [
        "node a: the segment 172.0.0.0/8 overlaps the pod network 172.7.0.0/16"
    ]


def test_two_prefix_lengths_on_one_segment_are_reported_at_the_odd_one_out():
    text = spec_text("c: {address: 10.4.7.23/16, subnet: 172.7.23.0/24}", A, B)
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.4.7.23"), [cursor(text, "10.4.7.21")])


def test_of_two_nodes_with_two_prefix_lengths_the_later_is_reported():
    text = spec_text("c: {address: 10.4.7.23/16, subnet: 172.7.23.0/24}", A)
    assert str(only_problem(text).at) == cursor(text, "10.4.7.21")


def test_host_gw_names_the_node_on_another_segment_and_one_of_the_largest():
    text = spec_text("c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}", A, B)
    assert (str(only_problem(text).at), related(text)) == (cursor(text, "10.9.9.9"), [cursor(text, "10.4.7.21")])


def test_host_gw_across_segments_says_what_would_do():
    assert "vxlan" in only_problem(spec_text(A, "c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}")).hint


def test_host_gw_reports_each_node_of_a_smaller_segment_once():
    small = [f"c{n}: {{address: 10.9.9.{n}/24, subnet: 172.7.10{n}.0/24}}" for n in range(1, 4)]
    large = [f"l{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.20{n}.0/24}}" for n in range(1, 5)]
    assert len(mistakes(*small, *large)) == 3


FAR = "c: {address: 10.9.9.9/24, subnet: 172.7.23.0/24}"


def vxlan(*nodes: str, more: str = "", **keys: str) -> str:
    return spec_text(*(nodes or (A, B)), backend=f"{{type: vxlan{more}}}", **keys)


def saying(more: str, node: str = A) -> str:
    return node.replace("}", f", {more}}}")


def test_vxlan_leads_across_segments():
    assert problems(vxlan(A, FAR)) == ()


@pytest.mark.parametrize("key", ["vni: 1", "port: 8472", "direct_routing: true", "mtu: auto", "name: podnet.1"])
def test_host_gw_has_no_keys_of_a_tunnel(key):
    problem = only_problem(spec_text(backend=f"{{type: host-gw, {key}}}"))
    assert problem.message == f"backend.{key.partition(':')[0]}: host-gw has no tunnel"


def test_host_gw_adopts_routes():
    assert mistakes(backend="{type: host-gw, adopt: true}") == []


def test_host_gw_needs_no_public_address():
    assert "and not to public_address" in only_problem(spec_text(saying("public_address: 203.0.113.1"), B)).message


@pytest.mark.parametrize(
    ("nodes", "keys", "where"),
    [
        ((A, B), {"defaults": "{interface: podnet.1}"}, "defaults.interface"),
        ((A, B), {"defaults": "{bridge: podnet.1}"}, "defaults.bridge"),
        ((saying("bridge: podnet.1"), B), {}, "nodes.a.bridge"),
        ((A, saying("interface: podnet.1", B)), {}, "nodes.b.interface"),
    ],
)
def test_a_tunnel_is_not_called_as_a_device_of_a_node(nodes, keys, where):
    assert only_problem(vxlan(*nodes, **keys)).message == f"backend: the tunnel can't be called podnet.1, as {where} is"


def test_a_tunnel_is_not_called_as_the_default_bridge():
    assert "as defaults.bridge is" in only_problem(vxlan(more=", name: docker0")).message


def test_a_default_that_no_node_uses_blocks_nothing():
    assert problems(vxlan(saying("bridge: cni0"), saying("bridge: cni0", B), more=", name: docker0")) == ()


def test_a_tunnel_is_not_the_loopback_device():
    assert "lo is every node's loopback device" in only_problem(vxlan(more=", name: lo")).message


def test_the_packets_of_a_tunnel_fit_into_the_interfaces():
    text = vxlan(saying("mtu: 1400"), B, more=", mtu: 1450")
    problem = only_problem(text)
    assert (problem.message, problem.hint, str(problem.at)) == (
        "backend.mtu: 1450 does not fit into 1400 of nodes.a.mtu: the tunnel needs 50 itself",
        "write at most 1350, or auto",
        cursor(text, "1450"),
    )


def test_a_tunnel_may_carry_more_where_every_interface_does():
    assert problems(vxlan(saying("mtu: 9000"), saying("mtu: 9000", B), more=", mtu: 8950")) == ()


def test_an_interface_leaves_room_for_the_packets_of_a_tunnel():
    problem = only_problem(vxlan(defaults="{mtu: 600}"))
    assert problem.message == "defaults.mtu: 600 leaves 550 for the tunnel's packets, and IPv4 needs 576"


def test_a_public_address_is_that_of_one_node():
    text = vxlan(saying("public_address: 203.0.113.1"), saying("public_address: 203.0.113.1", B))
    assert (str(only_problem(text).at), related(text)) == (
        cursor(text, "203.0.113.1", 2),
        [cursor(text, "203.0.113.1")],
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("172.7.9.9", "node a: 172.7.9.9 lies inside the pod network 172.7.0.0/16"),
        ("10.4.7.22", "node a: 10.4.7.22 is the address of node b"),
    ],
)
def test_a_public_address_is_no_pods_and_no_other_nodes(address, message):
    assert only_problem(vxlan(saying(f"public_address: {address}"), B)).message == message


def test_a_public_address_may_be_the_nodes_own():
    assert problems(vxlan(saying("public_address: 10.4.7.21"), B)) == ()


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("{prefix: 10.9.0.0/16}", "nodes.a.routes[0] says neither via nor dev"),
        ("{prefix: 10.9.0.0/16, via: 10.5.0.1}", "nodes.a.routes[0]: 10.5.0.1 does not lie on the node's segment"),
        ("{prefix: 172.7.22.0/24, via: 10.4.7.1}", "nodes.a.routes[0]: 172.7.22.0/24 is the subnet of node b"),
        (
            "{prefix: 172.7.22.128/25, dev: eth1}",
            "nodes.a.routes[0]: 172.7.22.128/25 is a part of the subnet of node b",
        ),
        ("{prefix: 10.9.0.0/16, via: 10.4.7.21}", "nodes.a.routes[0]: 10.4.7.21 is the node's own address"),
        (
            "{prefix: 10.9.0.0/16, via: 10.4.7.1}, {prefix: 10.9.0.0/16, dev: eth1}",
            "nodes.a.routes[1]: 10.9.0.0/16 is routed in nodes.a.routes[0] already",
        ),
    ],
)
def test_a_route_of_a_node_leads_somewhere_of_its_own(routes, message):
    assert only_problem(spec_text(saying(f"routes: [{routes}]"), B)).message.startswith(message)


@pytest.mark.parametrize(
    "route",
    [
        "{prefix: 10.9.0.0/16, dev: eth1}",
        "{prefix: 10.9.0.0/16, via: 10.5.0.1, dev: eth1}",
        "{prefix: 172.0.0.0/8, dev: eth1}",
    ],
)
def test_a_route_by_another_device_is_believed(route):
    assert mistakes(saying(f"routes: [{route}]"), saying(f"routes: [{route}]", B)) == []


def test_a_sysctl_of_a_node_may_differ_from_the_clusters():
    assert mistakes(saying("sysctl: {net.ipv4.tcp_ecn: 1}"), sysctl="{net.ipv4.tcp_ecn: 2}") == []


def test_a_node_can_not_switch_forwarding_off():
    assert "no pod network" in only_problem(spec_text(saying("sysctl: {net.ipv4.ip_forward: 0}"))).message


@pytest.mark.parametrize(
    "keys",
    [
        {"ip_masq": "{non_masquerade_cidrs: [10.0.0.0/8, 10.0.0.0/8]}"},
        {"firewall": "{respect_marks: [0x1/0x1, 1/1]}"},
        {"firewall": "{remove: [{table: raw, rule: -A X -j DROP}, {table: raw, rule: -A X -j DROP}]}"},
        {"sysctl": "{net.ipv4.tcp_ecn: 1, net/ipv4/tcp_ecn: 1}"},
    ],
    ids=str,
)
def test_an_item_stands_once(keys):
    assert "the same stands in" in only_problem(spec_text(**keys)).message


def test_one_rule_may_be_removed_from_two_tables():
    assert mistakes(firewall="{remove: [{table: filter, rule: -A X -j DROP}, {table: raw, rule: -A X -j DROP}]}") == []


@pytest.mark.parametrize("name", ["net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.conf.all.forwarding"])
def test_forwarding_can_not_be_switched_off_by_any_of_its_names(name):
    assert "no pod network" in only_problem(spec_text(sysctl=f"{{{name}: 0}}")).message


def test_forwarding_of_a_version_that_pods_do_not_have_is_the_specs_to_switch():
    assert mistakes(sysctl="{net.ipv6.conf.all.forwarding: 0}") == []


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("nat", "-A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"),
        ("filter", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"),
        ("filter", "-A FORWARD -i {interface} -d {network} -g SOMEWHERE"),
        ("nat", '-A INPUT -m comment --comment "a \\" b" -j ACCEPT'),
        ("filter", "-A FORWARD -m hashlimit --hashlimit-name x --hashlimit-upto 1/sec -j DROP"),
        ("filter", "-A FORWARD -m geoip --source-country XX -j TARPIT --tarpit"),
        ("filter", "-A FORWARD -s {subnet} -j REJECTED"),
    ],
)
def test_a_rule_as_iptables_prints_it_can_be_removed(table, rule):
    assert mistakes(firewall=removal(rule, table)) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("-A FORWARD -s nonsense -j ACCEPT", "'nonsense' is not an IPv4 address"),
        ("-A FORWARD -p tcp --dport 80 --wat -j ACCEPT", ""),
        ("-A FORWARD x -j ACCEPT", ""),
        ("-A POSTROUTING -s {subnet} -j MASQUERADE extra", ""),
        ("-A FORWARD -s {subnet} -j DROP", "-j DROP is not possible in table nat"),
    ],
)
def test_a_rule_that_iptables_would_refuse_is_refused(rule, message):
    assert message in only_problem(spec_text(firewall=removal(rule))).message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("POSTROUTING -j MASQUERADE", "a rule starts with -A CHAIN"),
        ("-t nat -A POSTROUTING -s {subnet} -j MASQUERADE", "a rule starts with -A CHAIN"),
        ("-A POSTROUTING -s {subnet}", "the rule has no target"),
        ("-A POSTROUTING -s {subnet} -j", "nothing follows -j"),
        ("-A POSTROUTING -j MASQUERADE", "the rule is about every packet of POSTROUTING"),
        ("-A PODNET-FORWARD -s {subnet} -j ACCEPT", "this is one of podnet"),
        ("-A FORWARD -s {subnet} -j PODNET-FORWARD", "this is one of podnet"),
        ("-A FORWARD -m comment --comment podnet -j ACCEPT", "this is one of podnet"),
        ("-A FORWARD -s {subnt} -j ACCEPT", "there is no placeholder {subnt}"),
        ("-A FORWARD -s {subnet -j ACCEPT", "a brace stands alone"),
        ('-A FORWARD -m comment --comment "x -j ACCEPT', "a quote is not closed"),
        ("-A FORWARD -s é -j ACCEPT", "the character 'é' stands in no rule"),
        ("-A FORWARD -m coment --comment x -j ACCEPT", "there is no match coment"),
        ("-A POSTROUTING -s {subnet} -j MASQURADE", "there is no target MASQURADE"),
        ("-A POSTROUTING -s {subnet} -j MASQ --random-fully", "MASQ is no target, and a chain takes no options"),
    ],
)
def test_a_rule_that_is_none_or_ours_or_too_broad_is_refused(rule, message):
    (problem,) = mistakes(firewall=removal(rule))
    assert problem.startswith(f"firewall.remove[0].rule: {message}")


@pytest.mark.parametrize("escape", [r"\n", r"\0", r"\e", r"\x7f"])
def test_a_rule_is_one_line_of_printable_characters(escape):
    keys = {"firewall": f'{{remove: [{{table: filter, rule: "-A FORWARD -j REJECT{escape}"}}]}}'}
    assert "stands in no rule" in only_problem(spec_text(**keys)).message


def test_an_unknown_placeholder_comes_with_the_one_that_was_meant():
    text = spec_text(firewall=removal("-A FORWARD -s {subnt} -j ACCEPT"))
    assert only_problem(text).hint == "did you mean {subnet}?"


@pytest.mark.parametrize(
    ("rule", "meant"),
    [("-A X -m conntrak --ctstate NEW -j ACCEPT", "conntrack"), ("-A X -s {subnet} -j MASQURADE", "MASQUERADE")],
)
def test_an_unknown_extension_comes_with_the_one_that_was_meant(rule, meant):
    assert only_problem(spec_text(firewall=removal(rule))).hint == f"did you mean {meant}?"


def test_a_check_runs_on_the_valid_part_of_a_node():
    problems = mistakes(A, "b: {address: 10.4.7.21/24, subnet: nonsense}")
    assert "node b: 10.4.7.21 is already the address of node a" in problems


def test_a_network_that_is_wrong_hides_no_other_mistake():
    assert len(mistakes(A, "b: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}", network="wrong")) == 3


@pytest.mark.slow
def test_thousands_of_nodes_load():
    assert len(parse(many_nodes(3000), "s.yaml").topology.nodes) == 3000


@pytest.mark.slow
def test_a_mistake_in_each_of_thousands_of_nodes_is_reported_once():
    text = many_nodes(3000).replace("subnet: 172.", "subnet: 173.")
    assert len(problems(text)) == 3000


def test_a_spec_of_one_node_is_valid():
    assert [node.name for node in load(A).topology.nodes] == ["a"]
