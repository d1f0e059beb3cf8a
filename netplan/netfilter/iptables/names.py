"""The names that iptables reads for numbers, and the order in which it prints flags.

Sources: Debian's /etc/protocols and /etc/services, iptables-extensions(8) and the lists that `iptables -p icmp -h`,
`ip6tables -p icmpv6 -h` and `iptables -j REJECT -h` print. No file is read: the outcome is the same on every machine.
"""

from __future__ import annotations

from typing import Final

TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
DCCP: Final = 33
ICMPV6: Final = 58
SCTP: Final = 132
UDPLITE: Final = 136

POLICY: Final = "policy"
"""The match that asks what IPsec has to do with packets."""

PROTOCOL_NAMES: Final = {
    1: "icmp", 2: "igmp", 3: "ggp", 4: "ipencap", 5: "st", 6: "tcp", 8: "egp", 9: "igp", 12: "pup", 17: "udp",
    20: "hmp", 22: "xns-idp", 27: "rdp", 29: "iso-tp4", 33: "dccp", 36: "xtp", 37: "ddp", 38: "idpr-cmtp", 41: "ipv6",
    43: "ipv6-route", 44: "ipv6-frag", 45: "idrp", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 57: "skip",
    58: "ipv6-icmp", 59: "ipv6-nonxt", 60: "ipv6-opts", 73: "rspf", 81: "vmtp", 88: "eigrp", 89: "ospf", 93: "ax.25",
    94: "ipip", 97: "etherip", 98: "encap", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 124: "isis",
    132: "sctp", 133: "fc", 135: "mobility-header", 136: "udplite", 137: "mpls-in-ip", 138: "manet", 139: "hip",
    140: "shim6", 141: "wesp", 142: "rohc", 143: "ethernet",
}  # fmt: skip
"""How iptables-save prints a protocol number; one without a name is printed as a number."""

PROTOCOLS: Final = {name: number for number, name in PROTOCOL_NAMES.items()} | {
    "all": 0, "ip": 0, "hopopt": 0, "ipv4": 4, "icmpv6": 58, "ospfigp": 89, "mh": 135, "ipv6-mh": 135,
}  # fmt: skip
"""Protocol numbers by every name that iptables reads, in small letters."""

SERVICES: Final = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68,
    "tftp": 69, "http": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "snmp": 161,
    "bgp": 179, "ldap": 389, "https": 443, "microsoft-ds": 445, "syslog": 514, "submission": 587, "ldaps": 636,
    "domain-s": 853, "imaps": 993, "pop3s": 995, "nfs": 2049, "mysql": 3306, "postgresql": 5432,
}  # fmt: skip
"""Ports by the names that rules written by hand use most."""

ICMP_TYPES: Final = {
    "any": "any", "255": "any", "255/255": "any", "echo-reply": "0", "pong": "0", "destination-unreachable": "3",
    "network-unreachable": "3/0", "host-unreachable": "3/1", "protocol-unreachable": "3/2", "port-unreachable": "3/3",
    "fragmentation-needed": "3/4", "source-route-failed": "3/5", "network-unknown": "3/6", "host-unknown": "3/7",
    "network-prohibited": "3/9", "host-prohibited": "3/10", "tos-network-unreachable": "3/11",
    "tos-host-unreachable": "3/12", "communication-prohibited": "3/13", "host-precedence-violation": "3/14",
    "precedence-cutoff": "3/15", "source-quench": "4", "redirect": "5", "network-redirect": "5/0",
    "host-redirect": "5/1", "tos-network-redirect": "5/2", "tos-host-redirect": "5/3", "echo-request": "8",
    "ping": "8", "router-advertisement": "9", "router-solicitation": "10", "time-exceeded": "11",
    "ttl-exceeded": "11", "ttl-zero-during-transit": "11/0", "ttl-zero-during-reassembly": "11/1",
    "parameter-problem": "12", "ip-header-bad": "12/0", "required-option-missing": "12/1", "timestamp-request": "13",
    "timestamp-reply": "14", "address-mask-request": "17", "address-mask-reply": "18",
}  # fmt: skip

ICMPV6_TYPES: Final = {
    "destination-unreachable": "1", "no-route": "1/0", "communication-prohibited": "1/1", "beyond-scope": "1/2",
    "address-unreachable": "1/3", "port-unreachable": "1/4", "failed-policy": "1/5", "reject-route": "1/6",
    "packet-too-big": "2", "time-exceeded": "3", "ttl-exceeded": "3", "ttl-zero-during-transit": "3/0",
    "ttl-zero-during-reassembly": "3/1", "parameter-problem": "4", "bad-header": "4/0", "unknown-header-type": "4/1",
    "unknown-option": "4/2", "echo-request": "128", "ping": "128", "echo-reply": "129", "pong": "129",
    "router-solicitation": "133", "router-advertisement": "134", "neighbour-solicitation": "135",
    "neighbor-solicitation": "135", "neighbour-advertisement": "136", "neighbor-advertisement": "136",
    "redirect": "137",
}  # fmt: skip

REJECT_WITH: Final = {
    4: {
        "icmp-net-unreachable": "net-unreach", "icmp-host-unreachable": "host-unreach",
        "icmp-port-unreachable": "port-unreach", "icmp-proto-unreachable": "proto-unreach",
        "icmp-net-prohibited": "net-prohib", "icmp-host-prohibited": "host-prohib",
        "icmp-admin-prohibited": "admin-prohib", "tcp-reset": "tcp-rst",
    },
    6: {
        "icmp6-no-route": "no-route", "icmp6-adm-prohibited": "adm-prohibited",
        "icmp6-addr-unreachable": "addr-unreach", "icmp6-port-unreachable": "port-unreach",
        "icmp6-policy-fail": "policy-fail", "icmp6-reject-route": "reject-route", "tcp-reset": "tcp-rst",
    },
}  # fmt: skip
"""What REJECT can answer with, and its short name, by IP version."""

LOG_LEVELS: Final = {
    "emerg": "0", "panic": "0", "alert": "1", "crit": "2", "error": "3", "warning": "4", "notice": "5", "info": "6",
    "debug": "7",
}  # fmt: skip

DSCP_CLASSES: Final = (
    {"be": 0, "ef": 0x2E}
    | {f"cs{number}": number << 3 for number in range(8)}
    | {f"af{high}{low}": high << 3 | low << 1 for high in range(1, 5) for low in range(1, 4)}
)

PACKET_TYPES: Final = {
    "unicast": "unicast", "host": "unicast", "broadcast": "broadcast", "bcast": "broadcast", "multicast": "multicast",
    "mcast": "multicast",
}  # fmt: skip

STATES: Final = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED")
NAT_STATES: Final = (*STATES, "SNAT", "DNAT")
STATUSES: Final = ("EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")
ADDRESS_TYPES: Final = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
    "NAT", "XRESOLVE",
)  # fmt: skip
TCP_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
