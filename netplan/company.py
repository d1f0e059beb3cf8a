"""What the rules beside this node's iptables may do to pod traffic: decided by walking them, as for our own jumps.

The kernel runs both backends and every table of nftables, whatever one of them accepted: a rule of ours shields pod
traffic from the rules behind it in its own chain only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from netplan.compile import Desired, Place
from netplan.kinds.chain.other import OtherChain, Owner
from netplan.kinds.chain.rule import Rule
from netplan.kinds.chain.value import ChainKey
from netplan.placement import flows
from netplan.snapshot import Snapshot
from netplan.trace.effects import REFUSED
from netplan.trace.flow import Flow
from netplan.trace.walk import Branch, Chains, Walker

_SOURCE: Final = "may give pod traffic another source"
_DESTINATION: Final = "may send pod traffic elsewhere"
_REFUSES: Final = "may refuse pod traffic"


class Harm(NamedTuple):
    """A rule that pod traffic may meet beside this node's iptables: whose, where it stands, and what it may do."""

    chain: OtherChain
    at: str
    rule: str
    what: str

    @property
    def forbids(self) -> bool:
        """Whether a plan must not be applied beside it; of nft's filters that is not decided here."""
        return self.chain.owner is not Owner.NATIVE or self.what != _REFUSES


def refusals(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Say which rules beside this node's iptables may undo what the plan is for."""
    for harm in _harms(desired, snapshot):
        if harm.forbids:
            yield f"{_said(harm, snapshot)}; take it away first: {_look(harm.chain)} shows it"


def warnings(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Say what else there is beside this node's iptables, in one line for each table."""
    if desired.traffic is None:
        return
    harms = tuple(_harms(desired, snapshot))
    harmful = {_table(harm.chain) for harm in harms}
    yield from (_said(harm, snapshot) for harm in harms if not harm.forbids)
    tables: dict[str, list[OtherChain]] = {}
    for chain in snapshot.all(OtherChain):
        if chain.hook is not None:
            tables.setdefault(_table(chain), []).append(chain)
    for table, chains in tables.items():
        if table not in harmful:
            listed = ", ".join(f"{chain.chain.key.name} ({_counted(chain)})" for chain in chains)
            yield f"{table} holds rules that iptables-{snapshot.backend} does not show: {listed}"


def _said(harm: Harm, snapshot: Snapshot) -> str:
    return (
        f"{_table(harm.chain)} holds rules that iptables-{snapshot.backend} does not show, and {harm.at} {harm.what}: "
        f"{harm.rule}"
    )


def _table(chain: OtherChain) -> str:
    return f"{chain.owner}'s table {chain.chain.key.table}"


def _counted(chain: OtherChain) -> str:
    count = f"{chain.length} rule{'' if chain.length == 1 else 's'}"
    return count if chain.chain.policy in (None, "ACCEPT") else f"{count}, policy {chain.chain.policy}"


def _look(chain: OtherChain) -> str:
    table = chain.chain.key.table
    return f"nft list table {table}" if chain.owner is Owner.NATIVE else f"{chain.owner}-save -t {table}"


def _harms(desired: Desired, snapshot: Snapshot) -> Iterator[Harm]:
    """Give at most one harm for each chain that packets enter."""
    for chain in snapshot.all(OtherChain):
        if chain.hook is not None and chain.on_the_way:
            found = next(_harms_of(chain, desired, _same_table(chain, snapshot)), None)
            if found is not None:
                yield found


def _same_table(chain: OtherChain, snapshot: Snapshot) -> Chains:
    """Give the chains that a chain may lead to, and itself, in a table called as what it is for.

    What nobody knows the effect of may rewrite addresses in `nat` only.
    """
    table = chain.chain.key.table
    there = (each for each in snapshot.all(OtherChain) if each.owner is chain.owner)
    return {_key(each): replace(each.chain, key=_key(each)) for each in there if each.chain.key.table == table}


def _key(chain: OtherChain) -> ChainKey:
    return chain.chain.key._replace(table="nat" if chain.nat else "filter")


def _harms_of(chain: OtherChain, desired: Desired, chains: Chains) -> Iterator[Harm]:
    if desired.traffic is None:
        return
    places = {jump.place for jump in desired.jumps}
    wanted = Place.SHIELD if chain.nat else Place.LATE
    for flow in flows(wanted, desired.traffic) if wanted in places else ():
        for branch in _branches(chain, chains, flow):
            what = _what(chain, branch)
            if what is not None and branch.trail:
                step = branch.trail[-1]
                yield Harm(chain, step.at.partition(" ")[2], step.rule, what)


def _branches(chain: OtherChain, chains: Chains, flow: Flow) -> Sequence[Branch]:
    """Follow packets through a chain; before the routing decision nobody knows by which device they leave.

    What is for the node itself is no pod traffic: docker's and kube-proxy's published ports.
    """
    key = _key(chain)
    if chain.hook != "prerouting":
        return Walker(chains).hook(key, flow)
    known = {
        name: replace(each, rules=tuple(rule for rule in each.rules if not _for_the_node(rule)))
        for name, each in chains.items()
    }
    return Walker(known).hook(key, replace(flow, oif=None, other_oif=False, unmarked=()))


def _for_the_node(rule: Rule) -> bool:
    options = (match.get("dst-type") for match in rule.matches if match.name == "addrtype")
    return any(option is not None and option.text == "LOCAL" and not option.negated for option in options)


def _what(chain: OtherChain, branch: Branch) -> str | None:
    """Say what a way through a chain does to pod traffic; None if nothing that matters here."""
    if not chain.nat:
        return _REFUSES if branch.fate in REFUSED else None
    if chain.hook == "postrouting":
        return _SOURCE if branch.flow.snat else None
    if chain.hook == "prerouting":
        return _DESTINATION if branch.flow.dnat or branch.flow.snat else None
    return None
