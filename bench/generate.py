"""What the measurements start from: specs of any size, the same routes for `ip -batch`, and kube-proxy's rules."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator

UNDERLAY = ipaddress.IPv4Network("172.16.0.0/12")
PODS = ipaddress.IPv4Network("10.0.0.0/8")
INTERFACE = "eth0"
BRIDGE = "cni0"


def name(number: int) -> str:
    """Return the name of a node."""
    return f"node-{number:05}"


def address(number: int) -> ipaddress.IPv4Address:
    """Return the underlay address of a node."""
    return UNDERLAY[number + 1]


def subnet(number: int) -> str:
    """Return the pod subnet of a node: the /24s of 10.0.0.0/8 in turn."""
    return f"{PODS[number << 8]}/24"


def spec(nodes_file: str, backend: str = "host-gw", packet_filter: str = "nft") -> str:
    """Return a spec whose nodes are in a file beside it."""
    lines = [
        "version: 1",
        "cluster: bench",
        f"network: {PODS}",
        f"backend: {{type: {backend}}}",
        f"firewall: {{backend: {packet_filter}}}",
        f"defaults: {{interface: {INTERFACE}, bridge: {BRIDGE}, mtu: 1500}}",
        f"nodes_file: {nodes_file}",
        "",
    ]
    return "\n".join(lines)


def nodes_csv(nodes: int) -> str:
    """Return the file of so many nodes."""
    rows = (f"{name(number)},{address(number)}/12,{subnet(number)}" for number in range(nodes))
    return "\n".join(["name,address,subnet", *rows, ""])


def routes(nodes: int) -> str:
    """Return what `ip -batch` reads to make the same host-gw routes of node 0."""
    lines = (f"route add {subnet(each)} via {address(each)} dev {INTERFACE} proto 112" for each in range(1, nodes))
    return "\n".join([*lines, ""])


def tunnel(nodes: int) -> tuple[str, str]:
    """Return what `ip -batch` and `bridge -batch` read to make the same vxlan entries of node 0."""
    device, local, end = "podnet.1", address(0), PODS[0]
    ip = [
        f"link add {device} address {_lladdr(0)} type vxlan id 1 local {local} dev {INTERFACE} dstport 8472 nolearning",
        f"link set {device} mtu 1450 up",
        f"address add {end}/32 dev {device}",
    ]
    bridge = []
    for peer in range(1, nodes):
        first = PODS[peer << 8]
        ip.append(f"neighbour replace {first} dev {device} lladdr {_lladdr(peer)} nud permanent")
        ip.append(f"route add {subnet(peer)} via {first} dev {device} onlink proto 112")
        bridge.append(f"fdb replace {_lladdr(peer)} dev {device} dst {address(peer)} self permanent")
    return "\n".join([*ip, ""]), "\n".join([*bridge, ""])


def _lladdr(number: int) -> str:
    return f"0e:2a:{address(number).packed.hex(':')}"


def services(count: int, *, numbered: bool = False) -> str:
    """Return table nat as kube-proxy writes it, for so many services of one endpoint: seven lines each.

    kube-proxy names their chains by hashes; with `numbered` they are made in the order of their names.
    """
    name_of = _number if numbered else _hash
    chains, rules = _named("KUBE-SERVICES"), ["-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES"]
    rules += ["-A POSTROUTING -j KUBE-POSTROUTING", *_postrouting()]
    chains += _named("KUBE-POSTROUTING", "KUBE-MARK-MASQ")
    rules.append("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000")
    for number in range(count):
        service, end = f"KUBE-SVC-{name_of(number)}", f"KUBE-SEP-{name_of(number, 0)}"
        chains += _named(service, end)
        rules += _service(number, service, end)
    return "\n".join(["*nat", *chains, *rules, "COMMIT", ""])


def _service(number: int, service: str, end: str) -> Iterator[str]:
    cluster_ip = ipaddress.IPv4Address("100.64.0.0") + number
    pod = PODS[(number % 60000 << 8) + 10]
    name = f"bench/svc-{number}:http"
    about = f'-d {cluster_ip}/32 -p tcp -m comment --comment "{name} cluster IP" -m tcp --dport 80'
    yield f"-A KUBE-SERVICES {about} -j {service}"
    yield f"-A {service} ! -s {PODS} {about} -j KUBE-MARK-MASQ"
    yield f'-A {service} -m comment --comment "{name} -> {pod}:8080" -j {end}'
    yield f'-A {end} -s {pod}/32 -m comment --comment "{name}" -j KUBE-MARK-MASQ'
    yield f'-A {end} -p tcp -m comment --comment "{name}" -m tcp -j DNAT --to-destination {pod}:8080'


def _postrouting() -> Iterable[str]:
    return (
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    )


def _named(*chains: str) -> list[str]:
    return [f":{chain} - [0:0]" for chain in chains]


def _number(number: int, *_: int) -> str:
    return f"{number:016}"


def _hash(*parts: int) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16].upper()
