"""Which packets leave a node under another source address: the chain PODNET-POSTROUTING of table nat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.net import Prefix
from netplan.spec.model import IpMasq, Mark
from netplan.topology import Node

POSTROUTING = ChainKey(4, "nat", "POSTROUTING")
MASQUERADE_CHAIN = ChainKey(4, "nat", "PODNET-POSTROUTING")

MULTICAST = Prefix.parse("224.0.0.0/4")
LINK_LOCAL = Prefix.parse("169.254.0.0/16")


def masquerade_chain(node: Node, network: Prefix, policy: IpMasq, respected: Iterable[Mark]) -> Chain:
    """Compile the chain that decides on the source address of every packet from and to the pods of a node."""
    return Chain(MASQUERADE_CHAIN, tuple(Rule.parse(text) for text in _rules(node, network, policy, respected)))


def kept(network: Prefix, policy: IpMasq) -> tuple[Prefix, ...]:
    """Give the destinations that must see the pod's own address, the pod network first."""
    prefixes = [network, *policy.non_masquerade_cidrs, MULTICAST]
    if not policy.masq_link_local:
        prefixes.append(LINK_LOCAL)
    return tuple(dict.fromkeys(prefixes))


def _rules(node: Node, network: Prefix, policy: IpMasq, respected: Iterable[Mark]) -> Iterator[str]:
    """Give the rules in order.

    ACCEPT ends the walk through POSTROUTING, RETURN lets other programs' rules decide: packets that somebody marked for
    SNAT, and packets that stay on the bridge (docker's hairpin rules), are theirs.
    """
    for mark in respected:
        yield f"-m mark --mark {mark} -j RETURN"
    yield f"-s {node.subnet} -o {node.bridge} -j RETURN"
    yield f"-s {network} -d {network} -j ACCEPT"
    for prefix in kept(network, policy)[1:]:
        yield f"-s {node.subnet} -d {prefix} -j ACCEPT"
    if policy.source == "any":
        yield from _as_ip_masq_agent(network, policy)
    source = f"-s {node.subnet} " if policy.source == "pods" else ""
    yield from (f"{source}! -o {node.bridge} {target}" for target in _targets(policy))


def _as_ip_masq_agent(network: Prefix, policy: IpMasq) -> Iterator[str]:
    """Give the exemptions of packets that come from elsewhere than this node's pods (ip-masq-agent's README)."""
    yield "-m addrtype --dst-type LOCAL -j RETURN"
    yield from (f"-d {prefix} -j RETURN" for prefix in kept(network, policy))


def _targets(policy: IpMasq) -> Iterator[str]:
    """Give what masquerades, with what each of it is for; the last is for every packet that is left.

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
