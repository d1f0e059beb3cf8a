"""A node on which docker was started, restarted and given a container beside podnet, as iptables-save showed it.

`make real-docker` has the same of a dockerd that runs; `python -m tests.scenarios.real` records the rules anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from netplan.cli.views.text import plan_text
from netplan.desired.compile import compile_node
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import IfName, InterfaceAddress
from netplan.operations.apply import apply_spec
from netplan.operations.drift import find_drift
from netplan.operations.fix import fix
from netplan.operations.request import Dialogue, Options
from netplan.planning.plan import Plan
from netplan.spec.load import read
from netplan.trace import PacketVerdict
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import machine
from tests.reports import Kept
from tests.trace.states import traced

STORY = Path(__file__).parents[2] / "specs/hdss7.yaml"
POD, CONTAINER, PEER_POD, OUTSIDE, NODE = "172.7.21.2", "172.7.21.128", "172.7.22.2", "198.51.100.2", "10.4.7.21"
STARTED = "docker-20.10-start-nft"
APPLIED, RESTARTED, PUBLISHED = (
    f"podnet-beside-docker-20.10-{moment}" for moment in ("applied", "restarted", "published")
)
DOCKER_USER = ChainKey(4, "filter", "DOCKER-USER")
TCP = 6


@pytest.fixture(scope="module")
def spec():
    """The story's spec, which takes docker's MASQUERADE away."""
    return read(STORY)


@pytest.fixture
def keeping(tmp_path):
    """The same, but docker's MASQUERADE may stay."""
    path = tmp_path / "keep.yaml"
    lines = STORY.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "MASQUERADE" not in line))
    return read(path)


def here(spec):
    return spec.topology.by_name["hdss7-21"]


def rules(name):
    return make.chains(make.capture(f"{name}.rules"))


def before():
    """Return a node on which docker has started, and nothing of podnet's is."""
    return make.snapshot(
        make.capture(f"{STARTED}.rules"),
        make.route("172.7.21.0/24", None, "docker0", protocol=2),
        make.route("0.0.0.0/0", "10.4.7.254", protocol=3),
        LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24")),
    )


def applied(spec, folder):
    """Return the state that an apply leaves."""
    work, kernel, _ = machine(folder, before())
    apply_spec(work, spec, here(spec))
    return kernel.state


def beside(spec, folder, name):
    """Return the same state with the rules that were captured."""
    return applied(spec, folder).replace(Chain, rules(name))


def drift(spec, folder, state):
    return find_drift(compile_node(spec, here(spec)), lambda _: MemoryKernel(state), folder, Kept())


def fixed(spec, folder, state):
    """Return the state that a drift --fix leaves."""
    work, kernel, _ = machine(folder, state)
    fix(work, spec, compile_node(spec, here(spec)), Options(), Dialogue())
    return kernel.state


def rules_of(state):
    return {chain.key: chain for chain in state.all(Chain)}


def test_an_apply_beside_docker_leaves_the_rules_that_were_captured(spec, tmp_path):
    assert rules_of(applied(spec, tmp_path)) == {chain.key: chain for chain in rules(APPLIED)}


def test_dockers_rule_hides_a_pod_that_has_its_own_address_after_apply(spec, tmp_path):
    after = applied(spec, tmp_path)
    sources = [traced(state, POD, PEER_POD).source for state in (after.replace(Chain, rules(STARTED)), after)]
    assert list(map(str, sources)) == [NODE, POD]


def test_after_a_restart_of_docker_its_rule_alone_is_a_difference(spec, tmp_path):
    plan = drift(spec, tmp_path, beside(spec, tmp_path, RESTARTED)).plan
    assert make.said(plan.changes) == [f"delete rule nat POSTROUTING 1: {make.DOCKER_MASQUERADE}"]


def test_a_fix_after_a_restart_of_docker_leaves_the_rules_of_before(spec, tmp_path):
    state = fixed(spec, tmp_path, beside(spec, tmp_path, RESTARTED))
    assert rules_of(state) == {chain.key: chain for chain in rules(APPLIED)}


def test_where_dockers_rule_may_stay_drift_says_that_it_has_overtaken_our_jump(keeping, tmp_path):
    plan = drift(keeping, tmp_path, beside(keeping, tmp_path, RESTARTED)).plan
    text = plan_text(Plan.of(keeping, [plan]), "Drift", 100).plain
    assert make.said(plan.changes) == ["move rule nat POSTROUTING 1: -m comment --comment podnet -j PODNET-POSTROUTING"]
    assert "now: nat POSTROUTING 1, docker's MASQUERADE" in text


def test_where_dockers_rule_may_stay_a_fix_keeps_it_and_a_pod_its_address(keeping, tmp_path):
    state = fixed(keeping, tmp_path, beside(keeping, tmp_path, RESTARTED))
    assert make.texts(state.rules(make.POSTROUTING))[1:] == [make.DOCKER_MASQUERADE]
    assert str(traced(state, POD, PEER_POD).source) == POD


def test_a_container_that_comes_after_apply_is_no_difference(spec, tmp_path):
    assert drift(spec, tmp_path, beside(spec, tmp_path, PUBLISHED)).in_sync


def test_a_published_port_leads_from_outside_to_its_container(spec, tmp_path):
    trace = traced(beside(spec, tmp_path, PUBLISHED), OUTSIDE, NODE, protocol=TCP, dport=8080)
    assert (trace.verdict, str(trace.destination)) == (PacketVerdict.ACCEPT, CONTAINER)


def test_what_docker_user_drops_stays_dropped(spec, tmp_path):
    state = applied(spec, tmp_path)
    chains = [
        Chain(chain.key, make.rules(f"-s {POD} -j DROP", "-j RETURN")) if chain.key == DOCKER_USER else chain
        for chain in state.all(Chain)
    ]
    assert traced(state.replace(Chain, chains), POD, PEER_POD).verdict is PacketVerdict.DROP
