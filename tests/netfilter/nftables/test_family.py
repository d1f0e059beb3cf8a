"""What an IP version is to nftables."""

from __future__ import annotations

import pytest

from netplan.netfilter.nftables.family import FAMILIES, versions_of


@pytest.mark.parametrize(("family", "versions"), [("ip", (4,)), ("ip6", (6,)), ("inet", (4, 6)), ("bridge", (4, 6))])
def test_a_table_hears_of_the_packets_of_its_family(family, versions):
    assert versions_of(family) == versions


@pytest.mark.parametrize(("version", "addresses", "size"), [(4, range(12, 20), 4), (6, range(8, 40), 16)])
def test_the_addresses_stand_behind_each_other_in_the_header(version, addresses, size):
    """RFC 791, 3.1; RFC 8200, 3."""
    assert (FAMILIES[version].addresses, FAMILIES[version].address_size) == (addresses, size)
