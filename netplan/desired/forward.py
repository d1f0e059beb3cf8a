"""Which forwarded packets a node accepts for its pods: the chain PODNET-FORWARD of table filter."""

from __future__ import annotations

from typing import Final

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import Prefix
from netplan.netfilter.iptables.rule import Rule

FORWARD: Final = {version: ChainKey(version, "filter", "FORWARD") for version in (4, 6)}
FORWARD_CHAIN: Final = {version: ChainKey(version, "filter", "PODNET-FORWARD") for version in (4, 6)}


def forward_chain(network: Prefix) -> Chain:
    """Compile the chain that accepts what comes from and goes to the pod network, as flannel's FLANNEL-FWD does."""
    texts = (f"-s {network} -j ACCEPT", f"-d {network} -j ACCEPT")
    return Chain(FORWARD_CHAIN[network.version], tuple(Rule.parse(text, version=network.version) for text in texts))
