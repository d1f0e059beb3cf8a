"""A machine that is not the node is found by its addresses."""

from __future__ import annotations

import pytest

from netplan.kinds.address.value import LinkAddress
from netplan.net import IfName, InterfaceAddress
from netplan.planning.advice.case import Case
from netplan.planning.advice.devices import refuse_elsewhere
from tests import make


@pytest.mark.parametrize(("live", "count"), [(True, 1), (False, 0)])
def test_a_machine_without_the_nodes_address_is_refused_where_its_kernel_was_read(live, count):
    address = LinkAddress(IfName("eth0"), InterfaceAddress.parse("192.0.2.1/24"))
    state = make.snapshot().replace(LinkAddress, [address])
    assert len(list(refuse_elsewhere(Case(make.desired(), (), state, live=live)))) == count
