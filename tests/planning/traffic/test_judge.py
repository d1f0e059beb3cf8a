from __future__ import annotations

import pytest

from netplan.planning.traffic.judge import whose


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
