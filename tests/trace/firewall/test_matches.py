from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.net import Address
from netplan.trace.fib import Fib
from netplan.trace.firewall.conditions import holds
from netplan.trace.flow import EVERY_SERVICE, Flow, Holds, Mark, Phase, Translation, services
from netplan.trace.intervals import contains, only
from tests import make
from tests.trace.states import packet, state

NEVER, SOMETIMES, ALWAYS = Holds.NEVER, Holds.SOMETIMES, Holds.ALWAYS

FIB = Fib(state(addresses=["192.168.7.1/32 lo"]))
TCP = replace(packet("172.7.21.2", "10.4.7.21", protocol=6, sport=40000, dport=80).flow, state="NEW")
ICMP = replace(packet("172.7.21.2", "198.51.100.2").flow, state="NEW")
OF_CONNECTION = {"state": "ESTABLISHED", "translation": Translation()}
LATER = replace(TCP, phase=Phase.LATER, **OF_CONNECTION)
BACK = packet("10.4.7.21", "172.7.21.2", protocol=6, sport=80, dport=40000).flow
REPLY = replace(BACK, phase=Phase.REPLY, **OF_CONNECTION)
ERROR = replace(packet("10.4.7.21", "172.7.21.2").flow, phase=Phase.ERROR, **OF_CONNECTION | {"state": "RELATED"})


def certainty(text: str, flow: Flow = TCP) -> Holds:
    return holds(make.rule(f"{text} -j ACCEPT"), flow, FIB)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-p tcp", ALWAYS),
        ("! -p tcp", NEVER),
        ("-p udp", NEVER),
        ("-p tcp --dport 80", ALWAYS),
        ("-p tcp --dport 1:79", NEVER),
        ("-p tcp ! --dport 80", NEVER),
        ("-p tcp --sport 1024:65535", ALWAYS),
        ("-p tcp --syn", ALWAYS),
        ("-p tcp ! --syn", NEVER),
        ("-p tcp --tcp-flags ALL NONE", NEVER),
        ("-p tcp -m multiport --dports 80,443", ALWAYS),
        ("-p tcp -m multiport --ports 40000", ALWAYS),
        ("-p tcp -m multiport ! --ports 80", NEVER),
        ("-m conntrack --ctstate NEW", ALWAYS),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", NEVER),
        ("-m conntrack ! --ctstate INVALID", ALWAYS),
        ("-m conntrack --ctstate DNAT", NEVER),
        ("-m conntrack --ctdir REPLY", NEVER),
        ("-m conntrack --ctorigdst 10.4.7.21", ALWAYS),
        ("-m state --state NEW", ALWAYS),
        ("-m addrtype --dst-type LOCAL", ALWAYS),
        ("-m addrtype ! --dst-type LOCAL", NEVER),
        ("-m addrtype --dst-type LOCAL --limit-iface-in", NEVER),
        ("-m addrtype --src-type UNICAST", ALWAYS),
        ("-m iprange --src-range 172.7.21.1-172.7.21.9", ALWAYS),
        ("-m iprange --dst-range 10.4.7.22-10.4.7.30", NEVER),
        ("-m statistic --mode random --probability 1", ALWAYS),
        ("-m statistic --mode random --probability 0", NEVER),
        ("-m statistic --mode random --probability 0.5", SOMETIMES),
        ("-m statistic --mode nth --every 1 --packet 0", ALWAYS),
        ("-m statistic --mode nth --every 2 --packet 0", SOMETIMES),
        ("-m mark --mark 0", ALWAYS),
        ("-m mark --mark 0x4000/0x4000", NEVER),
        ("-m connmark --mark 0x1/0x1", NEVER),
        ("-m owner --uid-owner 0", NEVER),
        ("-f", NEVER),
        ("! -f", ALWAYS),
    ],
)
def test_a_match_holds_for_a_packet(text, expected):
    assert certainty(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-p icmp --icmp-type echo-request", ALWAYS),
        ("-p icmp --icmp-type 8/0", ALWAYS),
        ("-p icmp --icmp-type 3", NEVER),
        ("-p icmp", ALWAYS),
    ],
)
def test_a_packet_of_icmp_is_an_echo_request(text, expected):
    assert certainty(text, ICMP) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.4.7.21", "LOCAL"),
        ("127.3.2.1", "LOCAL"),
        ("192.168.7.1", "LOCAL"),
        ("10.4.7.255", "BROADCAST"),
        ("255.255.255.255", "BROADCAST"),
        ("224.0.0.1", "MULTICAST"),
        ("10.4.7.22", "UNICAST"),
        ("8.8.8.8", "UNICAST"),
    ],
)
def test_an_address_has_the_type_that_the_local_table_gives_it(address, expected):
    kinds = ("LOCAL", "BROADCAST", "MULTICAST", "UNICAST")
    assert [kind for kind in kinds if contains(FIB.addresses_of(kind), Address.parse(address).value)] == [expected]


def test_before_conntrack_a_packet_has_no_connection():
    raw = replace(TCP, state="INVALID")
    assert certainty("-m conntrack --ctstate INVALID", raw) is ALWAYS
    assert certainty("-m conntrack ! --ctorigdst 8.8.8.8", raw) is NEVER
    assert certainty("-m connmark ! --mark 1", raw) is NEVER


def test_a_translated_connection_is_known_by_the_address_that_was_asked_for():
    service = Address.parse("192.168.0.1").value
    translated = replace(TCP, dnat=True, new_destination=TCP.destination, destination=only(service))
    assert certainty("-m conntrack --ctorigdst 192.168.0.0/16", translated) is ALWAYS
    assert certainty("-m conntrack --ctstate DNAT", translated) is ALWAYS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m conntrack --ctproto 6", ALWAYS),
        ("-m conntrack --ctproto 17", NEVER),
        ("-m conntrack --ctorigsrc 172.7.21.0/24", ALWAYS),
        ("-m conntrack --ctorigsrc 10.0.0.0/8", NEVER),
    ],
)
def test_a_connection_is_known_by_its_first_packet(text, expected):
    assert certainty(text) is expected


@pytest.mark.parametrize(
    ("text", "later", "reply", "error"),
    [
        ("-m conntrack --ctstate RELATED,ESTABLISHED", ALWAYS, ALWAYS, ALWAYS),
        ("-m state --state ESTABLISHED", ALWAYS, ALWAYS, NEVER),
        ("-m conntrack --ctstate NEW", NEVER, NEVER, NEVER),
        ("-m conntrack --ctdir REPLY", NEVER, ALWAYS, ALWAYS),
        ("-m conntrack --ctdir ORIGINAL", ALWAYS, NEVER, NEVER),
        ("-m conntrack --ctorigsrc 172.7.21.0/24", ALWAYS, ALWAYS, ALWAYS),
        ("-m conntrack --ctorigdst 172.7.21.0/24", NEVER, NEVER, NEVER),
        ("-m conntrack --ctproto 6", ALWAYS, ALWAYS, SOMETIMES),
        ("-p tcp --syn", NEVER, NEVER, NEVER),
        ("-p tcp --tcp-flags SYN,ACK SYN,ACK", NEVER, ALWAYS, NEVER),
        ("-p tcp --tcp-flags SYN,ACK ACK", ALWAYS, NEVER, NEVER),
    ],
)
def test_what_follows_a_first_packet_is_known_by_its_phase(text, later, reply, error):
    assert [certainty(text, flow) for flow in (LATER, REPLY, ERROR)] == [later, reply, error]


def test_a_connection_keeps_the_source_that_it_was_opened_with():
    rewritten = replace(TCP, snat=True, new_source=only(Address.parse("10.4.7.21").value))
    assert certainty("-m conntrack --ctorigsrc 172.7.21.0/24", rewritten) is ALWAYS


@pytest.mark.parametrize("text", ["-p tcp --syn", "-m conntrack --ctproto 6", "-m conntrack --ctstate NEW"])
def test_of_packets_in_an_unknown_state_little_is_known(text):
    assert certainty(text, replace(TCP, state=None, service=EVERY_SERVICE)) is SOMETIMES


@pytest.mark.parametrize(
    ("text", "expected"), [("-p icmp --icmp-type 8", SOMETIMES), ("-p icmp --icmp-type any", ALWAYS)]
)
def test_of_icmp_of_an_unknown_type_only_that_it_is_icmp_is_known(text, expected):
    assert certainty(text, replace(ICMP, service=services([1]))) is expected


def test_a_packet_that_has_no_device_yet_came_by_none():
    sent = packet("10.4.7.21", "8.8.8.8").flow
    assert [certainty(text, sent) for text in ("-i docker0", "! -i docker0", "-o eth0")] == [NEVER, ALWAYS, NEVER]


@pytest.mark.parametrize(
    ("value", "mask", "expected"),
    [(0x4000, 0x4000, Mark(0x4001, 0xFFFF)), (0, 0xFFFFFFFF, Mark(0, 0xFFFFFFFF)), (0x4001, 0, Mark(0x4000, 0xFFFF))],
)
def test_of_a_mark_the_bits_that_are_set_are_known(value, mask, expected):
    assert Mark(0x0001, 0xFFFF).mixed(Mark.of(value), clear=mask, take=0xFFFFFFFF) == expected
