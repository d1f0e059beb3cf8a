from __future__ import annotations

import pytest

from netplan.planning.placement import span_of
from tests import make

KUBE = (
    "*nat\n:KUBE-POSTROUTING - [0:0]\n"
    "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n-A KUBE-POSTROUTING -j MASQUERADE\n"
)
TO_KUBE = "-j KUBE-POSTROUTING"


def span(hook, rules, more="", cluster_spec=None):
    """Return the gaps between rules of a chain in which our jump may stand."""
    wanted = make.desired(cluster_spec)
    (jump,) = [jump for jump in wanted.jumps if jump.hook == hook]
    (traffic,) = wanted.traffic
    chains = make.snapshot(more).chains
    return tuple(span_of(jump.place, hook, traffic, make.rules(*rules), chains))


def shield(*rules, more="", **keys):
    return span(make.POSTROUTING, rules, more, make.spec(**keys))


def late(*rules, more=""):
    return span(make.FORWARD, rules, more)


def test_dockers_rule_must_come_behind_the_jump():
    assert shield("-j LOG", make.DOCKER_MASQUERADE, "-j LOG") == (0, 1)


def test_kube_proxys_chain_may_come_before_the_jump():
    assert shield(TO_KUBE, make.DOCKER_MASQUERADE, more=KUBE) == (0, 1)


def test_kube_proxys_chain_must_come_behind_the_jump_where_its_mark_is_not_respected():
    assert shield(TO_KUBE, more=KUBE, firewall="{respect_marks: []}") == (0, 0)


def test_a_chain_that_is_not_known_must_come_behind_the_jump():
    assert shield("-j CNI-1234") == (0, 0)


@pytest.mark.parametrize(
    "rule",
    [
        "-s 172.30.5.0/24 ! -o br-app -j MASQUERADE",
        "-s 10.4.7.0/24 -j MASQUERADE",
        "-s 172.7.21.0/24 -o docker0 -j MASQUERADE",
        "-s 172.7.21.0/24 -d 8.8.8.8/32 -j SNAT --to-source 10.4.7.21",
        "-m mark --mark 0x2000/0x2000 -j MASQUERADE",
        "-s 172.7.0.0/16 -d 172.7.0.0/16 -j RETURN",
    ],
)
def test_a_rule_that_can_rewrite_no_pod_traffic_which_keeps_its_source_may_come_before_the_jump(rule):
    assert shield(rule) == (0, 1)


@pytest.mark.parametrize(
    "rule",
    [
        "-j MASQUERADE",
        "-o eth0 -j MASQUERADE",
        "-p tcp -j MASQUERADE",
        "! -s 172.7.21.0/24 -o docker0 -j MASQUERADE",
        "-s 172.7.21.5/32 -j SNAT --to-source 10.4.7.21",
        "-s 172.7.0.0/16 -d 224.0.0.0/4 -j MASQUERADE",
    ],
)
def test_a_rule_that_may_rewrite_pod_traffic_which_keeps_its_source_must_come_behind_the_jump(rule):
    assert shield(rule) == (0, 0)


def test_a_destination_that_must_see_the_pods_own_address_is_shielded_too():
    rule = "-s 172.7.21.0/24 -d 192.168.0.0/16 -j MASQUERADE"
    assert (shield(rule), shield(rule, ip_masq="{non_masquerade_cidrs: [192.168.0.0/16]}")) == ((0, 1), (0, 0))


def test_a_rule_behind_one_that_marks_packets_may_rewrite_them():
    assert shield("-j MARK --set-xmark 0x4000/0x4000", TO_KUBE, more=KUBE) == (0, 1)


def test_policy_comes_before_the_jump():
    assert late("-j LOG", "-d 172.7.21.5/32 -j DROP", "-j LOG") == (2, 3)


def test_policy_on_what_comes_from_pods_comes_before_the_jump():
    assert late("-s 172.7.21.5/32 -d 10.9.0.0/16 -j DROP", "-j LOG") == (1, 2)


def test_a_policy_of_other_traffic_may_come_behind_the_jump():
    assert late("-s 10.9.0.0/16 -d 10.9.0.0/16 -j DROP") == (0, 1)


@pytest.mark.parametrize("end", [make.REJECT, "-j DROP", "-j ACCEPT", "-j RETURN", "-g ANYTHING"])
def test_the_jump_comes_before_the_rule_that_ends_the_chain(end):
    assert late("-j LOG", end, "-j LOG", more="*filter\n:ANYTHING - [0:0]\n") == (0, 1)


def test_a_refusal_behind_the_end_of_the_chain_does_not_count():
    assert late(make.REJECT, "-d 172.7.21.5/32 -j DROP") == (0, 0)


def test_the_jump_comes_behind_the_chains_of_docker_that_may_refuse():
    docker = make.docker()
    forward = make.texts(make.snapshot(docker).rules(make.FORWARD))
    low, high = late(*forward, more=docker)
    assert (forward[low - 1], forward[high]) == ("-j DOCKER-ISOLATION-STAGE-1", make.REJECT)


def test_the_jump_comes_behind_a_chain_that_is_not_known():
    assert late("-j KUBE-ROUTER-FORWARD", "-j LOG") == (1, 2)
