"""Kernel parameters that podnet has overwritten: which go back to what they were, and which stay.

What was changed since stays as it is. Forwarding stays on where others on the node evidently forward packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from netplan.desired.chains import FORWARD, POSTROUTING
from netplan.desired.model import Desired
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, is_our_jump
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.link.value import BRIDGE, Link
from netplan.kinds.resource import Change, Reason, Resource, Wanted
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.forwarding import SWITCHES, rewritten, switches_of
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.netfilter.iptables.rule import Rule

AS_FOUND: Final = Reason("no longer wanted: as before podnet")

_REFUSING: Final = frozenset({"DROP", "REJECT"})
_SERVED: Final = frozenset({"forward", "postrouting"})


def put_back(desired: Desired, snapshot: Snapshot) -> Iterator[Wanted[Sysctl]]:
    """Return the parameters that are no longer wanted, as they were before podnet, unless they stay.

    What the kernel rewrites with forwarding becomes what goes with it as long as that stays switched.
    """
    held = [each for each, value in _unwanted(desired, snapshot) if value == each.written]
    going = [Sysctl(each.name, each.before) for each in held if _user(each, snapshot) is None]
    back = {each.name for each in going}
    turned = {Sysctl(each.name, each.written) for each in desired.overwritten if each.name in SWITCHES - back}
    for switch in turned.intersection(snapshot.all(Sysctl)):
        going = rewritten(going, switch)
    yield from (Wanted(each, AS_FOUND) for each in going)


def given_up(desired: Desired, then: Desired, snapshot: Snapshot) -> Iterator[Change[Sysctl]]:
    """Return the parameters that an older spec wanted and a newer one does not; what they were, only the node knows."""
    old = [want.resource for want in then.objects if isinstance(want.resource, Sysctl)]
    made = [Overwritten(each.name, "", each.value) for each in old if each in snapshot.all(Sysctl)]
    for want in put_back(replace(desired, overwritten=tuple(made)), snapshot):
        yield Change(next(each for each in old if each.name == want.resource.name), None, want.reason)


def unknown(changes: Iterable[Change[Resource]]) -> Iterator[str]:
    """Say which changes of a plan between two specs can't be made, since none of the two says to what."""
    for change in changes:
        if isinstance(change.resource, Sysctl) and change.after is None:
            yield f"what {change.resource.name} was before podnet stands in no spec: apply the spec itself"


def warnings(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Say, where podnet leaves, which parameters stay as they are, why, and what they were."""
    for each, value in _unwanted(desired, snapshot) if not desired.traffic else ():
        user = _user(each, snapshot)
        if value == each.before:
            continue
        if value != each.written:
            since = f"which others set after podnet's {each.written}; it was {each.before} before"
            yield f"{each.name} stays {value}, {since}"
        elif user is not None:
            yield f"{each.name} stays {value}, and was {each.before} before podnet: {user} may need it"


def _unwanted(desired: Desired, snapshot: Snapshot) -> Iterator[tuple[Overwritten, str]]:
    """Return what was overwritten and is not wanted, with the value now; what is about our own links goes with them."""
    values = {each.name: each.value for each in snapshot.all(Sysctl)} if desired.overwritten else {}
    own, wanted = {link.name for link in snapshot.all(Link) if link.ours}, desired.sysctls
    for each in desired.overwritten:
        device = Sysctl(each.name, each.before).device
        if each.name in values and each.name not in wanted and device not in own:
            yield each, values[each.name]


def _user(overwritten: Overwritten, snapshot: Snapshot) -> str | None:
    """Name what forwards packets, if that is what the parameter switches on."""
    if overwritten.name not in SWITCHES or overwritten.written == "0":
        return None
    version = next(version for version in (4, 6) if overwritten.name in switches_of(version))
    return next(_forwarding(snapshot, version), None)


def _forwarding(snapshot: Snapshot, version: int) -> Iterator[str]:
    """Name what on a node is there for forwarded packets: bridges with an address, rules that serve such packets."""
    bridges = {link.name for link in snapshot.all(Link) if link.type == BRIDGE}
    for held in snapshot.all(LinkAddress):
        if held.link in bridges and held.address.address.version == version:
            yield f"bridge {held.link} ({held.address})"
    for key in (FORWARD[version], POSTROUTING[version]):
        if key in snapshot.chains:
            yield from _serving(snapshot.chains[key])
    for other in snapshot.all(OtherChain):
        if other.hook in _SERVED and other.chain.key.version == version:
            yield from _serving_beside(other)


def _serving(chain: Chain) -> Iterator[str]:
    """Name the rules of a chain that accept or rewrite, or the chain if they are not read."""
    yield from (f"{chain.key} {position}: {rule}" for position, rule in enumerate(chain.rules, 1) if _serves(rule))
    if chain.unread:
        yield f"{chain.key}, about {chain.unread} rules"


def _serving_beside(other: OtherChain) -> Iterator[str]:
    for number, rule in enumerate(other.chain.rules, 1):
        if _serves(rule):
            yield f"{other.label} {other.position(number)}: {rule}"
    if not other.read:
        yield str(other)


def _serves(rule: Rule) -> bool:
    return rule.target is not None and rule.target.name not in _REFUSING and not is_our_jump(rule)
