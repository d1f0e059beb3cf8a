from __future__ import annotations

from netplan.net import Address, IfName, Prefix
from netplan.planning.traffic.peers import Named, Peers
from netplan.trace.intervals import of_prefix, of_prefixes
from netplan.trace.table import Way

SUBNETS = {f"n{number}": Prefix.parse(f"172.7.{number}.0/24") for number in (24, 21, 22, 30)}
WAYS = {prefix: Way(IfName("eth0"), Address.parse(f"10.4.7.{name[1:]}")) for name, prefix in SUBNETS.items()}
PEERS = Peers.of(((prefix, name) for name, prefix in SUBNETS.items()), WAYS)


def names(*texts):
    return PEERS.named(of_prefixes(map(Prefix.parse, texts)), 2).names


def test_peers_are_named_by_any_address_of_theirs():
    assert names("172.7.22.9/32") == ("n22",)
    assert names("172.7.22.255/32", "172.7.30.0/32") == ("n22", "n30")


def test_nothing_between_peers_names_one():
    assert names("172.7.23.0/24", "10.0.0.0/8") == ()


def test_of_many_peers_the_first_are_named_and_all_are_counted():
    assert PEERS.named(of_prefix(Prefix.parse("172.7.0.0/16")), 2) == Named(("n21", "n22"), 4, PEERS.addresses)


def test_the_addresses_of_the_named_are_whole_subnets():
    assert PEERS.named(of_prefix(Prefix.parse("172.7.22.9/32")), 2).addresses == of_prefix(SUBNETS["n22"])


def test_an_address_is_reached_by_the_way_of_the_longest_prefix():
    near, far = (Way(IfName(device), None) for device in ("eth1", "eth2"))
    peers = Peers.of((), {Prefix.parse("10.0.0.0/8"): far, Prefix.parse("10.1.0.0/16"): near})
    assert [peers.way_to(Address.parse(text)) for text in ("10.1.2.3", "10.2.2.3", "11.0.0.1")] == [near, far, None]


def test_a_place_is_the_subnet_that_has_an_address():
    assert PEERS.place_of(Address.parse("172.7.24.7")) == SUBNETS["n24"]
    assert PEERS.place_of(Address.parse("172.7.25.7")) is None
