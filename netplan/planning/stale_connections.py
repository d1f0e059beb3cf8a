"""Connections that are older than our rules: what NAT decided for the first packet holds until they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from netplan.kinds.chain.value import Chain
from netplan.kinds.connection.value import Connection
from netplan.netfilter.iptables.rule import Rule


def stale_by(chain: Chain) -> Callable[[Connection], bool]:
    """Return the test for connections of pods that go out under another source than our chain lets them keep.

    `chain` is the one that masquerades: what it accepts keeps its source, and what stays on the bridge is not its
    affair. A connection whose destination was rewritten as well is left out: the program that did that, kube-proxy or a
    published port, may want its source rewritten too.
    """
    kept, local = [*_accepted(chain.rules)], [*_local(chain.rules)]

    def is_outdated(connection: Connection) -> bool:
        if not connection.masked or any(_meets(rule, connection) for rule in local):
            return False
        return any(_meets(rule, connection) for rule in kept)

    return is_outdated


def _accepted(rules: Sequence[Rule]) -> Iterator[Rule]:
    """Return the rules that let packets between two prefixes keep their source."""
    for rule in rules:
        if rule.target is not None and rule.target.name == "ACCEPT" and not rule.matches:
            yield rule


def _local(rules: Sequence[Rule]) -> Iterator[Rule]:
    """Return the rules about packets that stay on the bridge, turned to both ends: from the node's pods to its pods."""
    for rule in rules:
        if rule.out_interface is not None and rule.target is not None and rule.target.name == "RETURN":
            yield replace(rule, destination=rule.source)


def _meets(rule: Rule, connection: Connection) -> bool:
    """Whether a connection's addresses are those that a rule names."""
    source, destination = rule.source, rule.destination
    return (source is None or source.value.contains(connection.source) != source.negated) and (
        destination is None or destination.value.contains(connection.destination) != destination.negated
    )
