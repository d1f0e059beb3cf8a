from __future__ import annotations

from msgspec.structs import replace

from netplan.trace.arrival import moved_by, received
from netplan.trace.flow import DESTINATION, SOURCE
from netplan.trace.intervals import only
from tests.trace.states import packet

FLOW = packet("172.7.21.2", "172.7.22.2").flow


def test_a_node_receives_packets_with_the_header_that_nat_gave_them():
    masqueraded = replace(FLOW, new_source=only(5))
    assert received(masqueraded, "eth0") == replace(FLOW, source=only(5), iif="eth0")


def test_what_nat_changed_of_packets_that_go_back_has_the_name_of_the_way_there():
    masqueraded = replace(FLOW, new_source=only(5))
    assert (moved_by(masqueraded), moved_by(masqueraded, back=True)) == (frozenset({SOURCE}), frozenset({DESTINATION}))
