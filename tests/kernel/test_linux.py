"""The same objects, written and read by us and by pyroute2 in its plain way: one state, and one reading of it."""

from __future__ import annotations

import socket
import subprocess
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroute2 import IPRoute

from netplan.desired.compile import compile_node
from netplan.kernel.linux import Linux
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.batches import batches
from netplan.kinds.fdb.value import FdbEntry
from netplan.kinds.link.value import Link, Vxlan
from netplan.kinds.neighbour.value import Neighbour
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Interest
from netplan.spec.load import parse
from tests import make
from tests.scratch import in_scratch

NODE = """
ip link set lo up
ip link add eth0 address 0e:00:00:00:00:01 type veth peer name p0 address 0e:00:00:00:00:02
ip link set eth0 addrgenmode none; ip link set p0 addrgenmode none
ip link set eth0 up; ip link set p0 up
ip address add 10.4.7.21/24 dev eth0
ip address add fd00:4::15/64 dev eth0 nodad
"""
STATE = """
for family in -4 -6; do
    ip -d $family route show table all proto 112 | sed 's/ nhid [0-9]*//; /nh_info/d' | sort
    ip $family neighbour show nud permanent | sort
done
bridge fdb show dev podnet.1 2>/dev/null | sort
ip -d link show podnet.1 2>/dev/null | sed '1s/^[0-9]*: //'
ip -4 address show dev podnet.1 2>/dev/null | grep inet || true
"""
KINDS = (Link, LinkAddress, Neighbour, FdbEntry, Route)
BACKENDS = (
    "{type: host-gw}",
    "{type: vxlan}",
    "{type: vxlan, direct_routing: true}",
    "{type: vxlan, vni: 9, name: podnet.1}",
)
NOTHING = Interest()
ONLINK, PERMANENT, SELF = 4, 0x80, 2
TYPES = {"unicast": 1, "blackhole": 6}


@st.composite
def wanted(draw):
    """Draw what a node of a random small cluster should have, but for rules and parameters."""
    backend, both = draw(st.sampled_from(BACKENDS)), draw(st.booleans())
    far = draw(st.booleans()) and backend != BACKENDS[0]
    more = draw(st.sampled_from(("", ", blackhole: true", ", routes: [{prefix: 10.9.0.0/16, via: 10.4.7.254}]")))
    lines = ["version: 1", "cluster: x", "network: 172.7.0.0/16", f"backend: {backend}"]
    lines += ["ipv6_network: fd00:7::/48"] if both else []
    lines.append("nodes:")
    for number in range(draw(st.integers(1, 6))):
        rack = 1 if far and number % 2 else 0
        node = f"address: 10.4.{7 + rack}.{21 + number}/24, subnet: 172.7.{21 + number}.0/24"
        six = f", ipv6_address: 'fd00:{4 + rack}::{15 + number}/64', ipv6_subnet: 'fd00:7:0:{15 + number}::/64'"
        lines.append(f"  n{number}: {{{node}{six if both else ''}{more if number == 0 else ''}}}")
    spec = parse("\n".join([*lines, ""]), "spec.yaml")
    desired = compile_node(spec, spec.topology.by_name["n0"])
    return [want.resource for kind in KINDS for want in desired.objects if isinstance(want.resource, kind)]


def shell(script):
    return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout


def write_ours(objects, many):
    """Write objects as an apply does."""
    kernel = Linux(many=many)
    for batch in batches(Change(None, resource, make.WHY) for resource in objects):
        kernel.write(batch)


def write_plainly(objects):
    """Write objects with pyroute2, one by one."""
    with IPRoute() as kernel:
        for resource in objects:
            _WRITERS[type(resource)](kernel, resource)


def _index(kernel, device):
    return kernel.link_lookup(ifname=device)[0]


def _link(kernel, link):
    vxlan = link.vxlan
    local = "vxlan_local" if vxlan.local.version == 4 else "vxlan_local6"
    data = {"vxlan_id": vxlan.vni, "vxlan_port": vxlan.port, "vxlan_learning": 0, local: str(vxlan.local)}
    data["vxlan_link"] = _index(kernel, vxlan.device)
    kernel.link("add", ifname=link.name, kind="vxlan", address=link.lladdr, **data)
    kernel.link("set", index=_index(kernel, link.name), mtu=link.mtu, ifalias=link.alias, state="up")


def _address(kernel, link_address):
    address = str(link_address.address.address)
    kernel.addr("add", index=_index(kernel, link_address.link), address=address, prefixlen=link_address.address.length)


def _neighbour(kernel, neighbour):
    index = _index(kernel, neighbour.link)
    kernel.neigh("add", dst=str(neighbour.address), lladdr=neighbour.lladdr, ifindex=index, state=PERMANENT)


def _fdb(kernel, entry):
    kernel.fdb("add", ifindex=_index(kernel, entry.link), lladdr=entry.lladdr, dst=str(entry.dst))


def _route(kernel, route):
    how = {"dst": str(route.prefix), "proto": route.protocol, "type": route.type, "priority": route.metric or None}
    how |= {"gateway": route.next_hop and str(route.next_hop), "flags": ONLINK if route.onlink else None}
    how["oif"] = route.oif and _index(kernel, route.oif)
    how["family"] = socket.AF_INET if route.prefix.version == 4 else socket.AF_INET6
    kernel.route("add", **{key: value for key, value in how.items() if value is not None})


_WRITERS: dict[type, Any] = {
    Link: _link,
    LinkAddress: _address,
    Neighbour: _neighbour,
    FdbEntry: _fdb,
    Route: _route,
}


def read_ours():
    """Read our objects as a plan does."""
    with_names = Linux().observe(NOTHING)
    return {_told(resource) for kind in KINDS for resource in with_names.all(kind) if resource.ours}


def _told(resource):
    match resource:
        case Link(vxlan=Vxlan() as vxlan):
            return "link", resource.name, resource.mtu, resource.lladdr, resource.alias, vxlan.vni, vxlan.port
        case LinkAddress():
            return "address", resource.link, str(resource.address)
        case Neighbour():
            return "neighbour", resource.link, str(resource.address), resource.lladdr
        case FdbEntry():
            return "fdb", resource.link, resource.lladdr, str(resource.dst)
        case Route():
            hop = resource.next_hop and str(resource.next_hop)
            return "route", str(resource.prefix), resource.oif, hop, resource.metric, resource.type, resource.onlink


def read_plainly():
    """Read the same with pyroute2."""
    with IPRoute() as kernel:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in kernel.get_links()}
        return {
            *(_plain_link(link) for link in kernel.get_links() if link.get_attr("IFLA_IFALIAS") == "podnet"),
            *(
                ("address", "podnet.1", f"{address.get_attr('IFA_ADDRESS')}/{address['prefixlen']}")
                for address in kernel.get_addr()
                if names[address["index"]] == "podnet.1" and address["scope"] == 0
            ),
            *(
                (
                    "neighbour",
                    names[neighbour["ifindex"]],
                    neighbour.get_attr("NDA_DST"),
                    neighbour.get_attr("NDA_LLADDR"),
                )
                for family in (socket.AF_INET, socket.AF_INET6)
                for neighbour in kernel.get_neighbours(family)
                if neighbour["state"] == PERMANENT
            ),
            *(
                ("fdb", names[entry["ifindex"]], entry.get_attr("NDA_LLADDR"), entry.get_attr("NDA_DST"))
                for entry in kernel.get_neighbours(socket.AF_BRIDGE)
                if names[entry["ifindex"]] == "podnet.1"
            ),
            *(
                _plain_route(route, names)
                for family in (socket.AF_INET, socket.AF_INET6)
                for route in kernel.get_routes(family)
                if route["proto"] == 112
            ),
        }


def _plain_link(link):
    data = link.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    own = link.get_attr("IFLA_IFNAME"), link.get_attr("IFLA_MTU"), link.get_attr("IFLA_ADDRESS")
    return "link", *own, link.get_attr("IFLA_IFALIAS"), data.get_attr("IFLA_VXLAN_ID"), data.get_attr("IFLA_VXLAN_PORT")


def _plain_route(route, names):
    prefix = f"{route.get_attr('RTA_DST')}/{route['dst_len']}"
    blackhole = route["type"] == TYPES["blackhole"]
    oif = None if blackhole else names[route.get_attr("RTA_OIF")]
    metric, onlink = route.get_attr("RTA_PRIORITY") or 0, bool(route["flags"] & ONLINK)
    return "route", prefix, oif, route.get_attr("RTA_GATEWAY"), metric, "blackhole" if blackhole else "unicast", onlink


def outcome(write, *arguments):
    """Write objects on a node of its own; give the state, and what both read of it."""

    def run():
        shell(NODE)
        write(*arguments)
        return shell(STATE), read_ours(), read_plainly()

    return in_scratch(run)


@settings(deadline=None, max_examples=12)
@given(wanted(), st.sampled_from((1, 1_000_000)))
def test_what_we_write_and_read_is_what_pyroute2_does(objects, many):
    ours, mine, theirs = outcome(write_ours, objects, many)
    plain, read, _ = outcome(write_plainly, objects)
    assert ours == plain
    assert mine == theirs == read == {_told(resource) for resource in objects}
