from __future__ import annotations

from netplan.kinds.fdb.value import FdbEntry
from netplan.trace.firewall.walk import Step
from netplan.trace.tunnel import framed, tunnel_of
from tests import make
from tests.spec.factory import A, B
from tests.trace.networks import POD, VXLAN, settled_state
from tests.trace.states import packet

STATE = settled_state(make.spec(A, B, backend=VXLAN), "a")


def test_where_no_entry_says_where_a_neighbour_is_that_is_unknown():
    state, link = STATE.replace(FdbEntry, []), tunnel_of(STATE, "podnet.1")
    assert link is not None
    ((_, step),) = framed(state, link, packet(POD["a"], "172.7.22.0").flow)
    assert isinstance(step, Step)
    assert step.effect.startswith("unknown: no entry of podnet.1 says where")
