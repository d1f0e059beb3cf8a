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

DESTRUCTIVE_STRANGER = "$iptables -t nat -I POSTROUTING -s 172.7.0.0/16 -j MASQUERADE"


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
