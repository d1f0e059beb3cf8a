"""Small sets of rules as nodes have them: what real programs left, mixed, and rules like theirs drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from tests import make

PODS: Final = ("172.7.21.2", "172.7.21.3")
_PLACES: Final = {
    "172.7.22.0/24": "172.7.21.0/24",
    "172.7.22.2/32": "172.7.21.2/32",
    "172.7.21.128": "172.7.21.3",
}
"""The subnet and the pods of the node, by those that the captures have."""


def _here(rules: str) -> str:
    """Return the rules of a capture with the addresses of the node."""
    for there, here in _PLACES.items():
        rules = rules.replace(there, here)
    return rules


CAPTURED: Final = {
    path.name: _here(path.read_text()) for path in sorted(make.CAPTURES.glob("*.rules")) if "*nat" in path.read_text()
}

_ADDRESSES: Final = (
    *("172.7.21.2/32", "172.7.21.3/32", "172.7.21.0/24", "172.7.22.0/24", "172.7.22.2/32", "172.7.0.0/16"),
    *("10.4.7.21/32", "10.4.7.22/32", "10.4.7.0/24", "10.0.0.0/8", "198.51.100.0/24", "224.0.0.0/4"),
    *("172.0.21.0/255.0.255.0", "192.168.0.0/16", "172.7.21.1/32"),
)
_MATCHES: Final = (
    "-m mark --mark 0x4000/0x4000",
    "-m mark ! --mark 0x4000/0x4000",
    "-m mark --mark 0x1/0x3",
    "-m connmark --mark 0x1/0x1",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m conntrack --ctstate NEW",
    "-m conntrack ! --ctstate DNAT",
    "-m conntrack --ctstate DNAT",
    "-m conntrack --ctstate INVALID",
    "-m conntrack --ctorigdst 192.168.0.0/16",
    "-m state --state NEW,ESTABLISHED",
    "-m addrtype --dst-type LOCAL",
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --src-type LOCAL",
    "-m addrtype ! --src-type UNICAST",
    "-m iprange --src-range 172.7.21.2-172.7.22.9",
    "-m iprange ! --dst-range 10.4.7.22-10.4.7.60",
    "-m statistic --mode random --probability 1",
    "-m statistic --mode random --probability 0",
    "-m statistic --mode nth --every 1 --packet 0",
    "-p tcp -m tcp --dport 80",
    "-p tcp -m multiport --dports 80,443,8000:8100",
    "-p tcp -m multiport ! --ports 30080",
    "-p tcp --syn",
    "-p tcp ! --syn",
    "-p udp -m udp --dport 53",
    "-p udp -m udp ! --dport 53",
    "-p udp --sport 1024:65535",
    "-p icmp -m icmp --icmp-type echo-request",
    "-p icmp -m icmp --icmp-type 3/1",
    "! -p tcp",
    "-p udp",
    "! -f",
)
_MARKS: Final = (
    "-j MARK --set-xmark 0x4000/0x4000",
    "-j MARK --set-xmark 0x4000/0x0",
    "-j MARK --or-mark 0x2000",
    "-j MARK --set-mark 0x1",
    "-j MARK --and-mark 0xfffffff0",
    "-j MARK --xor-mark 0x4001",
    "-j CONNMARK --set-mark 0x1",
    "-j CONNMARK --save-mark",
    "-j CONNMARK --restore-mark --nfmask 0xffff --ctmask 0xff",
)
_TARGETS: Final = {
    "raw": ("-j RETURN", "-j ACCEPT", "-j CT --notrack", "-j MARK --set-mark 0x1", "-j CONNMARK --restore-mark"),
    "mangle": (*_MARKS, *_MARKS, "-j ACCEPT", "-j RETURN", "-j DROP", "-j TTL --ttl-set 64", ""),
    "filter": (
        *("-j ACCEPT", "-j ACCEPT", "-j RETURN", "-j DROP", "-j REJECT", "", "-j LOG"),
        "-j REJECT --reject-with icmp-host-prohibited",
        "-j MARK --set-xmark 0x4000/0x4000",
    ),
    "nat": ("-j ACCEPT", "-j RETURN", "-j MARK --set-xmark 0x4000/0x4000", "-j LOG"),
}
_GUARDED: Final = 0.4
"""How many of the rules in raw PREROUTING are docker's, by which it keeps others from its containers."""

_NAT: Final = {
    "PREROUTING": (
        *("-j DNAT --to-destination 172.7.21.3", "-p tcp -j DNAT --to-destination 172.7.21.2:80"),
        *("-p udp --dport 53 -j REDIRECT", "-p tcp --dport 8080 -j REDIRECT --to-ports 80"),
        *("-d 192.168.0.0/16 -j DNAT --to-destination 172.7.22.2", "-d 192.168.0.0/24 -j NETMAP --to 172.7.22.0/24"),
        *("-p udp -j DNAT --to-destination 10.4.7.21:53", "-p udp --dport 53 -j DNAT --to-destination 127.0.0.1"),
    ),
    "OUTPUT": (
        *("-d 192.168.0.0/16 -j DNAT --to-destination 172.7.22.2", "-p tcp --dport 8080 -j REDIRECT --to-ports 80"),
        *("-d 10.4.7.21/32 -p tcp -j DNAT --to-destination 172.7.21.2:80", "-j DNAT --to-destination 172.7.21.3"),
    ),
    "POSTROUTING": (
        *("-j MASQUERADE", "-o eth0 -j MASQUERADE --random-fully", "-j SNAT --to-source 10.4.7.21"),
        *("-p tcp -j MASQUERADE --to-ports 1024-29999", "-s 172.7.21.0/24 -j SNAT --to-source 10.4.7.77"),
        "-s 172.7.21.0/24 -d 198.51.100.0/24 -j NETMAP --to 10.4.8.0/24",
    ),
    "INPUT": ("-p udp -j SNAT --to-source 172.7.21.1",),
}


_SETS: Final = {
    "s-ip": ("hash:ip", ("172.7.21.2", "172.7.22.2", "10.4.7.22", "198.51.100.2", "10.4.7.21", "192.168.0.9")),
    "s-rounded": ("hash:ip netmask 24", ("172.7.21.0", "198.51.100.0", "10.4.7.0")),
    "s-bits": ("bitmap:ip range 172.7.21.0/24", ("172.7.21.1", "172.7.21.2", "172.7.21.3")),
    "s-net": (
        "hash:net",
        (
            *("172.7.0.0/16", "172.7.21.0/24 nomatch", "172.7.21.2", "172.7.21.3 nomatch", "10.0.0.0/8"),
            *("192.168.0.0/16", "172.7.22.0/24", "172.7.22.2 nomatch"),
        ),
    ),
    "s-ip-port": (
        "hash:ip,port",
        ("172.7.21.2,tcp:80", "172.7.21.3,udp:53", "172.7.22.2,icmp:8/0", "10.4.7.22,tcp:443", "172.7.21.2,icmp:8/0"),
    ),
    "s-net-port": (
        "hash:net,port",
        ("172.7.0.0/16,tcp:80", "172.7.22.0/24,tcp:80 nomatch", "172.0.0.0/8,icmp:8/0", "10.4.7.0/24,udp:53"),
    ),
    "s-ip-port-ip": (
        "hash:ip,port,ip",
        ("172.7.21.2,tcp:80,172.7.22.2", "172.7.21.2,icmp:8/0,198.51.100.2", "172.7.21.3,udp:53,172.7.22.2"),
    ),
    "s-ip-port-net": (
        "hash:ip,port,net",
        ("172.7.21.2,tcp:80,172.7.0.0/16", "172.7.21.2,tcp:80,172.7.22.0/24 nomatch", "172.7.21.2,udp:53,128.0.0.0/1"),
    ),
    "s-net-iface": (
        "hash:net,iface",
        (
            *("172.7.21.0/24,docker0", "172.7.0.0/16,eth0", "172.7.21.2,eth0", "0.0.0.0/0,eth wildcard"),
            *("0.0.0.0/0,docker0", "172.7.22.0/24,docker0 nomatch"),
        ),
    ),
    "s-list": ("list:set", ("s-ip", "s-net", "s-net-port")),
}
"""Sets by their names: their types, and what may be in them."""

_ASKED: Final = (
    *("s-ip src", "s-ip dst", "s-rounded src", "s-rounded dst", "s-bits src", "s-bits dst", "s-net src", "s-net dst"),
    *("s-net src,dst", "s-ip-port src,dst", "s-ip-port dst,dst", "s-ip-port src,src", "s-ip-port src"),
    *("s-net-port src,dst", "s-net-port dst,dst", "s-ip-port-ip src,dst,dst", "s-ip-port-ip dst,dst,src"),
    *("s-ip-port-net src,dst,dst", "s-net-iface src,src", "s-net-iface dst,dst", "s-net-iface src,dst"),
    *("s-list src", "s-list dst,dst", "s-list src,dst"),
)


class Ruleset(Struct, frozen=True):
    """The rules of all tables, and the settings, addresses and routes besides those that the node needs.

    `policies` are rules of policy routing, `sets` what `ipset restore` reads.
    """

    payload: str
    settings: tuple[str, ...]
    addresses: tuple[str, ...]
    routes: tuple[str, ...]
    policies: tuple[str, ...]
    sets: str
    version: int = 4

    @property
    def mangle_drops(self) -> bool:
        """Whether rules may drop the errors that the node sends, in silence."""
        return "-j DROP" in self.payload[self.payload.index("*mangle") : self.payload.index("*nat")]

    def __str__(self) -> str:
        return f"{self.payload}{self.settings}\n{self.addresses}\n{self.routes}\n{self.policies}\n{self.sets}"


_ROUTES: Final = (
    *("blackhole 198.51.100.0/24", "unreachable 172.7.22.3", "prohibit 172.7.22.2", "172.7.22.0/24 via 10.4.7.254"),
    *("198.51.100.0/24 via 10.4.7.22 metric 5", "198.51.100.0/24 via 10.4.7.254 metric 4"),
    *("198.51.100.0/24 via 10.4.9.254 dev eth0 onlink", "default via 10.4.9.254 dev eth0 onlink metric 7"),
    *("172.7.22.0/24 via 10.4.7.22 src 172.7.21.1", "192.168.0.0/24 dev eth0 scope link", "172.7.22.3 dev eth0"),
    *("throw 198.51.100.0/24", "172.7.22.2 via 10.4.7.254"),
)


_TABLES: Final = (
    *("default via 10.4.7.22 table 100", "blackhole 198.51.100.0/24 table 100", "throw 172.7.22.0/24 table 100"),
    *("172.7.22.0/24 via 10.4.7.254 table 100", "172.7.21.0/24 dev docker0 table 100", "172.7.22.3 dev eth0 table 100"),
    *("unreachable default table 1001", "198.51.100.0/24 via 10.4.7.22 table 1001", "prohibit 172.7.22.2 table 1001"),
    *("172.7.22.0/24 via 10.4.7.254 metric 7 table 1001", "local 192.168.0.9 dev lo table 1001"),
    *("198.51.100.0/24 tos 0x10 via 10.4.7.22", "172.7.21.0/24 dev docker0 table 1001"),
    "local 192.168.0.100 dev lo table main",
)
_POLICIES: Final = (
    *("fwmark 0x4000/0x4000 lookup 100", "fwmark 0x1/0x3 lookup 1001", "not fwmark 0x4000/0x4000 lookup 1001"),
    *("from 172.7.21.0/24 lookup 100", "from 172.7.21.2 lookup 1001", "from 10.4.7.21 lookup 100"),
    *("to 172.7.22.0/24 lookup 1001", "from all to 198.51.100.0/24 lookup 100", "not from 172.7.0.0/16 lookup 100"),
    *("iif docker0 lookup 100", "iif eth0 lookup 1001", "iif lo lookup 100", "not iif lo lookup 1001"),
    *("from 172.7.21.3 blackhole", "from 172.7.21.2 to 198.51.100.0/24 unreachable", "to 172.7.22.3 prohibit"),
    *("fwmark 0x1/0x1 prohibit", "not from 172.7.0.0/16 iif eth0 blackhole", "iif docker0 unreachable"),
    *("from 172.7.21.0/24 goto 32766", "fwmark 0x4000/0x4000 goto 900", "to 172.7.22.0/24 goto 900"),
    *("tos 0x10 lookup 1001", "oif eth0 blackhole", "not oif eth0 lookup 100", "lookup main suppress_prefixlength 0"),
)


_SETTINGS: Final = {
    "net/ipv4/ip_forward": (1, 1, 1, 1, 1, 1, 1, 0),
    "net/bridge/bridge-nf-call-iptables": (1, 1, 1, 0),
    "net/ipv4/conf/all/rp_filter": (0, 0, 0, 2),
    "net/ipv4/conf/eth0/rp_filter": (0, 0, 1, 2),
    "net/ipv4/conf/docker0/rp_filter": (0, 0, 1),
    "net/ipv4/conf/all/accept_local": (0, 0, 0, 0, 1),
    "net/ipv4/conf/eth0/route_localnet": (0, 0, 1),
    "net/ipv4/conf/all/src_valid_mark": (0, 0, 1),
}
_MORE_ADDRESSES: Final = (
    *("10.4.7.31/24 dev eth0", "10.4.9.1/24 dev eth0", "10.4.7.32/32 dev eth0", "192.168.0.1/32 dev lo"),
    *("169.254.7.1/16 dev eth0 scope link", "172.7.21.9/24 dev docker0", "10.4.7.33/25 dev eth0"),
)


def draw(random: Random) -> Ruleset:
    """Draw the rules of a node: one to three programs' own, some of them missing, and up to a dozen others."""
    names = random.sample(sorted(CAPTURED), random.choice((0, 0, 0, 1, 1, 2, 3)))
    rules: dict[ChainKey, list[str]] = {
        ChainKey(4, table, name): [] for table, hooks in BUILT_IN_BY_TABLE.items() for name in hooks
    }
    actions = dict.fromkeys(rules, "ACCEPT")
    for name in names:
        for chain in make.chains(CAPTURED[name]):
            _add(rules, chain, random)
    for _ in range(random.randint(2, 18)):
        _insert(rules, random)
    for name in ("FORWARD", "INPUT", "OUTPUT"):
        if random.random() < {"FORWARD": 0.25, "INPUT": 0.1, "OUTPUT": 0.0}[name]:
            actions[ChainKey(4, "filter", name)] = "DROP"
    routes = random.sample(_ROUTES, random.choice((0, 0, 1, 2)))
    policies = random.sample(_POLICIES, random.choice((0, 0, 1, 2, 3)))
    policies.sort(key=lambda rule: "goto 900" not in rule)  # it leads forward only
    if policies:
        routes += random.sample(_TABLES, random.randint(2, 6))
    settings = tuple(f"{name}={random.choice(values)}" for name, values in _SETTINGS.items())
    addresses = random.sample(_MORE_ADDRESSES, random.choice((0, 0, 1, 2)))
    sets = {name: random.sample(pool, random.randint(0, len(pool))) for name, (_, pool) in _SETS.items()}
    numbered = tuple(f"{rule} pref {number}" for number, rule in zip((700, 800, 900), policies, strict=False))
    return Ruleset(_payload(rules, actions), settings, tuple(addresses), tuple(routes), numbered, _restored(sets))


def _restored(sets: Mapping[str, Sequence[str]]) -> str:
    """Write sets as `ipset restore` reads them; each is emptied if it is there already."""
    lines = [f"create {name} {kind} -exist\nflush {name}" for name, (kind, _) in _SETS.items()]
    lines += [f"add {name} {member}" for name, members in sets.items() for member in members]
    return "\n".join([*lines, ""])


def _add(rules: dict[ChainKey, list[str]], chain: Chain, random: Random) -> None:
    texts = make.texts(chain.rules)
    if chain.policy is None:
        rules[chain.key] = texts
    else:
        rules[chain.key] += [text for text in texts if random.random() < 0.85]


def _insert(rules: dict[ChainKey, list[str]], random: Random) -> None:
    """Insert a rule somewhere in a built-in chain, or in a chain of its own that a rule leads to."""
    table = random.choice(("raw", "mangle", "mangle", "nat", "nat", "nat", "filter", "filter", "filter"))
    hook = random.choice(BUILT_IN_BY_TABLE[table])
    key = ChainKey(4, table, hook)
    if random.random() < 0.35:
        below = ChainKey(4, table, f"TEST-{len(rules)}")
        rules[below] = [_rule(table, hook, random, plain=True) for _ in range(random.randint(0, 3))]
        flag = random.choice(("-j", "-j", "-g"))
        text = f"{_conditions(hook, random, plain=False)} {flag} {below.name}"
    else:
        text = _rule(table, hook, random, plain=False)
    rules[key].insert(random.randint(0, len(rules[key])), text)


def _rule(table: str, hook: str, random: Random, *, plain: bool) -> str:
    if (table, hook) == ("raw", "PREROUTING") and random.random() < _GUARDED:
        return f"-d {random.choice((*PODS, '172.7.22.2'))}/32 ! -i docker0 -j DROP"
    target = random.choice(_TARGETS[table])
    if table == "nat" and random.random() < 0.6:
        target = random.choice(_NAT[hook])
    if hook == "OUTPUT" and ("REJECT" in target or "DROP" in target):  # errors that this node sends must get out
        return f"-p udp --dport {random.choice((53, 9999))} {target}"
    if "-p " in target or "-d " in target or "-s " in target or "-o " in target:
        return target
    return f"{_conditions(hook, random, plain=plain)} {target}"


def _conditions(hook: str, random: Random, *, plain: bool) -> str:
    """Draw conditions; in a chain of the user also devices that a packet there does not have."""
    words = [
        f"{random.choice(('', '', '! '))}{option} {random.choice(_ADDRESSES)}"
        for option in ("-s", "-d")
        if random.random() < 0.3
    ]
    for option, refused in (("-i", ("OUTPUT", "POSTROUTING")), ("-o", ("PREROUTING", "INPUT"))):
        if random.random() < (0.5 if plain else 0.25) and (plain or hook not in refused):
            words.append(f"{random.choice(('', '! '))}{option} {random.choice(('eth0', 'docker0', 'docker+', 'lo'))}")
    if random.random() < 0.45:
        words.append(random.choice(_MATCHES))
    if random.random() < 0.25:
        words.append(f"-m set {random.choice(('', '', '! '))}--match-set {random.choice(_ASKED)}")
    return " ".join(words)


def _payload(rules: dict[ChainKey, list[str]], policies: dict[ChainKey, str]) -> str:
    lines = []
    for table in BUILT_IN_BY_TABLE:
        keys = [key for key in rules if key.table == table]
        lines += [f"*{table}", *(f":{key.name} {policies.get(key, '-')} [0:0]" for key in keys)]
        lines += [f"-A {key.name} {text}" for key in keys for text in rules[key]]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def written(
    *lines: str,
    addresses: Sequence[str] = (),
    routes: Sequence[str] = (),
    policies: Sequence[str] = (),
    sets: Mapping[str, Sequence[str]] = MappingProxyType({}),
    **settings: int,
) -> Ruleset:
    """Write rules as `nat POSTROUTING -j MASQUERADE`; settings by the last part of their names."""
    rules: dict[ChainKey, list[str]] = {
        ChainKey(4, table, name): [] for table, hooks in BUILT_IN_BY_TABLE.items() for name in hooks
    }
    for line in lines:
        table, name, text = line.split(maxsplit=2)
        rules.setdefault(ChainKey(4, table, name), []).append(text)
    values = {name: settings.get(name.rpartition("/")[2].replace("-", "_"), low[0]) for name, low in _SETTINGS.items()}
    payload = _payload(rules, dict.fromkeys(rules, "ACCEPT") | {key: "-" for key in rules if key.name.startswith("T")})
    given = tuple(f"{name}={value}" for name, value in values.items())
    return Ruleset(payload, given, tuple(addresses), tuple(routes), tuple(policies), _restored(sets))


CORNERS: Final = {
    "masquerade takes the address in the prefix of the next hop": written(
        "nat POSTROUTING -o eth0 -j MASQUERADE",
        addresses=["10.4.9.1/24 dev eth0"],
        routes=["198.51.100.0/24 via 10.4.9.254 dev eth0"],
    ),
    "masquerade takes no secondary address and none of a smaller scope": written(
        "nat POSTROUTING -j MASQUERADE",
        addresses=["169.254.7.1/16 dev eth0 scope link", "10.4.7.31/24 dev eth0", "172.7.21.9/24 dev docker0"],
    ),
    "masquerade does not care for the source of the route": written(
        "nat POSTROUTING -j MASQUERADE", routes=["198.51.100.0/24 via 10.4.7.254 src 172.7.21.1"]
    ),
    "of two routes the one with the lower metric is taken": written(
        "nat POSTROUTING -j MASQUERADE",
        routes=["198.51.100.0/24 via 10.4.7.22 metric 4", "198.51.100.0/24 via 10.4.7.254 metric 5"],
    ),
    "behind forward it is unknown where a bridged packet came in": written(
        "mangle POSTROUTING -j T", "mangle T -i docker0 -j DROP"
    ),
    "behind forward a routed packet has come in somewhere": written(
        "mangle POSTROUTING -j T", "mangle T ! -i docker0 -j DROP"
    ),
    "a bit that is flipped twice is as before": written(
        *("mangle PREROUTING -j MARK --set-mark 0x4003", "mangle PREROUTING -j MARK --xor-mark 0x4001"),
        *("filter FORWARD -m mark --mark 0x2 -j ACCEPT", "filter FORWARD -j DROP"),
    ),
    "of a mark those bits are compared that a mask has": written(
        *("mangle PREROUTING -j MARK --set-mark 0x4001", "filter FORWARD -m mark --mark 0x1/0x3 -p tcp -j DROP"),
        "filter INPUT -m mark ! --mark 0x4000/0x4000 -j DROP",
    ),
    "bits of a mark are cleared": written(
        *("mangle PREROUTING -j MARK --set-mark 0x3", "mangle PREROUTING -j MARK --and-mark 0x1"),
        *("filter FORWARD -m mark ! --mark 0x1 -j DROP", "filter INPUT -m mark ! --mark 0x1 -j DROP"),
    ),
    "what was translated is told from what was not": written(
        "nat PREROUTING -p udp -d 192.168.0.0/16 -j DNAT --to-destination 172.7.22.2",
        "filter FORWARD -m conntrack --ctstate DNAT -j DROP",
    ),
    "replies are let in where only connections from here are": written(
        "filter FORWARD -i eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "filter FORWARD -i eth0 -j DROP",
        "filter INPUT -i eth0 -m conntrack --ctstate NEW -p udp -j DROP",
    ),
    "replies get back to whose source was rewritten": written(
        "nat POSTROUTING -o eth0 -j MASQUERADE", "nat PREROUTING -d 192.168.0.0/24 -j DNAT --to-destination 172.7.22.2"
    ),
    "replies that docker's guard drops do not come": written("raw PREROUTING -d 172.7.21.2/32 ! -i docker0 -j DROP"),
    "without a connection nothing is restored from it": written(
        *("raw PREROUTING -j MARK --set-mark 1", "raw PREROUTING -j CONNMARK --restore-mark"),
        *("raw OUTPUT -j MARK --set-mark 1", "raw OUTPUT -j CONNMARK --restore-mark"),
        *("filter FORWARD -m mark --mark 1 -j DROP", "filter INPUT -m mark --mark 1 -j DROP"),
    ),
    "without a connection nothing is asked of it": written(
        "raw PREROUTING -m conntrack ! --ctorigdst 10.0.0.0/8 -j DROP", "raw PREROUTING -m connmark ! --mark 1 -j DROP"
    ),
    "what is sent and redirected goes to the loopback address": written(
        "nat OUTPUT -p tcp -j REDIRECT --to-ports 9999", "filter INPUT -d 127.0.0.1/32 -p udp -j DROP"
    ),
    "what comes in and is redirected goes to the first address": written(
        "nat PREROUTING -p tcp -j REDIRECT", "filter INPUT -d 172.7.21.1/32 -p tcp --dport 443 -j DROP"
    ),
    "a bridge that hides packets from iptables routes what is redirected": written(
        "nat PREROUTING -d 192.168.0.0/16 -j DNAT --to-destination 172.7.21.3",
        *("mangle POSTROUTING -j T", "mangle T -i docker0 -p udp -j DROP", "filter FORWARD -p icmp -j DROP"),
        bridge_nf_call_iptables=0,
    ),
    "a redirected packet on a bridge needs forwarding": written(
        "nat PREROUTING -d 192.168.0.0/16 -j DNAT --to-destination 172.7.21.3", ip_forward=0
    ),
    "a local route makes an address local": written(
        "filter INPUT -m addrtype ! --dst-type LOCAL -j DROP",
        "nat OUTPUT -p tcp -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.7.21.3",
        routes=["local 192.168.0.0/24 dev lo table main"],
        ip_forward=0,
    ),
    "what is untracked is not translated": written(
        *(
            "raw PREROUTING -p udp -j CT --notrack",
            "raw OUTPUT -p udp -j CT --notrack",
            "nat POSTROUTING -j MASQUERADE",
        ),
        *(
            "filter FORWARD -m conntrack --ctstate UNTRACKED -j REJECT",
            "nat PREROUTING -j DNAT --to-destination 172.7.22.3",
        ),
    ),
    "what the node sends to itself is translated once": written(
        *(
            "nat POSTROUTING -o lo -p tcp -j SNAT --to-source 172.7.21.1",
            "nat INPUT -p tcp -j SNAT --to-source 10.4.7.77",
        ),
        *("nat INPUT -p udp -j SNAT --to-source 10.4.7.77", "nat POSTROUTING -o lo -p icmp -j MASQUERADE"),
    ),
    "a goto returns to the caller of its caller": written(
        *("filter FORWARD -j T1", "filter FORWARD -p tcp -j DROP", "filter T1 -g T2", "filter T1 -j DROP"),
        "filter T2 -p udp -j RETURN",
    ),
    "an address that a connection asked for is the one before": written(
        "nat PREROUTING -d 192.168.0.0/24 -j NETMAP --to 172.7.22.0/24",
        "filter FORWARD -m conntrack --ctorigdst 192.168.0.9 -j DROP",
        "filter FORWARD -m conntrack ! --ctorigdst 192.168.0.0/16 --ctstate NEW,DNAT -p tcp -j REJECT",
    ),
    "with rules of policy routing a local route of main makes no address local": written(
        "filter INPUT -m addrtype --dst-type LOCAL -p tcp -j DROP",
        routes=["local 192.168.0.0/24 dev lo table main"],
        policies=["from 203.0.113.0/24 blackhole pref 500"],
    ),
    "a reply of the node's does not have the mark of what it answers": written(
        "mangle PREROUTING -i eth0 -j MARK --set-mark 1", policies=["fwmark 1 blackhole pref 500"]
    ),
    "a table without a route leaves packets to the next rule": written(
        routes=["throw 172.7.22.0/24 table 100", "198.51.100.0/24 via 10.4.7.22 table 100"],
        policies=["from 172.7.0.0/16 lookup 100 pref 500", "to 172.7.22.2 blackhole pref 501"],
    ),
    "a mark of table mangle decides on the route, also of what the node sends": written(
        *("mangle PREROUTING -p tcp -j MARK --set-mark 1", "mangle OUTPUT -p tcp -j MARK --set-mark 1"),
        *("mangle PREROUTING -p udp -j MARK --set-mark 2", "filter OUTPUT -p udp -j MARK --set-mark 2"),
        routes=["default via 10.4.7.22 table 100", "default via 10.4.9.254 dev eth0 onlink table 1001"],
        policies=["fwmark 1 lookup 100 pref 500", "fwmark 2 lookup 1001 pref 501"],
    ),
    "a mark of table raw decides on the route of what comes in only": written(
        *("raw PREROUTING -p tcp -j MARK --set-mark 1", "raw OUTPUT -p tcp -j MARK --set-mark 1"),
        *("nat OUTPUT -p udp -j MARK --set-mark 1", "nat OUTPUT -p udp -j DNAT --to-destination 198.51.100.2"),
        routes=["default via 10.4.7.22 table 100"],
        policies=["fwmark 1 lookup 100 pref 500"],
    ),
    "the way back is looked up by rules, without the mark": written(
        "mangle PREROUTING -j MARK --set-mark 1",
        routes=["172.7.22.0/24 via 172.7.21.3 table 100", "198.51.100.0/24 via 172.7.21.3 table 1001"],
        policies=[
            "fwmark 1 to 172.7.22.0/24 lookup 100 pref 500",
            "to 198.51.100.0/24 iif docker0 lookup 1001 pref 501",
        ],
        rp_filter=1,
    ),
    "the way back is looked up with the mark where that is set": written(
        "mangle PREROUTING -j MARK --set-mark 1",
        routes=["172.7.22.0/24 via 172.7.21.3 table 100"],
        policies=["fwmark 1 to 172.7.22.0/24 lookup 100 pref 500"],
        rp_filter=1,
        src_valid_mark=1,
    ),
    "a rule that leads on skips those between": written(
        policies=[
            *("from 172.7.21.2 goto 600 pref 500", "from 172.7.0.0/16 blackhole pref 501"),
            *("from 172.7.21.3 goto 700 pref 499", "to 172.7.22.2 unreachable pref 600"),
        ],
    ),
    "a prefix that is too short does not count": written(
        routes=["default via 10.4.7.22 table 100"],
        policies=["lookup main suppress_prefixlength 0 pref 500", "not fwmark 1 lookup 100 pref 501"],
    ),
    "packets without a TOS do not take a route for one": written(
        routes=["198.51.100.0/24 tos 0x10 via 10.4.7.22", "172.7.22.2 tos 0x08 via 10.4.7.254"],
    ),
    "the narrowest network of a set decides": written(
        *("filter FORWARD -m set --match-set s-net dst -j DROP", "filter INPUT -m set ! --match-set s-net src -j DROP"),
        sets={"s-net": ["172.7.0.0/16", "172.7.22.0/24 nomatch", "172.7.22.2", "172.7.21.3 nomatch", "10.0.0.0/8"]},
    ),
    "an exception of networks with ports is no member": written(
        "filter FORWARD -m set --match-set s-net-port dst,dst -j DROP",
        sets={"s-net-port": ["172.7.0.0/16,tcp:80", "172.7.22.0/24,tcp:80 nomatch"]},
    ),
    "without a device that fits the narrowest network is not asked further": written(
        *("filter FORWARD -m set --match-set s-net-iface src,src -j DROP", "mangle POSTROUTING -j T"),
        "mangle T -m set --match-set s-net-iface dst,dst -j DROP",
        sets={"s-net-iface": ["172.7.21.2,eth0", "172.7.0.0/16,docker0", "0.0.0.0/0,eth wildcard"]},
    ),
    "what has no port is in no set of ports but by its type": written(
        "filter FORWARD -m set --match-set s-ip-port src,dst -j DROP",
        "filter FORWARD -m set ! --match-set s-net-port dst,src -j ACCEPT",
        "filter FORWARD -j REJECT",
        sets={"s-ip-port": ["172.7.21.2,icmp:8/0", "172.7.21.2,tcp:80"], "s-net-port": ["172.7.22.0/24,icmp:8/0"]},
    ),
    "a rule that gives too few directions asks in vain": written(
        "filter FORWARD -m set --match-set s-ip-port src -j DROP",
        "filter INPUT -m set ! --match-set s-net-port src -j DROP",
        sets={"s-ip-port": ["172.7.21.2,tcp:80"], "s-net-port": ["172.7.0.0/16,tcp:80"]},
    ),
    "a list holds what one of its sets holds": written(
        "filter FORWARD -m set --match-set s-list src,dst -j DROP",
        "filter INPUT -m set ! --match-set s-list src -j DROP",
        sets={
            "s-list": ["s-net", "s-net-port"],
            "s-net": ["172.7.21.0/24", "172.7.21.2 nomatch"],
            "s-net-port": ["172.7.21.0/24,tcp:80"],
        },
    ),
}
"""What the kernel does in places where one would not expect it, by a sentence that says so."""
