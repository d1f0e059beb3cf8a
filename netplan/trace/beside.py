"""What rules beside this node's iptables may do to packets: the kernel runs them too, and nobody knows in which order.

They are the other backend's, and those that other programs made with nft.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from netplan.kinds.chain.other import OtherChain, Owner
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.snapshot import Snapshot
from netplan.trace.effects import REFUSED, Fate
from netplan.trace.fib import Fib
from netplan.trace.flow import Flow
from netplan.trace.walk import Step, Walker, doubts


class Harm(NamedTuple):
    """What a chain does to packets, and where; None of the fates: nobody can tell."""

    fate: Fate | None
    step: Step


class Beside:
    """The chains beside this node's iptables, by the hook at which packets enter them."""

    def __init__(self, snapshot: Snapshot, fib: Fib) -> None:
        self._fib = fib
        self._entered: dict[str, list[OtherChain]] = {}
        self._tables: dict[tuple[Owner, str], dict[ChainKey, Chain]] = {}
        for other in snapshot.all(OtherChain):
            if other.hook is not None:
                self._entered.setdefault(other.hook, []).append(other)
            table = self._tables.setdefault((other.owner, other.chain.key.table), {})
            table[_key(other)] = replace(other.chain, key=_key(other))

    def harms(self, hook: str, flows: Sequence[Flow]) -> Iterator[Harm]:
        """Say what each chain at a hook may do to packets, which are the flows at different times; most do nothing."""
        for other in self._entered.get(hook.lower(), ()):
            if other.length > len(other.chain.rules):
                yield Harm(None, Step(other.label, "", "unknown: its rules were not read", certain=False))
                continue
            walker = Walker(self._tables[other.owner, other.chain.key.table], self._fib)
            found = [(flow, branch) for flow in flows for branch in walker.hook(_key(other), flow)]
            harmful = [each for flow, each in found if each.fate in REFUSED or each.flow != flow]
            if harmful:
                first = harmful[0]
                sure = all(each.fate is first.fate in REFUSED and not doubts(each.trail) for _, each in found)
                yield Harm(first.fate if sure else None, _step(other, first.trail[-1], certain=sure))


def _key(other: OtherChain) -> ChainKey:
    """Give a chain's key, in a table called as what it is for: what nobody understands may rewrite in `nat` only."""
    return other.chain.key._replace(table="nat" if other.nat else "filter")


def _step(other: OtherChain, step: Step, *, certain: bool) -> Step:
    at = f"{other.owner} {other.chain.key.table} {step.at.partition(' ')[2]}"
    effect = step.effect if certain or not step.certain else f"may match: {step.effect}"
    return Step(at, step.rule, effect, certain)
