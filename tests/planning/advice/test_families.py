"""What needs IPv6 is refused where the kernel has none."""

from __future__ import annotations

from msgspec.structs import replace

from netplan.kinds.resource import Change
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.advice.case import Case
from netplan.planning.advice.families import refuse_without_ipv6
from tests import make

SET = Change(None, Sysctl("net.ipv6.conf.all.forwarding", "1"), make.WHY)


def test_a_parameter_of_ipv6_is_named_in_a_kernel_without_it():
    state = replace(make.snapshot(), ipv6=False)
    (refusal,) = refuse_without_ipv6(Case(make.desired(), [SET], state, live=True))
    assert refusal.startswith("net.ipv6.conf.all.forwarding = 1 needs IPv6, and the kernel of this node has none")
