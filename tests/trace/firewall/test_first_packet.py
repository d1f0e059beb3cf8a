"""What a first packet answers by what it is: TTL 64, 60 bytes, no TOS, for one host, under every limit."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.netfilter.iptables.rule import Rule
from netplan.trace.firewall.conditions import holds
from netplan.trace.flow import NO_DEVICE, Flow, Holds, Phase
from netplan.trace.intervals import only
from tests.trace.states import packet

NEVER, SOMETIMES, ALWAYS = Holds.NEVER, Holds.SOMETIMES, Holds.ALWAYS

FIRST = replace(packet("172.7.21.2", "8.8.8.8", protocol=6, sport=40000, dport=80).flow, state="NEW", oif="eth0")
IPV6 = Flow(6, only(1 << 64), only(2 << 64), state="NEW")


def certainty(text: str, flow: Flow = FIRST) -> Holds:
    return holds(Rule.parse(f"{text} -j ACCEPT", version=flow.version), flow)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m limit --limit 3/hour", ALWAYS),
        ("-m hashlimit --hashlimit-above 200/sec --hashlimit-mode srcip --hashlimit-name x", NEVER),
        ("-m hashlimit --hashlimit-upto 200/sec --hashlimit-name x", ALWAYS),
        ("-m hashlimit ! --hashlimit 200/sec --hashlimit-name x", NEVER),
        ("-m connlimit --connlimit-above 20 --connlimit-mask 32", NEVER),
        ("-m connlimit --connlimit-upto 20 --connlimit-mask 32", ALWAYS),
        ("-m quota --quota 1000", ALWAYS),
        ("-m quota ! --quota 1000", NEVER),
        ("-m nfacct --nfacct-name pods", ALWAYS),
    ],
)
def test_it_is_under_every_limit(text, expected):
    assert certainty(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m recent --set --name SSH", ALWAYS),
        ("-m recent --update --seconds 60 --hitcount 4 --name SSH", NEVER),
        ("-m recent ! --rcheck --seconds 60 --hitcount 4 --name SSH", ALWAYS),
        ("-m recent --rcheck --name SSH", SOMETIMES),
    ],
)
def test_its_source_did_not_send_too_much_lately(text, expected):
    assert certainty(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m length --length 60", ALWAYS),
        ("-m length --length 0:59", NEVER),
        ("-m length ! --length 1400:1500", ALWAYS),
        ("-m tos --tos 0x10/0xff", NEVER),
        ("-m tos ! --tos 0x10/0xff", ALWAYS),
        ("-m dscp --dscp 0x00", ALWAYS),
        ("-m dscp --dscp 0x2e", NEVER),
        ("-m pkttype --pkt-type broadcast", NEVER),
        ("-m pkttype --pkt-type unicast", ALWAYS),
        ("-m helper --helper ftp", NEVER),
        ("-m helper ! --helper ftp", ALWAYS),
        ("-m cgroup --cgroup 5", NEVER),
    ],
)
def test_it_is_short_and_plain(text, expected):
    assert certainty(text) is expected


def test_it_is_longer_with_the_header_of_ipv6():
    assert [certainty(f"-m length --length {length}", IPV6) for length in (60, 80)] == [NEVER, ALWAYS]


@pytest.mark.parametrize(
    ("hook", "iif", "oif", "ttl"),
    [
        ("PREROUTING", "docker0", "", 64),
        ("FORWARD", "docker0", "eth0", 63),
        ("POSTROUTING", "docker0", "eth0", 63),
        ("POSTROUTING", NO_DEVICE, "eth0", 64),
        ("FORWARD", "docker0", "docker0", 64),
    ],
)
def test_it_has_one_hop_less_left_once_it_is_forwarded(hook, iif, oif, ttl):
    there = replace(FIRST, hook=hook, iif=iif, oif=oif)
    assert [certainty(f"-m ttl --ttl-eq {value}", there) for value in (ttl, 127 - ttl)] == [ALWAYS, NEVER]
    assert [certainty(f"-m ttl --ttl-{side}", there) for side in ("lt 2", "gt 1")] == [NEVER, ALWAYS]


def test_where_it_is_not_known_by_which_device_it_came_both_may_be():
    there = replace(FIRST, hook="POSTROUTING", iif=None)
    assert [certainty(f"-m ttl --ttl-{side}", there) for side in ("eq 63", "lt 2")] == [SOMETIMES, NEVER]


def test_of_ipv6_it_is_the_hop_limit():
    assert certainty("-m hl --hl-eq 64", IPV6) is ALWAYS


@pytest.mark.parametrize("text", ["-m tos --tos Minimize-Delay", "-m dscp --dscp-class CS1", "-m tos"])
def test_what_can_t_be_read_of_a_match_is_not_known(text):
    assert certainty(text) is SOMETIMES


def test_what_this_node_sends_may_be_of_any_control_group():
    assert certainty("-m cgroup --cgroup 5", replace(FIRST, iif=NO_DEVICE)) is SOMETIMES


def test_packets_that_follow_are_of_any_length_and_under_every_limit():
    later = replace(FIRST, state="ESTABLISHED", phase=Phase.LATER)
    assert [certainty(text, later) for text in ("-m length --length 60", "-m limit")] == [SOMETIMES, ALWAYS]


@pytest.mark.parametrize("text", ["-m limit", "-m ttl --ttl-gt 1", "-m length --length 60"])
def test_of_packets_that_stand_for_all_nothing_is_known(text):
    assert certainty(text, replace(FIRST, state=None)) is SOMETIMES
