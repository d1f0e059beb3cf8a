"""Beside a program that inserts rules twenty times a second podnet does its work, and no rule of that one is lost."""

from __future__ import annotations

import pytest

from tests.scenarios.inserts import PATIENT, Place, inserts, rule

SABOTAGE = """
iptables-$1 -w 10 -t nat -D POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING || true
iptables-$1 -w 10 -D FORWARD -m comment --comment podnet -j PODNET-FORWARD || true
ip route del 172.7.22.0/24 proto 112 || true
"""
ROUNDS = 3


def failures(node):
    """Run every verb that writes, in turn; give the outcome of those that failed."""
    done = []
    for _ in range(ROUNDS):
        done.append(node.podnet("remove", node.spec, "--yes", *PATIENT))
        done.append(node.podnet("apply", node.spec, "--yes", *PATIENT))
        node.shell(SABOTAGE, node.backend)
        done.append(node.podnet("drift", node.spec, "--fix", *PATIENT))
        done.append(node.podnet("rollback", "--yes", "--allow-broken-traffic", *PATIENT))
    return [outcome for outcome in done if outcome.code]


def inserted(node, place):
    """Return the rules of a chain that the other program has inserted."""
    lines = node.shell(f"iptables-{node.backend} -w 10 -t {place.table} -S {place.chain}").splitlines()
    return [line.split(" ", 2)[2] for line in lines if "br-" in line]


@pytest.mark.parametrize("times", [1, pytest.param(17, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    "place", [Place("nat", "POSTROUTING"), Place("filter", "FORWARD")], ids=lambda place: place.chain
)
def test_what_a_verb_does_is_done_beside_a_program_that_inserts_rules(node, place, times, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.4.7.22 51000 10.4.7.21 22")  # whose packets' rules are looked at too
    failed = []
    for _ in range(times):
        node.reset()
        assert node.apply().code == 0
        with inserts(node, place) as at_work:
            failed += failures(node)
            count = at_work.stop()
        assert inserted(node, place) == [rule(number) for number in reversed(range(count))]
    assert len(failed) <= (times > 1), failed
