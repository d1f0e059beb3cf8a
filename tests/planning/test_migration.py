"""What moving to another spec changes on each node, worked out once for nodes of one role, is what it changes on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.operations.plans import plan_move
from netplan.planning.migration import migrate, role_of
from tests import make
from tests.reports import Kept
from tests.runs import examples

BACKENDS = ("{type: host-gw}", "{type: vxlan}", "{type: vxlan, direct_routing: true}")


def _node(number, subnet, segment, interface, blackhole):
    address = f"10.4.{segment}.{number}/24"
    more = f", interface: {interface}" if interface else ""
    return f"n{number}: {{address: {address}, subnet: 172.7.{subnet}.0/24{more}, blackhole: {blackhole}}}".lower()


@st.composite
def clusters(draw):
    """Draw two specs of the same or similar nodes, often of the same settings."""
    numbers = draw(st.lists(st.integers(1, 9), unique=True, min_size=2, max_size=5))
    backend = draw(st.sampled_from(BACKENDS))
    segments = st.just(7) if "host-gw" in backend else st.sampled_from((7, 7, 8))
    kinds = st.tuples(segments, st.sampled_from((None, None, "eth1")), st.sampled_from((False, False, True)))
    written = {number: _node(number, number, *draw(kinds)) for number in numbers}
    later = [draw(st.sampled_from((text, text, text, None, "again"))) for text in written.values()]
    moved = [
        _node(number, draw(st.sampled_from((number, 20 + number))), *draw(kinds)) if text == "again" else text
        for number, text in zip(written, later, strict=True)
        if text is not None
    ]
    moved += [_node(number, number, *draw(kinds)) for number in draw(st.sets(st.integers(10, 12), max_size=2))]
    other = draw(st.sampled_from((backend, backend, backend, "{type: vxlan, port: 4789}")))
    if not moved or ("host-gw" in other and any("10.4.8." in text for text in moved)):
        moved = list(written.values())
    return make.spec(*written.values(), backend=backend), make.spec(*moved, backend=other)


@examples(60)
@given(clusters())
def test_each_node_gets_the_plan_that_it_would_get_by_itself(specs):
    old, new = specs
    alone = {}
    for node in new.topology.nodes:
        then = old.topology.by_name.get(node.name)
        alone[node.name] = migrate(compile_node(new, node), None if then is None else compile_node(old, then)).plan
    moved = {plan.node: plan for plan in plan_move(new, old, None, Kept()).nodes}
    assert {name: replace(moved[name], effects=(), traffic=(), traced_on=None) for name in alone} == alone


def test_peers_that_hear_of_a_new_node_have_one_role():
    names = [f"n{number}: {{address: 10.4.7.{number}/24, subnet: 172.7.{number}.0/24}}" for number in range(1, 6)]
    role = role_of(make.spec(*names), make.spec(*names[:-1]))
    assert len({role(f"n{number}") for number in range(1, 5)}) == 1
    assert role("n5") is None
