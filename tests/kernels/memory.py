"""A kernel in memory that says no like the real one: for tests, and for nothing else that would need a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from netplan.errors import ContendedError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import Batch
from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.place import rebased
from netplan.kinds.chain.reach import reached
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.link.value import Link, own_settings
from netplan.kinds.registry import stands_on, version_of
from netplan.kinds.resource import Change, Resource, kernel_refusal
from netplan.kinds.route.order import excludes
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest, Snapshot
from netplan.kinds.sysctl.value import Sysctl, accept_ra, of_ipv6, spelled_out
from netplan.net import IPV6_MTU_MIN, IfName
from netplan.planning.projection import project
from netplan.trace import settings_of


class MemoryKernel:
    """A kernel that starts from a snapshot; the write number `fail_at`, counted from 1, is refused.

    A table is one write, every other object is one of its own. `writes` counts those that were asked for.
    """

    def __init__(self, state: Snapshot, *, fail_at: int = 0) -> None:
        self.state = state
        self.writes = 0
        self._fail_at = fail_at

    def sweep(self) -> None:
        """Delete nothing: what this kernel holds are objects alone."""

    def observe(self, interest: Interest) -> Snapshot:
        """Return the state: links and what stands on them, and the chains and parameters of interest that exist."""
        reachable = {chain.key: chain for chain in reached(_Tables(self.state, interest.limit), interest.reach)}
        chains = [reachable[chain.key] for chain in self.state.all(Chain) if chain.key in reachable]
        beside = self.state.all(OtherChain) if interest.rules else ()
        devices = {address.link for address in self.state.all(LinkAddress)}
        names = {*spelled_out(interest.sysctls, devices)} | own_settings(self.state.all(Link))
        sysctls = [sysctl for sysctl in self.state.all(Sysctl) if sysctl.name in names]
        if not self.state.ipv6:
            there = {None, *(link.name for link in self.state.all(Link))}
            read = [Sysctl(name, "0") for name in sorted(filter(of_ipv6, names))]
            sysctls += [sysctl for sysctl in read if sysctl.device in there]
        sockets = tuple(socket for socket in self.state.sockets if socket.port in interest.ports)
        state = replace(self.state, sockets=sockets)
        return state.replace(Chain, chains).replace(OtherChain, beside).replace(Sysctl, sysctls)

    def write(self, batch: Batch) -> None:
        """Make the changes of one batch, or refuse as the kernel would."""
        if batch.kind == "table":
            changes = rebased(batch.changes, batch.chains, self.state.chains)
            if changes:
                self._commit(tuple(changes))
            return
        for change in batch.changes:
            self._commit((change,))

    def _commit(self, changes: tuple[Change[Resource], ...]) -> None:
        self.writes += 1
        if self.writes == self._fail_at:
            raise kernel_refusal(changes[0], "the kernel refused it (a test asked for that)")
        for change in changes:
            if change.after is not None:
                _check(self.state, change, change.after)
        try:
            after = project(self.state, changes)
        except ConflictError as error:
            raise ContendedError(str(error)) from error
        _check_jumps(after, changes)
        self.state = _with_settings(self.state, after)


class _Tables:
    """A state's tables, as a kernel's are read (`Tables`): of one with more than `limit` rules each rule costs."""

    def __init__(self, state: Snapshot, limit: int) -> None:
        self._chains = state.chains
        rules = Counter[tuple[int, str]]()
        for chain in state.all(Chain):
            rules[chain.key[:2]] += len(chain.rules)
        self._big = {table for table, count in rules.items() if count > limit}

    def read(self, key: ChainKey) -> Chain | None:
        return self._chains.get(key)

    def cost(self, key: ChainKey) -> int:
        return self.length(key) if key[:2] in self._big else 0

    def length(self, key: ChainKey) -> int:
        return len(self._chains[key].rules) if key in self._chains else 0

    def owned(self, table: str) -> Iterator[ChainKey]:
        return (key for key in self._chains if key.table == table and key.owned)


def _with_settings(before: Snapshot, after: Snapshot) -> Snapshot:
    """Return the state after a write with the parameters that come with a device, as the kernel makes them."""
    old = {link.name: link for link in before.all(Link)}
    new = [link for link in after.all(Link) if link.name not in old or not old[link.name].can_become(link)]
    wide = [link for link in after.all(Link) if after.ipv6 and link.mtu >= IPV6_MTU_MIN]
    grown = [link for link in wide if link in new or old[link.name].mtu < IPV6_MTU_MIN]
    coming = [Sysctl(name, "0") for link in new for name in settings_of(link.name)]
    coming += [Sysctl(accept_ra(link.name), "1") for link in grown]
    known = {sysctl.name for sysctl in after.all(Sysctl)}
    created = {sysctl.name: sysctl for sysctl in coming if sysctl.name not in known}
    return after.replace(Sysctl, [*after.all(Sysctl), *created.values()]) if created else after


def _check(state: Snapshot, change: Change[Resource], after: Resource) -> None:
    """Refuse an object that the kernel would not take."""
    links = {link.name: link for link in state.all(Link)}
    for name in stands_on(after):
        if name is not None and name not in links:
            raise kernel_refusal(change, f"there is no interface {name}")
    if version_of(after) == 6 and not state.ipv6:
        raise kernel_refusal(change, "the kernel has no IPv6")
    if isinstance(after, Link):
        _check_link(links, change, after)
        _check_port(state, change, after)
    elif version_of(after) == 6 and any(links[name].mtu < IPV6_MTU_MIN for name in stands_on(after) if name):
        raise kernel_refusal(change, f"an MTU below {IPV6_MTU_MIN} leaves no room for IPv6")
    elif isinstance(after, Route):
        _check_route(state, change, after)


def _check_link(links: Mapping[IfName, Link], change: Change[Resource], link: Link) -> None:
    if change.before is None and link.name in links:
        raise kernel_refusal(change, "there is a device of this name")
    if any(link.excludes(other) for other in links.values() if other.name != link.name):
        raise kernel_refusal(change, "there is a vxlan device of this VNI and port")
    below = None if link.vxlan is None else link.vxlan.device
    if below is not None and below not in links:
        raise kernel_refusal(change, f"there is no interface {below}")
    if link.vxlan is not None and below is not None and link.mtu > links[below].mtu - link.vxlan.overhead:
        raise kernel_refusal(change, f"the MTU is more than that of {below}, less {link.vxlan.overhead}")


def _check_port(state: Snapshot, change: Change[Resource], link: Link) -> None:
    """Refuse to let a tunnel up, or leave it up, while its UDP port is taken."""
    others = [other for other in state.all(Link) if other.name != link.name]
    vxlan = link.vxlan if link.up else None
    if vxlan is not None and any(
        [*map(vxlan.shut_out_by, others), *(socket.shuts_out(vxlan) for socket in state.sockets)]
    ):
        raise kernel_refusal(change, "Address already in use")


def _check_route(state: Snapshot, change: Change[Resource], route: Route) -> None:
    there = [other for other in state.routes.get(route.key, ()) if change.place is None or other != change.before]
    if there and change.before is None and change.place is None:
        raise kernel_refusal(change, "a route of this prefix, metric and table exists")
    beside = change.place is not None or (route.prefix.version == 4 and route not in there[:1])
    if beside and any(excludes(other, route) for other in there):
        raise kernel_refusal(change, "this route exists beside others of its prefix, metric and table")
    if route.type != "unicast":
        return
    down = {link.name for link in state.all(Link) if not link.up}.intersection(stands_on(route))
    if down:
        raise kernel_refusal(change, f"the interface {down.pop()} is down")
    own = [address for address in state.all(LinkAddress) if address.address.address == route.next_hop]
    if any(address.link == route.oif or route.prefix.version == 6 for address in own):
        raise kernel_refusal(change, "the next hop is an address of this node")
    on_link = [address.address.prefix for address in state.all(LinkAddress) if address.link == route.oif]
    reachable = route.onlink or route.next_hop is None or any(prefix.contains(route.next_hop) for prefix in on_link)
    if not reachable:
        raise kernel_refusal(change, "the next hop is not on-link")


def _check_jumps(after: Snapshot, changes: tuple[Change[Resource], ...]) -> None:
    there = {chain.key for chain in after.all(Chain)}
    for chain in after.all(Chain):
        for rule in chain.rules:
            target = None if rule.target is None else chain.key._replace(name=rule.target.name)
            if target is not None and target.owned and target not in there:
                raise kernel_refusal(changes[0], f"{chain.key} refers to {target}, which does not exist")
