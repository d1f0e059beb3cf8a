from __future__ import annotations

import pytest
from hypothesis import given
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.value import ChainKey, FirewallBackend
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.planning.differences import diff_node
from netplan.planning.plan import Source, plan_node
from netplan.planning.projection import project
from netplan.planning.safety import Danger, Flag, Session, dangers, session_packets
from tests import make, tunnels
from tests.runs import examples
from tests.states import cases

DEFAULT = make.route("0.0.0.0/0", "10.4.7.1", protocol=4)
HOME = "192.0.2.7 50000 10.4.7.21 22"
NEIGHBOUR = "10.4.7.99 50000 10.4.7.21 22"
HOME_6 = "2001:db8::9 50000 fd00:4::21 22"
POD = "172.7.22.5 50000 10.4.7.21 22"
SSH = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
KNOWN = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
ANSWERS = "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"


def state(rules="", *routes: Route, ip_forward="1") -> Snapshot:
    """Make a node whose kernel believes in every source, with a default route."""
    settings_ = [Sysctl(f"net.ipv4.conf.{device}.rp_filter", "0") for device in ("all", "eth0")]
    return make.snapshot(rules, DEFAULT, *settings_, *routes, ip_forward=ip_forward)


def dangers_of(before=None, session=None, wanted=None, **keys):
    """Return the dangers of making a node what a spec says."""
    before = state() if before is None else before
    desired = wanted or make.desired(make.spec(**keys))
    plan = plan_node(desired, before, Source.LIVE)
    return dangers(plan, before, project(before, plan.changes), session)


def flags(*arguments, **keys):
    return [danger.flag for danger in dangers_of(*arguments, **keys)]


def removing(line, table="filter"):
    return f"{{remove: [{{table: {table}, rule: '{line}'}}]}}"


def filtered(*lines, policy="ACCEPT"):
    head = [f":{name} {policy} [0:0]" for name in ("INPUT", "OUTPUT")]
    return "\n".join(["*filter", *head, *lines, "COMMIT"])


@pytest.mark.parametrize("session", [None, HOME, NEIGHBOUR])
def test_a_plan_for_a_node_that_nothing_of_it_touches_has_no_danger(session):
    assert not dangers_of(session=session)


def test_a_plan_without_changes_has_no_danger():
    assert not dangers_of(make.settled(make.desired(), state()), "no connection at all")


def test_a_session_from_a_pod_whose_answers_would_go_another_way_is_a_danger():
    (danger,) = dangers_of(session=POD)
    assert danger.flag is Flag.SESSION
    assert danger.text == (
        "answers of your SSH session from 172.7.22.5 would be sent by eth0 via 10.4.7.22 with source 10.4.7.21; "
        "now they are sent by eth0 via 10.4.7.1 with source 10.4.7.21"
    )


def test_a_route_that_a_session_uses_and_that_would_go_is_a_danger():
    before = make.settled(make.desired(), state())
    texts = [
        danger.text for danger in dangers_of(before, POD, compile_removal(make.spec(), make.spec().topology.nodes[0]))
    ]
    assert "the route to your SSH session from 172.7.22.5 would go: 172.7.22.0/24 via 10.4.7.22 dev eth0" in texts


def test_a_route_that_a_session_uses_is_a_danger_even_where_another_takes_its_place():
    twice = [make.route("172.7.99.0/24", "10.4.7.9", metric=metric) for metric in (5, 9)]
    texts = dangers_of(
        state("", twice[0], make.route("172.7.0.0/16", "10.4.7.9", protocol=4)), "172.7.99.4 50000 10.4.7.21 22"
    )
    assert [danger.text for danger in texts] == [
        "the route to your SSH session from 172.7.99.4 would go: 172.7.99.0/24 via 10.4.7.9 dev eth0 metric 5"
    ]


def test_a_rule_that_lets_a_session_in_and_would_go_is_a_danger():
    texts = [danger.text for danger in dangers_of(state(filtered(SSH, policy="DROP")), HOME, firewall=removing(SSH))]
    assert any("use what would go: rule filter INPUT 1: -p tcp -m tcp --dport 22 -j ACCEPT" in text for text in texts)


def test_a_session_that_would_be_dropped_is_told_where():
    before = state(filtered(SSH, ANSWERS, "-A OUTPUT -j ACCEPT", policy="DROP"))
    texts = [danger.text for danger in dangers_of(before, HOME, firewall=removing(SSH))]
    assert any("would be dropped at filter INPUT policy" in text for text in texts)


@pytest.mark.parametrize("line", [KNOWN, ANSWERS])
def test_a_rule_that_established_connections_use_and_that_would_go_is_a_danger(line):
    before = state(filtered(KNOWN, ANSWERS, policy="DROP"))
    assert set(flags(before, HOME, firewall=removing(line))) == {Flag.SESSION}


def test_a_rule_that_the_session_does_not_meet_may_go():
    other = "-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 443 -j ACCEPT"
    assert not dangers_of(state(filtered(SSH, other, policy="DROP")), HOME, firewall=removing(other))


def test_a_rule_that_refuses_packets_may_go():
    reject = "-A INPUT -j REJECT --reject-with icmp-host-prohibited"
    assert not dangers_of(state(filtered(KNOWN, SSH, reject)), HOME, firewall=removing(reject))


LIMIT = "-A INPUT -p tcp -m statistic --mode random --probability 0.5 -j DROP"


def test_what_becomes_unknown_of_a_session_is_a_danger():
    texts = [danger.text for danger in dangers_of(state(filtered(SSH, LIMIT)), HOME, firewall=removing(SSH))]
    assert any("would be in doubt at filter INPUT 1; now they are taken in" in text for text in texts)


def test_what_is_unknown_of_a_session_before_and_after_is_no_danger():
    assert not dangers_of(state(filtered(LIMIT)), HOME)


@pytest.mark.parametrize("session", ["fd00::9 50000 fd00::21 22", "fe80::9%eth0 50000 fe80::21%eth0 22"])
def test_a_session_over_ipv6_is_in_no_danger(session):
    assert not dangers_of(session=session)


def ipv6(*others):
    """Make a node that has an address of IPv6 as well."""
    eth0 = IfName("eth0")
    address = LinkAddress(eth0, InterfaceAddress.parse("fd00:4::21/64"))
    near = Route(Prefix.parse("fd00:4::/64"), eth0, metric=256, protocol=2)
    default = Route(Prefix.parse("::/0"), eth0, Address.parse("fd00:4::1"), metric=1024, protocol=4)
    forwarding = Sysctl("net.ipv6.conf.all.forwarding", "1")
    return make.snapshot("", DEFAULT, address, near, default, forwarding, *others)


def test_the_packets_of_a_session_over_ipv6_are_followed_both_ways():
    packets = session_packets(HOME_6, ipv6())
    assert [(str(packet.source), packet.iif) for packet in packets] == [("2001:db8::9", "eth0"), ("fd00:4::21", None)]


def test_a_route_that_a_session_over_ipv6_uses_and_that_would_go_is_a_danger():
    ours = Route(Prefix.parse("2001:db8::/64"), IfName("eth0"), Address.parse("fd00:4::2"), metric=1024)
    assert {danger.flag for danger in dangers_of(ipv6(ours), HOME_6)} == {Flag.SESSION}


def test_a_session_to_another_network_namespace_is_in_no_danger():
    assert not dangers_of(session="172.7.22.5 50000 198.51.100.1 22")


def test_a_session_from_the_node_itself_is_in_no_danger():
    assert not dangers_of(session="10.4.7.21 50000 10.4.7.21 22")


@pytest.mark.parametrize(
    "text",
    [
        "UNKNOWN 65535 UNKNOWN 65535",
        "10.4.7.99 50000 10.4.7.21",
        "10.4.7.99 0 10.4.7.21 22",
        "10.4.7.99 65536 10.4.7.21 22",
        "10.4.7.99 -1 10.4.7.21 22",
        "10.4.7.99 ٣ 10.4.7.21 22",
        "10.4.7.299 50000 10.4.7.21 22",
        "\x1b[31m",
        "$(reboot) 1 ; 2",
        "\udcff 1 2 3",
        " ",
        "1 " * 10000,
    ],
)
def test_a_session_that_is_not_understood_is_a_danger(text):
    (danger,) = dangers_of(session=text)
    assert danger.flag is Flag.SESSION
    assert danger.text.isprintable()


def test_a_session_is_read_as_sshd_writes_it():
    assert str(Session.parse(HOME).client) == "192.0.2.7"


def test_a_default_route_of_ours_that_would_go_is_a_danger():
    (danger,) = dangers_of(state("", make.route("0.0.0.0/0", "10.4.7.9", metric=50)))
    assert danger == Danger(
        Flag.DEFAULT_ROUTE,
        "the default route would change: delete 0.0.0.0/0 via 10.4.7.9 dev eth0 metric 50",
    )


def stale(count):
    return [make.route(f"172.7.{100 + number}.0/24", "10.4.7.9") for number in range(count)]


@pytest.mark.parametrize(
    ("deleted", "kept", "named"), [(2, 0, []), (3, 0, [Flag.MANY_DELETES]), (3, 5, [Flag.MANY_DELETES])]
)
def test_more_than_a_third_of_our_routes_and_more_than_two_are_many(deleted, kept, named):
    nodes = [
        f"n{number}: {{address: 10.4.7.{30 + number}/24, subnet: 172.7.{30 + number}.0/24}}"
        for number in range(kept + 1)
    ]
    spec = make.spec(*nodes)
    wanted = make.desired(spec, "n0")
    before = make.settled(wanted, make.snapshot("", address="10.4.7.30/24"))
    before = before.replace(Route, [*before.all(Route), *stale(deleted)])
    assert flags(before, None, wanted) == named


def test_a_third_of_our_routes_is_not_many():
    nodes = [
        f"n{number}: {{address: 10.4.7.{30 + number}/24, subnet: 172.7.{30 + number}.0/24}}" for number in range(7)
    ]
    wanted = make.desired(make.spec(*nodes), "n0")
    before = make.settled(wanted, make.snapshot("", address="10.4.7.30/24"))
    assert not flags(before.replace(Route, [*before.all(Route), *stale(3)]), None, wanted)


def test_routes_that_go_with_a_tunnel_that_is_made_anew_count():
    lost = [tunnels.route(f"172.7.{100 + number}.0/24") for number in range(3)]
    before = make.snapshot("", tunnels.link(port=4789), tunnels.address(), *lost)
    (danger,) = dangers_of(before, backend="{type: vxlan}")
    assert danger.flag is Flag.MANY_DELETES
    assert danger.text.startswith("3 of podnet's 3 routes would go: 172.7.100.0/24 via 172.7.100.0 dev podnet.1")


def test_a_next_hop_that_no_address_of_the_device_reaches_is_a_danger():
    (danger,) = dangers_of(make.snapshot(address="10.9.9.21/24"))
    assert (danger.flag, danger.text) == (
        Flag.OFF_LINK,
        "a route would lead to a next hop that is not on-link: 172.7.22.0/24 via 10.4.7.22 dev eth0 onlink",
    )


def test_a_next_hop_that_a_route_of_the_device_reaches_is_none():
    assert not dangers_of(make.snapshot("", make.route("10.4.7.0/24", None, protocol=4), address="10.9.9.21/24"))


def test_a_next_hop_behind_a_tunnel_is_none():
    assert not dangers_of(backend="{type: vxlan}")


def test_a_record_without_addresses_does_not_tell_what_is_on_link():
    assert not dangers_of(Snapshot(FirewallBackend.NFT))


@examples(80)
@given(cases())
def test_no_payload_holds_a_policy(case):
    for wanted in (compile_node(case.spec, case.node), compile_removal(case.spec, case.node)):
        for batch in batches(diff_node(wanted, case.state)):
            if batch.kind == "table":
                lines = payload(batch.table, batch.changes, case.state.chains).splitlines()
                heads = [line.split() for line in lines if line.startswith(":")]
                assert not [line for line in lines if line.startswith("-P")]
                assert all(policy == "-" and ChainKey(4, batch.table, name[1:]).owned for name, policy, _ in heads)


@pytest.mark.parametrize("text", [None, "no connection at all", "192.0.2.7 50000 10.99.0.1 22"])
def test_no_session_to_this_node_has_packets(text):
    assert session_packets(text, state()) == ()


def test_of_a_session_whose_packets_arrive_nowhere_the_answers_alone_are_followed():
    packets = session_packets(HOME, make.snapshot())
    assert [(str(packet.source), packet.iif) for packet in packets] == [("10.4.7.21", None)]


def test_a_default_route_that_becomes_another_is_told_with_both():
    adopted = make.route("0.0.0.0/0", "10.4.7.254")
    plan = plan_node(make.desired(), state(), Source.LIVE)
    changed = replace(plan, changes=(Change(DEFAULT, adopted, make.WHY),))
    before = state()
    (danger,) = dangers(changed, before, project(before, changed.changes), None)
    assert danger == Danger(
        Flag.DEFAULT_ROUTE,
        f"the default route would change: {DEFAULT} would become {adopted}",
    )
