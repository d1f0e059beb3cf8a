"""A tracked connection, and whether it goes out under another address."""

from __future__ import annotations

import pytest

from netplan.kinds.connection.value import Connection
from netplan.net import Address

POD, PEER, NODE = map(Address.parse, ("172.7.21.2", "172.7.22.2", "10.4.7.21"))


@pytest.mark.parametrize(
    ("answered_to", "answered_by", "masked"),
    [(NODE, PEER, True), (POD, PEER, False), (NODE, NODE, False)],
    ids=["the source was rewritten", "nothing was", "the destination was too"],
)
def test_a_connection_is_masked_whose_source_alone_was_rewritten(answered_to, answered_by, masked):
    assert Connection(POD, PEER, answered_to, answered_by).masked is masked


def test_a_connection_is_told_with_the_source_that_others_see():
    assert str(Connection(POD, PEER, NODE, PEER)) == "172.7.21.2 -> 172.7.22.2 as 10.4.7.21"
