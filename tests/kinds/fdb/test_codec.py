"""Entries of forwarding databases as messages: ours and pyroute2's."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.kinds.fdb import codec as fdb
from netplan.kinds.fdb.value import FdbEntry
from netplan.system.netlink.route import NEIGHBOUR
from tests import tunnels
from tests.kinds import drawn, pyroute

entries = st.builds(FdbEntry, drawn.devices, drawn.lladdrs, drawn.any_address)


@given(entries, st.none() | st.integers(1, 65535), st.none() | st.integers(1, 2**24 - 1))
def test_an_entry_that_pyroute2_wrote_is_read_with_all_that_it_says(entry, port, vni):
    fields, attributes = pyroute.fdb(entry)
    says = {name: value for name, value in (("port", port), ("vni", vni)) if value is not None}
    message = pyroute.written(
        NEIGHBOUR, fields, attributes | {f"NDA_{name.upper()}": number for name, number in says.items()}
    )
    options = tuple(f"{name} {value}" for name, value in says.items())
    assert fdb.decode(message, drawn.LINKS) == replace(entry, options=options)


@given(entries)
def test_an_entry_that_is_made_is_read_by_pyroute2(entry):
    fields, attributes = pyroute.fdb(entry)
    assert pyroute.read(NEIGHBOUR, fdb.encode_new(entry, drawn.NAMES[entry.link]), fields) == (fields, attributes)


@given(entries)
def test_an_entry_goes_whatever_it_says(entry):
    fields, attributes = pyroute.fdb(entry)
    del attributes["NDA_DST"]
    assert pyroute.read(NEIGHBOUR, fdb.encode_delete(entry, drawn.NAMES[entry.link]), fields) == (fields, attributes)


def test_the_entries_of_one_device_are_asked_for():
    fields = {"family": socket.AF_BRIDGE, "ifindex": 3}
    assert pyroute.read(NEIGHBOUR, drawn.get_request(NEIGHBOUR, fdb.dump_request(3)), fields) == (fields, {})


@pytest.mark.parametrize(
    ("fields", "without"), [({"state": 2}, None), ({"ifindex": 9}, None), ({}, "NDA_DST"), ({}, "NDA_LLADDR")], ids=str
)
def test_an_entry_that_does_not_stay_or_leads_to_no_host_is_left_out(fields, without):
    usual, attributes = pyroute.fdb(tunnels.fdb())
    attributes.pop(without, None)
    assert fdb.decode(pyroute.written(NEIGHBOUR, usual | fields, attributes), drawn.LINKS) is None
