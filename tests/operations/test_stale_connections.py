"""Connections that are older than the rules, on a machine in memory."""

from __future__ import annotations

import pytest

from netplan.errors import ObserveError
from netplan.kinds.connection.value import Connection
from netplan.net import Address
from netplan.operations.apply import apply_spec
from netplan.operations.request import Options
from tests import make
from tests.machines import Tracked, machine

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(make.docker())
SOON = 0.05


POD, PEER, OWN = map(Address.parse, ("172.7.21.2", "172.7.22.2", "10.4.7.21"))
OLD = Connection(POD, PEER, OWN, PEER)


@pytest.mark.parametrize(("flush", "ended"), [(False, 0), (True, 1)])
def test_connections_that_are_older_than_the_rules_are_counted_or_ended(tmp_path, flush, ended):
    tracked = Tracked(OLD)
    here, _, report = machine(tmp_path, tracked=tracked)
    apply_spec(here, SPEC, NODE, Options(flush=flush))
    assert tracked.ended == ended
    assert report.notes[1].startswith("Ended 1 connection of pods" if flush else "1 connection of pods from before")


class Unreadable(Tracked):
    """Connections that can't be read."""

    def read(self, wanted, version):
        raise ObserveError("the kernel tracks no connections")


def test_connections_that_can_not_be_read_are_told_of_and_no_error(tmp_path):
    here, _, report = machine(tmp_path, tracked=Unreadable())
    apply_spec(here, SPEC, NODE)
    assert report.notes[1] == (
        "Connections that are older than the rules may keep another source address: the kernel tracks no connections"
    )
