"""Where our jumps may stand among other programs' rules: found by walking the rules, not by a fixed position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

from netplan.desired.model import Place
from netplan.kinds.chain.place import Span
from netplan.kinds.chain.value import ChainKey, PlacedRule
from netplan.net import IfName, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.netfilter.iptables.rule import Rule
from netplan.spec.model import Mark as SpecMark
from netplan.trace.firewall.targets import REFUSED, Fate
from netplan.trace.firewall.walk import Chains, Walker
from netplan.trace.flow import ANYWHERE, Flow, Mark


class PodTraffic(Protocol):
    """The pod traffic of one IP version on a node; the fields are those of `compile.Traffic`."""

    @property
    def version(self) -> int:
        """The IP version."""

    @property
    def network(self) -> Prefix:
        """The pod network."""

    @property
    def subnet(self) -> Prefix:
        """The node's part of it."""

    @property
    def bridge(self) -> IfName:
        """The bridge of the node's pods."""

    @property
    def kept(self) -> tuple[Prefix, ...]:
        """The destinations that must see a pod's own address."""

    @property
    def respected(self) -> tuple[SpecMark, ...]:
        """The marks of packets that ask for another source."""


def span_of(place: Place, hook: ChainKey, traffic: PodTraffic, rules: Sequence[Rule], chains: Chains) -> Span:
    """Return the gaps between foreign rules of a chain in which our jump may stand."""
    walker = Walker(chains)
    if place is Place.SHIELD:
        return Span(0, min(_first_rewriter(rules, hook, flow, walker) for flow in shielded(traffic)))
    high = _end(rules, hook, walker)
    return Span(max(_last_refusal(rules[:high], hook, flow, walker) for flow in _forwarded(traffic)), high)


_OUTSIDE: Final = {
    4: tuple(map(Prefix.parse, ("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24", "198.18.0.0/15"))),
    6: tuple(map(Prefix.parse, ("2001:db8::/32", "3fff::/20", "2001:2::/48"))),
}
"""Prefixes that no node routes for itself (RFC 5737, 2544, 3849, 9637): a packet to one of them is to the outside."""


def outsides(traffic: PodTraffic) -> Iterator[Prefix]:
    """Return a prefix that stands for the outside, none if the spec keeps them all."""
    return islice(
        (prefix for prefix in _OUTSIDE[traffic.version] if not any(kept.overlaps(prefix) for kept in traffic.kept)), 1
    )


def shielded(traffic: PodTraffic) -> Iterator[Flow]:
    """Return the pod traffic that keeps its source address: what leaves this node, and what arrives for its pods."""
    mark = Mark(0, 0, tuple(Masked(mark.value, mark.mask) for mark in traffic.respected))
    for prefix in traffic.kept:
        yield Flow.between(traffic.subnet, prefix, oif=traffic.bridge, other_oif=True, mark=mark)
    yield Flow.between(traffic.network, traffic.subnet, but_not=traffic.subnet, oif=traffic.bridge, mark=mark)


def _forwarded(traffic: PodTraffic) -> Iterator[Flow]:
    anywhere = ANYWHERE[traffic.version]
    yield Flow.between(traffic.network, anywhere)
    yield Flow.between(anywhere, traffic.network)


def _first_rewriter(rules: Sequence[Rule], hook: ChainKey, flow: Flow, walker: Walker) -> int:
    """Return the index of the first rule that may rewrite the source of the packets, or the number of rules."""
    flows = {flow}
    for index, rule in enumerate(rules):
        branches = [branch for arriving in flows for branch in walker.past(PlacedRule(hook, index + 1, rule), arriving)]
        if any(branch.flow.snat for branch in branches):
            return index
        flows = {branch.flow for branch in branches if branch.fate is Fate.CONTINUES}
    return len(rules)


def _end(rules: Sequence[Rule], hook: ChainKey, walker: Walker) -> int:
    """Return the index of the first rule that no packet passes, or the number of rules."""
    anywhere = ANYWHERE[hook.version]
    every = Flow.between(anywhere, anywhere)
    for index, rule in enumerate(rules):
        branches = walker.past(PlacedRule(hook, index + 1, rule), every)
        if all(branch.fate is not Fate.CONTINUES for branch in branches):
            return index
    return len(rules)


def _last_refusal(rules: Sequence[Rule], hook: ChainKey, flow: Flow, walker: Walker) -> int:
    """Return the gap behind the last rule that may refuse some of the packets."""
    for index in reversed(range(len(rules))):
        branches = walker.past(PlacedRule(hook, index + 1, rules[index]), flow)
        if any(branch.fate in REFUSED for branch in branches):
            return index + 1
    return 0
