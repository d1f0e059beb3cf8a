from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.kinds.fdb.value import FdbEntry
from tests import tunnels

ODD = replace(tunnels.fdb(), options=("port 4789", "vni 7"))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (tunnels.fdb(), "0e:2a:0a:04:07:16 dev podnet.1 dst 10.4.7.22"),
        (ODD, "0e:2a:0a:04:07:16 dev podnet.1 dst 10.4.7.22 port 4789 vni 7"),
    ],
)
def test_an_entry_is_written_as_bridge_prints_it(entry, text):
    assert str(entry) == text


def test_a_link_layer_address_is_behind_one_host():
    assert tunnels.fdb().key == tunnels.fdb(dst="10.4.7.98").key


def test_another_port_makes_another_entry_of_the_same_key():
    assert (ODD.key == tunnels.fdb().key, tunnels.fdb() == ODD) == (True, False)


@pytest.mark.parametrize("entry", [tunnels.fdb(), tunnels.fdb(ours=False), ODD])
def test_an_entry_is_read_back_from_its_json(entry):
    assert FdbEntry.from_json(entry.to_json()) == entry
