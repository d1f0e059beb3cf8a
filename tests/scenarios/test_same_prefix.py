"""Several routes of one prefix: an apply leaves the right one, and what undoes it brings all back in their order."""

from __future__ import annotations

from contextlib import suppress

import pytest

from netplan.desired.compile import compile_node
from netplan.errors import RestoredError
from netplan.kernel.linux import Linux
from netplan.kinds.chain.value import FirewallBackend
from netplan.planning.plan import Source, plan_node
from tests import make
from tests.edits import Cluster, Place
from tests.scenarios.test_edits import FLOOR, shell
from tests.scratch import in_scratch

NFT_ONLY = pytest.mark.parametrize("backend", ["nft"], indirect=True)
CLUSTER = Cluster((4, 6), backend="{type: host-gw}", peers={"p1": Place("7", 31, 22)})

BESIDE = {
    "before ours": "ip route prepend 172.7.22.0/24 via 10.4.7.99 proto 112",
    "behind ours": "ip route append 172.7.22.0/24 via 10.4.7.99 proto 112",
    "on both sides": (
        "ip route prepend 172.7.22.0/24 dev docker0 proto 112; ip route append 172.7.22.0/24 via 10.4.7.99 proto 112"
    ),
    "that leads nowhere, behind ours": "ip route append blackhole 172.7.22.0/24 proto 112",
    "of the bridge, behind a stale one": (
        "ip route add 172.7.23.0/24 via 10.4.7.99 proto 112; ip address add 172.7.23.1/24 dev docker0"
    ),
    "of the bridge, before a stale one": (
        "ip address add 172.7.23.1/24 dev docker0; ip route append 172.7.23.0/24 via 10.4.7.99 proto 112"
    ),
    "of IPv6, by another gateway": "ip -6 route append fd00:7:0:22::/64 via fd00:4:7::99 proto 112",
    "of IPv6, to a device": "ip -6 route append fd00:7:0:22::/64 dev docker0 proto 112",
    "of IPv6, that leads nowhere": "ip -6 route append blackhole fd00:7:0:22::/64 proto 112",
}


def routes() -> str:
    """Return the routes in the kernel's order."""
    return "".join(
        shell(f"ip -{version} route show table main {kind}") for version in (4, 6) for kind in ("", "type 6")
    )


def tried(script: str) -> tuple[list[str], list[str]]:
    """Meddle with the routes of a node in sync; give them after that, after an apply that fails and after one that does
    not, and what is left to do then.
    """
    shell(FLOOR)
    kernel = Linux(FirewallBackend.NFT)
    wanted = compile_node(CLUSTER.spec, CLUSTER.spec.topology.by_name["a"])
    make.apply_desired(wanted, kernel)
    said = shell(script)
    seen = [said + routes()]
    with suppress(RestoredError):
        make.apply_desired(wanted, kernel, fails="a test asked for that")
    seen.append(routes())
    make.apply_desired(wanted, kernel)
    seen.append(routes())
    return seen, make.said(plan_node(wanted, kernel.observe(wanted.interest), Source.LIVE).changes)


@pytest.fixture(scope="module", params=BESIDE.values(), ids=[*BESIDE])
def episode(request):
    return in_scratch(tried, request.param)


def test_an_apply_that_fails_leaves_every_route_in_its_place(episode):
    (before, undone, _), _ = episode
    assert undone == before


def test_an_apply_leaves_what_is_wanted(episode):
    _, left = episode
    assert left == []


@pytest.fixture(params=["before ours", "of the bridge, behind a stale one"])
def beside(request, applied):
    """A node in sync, where then a second route has come beside one of podnet's."""
    applied.shell(BESIDE[request.param])
    yield applied
    applied.shell("ip address del 172.7.23.1/24 dev docker0 2>/dev/null || true")


@NFT_ONLY
def test_a_saved_plan_leaves_what_is_wanted(beside, tmp_path):
    path = tmp_path / "plan.json"
    beside.podnet("plan", beside.spec, "--live", "--out", path)
    assert (beside.podnet("apply", path, "--yes").code, beside.drift().code) == (0, 0)


@NFT_ONLY
def test_a_confirm_that_does_not_come_leaves_every_route_in_its_place(beside):
    before = beside.state()
    done = beside.podnet("apply", beside.spec, "--yes", "--confirm-within", "1")
    assert (done.code, beside.state()) == (4, before)


@NFT_ONLY
def test_a_rollback_brings_every_route_back_to_its_place(beside):
    before = beside.state()
    codes = [beside.apply().code, beside.podnet("rollback", "--yes", "--allow-broken-traffic").code]
    assert (codes, beside.state()) == ([0, 0], before)


@NFT_ONLY
def test_drift_says_that_the_right_route_is_there_and_mends_it(beside):
    done = beside.podnet("drift", beside.spec, "--fix")
    assert (done.code, "podnet cannot fix that" in done.stdout, beside.drift().code) == (0, False, 0)
