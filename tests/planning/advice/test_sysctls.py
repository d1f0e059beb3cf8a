"""Parameters that the kernel does not have."""

from __future__ import annotations

import pytest

from netplan.kinds.resource import Change
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.advice.case import Case
from netplan.planning.advice.sysctls import refuse_unknown
from tests import make

UNKNOWN = Change(None, Sysctl("net.ipv4.no_such", "1"), make.WHY)


@pytest.mark.parametrize(("live", "count"), [(True, 1), (False, 0)])
def test_a_parameter_that_is_not_there_is_an_obstacle_on_a_live_kernel_alone(live, count):
    assert len(list(refuse_unknown(Case(make.desired(), [UNKNOWN], make.snapshot(), live=live)))) == count
