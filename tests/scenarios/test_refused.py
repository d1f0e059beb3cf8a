"""What the kernel does not accept leaves no trace: the state is as before, and the message says what and why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from netplan.operations import interface_wait
from tests.scenarios.node import State
from tests.scenarios.node import refused_route as refusing
from tests.scenarios.podnet import Outcome, process
from tests.scenarios.tools import first_in_path, links, wrap

pytestmark = pytest.mark.checkered

NFT_ONLY = pytest.mark.parametrize("backend", ["nft"], indirect=True)


def variant(node, tmp_path, old, new):
    """Write the node's spec with something replaced."""
    text = node.spec.read_text()
    assert old in text
    path = tmp_path / "hdss7.yaml"
    path.write_text(text.replace(old, new))
    return path


def place_of(spec, key):
    """Return FILE:LINE:COLUMN of a key."""
    for number, line in enumerate(spec.read_text().splitlines(), 1):
        if line.lstrip().startswith(f"{key}:"):
            return f"{spec}:{number}:{line.index(key) + 1}"
    raise AssertionError(f"{spec} has no {key}")


class Attempt(NamedTuple):
    """What an apply said, and the state before and after it."""

    spec: Path
    outcome: Outcome
    before: State
    after: State


@pytest.fixture(scope="module")
def refused_route(nodes, tmp_path_factory):
    """An apply of a spec by whose route the node would lead to itself."""
    node = nodes["hdss7-21"]
    node.reset()
    with refusing(node, tmp_path_factory.mktemp("refused")) as words:
        before = node.state()
        return Attempt(Path(words[0]), node.podnet("apply", *words, "--yes"), before, node.state())


def test_refused_route_exits_4(refused_route):
    assert refused_route.outcome.code == 4


def test_refused_route_leaves_the_state_as_it_was(refused_route):
    assert refused_route.after == refused_route.before


def test_refused_route_is_named(refused_route):
    assert "route 172.7.22.0/24 via 10.4.7.22 dev" in refused_route.outcome.stderr


def test_line_of_a_refused_route_is_named(refused_route):
    assert place_of(refused_route.spec, "hdss7-22") in refused_route.outcome.stderr


def test_refused_route_leaves_a_node_that_was_in_sync_in_sync(applied, tmp_path):
    with refusing(applied, tmp_path) as words:
        assert applied.podnet("apply", *words, "--yes").code == 4
    assert applied.drift().code == 0


def test_fix_does_all_but_what_the_kernel_refuses_and_names_that(node, tmp_path):
    with refusing(node, tmp_path) as words:
        done = node.podnet("drift", *words, "--fix")
        spec, _allowed, *node_words = words
        left = node.podnet("drift", spec, *node_words, "--format", "json").changes
    assert (done.code, left) == (1, ["create route 172.7.22.0/24"]), done.stderr
    assert "podnet cannot fix what is blocked on this: route 172.7.22.0/24 via 10.4.7.22 dev docker0" in done.stderr


OFF_LINK = {
    "the device has another address": "",
    "a route leads to the next hop by another device": "ip route add 10.4.7.22/32 dev eth0",
}


@pytest.mark.parametrize("other", OFF_LINK)
def test_next_hop_that_is_not_on_link_is_taken_for_it_if_that_is_allowed(node, tmp_path, other):
    spec = variant(node, tmp_path, "interface: eth0", "interface: docker0")
    node.shell(OFF_LINK[other])
    try:
        codes = [node.podnet("apply", spec, "--yes", *flags).code for flags in ((), ("--allow-off-link",))]
        route = node.shell("ip route show 172.7.22.0/24").strip()
        assert (codes, node.podnet("drift", spec).code) == ([3, 0], 0)
        assert route == "172.7.22.0/24 via 10.4.7.22 dev docker0 proto 112 onlink"
    finally:
        node.shell("ip route del 10.4.7.22/32 2>/dev/null || true")


@NFT_ONLY
def test_a_route_is_as_any_other_again_once_its_next_hop_is_on_link(applied):
    applied.shell("ip address flush dev eth0; ip address add 10.4.7.21/32 dev eth0")
    try:
        assert applied.podnet("apply", applied.spec, "--yes", "--allow-off-link").code == 0
        assert applied.shell("ip route show proto 112") == "172.7.22.0/24 via 10.4.7.22 dev eth0 onlink \n"
        applied.shell("ip address add 10.4.7.99/24 dev eth0")
        assert applied.drift("--fix").changes == ["update route 172.7.22.0/24"]
        assert applied.shell("ip route show proto 112") == "172.7.22.0/24 via 10.4.7.22 dev eth0 \n"
    finally:
        applied.shell(
            "ip address flush dev eth0; ip address add 10.4.7.21/24 dev eth0; ip route add default via 10.4.7.254"
        )


def test_interface_that_is_not_there_is_told_in_the_plan(node, tmp_path):
    spec = variant(node, tmp_path, "interface: eth0", "interface: eth9")
    assert "10.4.7.21 is on eth0; write interface: eth0" in node.podnet("plan", spec, "--live").stdout


def test_interface_that_is_down_is_given_as_a_cause(node, tmp_path, monkeypatch):
    monkeypatch.setattr(interface_wait, "PATIENCE", 0)
    node.shell("ip link add spare type veth peer name spare-peer; ip address add 10.4.8.21/24 dev spare")
    spec = variant(node, tmp_path, "10.4.7.", "10.4.8.")
    spec.write_text(spec.read_text().replace("interface: eth0", "interface: spare"))
    try:
        done = node.patched("apply", spec, "--node", "hdss7-21", "--yes")
        assert "the interface spare is down: ip link set spare up" in done.stderr
    finally:
        node.shell("ip link del spare")


@NFT_ONLY
def test_a_bridge_in_the_subnet_of_a_peer_is_named_and_never_adopted(node, tmp_path):
    spec = variant(node, tmp_path, "backend:\n", "backend:\n  adopt: true\n")
    node.shell("ip address add 172.7.22.1/24 dev docker0")
    try:
        before = node.state()
        done = node.podnet("apply", spec, "--yes")
        assert "docker0 holds 172.7.22.1/24, the subnet of hdss7-22; this node's is 172.7.21.0/24" in done.stderr
        assert (done.code, node.state()) == (3, before)
    finally:
        node.shell("ip address del 172.7.22.1/24 dev docker0")


@pytest.fixture
def occupied(node):
    """A node with another program's route where one of ours should be."""
    node.shell("ip route add 172.7.22.0/24 via 10.4.7.254 proto static")
    return node


def test_foreign_route_in_the_way_is_refused(occupied):
    assert occupied.apply().code == 3


def test_foreign_route_in_the_way_leaves_the_state_as_it_was(occupied):
    before = occupied.state()
    occupied.apply()
    assert occupied.state() == before


def test_foreign_route_in_the_way_is_named_with_its_owner(occupied):
    assert "172.7.22.0/24 via 10.4.7.254 dev eth0 from a person (protocol static)" in occupied.apply().stderr


def test_foreign_route_in_the_way_counts_as_drift(occupied):
    assert occupied.drift().code == 1


def test_fix_does_all_but_the_route_that_another_stands_in_the_way_of(occupied):
    done = occupied.drift("--fix")
    left = [change["kind"] for change in json.loads(occupied.drift().stdout)["nodes"][0]["changes"]]
    assert (done.code, left, "172.7.22.0/24 via 10.4.7.254" in occupied.state().routes) == (1, ["route"], True)
    assert "podnet cannot fix what is blocked on this: route 172.7.22.0/24" in done.stderr


@NFT_ONLY
def test_fix_does_the_rest_though_a_check_fails_for_what_is_blocked(occupied, tmp_path):
    checks = "checks: [{tcp: '10.4.7.250:9', within: 1}]"
    spec = variant(occupied, tmp_path, "cluster: hdss7", f"cluster: hdss7\n{checks}")
    done = occupied.podnet("drift", spec, "--node", occupied.name, "--fix")
    assert (done.code, "PODNET-POSTROUTING" in occupied.rules()) == (1, True), done.stderr


@NFT_ONLY
@pytest.mark.parametrize(("verb", "code"), [("prepend", 1), ("append", 0)])
def test_fix_is_in_sync_beside_a_route_of_others_behind_ours_and_not_beside_one_before_it(applied, verb, code):
    applied.shell(f"ip route {verb} 172.7.22.0/24 via 10.4.7.254 proto static; sysctl -qw net.ipv4.ip_forward=0")
    done = applied.drift("--fix")
    assert (done.code, applied.shell("cat /proc/sys/net/ipv4/ip_forward")) == (code, "1\n"), done.stderr


@NFT_ONLY
def test_ours_takes_its_place_before_a_route_of_others_that_stays_behind_it(applied):
    applied.shell("ip route append 172.7.22.0/24 via 10.4.7.254 proto static")
    applied.shell("ip route replace 172.7.22.0/24 via 10.4.7.9 proto 112")
    done = applied.apply()
    hops = [line.split()[2] for line in applied.shell("ip route show 172.7.22.0/24").splitlines()]
    assert (done.code, hops, applied.drift().code) == (0, ["10.4.7.22", "10.4.7.254"], 0), done.stderr


@NFT_ONLY
def test_fix_leaves_out_all_that_the_kernel_refuses_at_once(node, tmp_path):
    many = [f"  h{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for n in range(100, 112)]
    with refusing(node, tmp_path) as (written, *words):
        path = Path(written)
        text = re.sub(r"  subnet_max:.*\n|subnet_max:.*\n", "", path.read_text())
        path.write_text("\n".join([text.rstrip(), *many, ""]))
        node.shell("for n in $(seq 100 111); do ip address add 10.4.7.$n/32 dev lo; done")
        try:
            done = node.podnet("drift", path, *words, "--fix")
        finally:
            node.shell("for n in $(seq 100 111); do ip address del 10.4.7.$n/32 dev lo; done")
    assert (done.code, done.stderr.count("podnet cannot fix what is blocked on this: route")) == (1, 13), done.stderr


def test_fix_that_can_do_nothing_is_a_refusal(occupied):
    occupied.drift("--fix")
    before = occupied.state()
    assert (occupied.drift("--fix").code, occupied.state()) == (3, before)


def test_foreign_route_of_another_metric_is_not_in_the_way(node):
    node.shell("ip route add 172.7.22.0/24 via 10.4.7.254 proto static metric 100")
    assert node.apply().code == 0


def test_sysctl_that_the_kernel_refuses_exits_4(node, tmp_path):
    spec = variant(node, tmp_path, "defaults:", "sysctl: {net.ipv4.ip_default_ttl: 9999}\ndefaults:")
    assert node.podnet("apply", spec, "--yes").code == 4


@pytest.fixture(scope="module")
def interfered(nodes, tmp_path_factory):
    """An apply during which another program deletes a rule of table filter, right after table nat was committed."""
    node = nodes["hdss7-21"]
    node.reset()
    iptables = f"iptables-{node.backend}"
    folder = tmp_path_factory.mktemp("interfered")
    once = f"[ -e {folder}/done ] || {iptables} -D FORWARD -j REJECT --reject-with icmp-host-prohibited"
    links(folder, {iptables: iptables})
    wrap(folder, f"{iptables}-restore", after=[once, f"touch {folder}/done"])
    before = node.state()
    done = process(node.lab, node.name, "apply", node.spec, "--yes", before=first_in_path(folder))
    return Attempt(node.spec, done, before, node.state())


def test_rule_that_another_program_took_away_at_the_moment_of_writing_is_no_obstacle(interfered):
    assert interfered.outcome.code == 0


def test_rule_that_another_program_took_away_at_the_moment_of_writing_stays_away(interfered):
    rules = interfered.after.nft + interfered.after.legacy
    assert (rules.count("-A FORWARD -j REJECT"), rules.count("-j PODNET-FORWARD")) == (0, 1)


NATIVE = """
nft add set ip nat pods '{ type ipv4_addr; }'
nft add rule ip nat POSTROUTING ip saddr @pods masquerade
"""


@pytest.fixture
def native(node):
    """A node with a rule of nftables' own that iptables can't express."""
    node.shell(NATIVE)
    return node


VERBS = [["plan", "--live"], ["apply", "--yes"], ["drift"], ["drift", "--fix"], ["remove", "--yes"]]


@NFT_ONLY
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_table_that_iptables_can_t_read_is_refused(native, words):
    assert native.podnet(words[0], native.spec, *words[1:]).code == 3


@NFT_ONLY
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_table_that_iptables_can_t_read_is_named(native, words):
    assert "table nat can't be read safely" in native.podnet(words[0], native.spec, *words[1:]).stderr


@NFT_ONLY
def test_table_that_iptables_can_t_read_is_not_recorded(native):
    assert native.podnet("capture").code == 3


@NFT_ONLY
def test_table_that_iptables_can_t_read_stays_as_it_was(native):
    before = native.state()
    native.apply()
    assert native.state() == before


@NFT_ONLY
def test_chain_of_ours_that_iptables_can_t_read_is_refused(applied):
    applied.shell("nft add set ip nat pods '{ type ipv4_addr; }'")
    applied.shell("nft add rule ip nat PODNET-POSTROUTING ip saddr @pods masquerade")
    assert applied.apply().code == 3
