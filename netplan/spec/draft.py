"""A spec as far as it is right: what the constraints look at, so that one mistake hides no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from netplan.errors import Location
from netplan.net import Address, IfName, InterfaceAddress, Prefix
from netplan.spec import fields
from netplan.spec.lease_file import Leases
from netplan.spec.lease_range import default_subnet_len
from netplan.spec.model import BackendOptions, NodeSpec, StaticRoute
from netplan.spec.prefixes import around, family_key
from netplan.spec.salvage import Path, column, dig, items_of, salvaged, saying, with_defaults
from netplan.spec.values import Mark
from netplan.spec.yaml.document import Document, Value
from netplan.spec.yaml.places import Places

_NO_LEASES: Final = Leases()
_USUAL: Final = frozenset({"address", "subnet", "ipv6_address", "ipv6_subnet"})
"""What each of many thousand nodes says; few of them say more."""


class _Readers(Struct, frozen=True):
    """What reads the values of one IP version."""

    network: Callable[[object], Prefix]
    prefix: Callable[[object], Prefix]
    address: Callable[[object], Address]
    host_address: Callable[[object], InterfaceAddress]
    subnet_len: Callable[[object], int]


_READERS: Final = {
    4: _Readers(
        fields.read_network,
        fields.read_prefix,
        fields.read_address,
        fields.read_host_address,
        fields.read_subnet_len,
    ),
    6: _Readers(
        fields.read_ipv6_network,
        fields.read_ipv6_prefix,
        fields.read_ipv6_address,
        fields.read_ipv6_host_address,
        fields.read_ipv6_subnet_len,
    ),
}


class Tunnel(Struct, frozen=True):
    """The valid values of a vxlan backend, and those of nodes that it has to agree with, by their paths or names."""

    keys: tuple[str, ...]
    name: IfName
    mtu: int | None
    devices: Mapping[Path, IfName]
    mtus: Mapping[Path, int]
    public_addresses: Mapping[str, Address]


class Family(Struct, frozen=True, dict=True):
    """The valid values of one IP version; `pods` is whether the cluster's pods are to have addresses of it.

    Nodes are held by columns: a node whose subnet is wrong still takes part in what is asked of addresses. Subnets that
    are leased are among the others, after those of the spec.
    """

    version: int
    pods: bool
    network: Prefix | None
    subnet_len: int | None
    subnet_min: Address | None
    subnet_max: Address | None
    addresses: Mapping[str, InterfaceAddress]
    subnets: Mapping[str, Prefix]

    def key(self, key: str) -> str:
        """Return the name that a key has for this version: `ipv6_subnet` for `subnet`."""
        return family_key(self.version, key)

    @cached_property
    def segments(self) -> Mapping[Prefix, Sequence[str]]:
        """The on-link prefixes of the nodes' addresses, with the names of the nodes on each."""
        segments: dict[Prefix, list[str]] = {}
        for name, host in self.addresses.items():
            segments.setdefault(host.prefix, []).append(name)
        return segments

    @property
    def fitting_len(self) -> int | None:
        """The length of the nodes' subnets, if the pod network holds at least four of them, as flannel wants it."""
        if self.network and self.subnet_len and self.subnet_len >= self.network.length + 2:
            return self.subnet_len
        return None

    def fits(self, bound: Address | None) -> bool:
        """Whether subnet_min or subnet_max is there, and the first address of a subnet of the pod network."""
        if bound is None or self.network is None or self.fitting_len is None:
            return False
        return self.network.contains(bound) and around(bound, self.fitting_len).address == bound


class Draft(Struct, frozen=True):
    """The valid values of a spec; one that is missing or wrong is None, or not among its kind.

    `families` are IPv4 and IPv6. `sysctls` are pairs of a normalised name and a value, `checks` the keys of each.
    """

    places: Places
    keys: frozenset[str]
    backend: object
    families: tuple[Family, Family]
    non_masquerade_cidrs: Mapping[Path, Prefix]
    respect_marks: Mapping[Path, Mark]
    removals: Mapping[Path, tuple[str, str]]
    sysctls: Mapping[Path, tuple[str, str]]
    checks: Mapping[Path, frozenset[str]]
    tunnel: Tunnel
    routes: Mapping[Path, StaticRoute]
    nodes: Mapping[str, Value] | None
    leases: Leases

    def leased(self, name: str, version: int) -> bool:
        """Whether a node has the subnet that it leased, since the spec gives it none."""
        pods = any(family.pods for family in self.families if family.version == version)
        leased = pods and name in self.leases.entries and self.leases.entries[name].subnet(version) is not None
        return leased and without_subnet((self.nodes or {}).get(name), version)

    def subnet_at(self, name: str, version: int) -> Location:
        """Return the place of a node's subnet, in the spec or among the leases."""
        if self.leased(name, version):
            return self.leases.at(name, version)
        return self.places.value("nodes", name, family_key(version, "subnet"))

    @property
    def underlay(self) -> Family:
        """The family whose addresses the packets of a tunnel carry: IPv4 where the nodes have such ones."""
        ipv4, ipv6 = self.families
        return ipv6 if ipv6.addresses and not ipv4.addresses else ipv4

    @property
    def subnets(self) -> dict[str, tuple[Prefix, ...]]:
        """Every node's subnets, IPv4 first."""
        ipv4, ipv6 = self.families
        if not ipv6.subnets:
            return {name: (subnet,) for name, subnet in ipv4.subnets.items()}
        subnets: dict[str, tuple[Prefix, ...]] = {}
        for family in self.families:
            for name, subnet in family.subnets.items():
                subnets[name] = (*subnets.get(name, ()), subnet)
        return subnets


def make_draft(document: Document, nodes: Mapping[str, NodeSpec] | None, leases: Leases = _NO_LEASES) -> Draft:
    """Make the draft of a document; `nodes` are its nodes if the model is valid, so that they are not read twice."""
    data = document.data
    raw_nodes = data.get("nodes")
    named = raw_nodes if isinstance(raw_nodes, dict) else None
    special = {name: node for name, node in (named or {}).items() if isinstance(node, dict) and node.keys() - _USUAL}
    return Draft(
        places=document.places,
        keys=frozenset(data),
        backend=dig(data, "backend", "type"),
        families=(_family(4, data, named, nodes, leases), _family(6, data, named, nodes, leases)),
        non_masquerade_cidrs=items_of(fields.read_any_prefix, data, "ip_masq", "non_masquerade_cidrs"),
        respect_marks=items_of(fields.read_mark, data, "firewall", "respect_marks"),
        removals=items_of(_read_removal, data, "firewall", "remove"),
        sysctls=_sysctls(data, special),
        checks=_checks(data),
        tunnel=_tunnel(data, special, len(named or {})),
        routes=_routes(special),
        nodes=named,
        leases=leases,
    )


def without_subnet(node: Value | None, version: int) -> bool:
    """Whether the spec gives a node no subnet of an IP version, not even a wrong one."""
    return isinstance(node, dict) and family_key(version, "subnet") not in node


def _family(
    version: int,
    data: Mapping[str, Value],
    raw: Mapping[str, Value] | None,
    valid: Mapping[str, NodeSpec] | None,
    leases: Leases,
) -> Family:
    """Take what a document says about one IP version; a cluster that names no pod network means one of IPv4."""
    read = _READERS[version]
    keys = {key: family_key(version, key) for key in ("network", "subnet_len", "subnet_min", "subnet_max")}
    pods = keys["network"] in data or (version == 4 and family_key(6, "network") not in data)
    network = salvaged(read.network, data.get(keys["network"]))
    return Family(
        version=version,
        pods=pods,
        network=network,
        subnet_len=_subnet_len(data, keys["subnet_len"], read.subnet_len, network),
        subnet_min=salvaged(read.address, data.get(keys["subnet_min"])),
        subnet_max=salvaged(read.address, data.get(keys["subnet_max"])),
        addresses=_addresses(version, raw, valid),
        subnets={**_subnets(version, raw, valid), **(_leased(version, raw, leases) if pods else {})},
    )


def _tunnel(data: Mapping[str, Value], nodes: Mapping[str, Value], count: int) -> Tunnel:
    """Take what a document says about the tunnel; `nodes` are those that say something special, of `count` nodes."""
    backend = data.get("backend")
    vni = salvaged(fields.read_vni, dig(backend, "vni"))
    return Tunnel(
        keys=tuple(backend) if isinstance(backend, dict) else (),
        name=salvaged(fields.read_if_name, dig(backend, "name")) or BackendOptions.model_construct(vni=vni or 1).link,
        mtu=salvaged(fields.read_tunnel_mtu, dig(backend, "mtu")),
        devices={
            **with_defaults(fields.read_if_name, data, nodes, "interface", count=count),
            **with_defaults(fields.read_if_name, data, nodes, "bridge", count=count),
        },
        mtus={
            path: mtu
            for path, mtu in with_defaults(fields.read_interface_mtu, data, nodes, "mtu", count=count).items()
            if mtu != fields.AUTO
        },
        public_addresses=column(fields.read_public_address, saying(nodes, "public_address"), "public_address"),
    )


def _routes(nodes: Mapping[str, Value]) -> dict[Path, StaticRoute]:
    """Return the valid routes that nodes have for themselves, by their paths."""
    routes: dict[Path, StaticRoute] = {}
    for name, node in saying(nodes, "routes").items():
        for path, route in items_of(StaticRoute.model_validate, {"nodes": node}, "nodes", "routes").items():
            routes["nodes", name, *path[1:]] = route
    return routes


def _subnet_len(
    data: Mapping[str, Value], key: str, read: Callable[[object], int], network: Prefix | None
) -> int | None:
    if key in data:
        return salvaged(read, data[key])
    return default_subnet_len(network) if network else None


def _addresses(
    version: int, raw: Mapping[str, Value] | None, valid: Mapping[str, NodeSpec] | None
) -> Mapping[str, InterfaceAddress]:
    if valid is not None:
        own = ((name, node.own_address(version)) for name, node in valid.items())
        return {name: address for name, address in own if address is not None}
    key = family_key(version, "address")
    return column(_READERS[version].host_address, saying(raw or {}, key), key)


def _subnets(
    version: int, raw: Mapping[str, Value] | None, valid: Mapping[str, NodeSpec] | None
) -> Mapping[str, Prefix]:
    if valid is not None:
        own = ((name, node.own_subnet(version)) for name, node in valid.items())
        return {name: subnet for name, subnet in own if subnet is not None}
    key = family_key(version, "subnet")
    return column(_READERS[version].prefix, saying(raw or {}, key), key)


def _leased(version: int, raw: Mapping[str, Value] | None, leases: Leases) -> dict[str, Prefix]:
    """Return the leases of the nodes to which the spec gives no subnet."""
    leased = leases.subnets(version)
    nodes = (raw or {}).items() if leased else ()
    return {name: leased[name] for name, node in nodes if name in leased and without_subnet(node, version)}


def _sysctls(data: Mapping[str, Value], nodes: Mapping[str, Value]) -> dict[Path, tuple[str, str]]:
    """Return each sysctl that has a valid name, with an empty value where that is wrong."""
    sections: list[tuple[Path, object]] = [((), data)]
    sections += [(("nodes", name), node) for name, node in saying(nodes, "sysctl").items()]
    sysctls: dict[Path, tuple[str, str]] = {}
    for path, section in sections:
        written = dig(section, "sysctl")
        for key, value in written.items() if isinstance(written, dict) else ():
            name = salvaged(fields.read_sysctl_name, key)
            if name is not None:
                sysctls[*path, "sysctl", key] = name, salvaged(fields.read_sysctl_value, value) or ""
    return sysctls


def _checks(data: Mapping[str, Value]) -> dict[Path, frozenset[str]]:
    items = data.get("checks")
    listed = enumerate(items if isinstance(items, list) else ())
    return {("checks", number): frozenset(item) for number, item in listed if isinstance(item, dict)}


def _read_removal(value: object) -> tuple[str, str]:
    """Return the table, or nothing where that is wrong, and the rule."""
    table = dig(value, "table")
    return table if isinstance(table, str) else "", fields.read_rule(dig(value, "rule"))
