from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend, jump_to
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Prefix
from netplan.planning.differences import diff_node
from netplan.planning.plan import Source, in_full
from tests import make

CLEAN = make.settled(make.desired(), make.snapshot())


def changes(state, **keys):
    return make.said(make.plan(state, make.spec(**keys)).changes)


def test_a_node_that_is_as_wanted_has_no_changes():
    assert not make.plan(CLEAN).changes


def test_an_untouched_node_gets_routes_chains_jumps_and_forwarding():
    assert changes(make.snapshot()) == [
        "create route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        "create chain nat PODNET-POSTROUTING, 7 rules",
        "create chain filter PODNET-FORWARD, 2 rules",
        "create rule filter FORWARD 1: -m comment --comment podnet -j PODNET-FORWARD",
        "create rule nat POSTROUTING 1: -m comment --comment podnet -j PODNET-POSTROUTING",
        "update sysctl net.ipv4.ip_forward = 1",
    ]


def test_dockers_rule_and_the_distributions_go_where_the_spec_names_them():
    lines = changes(make.snapshot(make.docker()), firewall=make.REMOVE)
    assert [line for line in lines if "delete" in line] == [
        f"delete rule filter FORWARD 7: {make.REJECT}",
        f"delete rule nat POSTROUTING 1: {make.DOCKER_MASQUERADE}",
    ]


def test_a_rule_to_be_removed_goes_every_time_it_stands_there():
    state = make.snapshot(make.saved(nat=[make.DOCKER_MASQUERADE, "-j LOG", make.DOCKER_MASQUERADE]))
    lines = [line for line in changes(state, firewall=make.REMOVE) if "delete" in line]
    assert [line.split(":")[0] for line in lines] == ["delete rule nat POSTROUTING 1", "delete rule nat POSTROUTING 3"]


def test_the_jump_comes_before_dockers_rule_where_that_stays():
    lines = changes(make.snapshot(make.saved(nat=["-j LOG", make.DOCKER_MASQUERADE])))
    assert "create rule nat POSTROUTING 2: -m comment --comment podnet -j PODNET-POSTROUTING" in lines


def without(state, *names):
    return state.replace(Chain, [chain for chain in state.all(Chain) if chain.key.name not in names])


def with_rules(state, key, rules):
    return state.replace(Chain, [Chain(key, rules) if chain.key == key else chain for chain in state.all(Chain)])


MASQUERADE_JUMP = jump_to(make.MASQUERADE_CHAIN)
DOCKER = make.rule(make.DOCKER_MASQUERADE)


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [
        (
            CLEAN.replace(Route, [route for route in CLEAN.all(Route) if not route.ours]),
            "create route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        ),
        (
            CLEAN.replace(Route, [*make.snapshot().all(Route), make.route(via="10.4.7.9")]),
            "update route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        ),
        (
            CLEAN.replace(Route, [*CLEAN.all(Route), make.route("172.7.9.0/24")]),
            "delete route 172.7.9.0/24 via 10.4.7.22 dev eth0",
        ),
        (
            with_rules(CLEAN, make.POSTROUTING, ()),
            f"create rule nat POSTROUTING 1: {MASQUERADE_JUMP}",
        ),
        (
            with_rules(CLEAN, make.POSTROUTING, (MASQUERADE_JUMP, MASQUERADE_JUMP)),
            f"delete rule nat POSTROUTING 2: {MASQUERADE_JUMP}",
        ),
        (
            with_rules(CLEAN, make.POSTROUTING, (DOCKER, MASQUERADE_JUMP)),
            f"move rule nat POSTROUTING 1: {MASQUERADE_JUMP}",
        ),
        (with_rules(CLEAN, make.MASQUERADE_CHAIN, ()), "update chain nat PODNET-POSTROUTING, 7 rules"),
        (with_rules(CLEAN, make.FORWARD_CHAIN, make.rules("-j DROP")), "update chain filter PODNET-FORWARD, 2 rules"),
        (without(CLEAN, "PODNET-FORWARD"), "create chain filter PODNET-FORWARD, 2 rules"),
        (
            CLEAN.replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "0")]),
            "update sysctl net.ipv4.ip_forward = 1",
        ),
    ],
    ids=[
        "a route is gone",
        "a route leads elsewhere",
        "a stale route",
        "a jump is gone",
        "a jump stands there twice",
        "docker's rule came back on top",
        "a chain was flushed",
        "a chain was edited",
        "a chain is gone",
        "forwarding is off",
    ],
)
def test_what_differs_and_nothing_else_is_in_the_plan(damaged, expected):
    assert changes(damaged) == [expected]


def test_what_the_spec_no_longer_asks_for_is_taken_away():
    assert changes(CLEAN, forward="none") == [
        "delete chain filter PODNET-FORWARD, 2 rules",
        "delete rule filter FORWARD 1: -m comment --comment podnet -j PODNET-FORWARD",
    ]


def test_to_leave_a_node_is_to_take_away_all_that_is_ours_and_nothing_else():
    spec = make.spec()
    changes = diff_node(compile_removal(spec, spec.topology.by_name["a"]), CLEAN)
    assert sorted(make.said(changes)) == [
        "delete chain filter PODNET-FORWARD, 2 rules",
        "delete chain nat PODNET-POSTROUTING, 7 rules",
        "delete route 172.7.22.0/24 via 10.4.7.22 dev eth0",
        "delete rule filter FORWARD 1: -m comment --comment podnet -j PODNET-FORWARD",
        "delete rule nat POSTROUTING 1: -m comment --comment podnet -j PODNET-POSTROUTING",
    ]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (
            make.route("172.7.22.128/25", "10.4.7.9", protocol=188),
            "172.7.22.128/25 via 10.4.7.9 dev eth0 from FRR's ospf",
        ),
        (Route(Prefix.parse("172.7.22.9/32"), type="blackhole", protocol=4), "172.7.22.9/32 from a person"),
    ],
)
def test_a_foreign_route_inside_the_subnet_of_a_peer_is_a_warning(foreign, said):
    (warning,) = make.plan(make.snapshot("", foreign)).warnings
    assert said in warning
    assert "its part of 172.7.22.0/24" in warning


def test_of_many_foreign_routes_inside_the_subnet_of_a_peer_the_first_are_named():
    foreign = [make.route(f"172.7.22.{number}/32", protocol=4) for number in range(9)]
    warnings = make.plan(make.snapshot("", *foreign)).warnings
    assert (len(warnings), warnings[-1]) == (4, "6 more routes take parts of other nodes' subnets away from ours")


@pytest.mark.parametrize(
    "other",
    [
        make.route("172.7.21.128/25", protocol=4),
        make.route("172.7.0.0/16", protocol=4),
        make.route("172.7.22.9/32"),
        replace(make.route("172.7.22.9/32", protocol=4), table=100),
    ],
    ids=str,
)
def test_a_route_elsewhere_or_a_wider_one_or_one_of_ours_takes_nothing_away(other):
    assert make.plan(make.snapshot("", other)).warnings == ()


@pytest.mark.parametrize("change", [{"table": 100}, {"tos": 16}, {"table": 255}], ids=str)
def test_a_route_of_ours_in_another_table_or_for_a_tos_is_stale(change):
    stray = replace(make.route(), **change)
    plan = make.plan(make.settled(make.desired(), make.snapshot("", stray)))
    assert plan.in_sync
    assert f"delete route {stray}" in make.said(make.plan(make.snapshot("", stray)).changes)


def test_a_parameter_that_the_kernel_does_not_have_is_refused_with_what_to_load():
    node_plan = make.plan(cluster_spec=make.spec(sysctl="{net.bridge.bridge-nf-call-iptables: 1}"))
    (refusal,) = node_plan.refusals
    assert refusal.startswith("the kernel of this node has no net.bridge.bridge-nf-call-iptables; load its module")


def test_a_parameter_that_comes_with_the_tunnel_is_not_missed():
    node_plan = make.plan(cluster_spec=make.spec(backend="{type: vxlan}"))
    assert not [refusal for refusal in node_plan.refusals if "the kernel" in refusal]


def test_a_record_need_not_hold_every_parameter():
    node_plan = make.plan(cluster_spec=make.spec(sysctl="{net.ipv4.tcp_ecn: 1}"), source=Source.RECORDED)
    assert node_plan.refusals == ()


def test_an_empty_state_is_no_reason_to_doubt_the_interfaces():
    assert not make.plan(Snapshot(FirewallBackend.NFT)).warnings


def test_a_state_of_the_other_packet_filter_is_a_warning():
    (warning,) = make.plan(make.snapshot(), make.spec(firewall="{backend: legacy}")).warnings
    assert "legacy" in warning


def test_a_plan_is_read_from_links_to_sysctls():
    kinds = [change.resource.kind for change in make.plan(make.snapshot()).changes]
    assert kinds == ["route", "chain", "chain", "rule", "rule", "sysctl"]


def test_a_plan_looks_at_every_chain_and_parameter_that_it_changes():
    firewall = '{remove: [{table: filter, rule: "-A DOCKER-USER -s {subnet} -j DROP"}]}'
    state = make.snapshot("*filter\n:DOCKER-USER - [0:0]\n-A DOCKER-USER -s 172.7.21.0/24 -j DROP")
    interest = make.plan(state, make.spec(firewall=firewall)).interest
    hooks = (make.POSTROUTING, make.FORWARD, make.MASQUERADE_CHAIN, make.FORWARD_CHAIN)
    assert interest.chains == {
        *hooks,
        *(hook._replace(version=6) for hook in hooks),
        ChainKey(4, "filter", "DOCKER-USER"),
    }
    assert interest.sysctls == {"net.ipv4.ip_forward"}


def test_every_change_of_a_cluster_is_a_change_of_one_of_its_nodes():
    both = make.plans(make.plan(), make.plan(name="b"))
    assert len([*both.changes]) == 12


def test_a_plan_depends_on_what_it_changes_and_not_on_where_it_comes_from():
    live, recorded = make.plan(source=Source.LIVE), make.plan(source=Source.RECORDED)
    assert live.fingerprint == recorded.fingerprint
    assert live.fingerprint != make.plan(make.snapshot("", make.route(via="10.4.7.9"))).fingerprint


def test_without_a_bridge_for_its_pods_a_node_s_traffic_is_unknown():
    state = make.snapshot()
    bare = state.replace(Link, [link for link in state.all(Link) if link.name != "docker0"])
    whole = in_full(make.desired(), bare, Source.LIVE, ())
    assert (whole.effects, whole.warnings[-1]) == (
        (),
        "there is no bridge docker0 on this node: what becomes of its pods' traffic is unknown",
    )
