"""All advice looks at one case, and most has nothing to say of a node that is as its spec says."""

from __future__ import annotations

import pytest

from netplan.planning.advice import REFUSALS
from netplan.planning.advice.case import Case
from tests import make


@pytest.mark.parametrize("refuse", REFUSALS)
def test_nothing_is_refused_of_a_node_as_its_spec_wants_it(refuse):
    state = make.settled(make.desired(), make.snapshot())
    assert list(refuse(Case(make.desired(), (), state, live=False))) == []
