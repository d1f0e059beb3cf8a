"""Kernel parameters that podnet has overwritten: which are restored to their original values, and which stay.

What was changed since stays as it is. Forwarding stays on where other programs on the node evidently forward packets.
Parameters of devices that do not exist yet, such as the bridge of a CNI plugin, wait for them; nothing else does.
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

_OF_BRIDGES: Final = "net.bridge."
_REFUSING: Final = frozenset({"DROP", "REJECT"})
_SERVED: Final = frozenset({"forward", "postrouting"})


def put_back(desired: Desired, snapshot: Snapshot) -> Iterator[Wanted[Sysctl]]:
    """Return the parameters that are no longer desired with their original values, but for those that stay.

    What the kernel rewrites with forwarding gets the value that goes with it as long as forwarding stays switched.
    """
    untouched = [overwritten for overwritten, value in _unwanted(desired, snapshot) if value == overwritten.written]
    unused = [overwritten for overwritten in untouched if _user(overwritten, snapshot) is None]
    restored = [Sysctl(overwritten.name, overwritten.before) for overwritten in unused]
    staying = [
        overwritten for overwritten in desired.overwritten if overwritten.name in SWITCHES and overwritten not in unused
    ]
    switches = {Sysctl(overwritten.name, overwritten.written) for overwritten in staying}
    for switch in switches.intersection(snapshot.all(Sysctl)):
        restored = rewritten(restored, switch)
    yield from (Wanted(sysctl, AS_FOUND) for sysctl in restored)


def given_up(desired: Desired, then: Desired, snapshot: Snapshot) -> Iterator[Change[Sysctl]]:
    """Return the changes of parameters that only the older spec wants; only the node knows their original values."""
    old = [*then.all(Sysctl)]
    overwritten = [Overwritten(sysctl.name, "", sysctl.value) for sysctl in old if sysctl in snapshot.all(Sysctl)]
    for want in put_back(replace(desired, overwritten=tuple(overwritten)), snapshot):
        yield Change(next(sysctl for sysctl in old if sysctl.name == want.resource.name), None, want.reason)


def unknown(changes: Iterable[Change[Resource]]) -> Iterator[str]:
    """Return why some changes of a plan between two specs can't be made: neither spec says what the value becomes."""
    for change in changes:
        if isinstance(change.resource, Sysctl) and change.after is None:
            yield f"no spec says what {change.resource.name} was before podnet: apply the spec itself"


def warnings(desired: Desired, snapshot: Snapshot) -> Iterator[str]:
    """Return, where podnet is removed, which parameters stay as they are, why, and their original values."""
    for overwritten, value in _unwanted(desired, snapshot) if not desired.traffic else ():
        user = _user(overwritten, snapshot)
        if value == overwritten.before:
            continue
        if value != overwritten.written:
            since = (
                f"which another program set after podnet's {overwritten.written}; it was {overwritten.before} before"
            )
            yield f"{overwritten.name} stays {value}, {since}"
        elif user is not None:
            yield f"{overwritten.name} stays {value}, and was {overwritten.before} before podnet: {user} may need it"


def _unwanted(desired: Desired, snapshot: Snapshot) -> Iterator[tuple[Overwritten, str]]:
    """Return what was overwritten and is not desired, with its value now; what is of our own links goes with them."""
    values = {sysctl.name: sysctl.value for sysctl in snapshot.all(Sysctl)} if desired.overwritten else {}
    own, wanted = {link.name for link in snapshot.all(Link) if link.ours}, desired.sysctls
    for overwritten in desired.overwritten:
        device = Sysctl(overwritten.name, overwritten.before).device
        if overwritten.name in values and overwritten.name not in wanted and device not in own:
            yield overwritten, values[overwritten.name]


def _user(overwritten: Overwritten, snapshot: Snapshot) -> str | None:
    """Return the name of what forwards packets, if the parameter switches forwarding on."""
    if overwritten.name not in SWITCHES or overwritten.written == "0":
        return None
    version = next(version for version in (4, 6) if overwritten.name in switches_of(version))
    return next(_forwarding(snapshot, version), None)


def _forwarding(snapshot: Snapshot, version: int) -> Iterator[str]:
    """Return the names of what serves forwarded packets on a node: bridges with an address, rules for such packets."""
    bridges = {link.name for link in snapshot.all(Link) if link.type == BRIDGE}
    for address in snapshot.all(LinkAddress):
        if address.link in bridges and address.address.address.version == version:
            yield f"bridge {address.link} ({address.address})"
    for key in (FORWARD[version], POSTROUTING[version]):
        if key in snapshot.chains:
            yield from _serving(snapshot.chains[key])
    for other in snapshot.all(OtherChain):
        if other.hook in _SERVED and other.chain.key.version == version:
            yield from _serving_beside(other)


def _serving(chain: Chain) -> Iterator[str]:
    """Return the rules of a chain that accept or rewrite, as texts, and the chain if some are not read."""
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


def waiting(desired: Desired, snapshot: Snapshot) -> tuple[Sysctl, ...]:
    """Return the desired parameters of devices that a node does not have, and that podnet does not create.

    None where no device of the node is known, as where there is no record of it.
    """
    links = snapshot.all(Link)
    if all(link.ours for link in links):
        return ()
    devices = {None, *(link.name for link in (*links, *desired.all(Link)))}
    return tuple(sysctl for sysctl in desired.all(Sysctl) if sysctl.device not in devices)


def waiting_warnings(sysctls: Iterable[Sysctl]) -> Iterator[str]:
    """Return which parameters wait for which device, or that the kernel has none of this name."""
    for sysctl in sysctls:
        if sysctl.device is None:
            yield no_such_sysctl(sysctl)
        else:
            yield f"{sysctl} waits for the interface {sysctl.device}: once that is there, apply or drift --fix sets it"


def no_such_sysctl(sysctl: Sysctl) -> str:
    """Return that the kernel does not have a parameter, and what to type where a module brings it."""
    module = "; load its module first: modprobe br_netfilter" if sysctl.name.startswith(_OF_BRIDGES) else ""
    return f"the kernel of this node has no {sysctl.name}{module}"
