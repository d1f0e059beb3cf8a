"""The kernel in memory takes and refuses what the real one does, and drops what the real one drops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.errors import KernelError
from netplan.kernel.linux import Linux
from netplan.kinds.address.value import LINK_SCOPE, LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Change, Insertion, Resource
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest, Snapshot
from tests import make, tunnels
from tests.kernels.memory import MemoryKernel
from tests.lab.inside import inside

NOTHING = Interest()
TUNNEL = {"local": "10.4.7.1", "mac": "0e:2a:0a:04:07:01"}
LINKS = (
    tunnels.link(**TUNNEL),
    tunnels.link(**TUNNEL, mtu=1400),
    tunnels.link(**TUNNEL, mtu=1451),
    tunnels.link(**TUNNEL, mtu=1000),
    tunnels.link(**TUNNEL, up=False),
    tunnels.link(**TUNNEL, alias=""),
    tunnels.link(**TUNNEL, port=4789),
    tunnels.link(**TUNNEL, learning=True),
    tunnels.link(**TUNNEL, device="eth9"),
    tunnels.link(local="10.4.7.1", mac="0e:2a:0a:04:07:99"),
    tunnels.link("podnet.2", **TUNNEL, vni=2),
    tunnels.link("podnet.2", **TUNNEL, vni=1),
)
STANDING = (
    tunnels.address(),
    tunnels.address("172.7.31.0/32"),
    replace(tunnels.address(), scope=LINK_SCOPE),
    tunnels.address(device="podnet.2"),
    tunnels.neighbour(),
    tunnels.neighbour(mac="0e:2a:0a:04:07:98"),
    tunnels.neighbour("172.7.23.0", device="podnet.2"),
    tunnels.fdb(),
    tunnels.fdb(dst="10.4.7.98"),
    tunnels.fdb(device="podnet.2"),
    tunnels.route(),
    tunnels.route(onlink=False),
    tunnels.route(device="podnet.2"),
    tunnels.address("fd00:7:0:21::/128"),
    tunnels.address("fd00:7:0:31::/128"),
    tunnels.neighbour("fd00:7:0:22::"),
    replace(tunnels.route("fd00:7:0:22::/64"), metric=1024),
    replace(tunnels.route("fd00:7:0:31::/64"), metric=1024),
    tunnels.route("172.7.31.0/24"),
    make.route(via="10.4.7.2"),
    make.route(via="10.5.0.1"),
)


class Try(NamedTuple):
    """Something that is written or taken away, in whatever state."""

    resource: Resource
    deleted: bool


class Seen(NamedTuple):
    """Whether a change was refused, and what there was afterwards."""

    refused: bool
    state: frozenset[Resource]


TRIES = st.builds(Try, st.sampled_from((*LINKS, *STANDING)), st.sampled_from([False, False, False, True]))
BEGUN = [Try(resource, deleted=False) for resource in (LINKS[0], STANDING[0], STANDING[3], STANDING[6], STANDING[9])]


def run(tries: Sequence[Try], kernel: Linux | MemoryKernel) -> list[Seen]:
    """Try one after the other, each as a change from what there is, up to the first that is refused."""
    seen = []
    for attempt in tries:
        seen.append(_try(attempt, kernel))
        if seen[-1].refused:
            break
    return seen


def _try(attempt: Try, kernel: Linux | MemoryKernel) -> Seen:
    before = kernel.observe(NOTHING).index.get((attempt.resource.kind, attempt.resource.key))
    if attempt.deleted and before is None:
        return Seen(refused=False, state=frozenset())
    try:
        for batch in batches([Change(before, None if attempt.deleted else attempt.resource, make.WHY)]):
            kernel.write(batch)
    except KernelError:
        return Seen(refused=True, state=frozenset())
    return Seen(refused=False, state=frozenset(_ours(kernel.observe(NOTHING))))


def _ours(state: Snapshot) -> list[Resource]:
    kinds: tuple[type[Resource], ...] = (Link, LinkAddress, Neighbour, FdbEntry, Route)
    resources = [resource for kind in kinds for resource in state.all(kind)]
    return [
        resource
        for resource in resources
        if resource.ours or getattr(resource, "link", resource.key) in {"podnet.1", "podnet.2"}
    ]


def on_linux(tries: Sequence[Try]) -> tuple[Snapshot, list[Seen]]:
    """Run tries in the namespace of this process, which starts without tunnels or routes of ours."""
    kernel = Linux()
    begin = kernel.observe(NOTHING)
    try:
        return begin, run(tries, kernel)
    finally:
        left = [resource for resource in _ours(kernel.observe(NOTHING)) if isinstance(resource, Link | Route)]
        for batch in batches(
            [Change(resource, None, make.WHY) for resource in left if resource.ours or isinstance(resource, Link)]
        ):
            kernel.write(batch)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.lists(TRIES, min_size=1, max_size=8))
@example(False, [Try(resource, deleted=False) for resource in (LINKS[0], STANDING[0], STANDING[4], STANDING[0])])
def test_a_change_is_taken_or_refused_by_both_and_leads_to_the_same_state(lab, begun, tries):
    tries = [*(BEGUN if begun else ()), *tries]
    state, seen = inside(lab, "n1", on_linux, tries)
    assert run(tries, MemoryKernel(state)) == seen


BESIDE = [
    make.route(via="10.4.7.2"),
    make.route(via="10.4.7.3"),
    make.route(via=None),
    make.route(via="10.4.7.2", protocol=3),
    replace(make.route(), type="blackhole", oif=None, next_hop=None),
]
OF_IPV6 = [
    replace(make.route("fd00:7:0:22::/64", via=None, dev=device, protocol=protocol), metric=1024)
    for device, protocol in (("eth0", 112), ("lo", 112), ("eth0", 3))
]
WRITES = st.tuples(st.sampled_from(["create", "replace", Insertion.FIRST, Insertion.LAST, "delete"]), st.integers(0, 4))


def beside(writes, routes, kernel):
    """Make writes among routes of one key, and give what there is after each, None if it was refused."""
    seen: list[tuple[Route, ...] | None] = []
    for how, number in writes:
        route = routes[number % len(routes)]
        place = how if isinstance(how, Insertion) else None
        change = Change(
            route if how in ("replace", "delete") else None, None if how == "delete" else route, make.WHY, place
        )
        try:
            kernel.write(batches([change])[0])
        except KernelError:
            seen.append(None)
        else:
            seen.append(kernel.observe(NOTHING).routes.get(route.key, ()))
    return seen


def beside_on_linux(writes, routes):
    kernel = Linux()
    begin = kernel.observe(NOTHING)
    try:
        return begin, beside(writes, routes, kernel)
    finally:
        left = kernel.observe(NOTHING).routes.get(routes[0].key, ())
        for batch in batches([Change(resource, None, make.WHY) for resource in left]):
            kernel.write(batch)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([BESIDE, OF_IPV6]), st.lists(WRITES, min_size=1, max_size=8))
def test_routes_of_one_key_are_taken_refused_and_kept_in_the_same_order_by_both(lab, routes, writes):
    state, seen = inside(lab, "n1", beside_on_linux, writes, routes)
    assert beside(writes, routes, MemoryKernel(state)) == seen
