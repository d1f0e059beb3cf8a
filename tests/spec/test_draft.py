"""A spec as far as it is right, so that one mistake hides no other."""

from __future__ import annotations

import pytest

from netplan.net import Address, Prefix
from netplan.spec.draft import make_draft, without_subnet
from netplan.spec.lease_file import parse_leases
from netplan.spec.yaml.document import compose
from tests.spec.factory import A, B, spec_text


def draft(*nodes, leases="", **keys):
    document = compose(spec_text(*nodes, **keys), "s.yaml")
    return make_draft(document, None, parse_leases(leases, "leases.yaml"))


def test_what_is_wrong_of_a_node_does_not_hide_the_rest_of_it():
    ipv4, _ = draft(A, "b: {address: nonsense, subnet: 172.7.22.0/24}").families
    assert ([*ipv4.addresses], [*ipv4.subnets]) == (["a"], ["a", "b"])


def test_sysctls_are_those_that_have_a_name_without_a_value_where_that_is_wrong():
    written = "{kernel.panic: 1, net/ipv4/tcp_ecn: 1, net.ipv4.ip_forward: ''}"
    assert draft(sysctl=written).sysctls == {
        ("sysctl", "net/ipv4/tcp_ecn"): ("net.ipv4.tcp_ecn", "1"),
        ("sysctl", "net.ipv4.ip_forward"): ("net.ipv4.ip_forward", ""),
    }


def test_nodes_are_grouped_by_the_segments_that_they_are_on():
    ipv4, _ = draft(A, B, "c: {address: 10.9.9.9/24}").families
    assert ipv4.segments == {Prefix.parse("10.4.7.0/24"): ["a", "b"], Prefix.parse("10.9.9.0/24"): ["c"]}


@pytest.mark.parametrize(("length", "fits"), [("18", 18), ("17", None)])
def test_a_subnet_length_fits_if_the_network_holds_four_of_them(length, fits):
    ipv4, _ = draft(subnet_len=length).families
    assert ipv4.fitting_len == fits


@pytest.mark.parametrize(("bound", "fits"), [("172.7.1.0", True), ("172.7.1.9", False), ("172.8.0.0", False)])
def test_a_bound_fits_if_it_is_the_first_address_of_a_subnet(bound, fits):
    ipv4, _ = draft().families
    assert ipv4.fits(Address.parse(bound)) is fits


def test_the_subnet_of_a_node_stands_where_it_was_written_or_leased():
    partial = draft("a: {address: 10.4.7.21/24}", B, leases="a: {subnet: 172.7.1.0/24}\nb: {subnet: 172.7.2.0/24}\n")
    assert (partial.leased("a", 4), partial.leased("b", 4)) == (True, False)
    assert str(partial.subnet_at("a", 4)).startswith("leases.yaml:1:")
    assert str(partial.subnet_at("b", 4)).startswith("s.yaml:")
    assert {name: list(map(str, subnets)) for name, subnets in partial.subnets.items()} == {
        "a": ["172.7.1.0/24"],
        "b": ["172.7.22.0/24"],
    }


@pytest.mark.parametrize(
    ("node", "version"), [("{address: 10.4.7.21/24}", 4), ("{ipv6_address: 'fd00:4::21/64'}", 6)], ids=["IPv4", "IPv6"]
)
def test_the_packets_of_a_tunnel_are_of_ipv4_where_nodes_have_such_addresses(node, version):
    assert draft(f"a: {node}").underlay.version == version


@pytest.mark.parametrize(("node", "without"), [({}, True), ({"subnet": "x"}, False), (None, False)])
def test_a_node_without_a_subnet_is_one_of_the_spec_that_says_nothing_of_it(node, without):
    assert without_subnet(node, 4) is without
