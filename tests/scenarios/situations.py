"""Situations that a node in sync gets into, what was typed for each, and what becomes of packets."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct

SPEC: Final = """version: 1
cluster: situations
network: 172.7.0.0/16
ipv6_network: fd00:7::/48
backend: BACKEND
firewall: {backend: FILTER}
defaults: {interface: eth0, bridge: docker0}
nodes:
  n1:
    {address: 10.4.7.21/24, subnet: 172.7.21.0/24, ipv6_address: 'fd00:4::21/64', ipv6_subnet: 'fd00:7:0:21::/64'}
  n2:
    {address: 10.4.7.22/24, subnet: 172.7.22.0/24, ipv6_address: 'fd00:4::22/64', ipv6_subnet: 'fd00:7:0:22::/64'}
"""


class Ground(NamedTuple):
    """How the cluster is that something happens to: its backend, and the packet filter of its nodes."""

    backend: str = "host-gw"
    filter: str = "nft"

    @property
    def spec(self) -> str:
        """The spec of the cluster."""
        return SPEC.replace("BACKEND", f"{{type: {self.backend}}}").replace("FILTER", self.filter)


class Situation(Struct, frozen=True):
    """What is typed on node n1, and what takes it back; `$iptables` is the program of the node's packet filter.

    `blame` is what drift names, None where packets fare well and nothing drifts. What is typed on a pod of n1 is
    `in_pod`, and a connection from the first of the `ends` to the second is what is tried.
    """

    typed: str
    undo: str
    blame: str | None
    ends: tuple[str, str] = ("n2-pod1", "n1-pod1")
    version: int = 4
    in_pod: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        """What was typed, in one line."""
        return " ".join(self.typed.split())


_UP: Final = "ip link set docker0 up; ip -6 address add fd00:7:0:21::1/64 dev docker0 nodad"
_FORWARDS: Final = "net.ipv4.conf.{}.forwarding"


def _not_forwarding(device: str, ends: tuple[str, str] = ("n2-pod1", "n1-pod1")) -> Situation:
    name = _FORWARDS.format(device)
    return Situation(f"sysctl -q {name}=0", f"sysctl -q {name}=1", f"route: dropped: {name} is 0", ends)


_FROM_POD: Final = ("n1-pod1", "n2-pod1")

BRIDGE: Final = (
    Situation(
        "ip address add 172.17.0.1/16 dev docker0; ip address del 172.7.21.1/24 dev docker0",
        "ip address add 172.7.21.1/24 dev docker0; ip address del 172.17.0.1/16 dev docker0",
        "bridge: docker0 has 172.17.0.1/16, the spec says 172.7.21.0/24: start dockerd with --bip=172.7.21.1/24",
    ),
    Situation(
        "ip address del 172.7.21.1/24 dev docker0",
        "ip address add 172.7.21.1/24 dev docker0",
        "bridge: docker0 has no IPv4 address, the spec says 172.7.21.0/24: start dockerd with --bip=172.7.21.1/24",
    ),
    Situation(
        "ip address add 172.7.21.1/16 dev docker0; ip address del 172.7.21.1/24 dev docker0",
        "ip address add 172.7.21.1/24 dev docker0; ip address del 172.7.21.1/16 dev docker0",
        "bridge: docker0 has 172.7.21.1/16, the spec says 172.7.21.0/24: start dockerd with --bip=172.7.21.1/24",
        ends=_FROM_POD,
        in_pod=(
            "ip address add 172.7.21.2/16 dev eth0; ip address del 172.7.21.2/24 dev eth0",
            "ip address add 172.7.21.2/24 dev eth0; ip address del 172.7.21.2/16 dev eth0",
        ),
    ),
    Situation("ip link set docker0 down", _UP, "bridge: docker0 is down: ip link set docker0 up"),
    Situation("ip link set docker0 down", _UP, "bridge: docker0 is down: ip link set docker0 up", version=6),
    Situation(
        "ip -6 address del fd00:7:0:21::1/64 dev docker0",
        "ip -6 address add fd00:7:0:21::1/64 dev docker0 nodad",
        "bridge: docker0 has no IPv6 address, the spec says fd00:7:0:21::/64: "
        "start dockerd with --ipv6 --fixed-cidr-v6=fd00:7:0:21::/64",
        version=6,
    ),
    Situation("ip address add 172.17.0.1/16 dev docker0", "ip address del 172.17.0.1/16 dev docker0", None),
)
"""The bridge of the pods is not as the spec says."""

ROUTES: Final = (
    Situation(
        "ip route prepend 172.7.21.0/24 via 10.4.7.99",
        "ip route del 172.7.21.0/24 via 10.4.7.99",
        "route: 172.7.21.0/24 via 10.4.7.99 dev eth0",
    ),
    Situation(
        "ip -6 route add fd00:7:0:21::/64 via fd00:4::99 metric 1",
        "ip -6 route del fd00:7:0:21::/64 via fd00:4::99 metric 1",
        "route: fd00:7:0:21::/64 via fd00:4::99 dev eth0 metric 1",
        version=6,
    ),
    Situation(
        "ip route add 172.7.21.0/25 via 10.4.7.99; ip route add 172.7.21.128/25 via 10.4.7.99",
        "ip route del 172.7.21.0/25; ip route del 172.7.21.128/25",
        "route: 172.7.21.0/25 via 10.4.7.99 dev eth0",
    ),
    Situation(
        "ip route add default via 10.4.7.99 table 77; ip rule add to 172.7.21.0/24 lookup 77 priority 100",
        "ip rule del priority 100; ip route flush table 77",
        "policy rule 100: from all to 172.7.21.0/24 lookup 77",
    ),
    Situation(
        "ip -6 route add default via fd00:4::99 table 77; ip -6 rule add to fd00:7:0:21::/64 lookup 77 priority 100",
        "ip -6 rule del priority 100; ip -6 route flush table 77",
        "policy rule 100: from all to fd00:7:0:21::/64 lookup 77",
        version=6,
    ),
    Situation(
        "ip route add blackhole 172.7.21.0/29",
        "ip route del blackhole 172.7.21.0/29",
        "route: blackhole 172.7.21.0/29",
    ),
    Situation(
        "ip route add 172.7.22.2/32 via 10.4.7.99",
        "ip route del 172.7.22.2/32",
        "route: 172.7.22.2/32 via 10.4.7.99 dev eth0",
        ends=_FROM_POD,
    ),
    Situation(
        "ip -6 route add fd00:7:0:22::2/128 via fd00:4::99",
        "ip -6 route del fd00:7:0:22::2/128",
        "route: fd00:7:0:22::2/128 via fd00:4::99 dev eth0 metric 1024",
        ends=_FROM_POD,
        version=6,
    ),
)
"""Routes, or rules of routing, lead pods' packets away or refuse them."""

FORWARDING: Final = (
    _not_forwarding("docker0", ends=_FROM_POD),
    _not_forwarding("eth0"),
    Situation(
        "sysctl -q net.ipv6.conf.docker0.forwarding=0", "sysctl -q net.ipv6.conf.docker0.forwarding=1", None, version=6
    ),
)
"""A device does not forward."""

RULES: Final = (
    Situation(
        "$iptables -I FORWARD -d 172.7.21.2/32 -j DROP",
        "$iptables -D FORWARD 1",
        "filter FORWARD 1: -d 172.7.21.2/32 -j DROP",
    ),
    Situation(
        "$iptables -t nat -A POSTROUTING -s 172.7.21.0/24 -d 172.7.0.0/16 -j RETURN;"
        " ip route add 172.7.22.0/25 via 10.4.7.99",
        "$iptables -t nat -D POSTROUTING -s 172.7.21.0/24 -d 172.7.0.0/16 -j RETURN; ip route del 172.7.22.0/25",
        "route: 172.7.22.0/25 via 10.4.7.99 dev eth0",
        ends=_FROM_POD,
    ),
    Situation(
        "$iptables -I FORWARD -m hashlimit --hashlimit-above 200/sec --hashlimit-name pods -j DROP;"
        " $iptables -t nat -I PREROUTING -s 172.7.21.0/24 -j DNAT --to-destination 10.4.7.99",
        "$iptables -D FORWARD 1; $iptables -t nat -D PREROUTING 1",
        "nat PREROUTING 1: -s 172.7.21.0/24 -j DNAT --to-destination 10.4.7.99",
        ends=_FROM_POD,
    ),
    Situation(
        "$iptables -t mangle -A PREROUTING -p tcp -m socket -j MARK --set-mark 1;"
        " ip rule add fwmark 1 lookup 100 priority 100; ip route add local default dev lo table 100",
        "$iptables -t mangle -D PREROUTING 1; ip rule del priority 100; ip route flush table 100",
        None,
    ),
)
"""Rules take part."""

_VPN: Final = "ip link add wg0 type bridge; ip link set wg0 up"
_NO_VPN: Final = "ip link del wg0"

REPLIES: Final = (
    Situation(
        "$iptables -t raw -A PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP",
        "$iptables -t raw -D PREROUTING 1",
        "raw PREROUTING 1: -d 172.7.21.2/32 ! -i docker0 -j DROP",
        ends=_FROM_POD,
    ),
    Situation(
        "$iptables -t mangle -A FORWARD -i eth0 -m conntrack --ctstate ESTABLISHED -j DROP",
        "$iptables -t mangle -D FORWARD 1",
        "mangle FORWARD 1: -i eth0 -m conntrack --ctstate ESTABLISHED -j DROP",
        ends=_FROM_POD,
    ),
    Situation(
        "$iptables -t mangle -A FORWARD -m conntrack --ctstate NEW -j ACCEPT;"
        " $iptables -t mangle -A FORWARD -m conntrack --ctdir REPLY -j ACCEPT; $iptables -t mangle -P FORWARD DROP",
        "$iptables -t mangle -P FORWARD ACCEPT; $iptables -t mangle -D FORWARD 2; $iptables -t mangle -D FORWARD 1",
        "mangle FORWARD policy: -P FORWARD DROP",
        ends=_FROM_POD,
    ),
)
"""Rules that replies meet, or only later packets."""

ASTRAY: Final = (
    Situation(
        f"{_VPN}; ip route add default dev wg0 table 51820; ip rule add iif docker0 table 51820 priority 100",
        f"ip rule del priority 100; {_NO_VPN}",
        "policy rule 100: from all iif docker0 lookup 51820",
    ),
)
"""A table takes the replies of pods."""

TUNNEL: Final = (
    _not_forwarding("podnet/1"),
    Situation(
        f"{_VPN}; ip route add default dev wg0 table 51820; ip rule add not fwmark 51820 table 51820 priority 100",
        f"ip rule del priority 100; {_NO_VPN}",
        "policy rule 100: not from all fwmark 0xca6c lookup 51820",
    ),
    Situation(f"{_VPN}; ip route add 10.4.7.22/32 dev wg0", _NO_VPN, "route: 10.4.7.22/32 dev wg0"),
    Situation(
        "$iptables -A OUTPUT -p udp --dport 8472 -j DROP",
        "$iptables -D OUTPUT -p udp --dport 8472 -j DROP",
        "filter OUTPUT 1: -p udp -m udp --dport 8472 -j DROP",
    ),
    Situation(_VPN, _NO_VPN, None),
)
"""What the tunnel sends is led away, or refused."""

IPSEC: Final = (
    Situation(
        "$iptables -I FORWARD -m policy --dir in --pol ipsec -j DROP",
        "$iptables -D FORWARD -m policy --dir in --pol ipsec -j DROP",
        None,
    ),
    Situation(
        "$iptables -I FORWARD -d 172.7.21.0/24 -m policy --dir in --pol none -j DROP",
        "$iptables -D FORWARD -d 172.7.21.0/24 -m policy --dir in --pol none -j DROP",
        "filter FORWARD 1: -d 172.7.21.0/24 -m policy --dir in --pol none -j DROP",
    ),
)

SITUATIONS: Final[dict[Ground, tuple[Situation, ...]]] = {
    Ground(): (*BRIDGE, *ROUTES, *FORWARDING, *RULES, *REPLIES, *ASTRAY, *IPSEC),
    Ground(filter="legacy"): (*RULES, *REPLIES, *IPSEC),
    Ground("vxlan"): TUNNEL,
}
"""What happens to which cluster."""
