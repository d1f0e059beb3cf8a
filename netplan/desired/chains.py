"""Which packets leave a node under another source address, and which are forwarded: the chains of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import IfName, Prefix
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.model import IpMasq, Mark

POSTROUTING: Final = {version: ChainKey(version, "nat", "POSTROUTING") for version in (4, 6)}
MASQUERADE_CHAIN: Final = {version: ChainKey(version, "nat", "PODNET-POSTROUTING") for version in (4, 6)}

MULTICAST: Final = {4: Prefix.parse("224.0.0.0/4"), 6: Prefix.parse("ff00::/8")}
LINK_LOCAL: Final = {4: Prefix.parse("169.254.0.0/16"), 6: Prefix.parse("fe80::/10")}


def masquerade_chain(
    bridge: IfName, subnet: Prefix, network: Prefix, policy: IpMasq, respected: Iterable[Mark]
) -> Chain:
    """Compile the chain that decides on the source address of every packet from and to the pods of a node.

    It is about the IP version of the node's subnet and of the pod network.
    """
    version = network.version
    texts = _rules(bridge, subnet, network, policy, respected)
    return Chain(MASQUERADE_CHAIN[version], tuple(Rule.parse(text, version=version) for text in texts))


def kept(network: Prefix, policy: IpMasq) -> tuple[Prefix, ...]:
    """Return the destinations that must see the pod's own address, the pod network first: those of its IP version."""
    version = network.version
    prefixes = [network, *exempt(version, policy), MULTICAST[version]]
    if not (policy.masq_link_local if version == 4 else policy.masq_link_local_ipv6):
        prefixes.append(LINK_LOCAL[version])
    return tuple(dict.fromkeys(prefixes))


def exempt(version: int, policy: IpMasq) -> tuple[Prefix, ...]:
    """Return those of them that the spec names."""
    return tuple(prefix for prefix in policy.non_masquerade_cidrs if prefix.version == version)


def _rules(bridge: IfName, subnet: Prefix, network: Prefix, policy: IpMasq, respected: Iterable[Mark]) -> Iterator[str]:
    """Return the rules in order.

    ACCEPT ends the walk through POSTROUTING, RETURN lets other programs' rules decide: packets that were marked for
    SNAT, and packets that stay on the bridge (docker's hairpin rules), are theirs.
    """
    for mark in respected:
        yield f"-m mark --mark {mark} -j RETURN"
    yield f"-s {subnet} -o {bridge} -j RETURN"
    yield f"-s {network} -d {network} -j ACCEPT"
    for prefix in kept(network, policy)[1:]:
        yield f"-s {subnet} -d {prefix} -j ACCEPT"
    if policy.source == "any":
        yield from _as_ip_masq_agent(network, policy)
    source = f"-s {subnet} " if policy.source == "pods" else ""
    yield from (f"{source}! -o {bridge} {target}" for target in _targets(policy))


def _as_ip_masq_agent(network: Prefix, policy: IpMasq) -> Iterator[str]:
    """Return the exemptions of packets that come from elsewhere than this node's pods (ip-masq-agent's README)."""
    yield "-m addrtype --dst-type LOCAL -j RETURN"
    yield from (f"-d {prefix} -j RETURN" for prefix in kept(network, policy))


def _targets(policy: IpMasq) -> Iterator[str]:
    """Return what masquerades, with what each of it is for; the last is for every packet that is left.

    A rule takes one range of ports, and only protocols that have ports: of several ranges, each gets a share of the
    connections in proportion to its size.
    """
    random_fully = " --random-fully" if policy.random_fully else ""
    for protocol in ("tcp", "udp") if policy.to_ports else ():
        left = sum(ports.size for ports in policy.to_ports or ())
        for ports in policy.to_ports or ():
            share = "" if ports.size == left else f"-m statistic --mode random --probability {ports.size / left:.11f} "
            yield f"-p {protocol} {share}-j MASQUERADE --to-ports {ports}{random_fully}"
            left -= ports.size
    yield f"-j MASQUERADE{random_fully}"


FORWARD: Final = {version: ChainKey(version, "filter", "FORWARD") for version in (4, 6)}
FORWARD_CHAIN: Final = {version: ChainKey(version, "filter", "PODNET-FORWARD") for version in (4, 6)}


@lru_cache(maxsize=4)
def forward_chain(network: Prefix, nodes: tuple[Prefix, ...] | None = None) -> Chain:
    """Compile the chain that accepts what comes from and goes to the pod network, as flannel's FLANNEL-FWD does.

    With the addresses of `nodes` only what pods send to each other, and what they and nodes do.
    """
    texts = [f"-s {network} -j ACCEPT", f"-d {network} -j ACCEPT"]
    if nodes is not None:
        ends = (f"-s {one} -d {other} -j ACCEPT" for node in nodes for one, other in ((network, node), (node, network)))
        texts = [f"-s {network} -d {network} -j ACCEPT", *ends]
    return Chain(FORWARD_CHAIN[network.version], tuple(Rule.parse(text, version=network.version) for text in texts))


OUR_CHAINS: Final = {
    chain[version]: hook[version]
    for version in (4, 6)
    for chain, hook in ((MASQUERADE_CHAIN, POSTROUTING), (FORWARD_CHAIN, FORWARD))
}
"""Every chain of ours and the built-in chain that leads into it."""
