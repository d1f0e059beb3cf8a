"""Objects as pyroute2 writes and reads their messages: the oracle of our own codecs."""

from __future__ import annotations

import socket
import struct

from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from netplan.system.netlink.route import ADDRESS, LINK, NEIGHBOUR, ROUTE, RULE, message_of

HEADER = 16
MESSAGES = {ROUTE: rtmsg, NEIGHBOUR: ndmsg, ADDRESS: ifaddrmsg, LINK: ifinfmsg, RULE: fibmsg}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
SCOPES = {"universe": 0, "link": 253, "host": 254, "nowhere": 255}
TYPES = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
INDEXES = {"lo": 1, "eth0": 2, "podnet.1": 3}


def written(layout, fields, attributes):
    """Write a message with pyroute2, and take it apart as ours are."""
    message = MESSAGES[layout]()
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = list(attributes.items())
    message.encode()
    return message_of(layout, bytes(message.data[HEADER : message["header"]["length"]]))


def read(layout, request, fields):
    """Read a request of ours with pyroute2: those of its fields, and its attributes."""
    head = struct.pack("=IHHII", HEADER + len(request.payload), request.kind, request.flags, 1, 0)
    message = MESSAGES[layout](head + request.payload)
    message.decode()
    return {name: message[name] for name in fields}, plain(message["attrs"])


def plain(attributes):
    """Return pyroute2's attributes as dictionaries all the way down."""
    return {name: _plain(value) for name, value in attributes}


def _plain(value):
    if isinstance(value, dict) and "attrs" in value:
        others = {key: item for key, item in value.items() if key in ("oif", "hops", "flags")}
        return {**others, **plain(value["attrs"])}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def route(value, scope):
    """Describe a route."""
    fields = {
        "family": FAMILIES[value.prefix.version],
        "dst_len": value.prefix.length,
        "tos": value.tos,
        "table": value.table if value.table < 256 else 252,
        "proto": value.protocol,
        "scope": SCOPES[scope],
        "type": TYPES[value.type],
        "flags": 4 if value.onlink else 0,
    }
    described = {
        "RTA_DST": str(value.prefix.address),
        "RTA_TABLE": value.table,
        "RTA_PRIORITY": value.metric or None,
        "RTA_PREFSRC": None if value.prefsrc is None else str(value.prefsrc),
        **({} if value.hops else _way(value.prefix.version, value.oif, value.next_hop)),
        "RTA_MULTIPATH": [_hop(value.prefix.version, hop) for hop in value.hops] or None,
    }
    return fields, {name: attribute for name, attribute in described.items() if attribute is not None}


def _way(version, oif, next_hop):
    described: dict[str, object] = {} if oif is None else {"RTA_OIF": INDEXES[oif]}
    if next_hop is not None and next_hop.version == version:
        described["RTA_GATEWAY"] = str(next_hop)
    elif next_hop is not None:
        described["RTA_VIA"] = {"family": FAMILIES[next_hop.version], "addr": str(next_hop)}
    return described


def _hop(version, hop):
    way = _way(version, None, hop.next_hop)
    return {"oif": INDEXES[hop.oif], "hops": hop.weight - 1, "flags": 0, **way}


def with_attributes(described):
    """Return what pyroute2 writes: of a route's hops their attributes apart from their fields."""
    fields, attributes = described
    if "RTA_MULTIPATH" in attributes:
        hops = [
            {**{key: hop[key] for key in ("oif", "hops", "flags")}}
            | {"attrs": [(key, attribute) for key, attribute in hop.items() if key.startswith("RTA_")]}
            for hop in attributes["RTA_MULTIPATH"]
        ]
        attributes = attributes | {"RTA_MULTIPATH": hops}
    return fields, attributes


def address(value):
    """Describe an address of a device."""
    fields = {
        "family": FAMILIES[value.address.address.version],
        "prefixlen": value.address.length,
        "scope": value.scope,
        "index": INDEXES[value.link],
    }
    text = str(value.address.address)
    return fields, {"IFA_LOCAL": text, "IFA_ADDRESS": text}


def neighbour(value):
    """Describe a permanent neighbour."""
    fields = {"family": FAMILIES[value.address.version], "ifindex": INDEXES[value.link], "state": 0x80, "flags": 0}
    return fields, {"NDA_DST": str(value.address), "NDA_LLADDR": value.lladdr}


def fdb(value):
    """Describe an entry of a forwarding database."""
    fields = {"family": socket.AF_BRIDGE, "ifindex": INDEXES[value.link], "state": 0x80, "flags": 2}
    return fields, {"NDA_LLADDR": value.lladdr, "NDA_DST": str(value.dst)}


def link(value):
    """Describe a VXLAN device as it is made."""
    vxlan = value.vxlan
    local = {4: "IFLA_VXLAN_LOCAL", 6: "IFLA_VXLAN_LOCAL6"}
    data = {
        "IFLA_VXLAN_ID": vxlan.vni,
        "IFLA_VXLAN_PORT": vxlan.port,
        "IFLA_VXLAN_LEARNING": int(vxlan.learning),
        **({} if vxlan.local is None else {local[vxlan.local.version]: str(vxlan.local)}),
        **({} if vxlan.device is None else {"IFLA_VXLAN_LINK": INDEXES[vxlan.device]}),
    }
    info = {"IFLA_INFO_KIND": "vxlan", "IFLA_INFO_DATA": data}
    return {}, {"IFLA_IFNAME": value.name, "IFLA_ADDRESS": value.lladdr, "IFLA_LINKINFO": info}


def nested(attributes):
    """Return attributes within attributes as pyroute2 writes them."""
    return {
        name: {"attrs": list(nested(value).items())} if isinstance(value, dict) else value
        for name, value in attributes.items()
    }


def rule(value):
    """Describe a rule of policy routing."""
    actions = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
    prefixes = {"dst": value.destination, "src": value.source}
    fields = {
        "family": socket.AF_INET,
        "tos": value.tos,
        "table": value.table if value.table < 256 else 252,
        "action": actions[value.action],
        "flags": 2 if value.negated else 0,
        **{f"{name}_len": 0 if prefix is None else prefix.length for name, prefix in prefixes.items()},
    }
    described = {
        **{f"FRA_{name.upper()}": prefix and str(prefix.address) for name, prefix in prefixes.items()},
        "FRA_PRIORITY": value.priority or None,
        "FRA_TABLE": value.table if value.action == "lookup" else None,
        "FRA_GOTO": value.goto or None,
        "FRA_IIFNAME": value.iif,
        "FRA_OIFNAME": value.oif,
        "FRA_FWMARK": value.mark and value.mark.value,
        "FRA_FWMASK": value.mark and value.mark.mask,
        "FRA_SUPPRESS_PREFIXLEN": value.suppress,
    }
    return fields, {name: attribute for name, attribute in described.items() if attribute is not None}
