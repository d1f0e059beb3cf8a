"""An MTU that is assumed is told of only where a tunnel's depends on it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.operations.assumed_mtu import note_assumed
from tests import make
from tests.reports import Kept


@pytest.mark.parametrize(
    ("backend", "assumed", "notes"),
    [
        pytest.param("{type: vxlan}", True, 1, id="a tunnel stands on it"),
        pytest.param("{type: vxlan}", False, 0, id="it is known"),
        pytest.param("{type: vxlan, mtu: 1400}", True, 0, id="the spec says the tunnel's"),
        pytest.param("{type: host-gw}", True, 0, id="there is no tunnel"),
    ],
)
def test_an_assumed_mtu_is_told_of_where_a_tunnel_stands_on_it(backend, assumed, notes):
    spec, report = make.spec(backend=backend), Kept()
    note_assumed(spec, [replace(spec.topology.nodes[0], mtu_assumed=assumed)], report)
    expected = ["podnet: mtu: auto: 1500 is assumed for node a: no kernel or record is at hand"]
    assert report.notes == expected * notes
