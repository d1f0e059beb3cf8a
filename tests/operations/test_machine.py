from __future__ import annotations

import pytest

from tests import make
from tests.machines import machine


@pytest.mark.parametrize(("written", "resolved"), [("auto", "eth0"), ("eth7", "eth7")])
def test_an_interface_that_the_spec_leaves_open_is_the_one_that_has_the_address(tmp_path, written, resolved):
    here, _, _ = machine(tmp_path)
    assert here.resolved(make.node(interface=written)).interface == resolved


def test_a_plan_of_a_machine_is_for_what_its_kernel_holds(tmp_path):
    here, kernel, report = machine(tmp_path)
    live = here.plan(make.desired())
    assert (live.before.index, report.under_way) == (kernel.state.index, ["reading the kernel"])
