"""Whose a rule looks like, by the chain that it stands in or by its shape."""

from __future__ import annotations

import re
from typing import Final

_CHAINS: Final = (
    ("KUBE-", "kube-proxy's"),
    ("DOCKER", "docker's"),
    ("CNI-", "a CNI plugin's"),
    ("FLANNEL-", "flannel's"),
    ("IP-MASQ", "ip-masq-agent's"),
    ("cali", "Calico's"),
    ("CILIUM_", "Cilium's"),
    ("WEAVE", "Weave's"),
    ("ufw", "ufw's"),
    ("PODNET-", "podnet's"),
)

_SHAPES: Final = (
    (re.compile(r"-s \S+ ! -o \S+ -j MASQUERADE"), "docker's MASQUERADE"),
    (re.compile(r"-s (\S+) -d \1 -p \w+ -m \w+ --dport \d+ -j MASQUERADE"), "docker's hairpin MASQUERADE"),
    (re.compile(r"-j REJECT --reject-with icmp6?-(host|adm)-prohibited"), "the distribution's REJECT"),
)

_POLICY: Final = (
    *("DOCKER-USER", "CNI-ADMIN", "KUBE-NWPLCY", "KUBE-POD-FW", "KUBE-ROUTER", "KUBE-NETWORK-POLICIES", "cali"),
    *("CILIUM_", "WEAVE-NPC", "ufw-user-"),
)
"""How the chains begin in which an administrator, or a network policy, says what may reach what."""


def whose(at: str, rule: str) -> str:
    """Return whose a rule looks like, and what it is; empty if that is unknown.

    `at` is its table, chain and position. The shapes are those of docker 20.10 and of iptables-services.
    """
    for shape, name in _SHAPES:
        if shape.fullmatch(rule):
            return name
    chain = _chain(at)
    target = re.search(r"-j (\S+)", rule)
    for start, name in _CHAINS:
        if chain.startswith(start):
            return f"{name} {target[1] if target else 'rule'}"
    return ""


def holds_policy(at: str) -> bool:
    """Whether a rule's chain is there for policies, so that what it refuses is refused on purpose."""
    return _chain(at).startswith(_POLICY)


def _chain(at: str) -> str:
    return at.split()[1] if len(at.split()) > 1 else at
