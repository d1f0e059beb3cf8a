"""Sets in the trace: of single packets what the kernel answers, of classes never more than is sure."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.kinds.ipset.value import DIMENSIONS, IpSet, Member
from netplan.net import Prefix
from netplan.trace.firewall.conditions import holds
from netplan.trace.firewall.sets import Sets
from netplan.trace.flow import EVERY_SERVICE, Flow, Holds, services
from netplan.trace.intervals import only, pairs_of
from tests import make
from tests.trace.states import packet

NEVER, SOMETIMES, ALWAYS = Holds.NEVER, Holds.SOMETIMES, Holds.ALWAYS
TCP = packet("172.7.21.2", "10.4.7.21", protocol=6, sport=40000, dport=80).flow
SPACE = Prefix.parse("10.0.0.0/28")
PREFIXES = st.builds(
    lambda value, length: Prefix(4, SPACE.value + value, 32).within(length), st.integers(0, 15), st.integers(28, 32)
)


def ipset(kind, *members, name="s", **fields):
    return IpSet(name, kind, members=tuple(Member.parse(text, DIMENSIONS[kind]) for text in members), **fields)


def asked(condition, *sets, flow=TCP):
    return holds(make.rule(f"-m set {condition} -j ACCEPT"), flow, None, Sets(sets))


@pytest.mark.parametrize(
    ("kind", "members", "directions", "expected"),
    [
        ("hash:ip", ["172.7.21.2"], "src", ALWAYS),
        ("hash:ip", ["172.7.21.2"], "dst", NEVER),
        ("hash:net", ["172.7.0.0/16", "172.7.21.0/24 nomatch"], "src", NEVER),
        ("hash:net", ["172.7.0.0/16 nomatch", "172.7.21.0/24"], "src", ALWAYS),
        ("hash:net,net", ["172.7.0.0/16,10.0.0.0/8"], "src,dst", ALWAYS),
        ("hash:net,net", ["172.7.0.0/16,10.0.0.0/8"], "dst,src", NEVER),
        ("hash:ip,port", ["172.7.21.2,6:80"], "src,dst", ALWAYS),
        ("hash:ip,port", ["172.7.21.2,6:80"], "src,src", NEVER),
        ("hash:ip,port", ["172.7.21.2,17:80"], "src,dst", NEVER),
        ("hash:ip,port", ["172.7.21.2,6:80"], "src", NEVER),
        ("hash:ip,port,net", ["172.7.21.2,6:80,10.0.0.0/8"], "src,dst,dst", ALWAYS),
        ("hash:net,iface", ["172.7.0.0/16,docker0"], "src,src", ALWAYS),
        ("hash:net,iface", ["172.7.0.0/16,doc+"], "src,src", ALWAYS),
        ("hash:net,iface", ["172.7.21.0/24,ada0", "172.7.21.0/24,docker0"], "src,src", ALWAYS),
        ("hash:net,iface", ["172.7.21.0/24,eth0", "172.7.0.0/16,docker0"], "src,src", NEVER),
        ("hash:ip", [], "src", NEVER),
    ],
)
def test_a_packet_is_in_a_set(kind, members, directions, expected):
    assert asked(f"--match-set s {directions}", ipset(kind, *members)) is expected
    assert asked(f"! --match-set s {directions}", ipset(kind, *members)) is expected.unless(True)


@pytest.mark.parametrize("sets", [(), (IpSet("s", "hash:mac", unread=True),)], ids=["missing", "unread"])
@pytest.mark.parametrize("negation", ["", "! "])
def test_of_a_set_that_was_not_read_nothing_is_known(sets, negation):
    assert asked(f"{negation}--match-set s src", *sets) is SOMETIMES


def test_what_else_a_rule_asks_of_a_set_is_unknown():
    assert asked("--match-set s src --return-nomatch", ipset("hash:ip", "172.7.21.2")) is SOMETIMES


def test_a_set_of_ipv6_holds_no_packet_of_ipv4():
    assert asked("--match-set s src", ipset("hash:net", "::/0", version=6)) is NEVER


@pytest.mark.parametrize(
    ("members", "expected"),
    [(["a"], ALWAYS), (["b", "a"], ALWAYS), (["b"], NEVER), (["b", "c"], SOMETIMES), ([], NEVER)],
)
def test_a_list_holds_what_its_sets_hold(members, expected):
    below = [ipset("hash:ip", "172.7.21.2", name="a"), ipset("hash:ip", "10.0.0.1", name="b")]
    assert asked("--match-set s src", ipset("list:set", *members, version=0), *below) is expected


def test_a_list_that_holds_itself_in_a_record_is_unknown():
    assert asked("--match-set s src", ipset("list:set", "s", version=0)) is SOMETIMES


@pytest.mark.parametrize(
    ("member", "service", "expected"),
    [
        ("172.7.21.2,1:2048", services([1], only(8 << 8)), ALWAYS),
        ("172.7.21.2,1:768", services([1], only(8 << 8)), NEVER),
        ("172.7.21.2,1:2048", services([1]), SOMETIMES),
        ("172.7.21.2,47:0", services([47]), ALWAYS),
        ("172.7.21.2,47:9", services([47]), NEVER),
        ("172.7.21.2,6:80", EVERY_SERVICE, SOMETIMES),
    ],
)
def test_what_has_no_ports_is_held_by_its_type_or_as_port_0(member, service, expected):
    assert asked("--match-set s src,dst", ipset("hash:ip,port", member), flow=replace(TCP, service=service)) is expected


@pytest.mark.parametrize("fields", [{"iif": None}])
def test_a_device_that_is_not_known_is_perhaps_in_a_set(fields):
    of_devices = ipset("hash:net,iface", "172.7.0.0/16,docker0")
    assert asked("--match-set s src,src", of_devices, flow=replace(TCP, **fields)) is SOMETIMES


def test_networks_apart_hold_no_packet_whatever_its_device():
    assert asked("--match-set s src,src", ipset("hash:net,iface", "10.0.0.0/8,docker0")) is NEVER


def test_a_port_that_is_not_known_is_perhaps_in_a_set():
    assert (
        asked(
            "--match-set s src,dst", ipset("hash:ip,port", "172.7.21.2,6:80"), flow=replace(TCP, service=services([6]))
        )
        is SOMETIMES
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["10.0.0.0/8"], ALWAYS),
        (["10.0.0.0/25"], SOMETIMES),
        (["10.0.0.0/8", "10.0.0.7"], ALWAYS),
        (["10.0.0.0/8", "10.0.0.7 nomatch"], SOMETIMES),
        (["10.0.0.7 nomatch"], NEVER),
        (["10.0.1.0/24"], NEVER),
    ],
)
def test_a_class_is_in_a_set_if_a_member_covers_it_and_out_of_it_if_all_are_apart(members, expected):
    flow = Flow.between(Prefix.parse("10.0.0.0/24"), Prefix.parse("10.9.0.0/16"))
    assert asked("--match-set s src", ipset("hash:net", *members), flow=flow) is expected


def test_what_a_class_leaves_out_does_not_count():
    flow = Flow.between(Prefix.parse("10.0.0.0/8"), SPACE, but_not=Prefix.parse("10.1.0.0/16"))
    assert asked("--match-set s src", ipset("hash:net", "10.1.2.0/24"), flow=flow) is NEVER


def test_a_class_to_several_destinations_is_in_a_set_if_all_are():
    both = (Prefix.parse("10.1.0.0/16"), Prefix.parse("10.2.0.0/16"))
    flow = Flow.between(SPACE, *both)
    result = [
        asked("--match-set s dst", ipset("hash:net", *members), flow=flow)
        for members in (["10.1.0.0/16"], ["10.0.0.0/8"])
    ]
    assert result == [SOMETIMES, ALWAYS]


@given(
    st.lists(
        st.builds(Member, st.tuples(PREFIXES, PREFIXES), st.booleans()),
        max_size=6,
        unique_by=lambda member: member.parts,
    ),
    PREFIXES,
    PREFIXES,
)
def test_a_set_splits_a_class_into_the_packets_that_are_in_it_and_the_others(members, source, destination):
    sets = Sets([IpSet("s", "hash:net,net", members=tuple(members))])
    split = sets.test("s", ["src", "dst"])(Flow.between(source, destination))
    pairs = [(one, other) for one in _hosts(source) for other in _hosts(destination)]
    inside = {(one.value, other.value) for one, other in pairs if _inside(members, one, other)}
    assert not split.doubtful
    assert sorted(_packets(split.inside)) == sorted(inside)
    assert sorted(_packets(split.outside)) == sorted({(one.value, other.value) for one, other in pairs} - inside)


def _hosts(prefix):
    return [prefix.host(number) for number in range(prefix.size)]


def _packets(flows):
    """Return each packet of some flows by its addresses, those that are in several of them several times."""
    for flow in flows:
        yield from itertools.product(_numbers(flow.source), _numbers(flow.destination))


def _numbers(intervals):
    return [number for first, last in pairs_of(intervals) for number in range(first, last + 1)]


def _inside(members, source, destination):
    """Say as the kernel does whether the narrowest member that holds two addresses is no exception."""
    fitting = [
        member for member in members if member.parts[0].contains(source) and member.parts[1].contains(destination)
    ]
    return bool(fitting) and not max(fitting, key=lambda member: [part.length for part in member.parts]).nomatch
