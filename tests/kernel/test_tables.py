"""A table that no program uses is taken away, as a kernel in memory tells of it."""

from __future__ import annotations

import pytest

from netplan.kernel.tables import Stays, take_away
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import CHAIN, GENERATION, IPV4, TABLE, nested

EMPTY = {"_1": "filter", "_3": "FORWARD", "_4": nested({1: 2, 2: 0}), "_5": 1, "_6": 0}


@pytest.mark.parametrize(
    ("chain", "outcome", "deleted"), [(EMPTY, None, True), ({**EMPTY, "_6": 1}, Stays(), False)], ids=["unused", "used"]
)
def test_a_table_goes_if_it_is_unused(chain, outcome, deleted):
    with answering.kernel() as kernel:
        kernel.add(GENERATION, 0, _1=7)
        kernel.add(TABLE, IPV4, _1="filter", _2=0, _3=1)
        kernel.add(CHAIN, IPV4, **chain)
        assert (take_away(4, "filter"), kernel.changes != []) == (outcome, deleted)


def test_a_table_that_is_not_there_is_gone():
    with answering.kernel():
        assert take_away(4, "filter") is None
