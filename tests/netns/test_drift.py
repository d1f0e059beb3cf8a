"""What drifts away from the spec is named, and only that; `--fix` brings it back."""

from __future__ import annotations

import pytest

DOCKER = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"

SABOTAGE = [
    pytest.param("ip route del 172.7.22.0/24", ["create route 172.7.22.0/24"], id="a route of ours is deleted"),
    pytest.param(
        "ip route replace 172.7.22.0/24 via 10.4.7.254 proto 112",
        ["update route 172.7.22.0/24"],
        id="a route of ours gets another next hop",
    ),
    pytest.param(
        "ip route add 172.7.99.0/24 via 10.4.7.22 proto 112",
        ["delete route 172.7.99.0/24"],
        id="a route of ours is stale",
    ),
    pytest.param(
        "ip route add 172.7.22.0/24 via 10.4.7.22 proto 112 metric 50",
        ["delete route 172.7.22.0/24 metric 50"],
        id="a route of ours stands there twice",
    ),
    pytest.param(
        "ip route add 172.7.99.0/24 dev docker0 proto 112",
        ["delete route 172.7.99.0/24"],
        id="a route of ours without a next hop is stale",
    ),
    pytest.param(
        "ip route add blackhole 172.7.99.0/24 proto 112",
        ["delete route 172.7.99.0/24"],
        id="a blackhole of ours is stale",
    ),
    pytest.param(
        "$iptables -t nat -D POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING",
        ["create rule nat POSTROUTING 2"],
        id="the jump from POSTROUTING is deleted",
    ),
    pytest.param(
        "$iptables -D FORWARD -m comment --comment podnet -j PODNET-FORWARD",
        ["create rule filter FORWARD 7"],
        id="the jump from FORWARD is deleted",
    ),
    pytest.param(
        "$iptables -t nat -A POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING",
        ["delete rule nat POSTROUTING 3"],
        id="the jump stands there twice",
    ),
    pytest.param(
        "$iptables -t nat -A POSTROUTING -j PODNET-POSTROUTING",
        ["delete rule nat POSTROUTING 3"],
        id="another jump leads into a chain of ours",
    ),
    pytest.param(
        "$iptables -t nat -F PODNET-POSTROUTING",
        ["update chain nat PODNET-POSTROUTING"],
        id="a chain of ours is flushed",
    ),
    pytest.param(
        "$iptables -t nat -A PODNET-POSTROUTING -d 192.0.2.1 -j RETURN",
        ["update chain nat PODNET-POSTROUTING"],
        id="a chain of ours has a rule more",
    ),
    pytest.param(
        "$iptables -D PODNET-FORWARD 2", ["update chain filter PODNET-FORWARD"], id="a chain of ours has a rule less"
    ),
    pytest.param(
        "$iptables -D FORWARD -m comment --comment podnet -j PODNET-FORWARD;"
        "$iptables -F PODNET-FORWARD; $iptables -X PODNET-FORWARD",
        ["create chain filter PODNET-FORWARD", "create rule filter FORWARD 7"],
        id="a chain of ours is deleted with its jump",
    ),
    pytest.param(
        "sysctl -q net.ipv4.ip_forward=0", ["update sysctl net.ipv4.ip_forward"], id="forwarding is switched off"
    ),
    pytest.param(
        f"$iptables -t nat -I POSTROUTING {DOCKER}", ["delete rule nat POSTROUTING 1"], id="docker puts its rule on top"
    ),
    pytest.param(
        "$iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        ["delete rule filter FORWARD 8"],
        id="the distribution appends its last word",
    ),
]


def sabotage(node, script):
    node.shell(f"iptables=iptables-{node.backend}; {script}")


@pytest.mark.parametrize(("script", "changes"), SABOTAGE)
def test_drift_names_exactly_what_changed(applied, script, changes):
    sabotage(applied, script)
    found = applied.drift()
    assert (found.code, found.changes) == (1, changes)


@pytest.mark.parametrize("script", [pytest.param(each.values[0], id=each.id) for each in SABOTAGE])
def test_fix_brings_back_what_was_applied(applied, script):
    before = applied.state()
    sabotage(applied, script)
    assert (applied.drift("--fix").code, applied.state()) == (0, before)


@pytest.mark.parametrize("script", [pytest.param(each.values[0], id=each.id) for each in SABOTAGE])
def test_nothing_drifts_after_a_fix(applied, script):
    sabotage(applied, script)
    applied.drift("--fix")
    assert applied.drift().code == 0


@pytest.fixture
def shadowed(applied):
    """A node in sync, on which another program's rule then rewrites pod traffic before ours can decide."""
    applied.iptables("-t nat -I POSTROUTING -s 172.7.0.0/16 -j MASQUERADE")
    return applied


def test_jump_behind_a_rule_that_rewrites_pod_traffic_is_moved(shadowed):
    found = shadowed.drift()
    assert (found.code, found.changes) == (1, ["move rule nat POSTROUTING 1"])


def test_fix_leaves_the_rule_that_rewrote_pod_traffic_where_it_is_among_the_others(shadowed):
    before = [line for line in shadowed.rules().splitlines() if "PODNET" not in line]
    shadowed.drift("--fix")
    assert [line for line in shadowed.rules().splitlines() if "PODNET" not in line] == before


def test_nothing_drifts_after_the_jump_has_been_moved(shadowed):
    assert (shadowed.drift("--fix").code, shadowed.drift().code) == (0, 0)


def test_jump_is_content_behind_rules_that_rewrite_no_pod_traffic(applied):
    applied.iptables("-t nat -I POSTROUTING -s 192.168.122.0/24 -j MASQUERADE")
    assert applied.drift().code == 0


def test_changed_next_hop_is_named_before_and_after(applied):
    applied.shell("ip route replace 172.7.22.0/24 via 10.4.7.254 proto 112")
    assert applied.drift().fields == {"gateway": ("10.4.7.254", "10.4.7.22")}


def test_route_that_somebody_replaced_with_their_own_is_not_taken_back(applied):
    applied.shell("ip route replace 172.7.22.0/24 via 10.4.7.254 proto static")
    assert applied.drift("--fix").code == 3


def test_drift_changes_nothing_without_fix(applied):
    applied.shell("ip route del 172.7.22.0/24")
    before = applied.state()
    applied.drift()
    assert applied.state() == before


def test_drift_as_text_names_the_line_of_the_spec(applied):
    applied.iptables(f"-t nat -I POSTROUTING {DOCKER}")
    line = next(n for n, text in enumerate(applied.spec.read_text().splitlines(), 1) if "{subnet} ! -o" in text)
    assert f"hdss7.yaml:{line}" in applied.podnet("drift", applied.spec).stdout
