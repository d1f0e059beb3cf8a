"""Which nodes of a plan are shown together."""

from __future__ import annotations

import pytest

from netplan.cli.views.lines import blocks
from netplan.kinds.chain.value import FirewallBackend
from netplan.planning.plan import Source
from tests import make
from tests.cli.views.plans import node, with_check


@pytest.mark.parametrize(
    "other",
    [
        node((None, make.route("172.7.23.0/24")), name="b"),
        node((None, make.route()), name="b", source=Source.RECORDED),
        node((None, make.route()), name="b", backend=FirewallBackend.LEGACY),
        node((None, make.route()), name="b", warnings=("look",)),
    ],
)
def test_nodes_that_read_differently_are_different_blocks(other):
    assert len(blocks(make.plans(node((None, make.route())), other))) == 2


def test_nodes_on_which_another_command_is_run_are_different_blocks():
    plans = (with_check(), with_check("b", ("true",)))
    assert len(blocks(make.plans(*plans))) == 2


def test_nodes_that_read_alike_are_one_block():
    (block,) = blocks(make.plans(*(node((None, make.route()), name=name) for name in "ab")))
    assert [plan.node for plan in block.nodes] == ["a", "b"]
