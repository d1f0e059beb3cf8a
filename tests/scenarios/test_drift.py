"""What drifts away from the spec is named, and only that; `--fix` brings it back."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from tests.scenarios.node import State
from tests.scenarios.podnet import Outcome

pytestmark = pytest.mark.checkered

NAT_JUMP = "POSTROUTING -m comment --comment podnet -j PODNET-POSTROUTING"
FORWARD_JUMP = "FORWARD -m comment --comment podnet -j PODNET-FORWARD"
DOCKER = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"

SABOTAGE = {
    "a route of ours is deleted": ("ip route del 172.7.22.0/24", ["create route 172.7.22.0/24"]),
    "a route of ours gets another next hop": (
        "ip route replace 172.7.22.0/24 via 10.4.7.254 proto 112",
        ["update route 172.7.22.0/24"],
    ),
    "a route of ours is stale": (
        "ip route add 172.7.99.0/24 via 10.4.7.22 proto 112",
        ["delete route 172.7.99.0/24"],
    ),
    "a route of ours stands there twice": (
        "ip route add 172.7.22.0/24 via 10.4.7.22 proto 112 metric 50",
        ["delete route 172.7.22.0/24 metric 50"],
    ),
    "a route of ours in another table is stale": (
        "ip route add 172.7.22.0/24 via 10.4.7.22 proto 112 table 1001",
        ["delete route 172.7.22.0/24 table 1001"],
    ),
    "a route of ours for a TOS is stale": (
        "ip route add 172.7.22.0/24 tos 0x10 via 10.4.7.22 proto 112",
        ["delete route 172.7.22.0/24 tos 0x10"],
    ),
    "a route of ours without a next hop is stale": (
        "ip route add 172.7.99.0/24 dev docker0 proto 112",
        ["delete route 172.7.99.0/24"],
    ),
    "a blackhole of ours is stale": (
        "ip route add blackhole 172.7.99.0/24 proto 112",
        ["delete route 172.7.99.0/24"],
    ),
    "the jump from POSTROUTING is deleted": (
        f"$iptables -t nat -D {NAT_JUMP}",
        ["create rule nat POSTROUTING 2"],
    ),
    "the jump from FORWARD is deleted": (f"$iptables -D {FORWARD_JUMP}", ["create rule filter FORWARD 7"]),
    "the jump stands there twice": (f"$iptables -t nat -A {NAT_JUMP}", ["delete rule nat POSTROUTING 3"]),
    "another jump leads into a chain of ours": (
        "$iptables -t nat -A POSTROUTING -j PODNET-POSTROUTING",
        ["delete rule nat POSTROUTING 3"],
    ),
    "a chain of ours is flushed": (
        "$iptables -t nat -F PODNET-POSTROUTING",
        ["update chain nat PODNET-POSTROUTING"],
    ),
    "a chain of ours has a rule more": (
        "$iptables -t nat -A PODNET-POSTROUTING -d 192.0.2.1 -j RETURN",
        ["update chain nat PODNET-POSTROUTING"],
    ),
    "a chain of ours has a rule less": ("$iptables -D PODNET-FORWARD 2", ["update chain filter PODNET-FORWARD"]),
    "a chain of ours is deleted with its jump": (
        f"$iptables -D {FORWARD_JUMP}; $iptables -F PODNET-FORWARD; $iptables -X PODNET-FORWARD",
        ["create chain filter PODNET-FORWARD", "create rule filter FORWARD 7"],
    ),
    "forwarding is switched off": ("sysctl -q net.ipv4.ip_forward=0", ["update sysctl net.ipv4.ip_forward"]),
    "docker puts its rule on top": (
        f"$iptables -t nat -I POSTROUTING {DOCKER}",
        ["delete rule nat POSTROUTING 1"],
    ),
    "the distribution appends its last word": (
        "$iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        ["delete rule filter FORWARD 8"],
    ),
}
"""What happens to a node in sync, the script that does it, and the changes that podnet should find necessary."""


class Episode(NamedTuple):
    """A node in sync, what happened to it, and what podnet found and did about it."""

    changes: list[str]
    before: State
    drift: Outcome
    fix: Outcome
    after: State
    drift_after: Outcome


@pytest.fixture(scope="module", params=list(SABOTAGE))
def episode(request, nodes, applied_images):
    script, changes = SABOTAGE[request.param]
    node = nodes["hdss7-21"]
    node.load(applied_images[node.name])
    before = node.state()
    node.shell(f"iptables=iptables-{node.backend}; {script}")
    drift, fix = node.drift(), node.drift("--fix")
    return Episode(changes, before, drift, fix, node.state(), node.drift())


def test_drift_is_told_by_the_exit_code(episode):
    assert episode.drift.code == 1


def test_drift_names_exactly_what_changed(episode):
    assert episode.drift.changes == episode.changes


def test_fix_succeeds(episode):
    assert episode.fix.code == 0


def test_fix_brings_back_what_was_applied(episode):
    assert episode.after == episode.before


def test_nothing_drifts_after_a_fix(episode):
    assert (episode.drift_after.code, episode.drift_after.changes) == (0, [])


@pytest.fixture
def shadowed(applied):
    """A node in sync, on which another program's rule then rewrites pod traffic before ours can decide."""
    applied.iptables("-t nat -I POSTROUTING -s 172.7.0.0/16 -j MASQUERADE")
    return applied


def test_jump_behind_a_rule_that_rewrites_pod_traffic_is_moved(shadowed):
    done = shadowed.drift()
    assert (done.code, done.changes) == (1, ["move rule nat POSTROUTING 1"])


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


@pytest.fixture
def replaced(applied):
    """A node on which another program replaced a route that podnet's newest generation had."""
    applied.shell("ip route del 172.7.22.0/24")
    assert applied.apply().code == 0
    applied.shell("ip route replace 172.7.22.0/24 via 10.4.7.254 proto static")
    return applied


def test_route_that_another_program_replaced_is_put_back(replaced):
    done = replaced.drift()
    assert (done.code, done.changes) == (1, ["update route 172.7.22.0/24"])
    assert (replaced.drift("--fix").code, replaced.drift().code) == (0, 0)


def test_saved_plan_puts_back_a_route_that_another_program_replaced(replaced, tmp_path):
    replaced.podnet("plan", replaced.spec, "--live", "--out", tmp_path / "plan.json")
    assert (replaced.podnet("apply", tmp_path / "plan.json", "--yes").code, replaced.drift().code) == (0, 0)


def test_rollback_brings_back_the_route_that_had_replaced_ours(replaced):
    before = replaced.state()
    codes = [replaced.apply().code, replaced.podnet("rollback", "--yes", "--allow-broken-traffic").code]
    assert (codes, replaced.state()) == ([0, 0], before)


def test_missed_confirm_brings_back_the_route_that_had_replaced_ours(replaced):
    before = replaced.state()
    code = replaced.podnet("apply", replaced.spec, "--yes", "--confirm-within", "1").code
    assert (code, replaced.state()) == (4, before)


def test_route_of_others_where_podnet_had_none_is_not_taken(applied):
    assert applied.podnet("remove", applied.spec, "--yes", "--lock-timeout", "20").code == 0
    applied.shell("ip route add 172.7.22.0/24 via 10.4.7.254 proto static")
    assert applied.drift("--fix").code == 1
    assert applied.shell("ip route show 172.7.22.0/24") == "172.7.22.0/24 via 10.4.7.254 dev eth0 proto static \n"


def test_drift_changes_nothing_without_fix(applied):
    applied.shell("ip route del 172.7.22.0/24")
    before = applied.state()
    applied.drift()
    assert applied.state() == before


def test_drift_as_text_names_the_line_of_the_spec(applied):
    applied.iptables(f"-t nat -I POSTROUTING {DOCKER}")
    line = next(n for n, text in enumerate(applied.spec.read_text().splitlines(), 1) if "{subnet} ! -o" in text)
    assert f"hdss7.yaml:{line}" in applied.podnet("drift", applied.spec).stdout


BROKEN = {
    "pods are refused": (
        "-I FORWARD -s 172.7.21.0/24 -j DROP",
        "pod -> pod",
        "filter FORWARD 1: -s 172.7.21.0/24 -j DROP",
    ),
    "pods of peers are sent elsewhere": (
        "-t nat -A PREROUTING -s 172.7.22.0/24 -j DNAT --to-destination 192.0.2.9",
        "pod on peer -> pod here",
        "nat PREROUTING 2: -s 172.7.22.0/24 -j DNAT --to-destination 192.0.2.9",
    ),
    "a table that few look at refuses": (
        "-t security -A FORWARD -s 172.7.0.0/16 -p tcp -j DROP",
        "pod -> pod",
        "security FORWARD 1: -s 172.7.0.0/16 -p tcp -j DROP",
    ),
    "what comes from outside is refused": (
        "-t mangle -A PREROUTING -i eth0 ! -s 172.7.0.0/16 -d 172.7.21.0/24 -j DROP",
        "outside -> pod",
        "mangle PREROUTING 1: ! -s 172.7.0.0/16 -d 172.7.21.0/24 -i eth0 -j DROP",
    ),
}
"""Rules of others that break traffic although nothing of podnet's differs, a class that suffers, and what is blamed."""


@pytest.fixture(params=list(BROKEN))
def broken(request, applied):
    """A node in sync whose traffic another program broke: the node, the class of traffic, and what is to blame."""
    rule, traffic, blame = BROKEN[request.param]
    applied.iptables(rule)
    return applied, traffic, blame


def test_broken_traffic_is_drift_and_names_the_rule_to_blame(broken):
    node, traffic, blame = broken
    done = node.drift()
    (plan,) = json.loads(done.stdout)["nodes"]
    suffering = {effect["class"]: effect["after_blame"] for effect in plan["effects"] if effect["stays_broken"]}
    assert (done.code, done.changes, suffering[traffic]) == (1, [], blame)


def test_fix_says_that_broken_traffic_is_not_podnets_to_mend(broken):
    node, _, blame = broken
    before = node.state()
    done = node.podnet("drift", node.spec, "--fix")
    assert "podnet cannot fix that" in done.stdout
    assert (done.code, blame in done.stdout, blame in done.stderr, node.state()) == (1, True, False, before)


def test_what_is_broken_comes_first(broken):
    node, *_ = broken
    node.shell("ip route del 172.7.22.0/24")
    lines = node.podnet("drift", node.spec).stdout.splitlines()
    assert next(line[2] for line in lines if line.startswith(("  !", "  +"))) == "!"


def test_broken_traffic_is_counted(broken, tmp_path):
    node, *_ = broken
    node.drift("--metrics-file", tmp_path / "podnet.prom")
    metrics = dict(
        line.rsplit(" ", 1) for line in (tmp_path / "podnet.prom").read_text().splitlines() if line[0] != "#"
    )
    labels = '{cluster="hdss7",node="hdss7-21"}'
    assert (metrics[f"podnet_drift_in_sync{labels}"], metrics[f"podnet_drift_broken_traffic{labels}"] > "0") == (
        "0",
        True,
    )


def test_metrics_of_a_fix_tell_how_it_ended(applied, tmp_path):
    applied.shell("ip route del 172.7.22.0/24")
    applied.drift("--fix", "--metrics-file", tmp_path / "podnet.prom")
    assert 'podnet_drift_in_sync{cluster="hdss7",node="hdss7-21"} 1' in (tmp_path / "podnet.prom").read_text()


def test_policy_is_no_drift(applied):
    applied.iptables("-I DOCKER-USER -s 172.7.21.0/24 -d 172.7.22.0/24 -j DROP")
    assert applied.drift().code == 0


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "-s 172.7.21.2/32 -d 172.7.22.0/24",
            [
                "pod -> pod on hdss7-22, only from 172.7.21.2  dropped",
                "pod on hdss7-22 -> pod here, only to 172.7.21.2  replies dropped",
            ],
        ),
        (
            "-s 172.7.21.0/24 -d 172.7.22.0/24 -p tcp -m tcp --dport 20000",
            ["pod -> pod (tcp 20000) on hdss7-22  dropped"],
        ),
    ],
    ids=["one pod", "one port"],
)
def test_a_refusal_of_a_part_of_a_class_is_drift_of_that_part(applied, rule, said):
    applied.iptables(f"-I FORWARD {rule} -j DROP")
    done = applied.podnet("drift", applied.spec)
    lines = [line.partition("! traffic ")[2].partition("now:")[0].strip() for line in done.stdout.splitlines()]
    assert (done.code, [line for line in lines if line]) == (1, said)


def test_traffic_of_which_nothing_is_known_is_said_and_is_no_drift(applied):
    applied.iptables("-I FORWARD -s 172.7.21.0/24 -m u32 --u32 0x0=0x1 -j DROP")
    done = applied.podnet("drift", applied.spec)
    assert (done.code, done.stdout.count("  ? traffic")) == (0, 1)


def test_machine_that_is_not_the_node_is_told_so(applied, peer):
    done = peer.podnet("drift", applied.spec, "--node", "hdss7-21")
    assert done.code == 1
    assert "10.4.7.21, the address of hdss7-21, is on no interface of this machine" in done.stdout
    assert peer.podnet("apply", applied.spec, "--node", "hdss7-21", "--yes").code == 3
