"""The cluster spec, version 1: its keys, their types, and what each of them means.

The line below a key is its description in the JSON Schema. A model holds what is right by itself; `constraints` says
whether the parts agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from netplan.net import IfName, InterfaceAddress, Prefix
from netplan.spec.fields import (
    AnyAddress,
    AnyPrefix,
    CommandWords,
    Flag,
    HostAddress,
    InterfaceMtu,
    InterfaceName,
    IPv4Address,
    IPv4Prefix,
    IPv6Address,
    IPv6HostAddress,
    IPv6Network,
    IPv6Prefix,
    IPv6SubnetLen,
    Name,
    NodesPath,
    PacketMark,
    PersistPath,
    PingTarget,
    PodNetwork,
    Port,
    PortRanges,
    PublicAddress,
    RuleText,
    Seconds,
    SubnetLen,
    SysctlName,
    SysctlValue,
    TcpTarget,
    TunnelMtu,
    Version,
    Vni,
)
from netplan.spec.values import Mark

__all__ = [
    "BackendOptions",
    "CheckSpec",
    "ClusterSpec",
    "Defaults",
    "Firewall",
    "IpMasq",
    "Mark",
    "NodeSpec",
    "Removal",
    "Section",
    "StaticRoute",
]


def _one_of(*keys: str) -> JsonDict:
    """Say in a schema that at least one of some keys is there."""
    return {"anyOf": [{"required": [key]} for key in keys]}


class Section(BaseModel):
    """A mapping of the spec: its keys are the class's fields, and no others."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # one validator for all sections, when a spec is read, and not one for each
        field_title_generator=lambda name, _: name,
    )


class BackendOptions(Section):
    """What carries the traffic between the pods of two nodes."""

    type: Literal["host-gw", "vxlan"] = Field(examples=["host-gw"])
    """host-gw: a route to each peer's subnet through the peer's address; the nodes share one segment.

    vxlan: a tunnel between all nodes, wherever they are.
    """
    adopt: Flag = False
    """Whether a tunnel of the wanted name and routes to the wanted prefixes are taken over from other programs."""
    vni: Vni = 1
    """vxlan: the number of the tunnel's network."""
    port: Port = 8472
    """vxlan: the UDP port of the tunnel; every node must accept it from the others."""
    direct_routing: Flag = False
    """vxlan: whether nodes on one segment route to each other as host-gw does, without the tunnel."""
    mtu: TunnelMtu = None
    """vxlan: the largest packet that the tunnel carries, in bytes.

    auto: what the node's interface carries, less 50, or less 70 where the nodes have IPv6 addresses only.
    """
    name: InterfaceName | None = Field(default=None, examples=["flannel.1"])
    """vxlan: the tunnel's device, podnet.VNI unless it is named here."""

    @property
    def link(self) -> IfName:
        """The tunnel's device."""
        return self.name or IfName(f"podnet.{self.vni}")


class IpMasq(Section):
    """Which packets leave a node under the node's address instead of the pod's."""

    enabled: Flag = True
    """Whether podnet masquerades; exactly one program should, so switch off docker's --ip-masq and the like."""
    ipv4: Flag = True
    """Whether that is about IPv4 too; false: IPv4 keeps the pod's address everywhere."""
    ipv6: Flag = True
    """Whether that is about IPv6 too; false: IPv6 keeps the pod's address everywhere."""
    non_masquerade_cidrs: tuple[AnyPrefix, ...] = ()
    """Destinations that must see the pod's own address; the pod network is always one of them."""
    masq_link_local: Flag = False
    """Whether traffic to link-local addresses (169.254.0.0/16) is masqueraded too."""
    masq_link_local_ipv6: Flag = False
    """Whether traffic to IPv6 link-local addresses (fe80::/10) is masqueraded too."""
    random_fully: Flag = True
    """Whether source ports are chosen at random, which avoids lost packets when two connections get one port."""
    to_ports: PortRanges | None = Field(default=None, examples=["1024-29999,32768-65535"])
    """The source ports that masqueraded TCP and UDP connections get; without it the kernel chooses."""
    source: Literal["pods", "any"] = "pods"
    """pods: only what comes from this node's pod subnet is masqueraded; any: everything, as ip-masq-agent does."""

    def masquerades(self, version: int) -> bool:
        """Whether packets of an IP version are masqueraded."""
        return self.enabled and (self.ipv4 if version == 4 else self.ipv6)


class Removal(Section):
    """A rule of another program that must not exist."""

    table: Literal["filter", "nat", "mangle", "raw"] = Field(examples=["nat"])
    """The rule's table."""
    rule: RuleText = Field(examples=["-A POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"])
    """The rule as iptables-save prints it; {subnet} {network} {bridge} {interface} are filled in for each node."""


class Firewall(Section):
    """How podnet's rules live beside those of other programs."""

    backend: Literal["auto", "nft", "legacy"] = "auto"
    """Which iptables holds the rules; auto: the one that is in use on the node."""
    position: Literal["shield"] = "shield"
    """shield: podnet's rule decides before any foreign rule can rewrite pod traffic."""
    respect_marks: tuple[PacketMark, ...] = (Mark(0x4000, 0x4000), Mark(0x2000, 0x2000))
    """Marks of packets that ask for another source address (kube-proxy, CNI portmap): left to who marked them."""
    remove: tuple[Removal, ...] = ()
    """Rules of other programs that must not exist."""
    persist: PersistPath = Field(default="none", examples=["/etc/iptables/rules.v4"])
    """none, or the file of rules that is loaded at boot: podnet's are kept in it, IPv6's in rules.v6 beside it."""


class CheckSpec(Section):
    """Something that must work after an apply: one of ping, tcp and command."""

    ping: PingTarget | None = Field(default=None, examples=["peers"])
    """An address that must answer; peers: the address of every other node; gateway: the default route's next hop."""
    tcp: TcpTarget | None = Field(default=None, examples=["10.4.7.22:22"])
    """An address with a port that must take a connection; {address} is the node's own."""
    command: CommandWords | None = Field(default=None, examples=[["curl", "-sf", "http://10.4.7.22/"]])
    """A program that must end with exit code 0; {subnet} {network} {bridge} {interface} {address} are filled in."""
    within: Seconds = 5
    """For how many seconds it is tried again; it has to work once."""


class Defaults(Section):
    """What a node has unless it says otherwise."""

    interface: InterfaceName = IfName("eth0")
    """The interface that carries the node's address; auto: whichever does."""
    bridge: InterfaceName = IfName("docker0")
    """The bridge of the node's pods."""
    mtu: InterfaceMtu = 1500
    """The largest packet that the interface carries, in bytes.

    auto: the one that the interface has on the node, or in its record; 1500 where neither is at hand.
    """
    blackhole: Flag = False
    """Whether packets to addresses of the node's subnet are dropped while its bridge is not there, and go nowhere."""


class StaticRoute(Section):
    """A route that one node has besides those to its peers."""

    prefix: AnyPrefix = Field(examples=["10.20.0.0/16"])
    """Where the route leads to."""
    via: AnyAddress | None = Field(default=None, examples=["10.4.7.254"])
    """The next hop; without one the prefix is on the device's own network."""
    dev: InterfaceName | None = None
    """The device, where it is not the one that carries the node's address."""


class NodeSpec(Section):
    """One node."""

    model_config = ConfigDict(json_schema_extra=_one_of("address", "ipv6_address"))

    address: HostAddress | None = Field(default=None, examples=["10.4.7.21/24"])
    """The node's address with its prefix length; nodes whose addresses lie in one prefix are on one segment."""
    ipv6_address: IPv6HostAddress | None = Field(default=None, examples=["fd00:4::15/64"])
    """The node's IPv6 address with its prefix length, beside the IPv4 one or instead of it."""
    subnet: IPv4Prefix | None = Field(default=None, examples=["172.7.21.0/24"])
    """The node's part of the pod network; without this key it is the one that podnet lease gave the node."""
    ipv6_subnet: IPv6Prefix | None = Field(default=None, examples=["fd00:7:0:15::/64"])
    """The node's part of the IPv6 pod network; without this key it is the one that podnet lease gave the node."""
    interface: InterfaceName | None = None
    """The interface that carries the node's address, where it is not the default one; auto: whichever does."""
    bridge: InterfaceName | None = None
    """The bridge of the node's pods, where it is not the default one."""
    mtu: InterfaceMtu | None = None
    """The largest packet that the interface carries, where it is not the default one; auto: what it says itself."""
    blackhole: Flag | None = None
    """Whether packets to the subnet are dropped while its bridge is not there, where it is not the default."""
    public_address: PublicAddress | None = Field(default=None, examples=["203.0.113.21"])
    """vxlan: the address that peers send to, where it is not the interface's own: that of a NAT before the node."""
    routes: tuple[StaticRoute, ...] = ()
    """More routes that this node should have."""
    sysctl: Mapping[SysctlName, SysctlValue] = Field(default_factory=dict)
    """Sysctls that this node should have besides those of the cluster, or with other values."""

    def own_address(self, version: int) -> InterfaceAddress | None:
        """Return the node's address of an IP version."""
        return self.address if version == 4 else self.ipv6_address

    def own_subnet(self, version: int) -> Prefix | None:
        """Return the subnet of an IP version that the spec gives the node."""
        return self.subnet if version == 4 else self.ipv6_subnet


class ClusterSpec(Section):
    """The pod network of one cluster."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [_one_of("network", "ipv6_network"), _one_of("nodes", "nodes_file")]}
    )

    version: Version = Field(examples=[1])
    """The version of this format."""
    cluster: Name = Field(examples=["hdss7"])
    """The cluster's name."""
    network: PodNetwork | None = Field(default=None, examples=["172.7.0.0/16"])
    """The pod network: every node's subnet is a part of it."""
    subnet_len: SubnetLen | None = None
    """The prefix length of the nodes' subnets; 24 in a network of /22 or larger, else two more than the network's."""
    subnet_min: IPv4Address | None = Field(default=None, examples=["172.7.21.0"])
    """The first subnet that a node may have, by its first address."""
    subnet_max: IPv4Address | None = Field(default=None, examples=["172.7.22.0"])
    """The last subnet that a node may have, by its first address."""
    ipv6_network: IPv6Network | None = Field(default=None, examples=["fd00:7::/48"])
    """The IPv6 pod network, beside the IPv4 one or instead of it: every node's ipv6_subnet is a part of it."""
    ipv6_subnet_len: IPv6SubnetLen | None = None
    """The prefix length of the nodes' IPv6 subnets; 64 in a network of /62 or larger, else two more than its own."""
    ipv6_subnet_min: IPv6Address | None = Field(default=None, examples=["fd00:7:0:15::"])
    """The first IPv6 subnet that a node may have, by its first address."""
    ipv6_subnet_max: IPv6Address | None = Field(default=None, examples=["fd00:7:0:16::"])
    """The last IPv6 subnet that a node may have, by its first address."""
    backend: BackendOptions = Field(examples=[{"type": "host-gw"}])
    """What carries the traffic between the pods of two nodes."""
    ip_masq: IpMasq = Field(default_factory=IpMasq.model_construct)
    """Which packets leave a node under the node's address instead of the pod's."""
    forward: Literal["accept", "pods", "none"] = "accept"
    """accept: forwarded traffic from and to the pod network is accepted; none: chain FORWARD is left alone.

    pods: only what pods send to each other, and what they and nodes do; the outside is the firewall's matter.
    """
    firewall: Firewall = Field(default_factory=Firewall.model_construct)
    """How podnet's rules live beside those of other programs."""
    checks: tuple[CheckSpec, ...] = ()
    """What must work after an apply, in this order; if something does not, the previous state is restored."""
    sysctl: Mapping[SysctlName, SysctlValue] = Field(default_factory=dict)
    """More sysctls below net. that each node should have; net.ipv4.ip_forward=1 always is, or its IPv6 sibling."""
    defaults: Defaults = Field(default_factory=Defaults.model_construct)
    """What a node has unless it says otherwise."""
    nodes: Mapping[Name, NodeSpec] = Field(
        default_factory=dict, examples=[{"hdss7-21": {"address": "10.4.7.21/24", "subnet": "172.7.21.0/24"}}]
    )
    """The nodes by their names."""
    nodes_file: NodesPath | None = Field(default=None, examples=["nodes.csv"])
    """More nodes in a file of their own, found from the folder of the spec on.

    .csv: a line for each node below one that names the columns: name, address, subnet and the like.

    .jsonl: a line for each node, an object with the keys of a node and its name.
    """

    @property
    def networks(self) -> tuple[Prefix, ...]:
        """The pod networks, IPv4 first: one of them, or both."""
        return tuple(network for network in (self.network, self.ipv6_network) if network is not None)
