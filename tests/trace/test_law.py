"""What the trace says of a set of packets it says of each of them alone, for rules, routes and sets of all kinds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from netplan.kinds.chain.value import Chain
from netplan.kinds.ipset.value import DIMENSIONS, IpSet, Member
from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.net import Address, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace import Flow, Packet, Tracer
from netplan.trace.connection import arrival
from netplan.trace.firewall.walk import doubts
from netplan.trace.flow import NO_DEVICE, Mark
from netplan.trace.intervals import contains, of_prefixes
from tests import make
from tests.scenarios.rulesets import Ruleset, draw
from tests.trace import law, states

WORLDS = int(os.environ.get("PODNET_TRACE_WORLDS", "25"))
SEED = int(os.environ.get("PODNET_TRACE_SEED", "7"))
PACKETS = 40
OPTIONS = re.compile(
    r"-m (?:mark|connmark|conntrack|addrtype|iprange|statistic|set) (?:(?:! )?--\S+ (?:(?![-!])\S+ )*)+"
)
UNKNOWN = "-m string --algo bm --string x"

CORNERS = [
    *("172.7.21.2", "172.7.21.3", "172.7.21.9", "172.7.22.2", "172.7.22.3", "172.7.22.200", "10.4.7.22", "10.4.7.50"),
    *(
        "10.4.7.21",
        "172.7.21.1",
        "172.7.21.255",
        "198.51.100.2",
        "192.168.0.100",
        "192.168.0.1",
        "192.168.0.9",
        "8.8.8.8",
    ),
    *("10.4.7.60", "10.4.7.61", "224.0.0.5", "127.0.0.1", "203.0.113.9"),
]
PORTS = [80, 443, 8080, 30080, 53, 9999, 1023, 1024]
POLICIES = [
    PolicyRule(5, 100, mark=Masked(0x4000, 0x4000)),
    PolicyRule(6, 100, source=Prefix.parse("172.7.21.2/32")),
    PolicyRule(7, 100, destination=Prefix.parse("172.7.22.0/24"), negated=True),
    PolicyRule(8, 100, iif="docker0", suppress=0),
    PolicyRule(9, action="unreachable", destination=Prefix.parse("172.7.22.3/32")),
    PolicyRule(10, 100, source=Prefix.parse("172.7.0.0/16"), unread=True),
    PolicyRule(11, action="goto", goto=32766, source=Prefix.parse("172.7.21.0/24")),
]
ROUTES = [
    *("blackhole 198.51.100.0/24", "unreachable 172.7.22.3/32", "172.7.22.0/25 via 10.4.7.254 dev eth0"),
    *("172.7.22.200/32 via 10.4.7.50 dev eth0", "192.168.0.0/24 dev eth0", "throw 198.51.100.0/24 table 100"),
    *(
        "0.0.0.0/0 via 10.4.7.9 dev eth0 table 100",
        "172.7.21.0/24 dev docker0 table 100",
        "local 192.168.0.9/32 dev lo",
    ),
]


def world(random):
    """Make a state with the rules of a ruleset, and routes, rules of routing and settings like theirs."""
    ruleset = draw(random)
    settings = {
        f"net__ipv4__conf__{device}__{name}": random.choice("0012")
        for device in ("eth0", "docker0")
        for name in ("rp_filter", "route_localnet", "accept_local", "src_valid_mark")
    }
    state = states.state(ruleset.payload, routes=random.sample(ROUTES, random.randint(0, 4)), **settings)
    state = state.replace(IpSet, list(ipsets(ruleset)))
    added = random.sample(POLICIES, random.choice((0, 0, 1, 2)))
    return state.replace(PolicyRule, [DEFAULTS[0], *added, *DEFAULTS[1:]]) if added else state


def ipsets(ruleset: Ruleset) -> Iterator[IpSet]:
    """Read the sets of a ruleset."""
    kinds, members = dict[str, str](), dict[str, list[str]]()
    for words in map(str.split, ruleset.sets.splitlines()):
        if words[0] == "create":
            kinds[words[1]] = words[2]
        elif words[0] == "add":
            members.setdefault(words[1], []).append(" ".join(words[2:]))
    for name, kind in kinds.items():
        texts = [
            text.replace("tcp", "6").replace("udp", "17").replace("icmp:8/0", "1:2048")
            for text in members.get(name, [])
        ]
        yield IpSet(name, kind, members=tuple(Member.parse(text, DIMENSIONS[kind]) for text in texts))


def everything(random) -> Flow:
    """Draw a set of packets that come by a device, or that the node sends."""
    iif = random.choice(("docker0", "docker0", "eth0", NO_DEVICE))
    sources = {"docker0": "172.7.21.0/24", "eth0": "0.0.0.0/0", NO_DEVICE: "10.4.7.21/32"}[iif]
    destinations = of_prefixes([Prefix.parse(random.choice(("0.0.0.0/0", "172.7.0.0/16", "172.7.22.0/24")))])
    mark = Mark.of(random.choice((0, 0, 0x4000)))
    return law.first_packets(Flow(4, of_prefixes([Prefix.parse(sources)]), destinations, iif=iif), mark)


def drawn(random, flow) -> Iterator[Packet]:
    """Draw packets of a flow, most of them with the addresses and ports that rules name."""
    for _ in range(PACKETS):
        source, destination = (Address.parse(random.choice(CORNERS)) for _ in "sd")
        protocol = random.choice((6, 6, 17, 1))
        ports = (None, None) if protocol == 1 else (random.choice((*PORTS, 40000)), random.choice(PORTS))
        packet = Packet(source, destination, protocol, ports[0], ports[1], flow.mark.value, flow.iif or None)
        if not contains(flow.source, source.value):
            packet = replace(packet, source=Address(4, flow.source[0] + (9 if flow.iif else 0)))
        if contains(flow.destination, destination.value) and packet.source != destination:  # none sends to itself
            yield packet


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_packet_alone_fares_as_the_set_that_it_is_of(seed):
    random = Random(f"{SEED}-{seed}")
    tracer, flow = Tracer(world(random)), everything(random)
    agree(tracer.ends(flow), tracer.ends, drawn(random, flow))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_connection_alone_fares_as_the_set_that_it_is_of(seed):
    random = Random(f"{SEED}-{seed}")
    tracer, flow = Tracer(world(random)), everything(random)
    agree(tracer.connections(flow), tracer.connections, drawn(random, flow))


def agree(ends, ends_of, packets):
    """Fail where what a packet alone may come to is not what the set says of it."""
    for packet in packets:
        mine, alone = law.holding(ends, packet), ends_of(packet.flow)
        report = f"{packet}\nset: {mine}\nalone: {alone}"
        assert mine, report
        assert all(any(law.stands_for(end, one) for end in mine) for one in alone), report
        assert len(mine) > 1 or len(alone) == 1, report
        assert len({law.outcome(end) for end in mine if not doubts(end.trail)}) <= 1, report


@pytest.mark.parametrize("seed", range(WORLDS))
def test_what_is_certain_of_a_set_is_all_of_it(seed):
    random = Random(f"{SEED}-{seed}")
    tracer, flow = Tracer(world(random)), everything(random)
    for ends in (tracer.ends(flow), tracer.connections(flow)):
        assert sum(end.flow.packets for end in ends) >= flow.packets


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_match_that_is_not_known_only_makes_more_possible(seed):
    random = Random(f"{SEED}-{seed}")
    state, flow = world(random), everything(random)
    tracer = Tracer(state)
    doubter = Tracer(state.replace(Chain, [widened(random, chain) for chain in state.all(Chain)]))
    for packet in drawn(random, flow):
        possible = doubter.connections(packet.flow)
        for one in tracer.connections(packet.flow):
            report = f"{packet}\nknown: {one}\npossible: {possible}"
            assert any(law.stands_for(end, one) for end in possible), report


def widened(random, chain):
    """Return a chain in which one of two matches is one that nobody knows."""

    def doubted(match):
        return match[0] if random.random() < 0.5 else f"{UNKNOWN} "

    texts = [OPTIONS.sub(doubted, f"{text} ").strip() for text in make.texts(chain.rules)]
    return replace(chain, rules=tuple(map(make.rule, texts)))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_connection_that_arrives_with_others_does_so_alone(seed):
    random = Random(f"{SEED}-{seed}")
    tracer, flow = Tracer(world(random)), everything(random)
    ends = tracer.connections(flow)
    for packet in drawn(random, flow):
        arrived = arrival(packet, ends, None)
        if arrived is not None:
            assert arrived.to_json(steps=False) == tracer.follow(packet).to_json(steps=False), packet
