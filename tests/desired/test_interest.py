"""What a record of a node holds, and what a trace of some packets looks at."""

from __future__ import annotations

from netplan.desired.chains import OUR_CHAINS
from netplan.desired.interest import full_interest
from netplan.kinds.chain.value import ChainKey
from netplan.net import Address
from netplan.trace import Packet

PACKET = Packet(Address.parse("172.7.21.2"), Address.parse("172.7.22.2"), iif="docker0")


def test_a_record_holds_every_built_in_chain_of_both_ip_versions_and_where_they_lead():
    interest = full_interest()
    assert {ChainKey(version, "mangle", "FORWARD") for version in (4, 6)} <= interest.walks
    assert OUR_CHAINS.keys() <= interest.chains


def test_for_some_packets_only_those_rules_are_read_that_these_may_come_to():
    interest = full_interest([PACKET.flow], limit=7)
    assert (interest.chains, interest.limit) == (frozenset(OUR_CHAINS), 7)
    assert interest.follows is not None


def test_the_parameters_that_decide_on_forwarding_are_read():
    assert {"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} <= full_interest().sysctls
