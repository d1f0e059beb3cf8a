from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError, StalePlanError
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply_plan import apply_plan
from netplan.operations.live_plan import LivePlan
from netplan.planning.differences import diff_node
from tests import make
from tests.kernels.memory import MemoryKernel

WANTED = make.desired()
BEFORE = make.snapshot()


def test_a_plan_that_is_applied_leads_to_the_state_that_is_returned():
    kernel = MemoryKernel(BEFORE)
    after = apply_plan(LivePlan.from_kernel(WANTED, kernel), make.Unwritten())
    assert not [*diff_node(WANTED, after)]


def test_a_plan_that_is_refused_writes_nothing():
    kernel = MemoryKernel(BEFORE)
    live = LivePlan.from_kernel(WANTED, kernel)
    with pytest.raises(RefusedError, match="the plan of a can't be applied"):
        apply_plan(replace(live, plan=replace(live.plan, refusals=("a test refuses it",))), make.Unwritten())
    assert kernel.writes == 0


def test_a_plan_whose_node_changed_since_it_was_made_is_stale():
    kernel = MemoryKernel(BEFORE)
    live = LivePlan.from_kernel(WANTED, kernel)
    kernel.state = BEFORE.replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "1")])
    with pytest.raises(StalePlanError, match="the plan of a is stale"):
        apply_plan(live, make.Unwritten())
    assert kernel.writes == 0
