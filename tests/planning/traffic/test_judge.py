from __future__ import annotations

import pytest

from netplan.planning.traffic.judge import guards, whose


@pytest.mark.parametrize(
    ("at", "rule", "found"),
    [
        ("nat POSTROUTING 1", "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE", "docker's MASQUERADE"),
        (
            "nat POSTROUTING 3",
            "-s 172.7.22.2/32 -d 172.7.22.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE",
            "docker's hairpin MASQUERADE",
        ),
        ("filter FORWARD 6", "-j REJECT --reject-with icmp-host-prohibited", "the distribution's REJECT"),
        ("nat KUBE-POSTROUTING 3", "-j MASQUERADE --random-fully", "kube-proxy's MASQUERADE"),
        ("nat CNI-d8f89f 2", "! -d 224.0.0.0/4 -j MASQUERADE", "a CNI plugin's MASQUERADE"),
        ("nat POSTROUTING 1", "-s 10.0.0.0/8 -j MASQUERADE", ""),
        ("route", "172.7.22.0/24 via 10.4.7.22", ""),
    ],
)
def test_a_rule_looks_like(at, rule, found):
    assert whose(at, rule) == found


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("raw PREROUTING 1", "-d 172.7.21.2/32 ! -i docker0 -j DROP"),
        ("iptables-legacy raw PREROUTING 4", "-d 172.7.21.2/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DROP"),
        ("filter DOCKER 2", "! -i docker0 -o docker0 -j DROP"),
        ("nft ip docker-bridges raw-PREROUTING 1", "-d 172.7.21.2/32 ! -i docker0 -j DROP"),
        ("nft ip docker-bridges filter-forward-in__docker0 4", "-j DROP"),
    ],
)
def test_docker_keeps_what_comes_from_the_outside_away_from_containers(at, rule):
    assert [guards(at, rule, arrives=arrives) for arrives in (True, False)] == [True, False]


@pytest.mark.parametrize(
    ("at", "rule", "expected"),
    [
        ("nft inet firewalld filter_FWD_public 8", "-j REJECT --reject-with icmp-admin-prohibited", True),
        ("filter FWD_public 5", "-j REJECT", True),
        ("filter FWDI_public 5", "-j REJECT", True),
        ("filter FORWARD 8", "-j REJECT --reject-with icmp-host-prohibited", False),
        ("raw PREROUTING 1", "-d 172.7.21.2/32 -j DROP", False),
        ("filter DOCKER 2", "! -i docker0 -o eth0 -j DROP", False),
    ],
)
def test_zones_of_firewalld_say_what_the_outside_may_do_and_other_refusals_do_not(at, rule, expected):
    assert guards(at, rule, arrives=True) is expected
