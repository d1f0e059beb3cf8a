"""Which forwarded packets a node accepts for its pods: the chain PODNET-FORWARD of table filter."""

from __future__ import annotations

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import Prefix

FORWARD = ChainKey(4, "filter", "FORWARD")
FORWARD_CHAIN = ChainKey(4, "filter", "PODNET-FORWARD")


def forward_chain(network: Prefix) -> Chain:
    """Compile the chain that accepts what comes from and goes to the pod network, as flannel's FLANNEL-FWD does."""
    return Chain(FORWARD_CHAIN, (Rule.parse(f"-s {network} -j ACCEPT"), Rule.parse(f"-d {network} -j ACCEPT")))
