"""What the trace says of packets, their answers and what follows, and what the kernel does with them: the same."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from random import Random
from typing import Final, NamedTuple

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from netplan.kernel.linux import Linux
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.lab import Lab
from netplan.net import Address, Prefix
from netplan.operations.live_plan import whole_state
from netplan.spec.load import parse, read
from netplan.trace import Did, Flow, Packet, PacketVerdict, Step, Trace, Tracer
from netplan.trace.flow import NO_DEVICE, Phase
from netplan.trace.intervals import EVERY_ADDRESS, of_prefixes
from tests.lab import resident
from tests.lab.inside import inside
from tests.scenarios import in_ipv6
from tests.scenarios.node import SPEC
from tests.scenarios.packets import ICMP_OF, TCP, UDP, Crossing, Outcome, Sent
from tests.scenarios.rulesets import CORNERS, Ruleset, draw
from tests.trace import law
from tests.trace.mutants import OF_KERNEL, planted

CASES: Final = {4: 80, 6: 30}  # with each backend, of which the trace knows the outcome
PACKETS: Final = 10
OF_A_PART: Final = 20
WORLDS: Final = 20
THOUSANDS: Final = 2500  # of each IP version with each backend
SEED: Final = int(os.environ.get("PODNET_TRACE_SEED", "7"))

NODE, PEER, POD, OTHER_POD, PEER_POD = "hdss7-21", "hdss7-22", "hdss7-21-pod1", "hdss7-21-pod2", "hdss7-22-pod1"
ADDRESSES: Final = {
    POD: "172.7.21.2",
    OTHER_POD: "172.7.21.3",
    PEER: "10.4.7.22",
    PEER_POD: "172.7.22.2",
    "outside": "198.51.100.2",
    NODE: None,
}
ENTRANCES: Final = {POD: "docker0", OTHER_POD: "docker0", PEER: "eth0", PEER_POD: "eth0", "outside": "eth0", NODE: None}
"""By which device packets of a host come in."""

HOLDERS: Final = {"172.7.21.2": POD, "172.7.21.3": OTHER_POD, "10.4.7.254": "router", "10.4.9.254": "router"}
"""Who gets what leaves the node to an address on-link; all others on eth0 are the peer's."""

DESTINATIONS: Final = (
    *("172.7.21.2", "172.7.21.3", "172.7.22.2", "172.7.22.3", "10.4.7.22", "198.51.100.2", "10.4.7.21", "172.7.21.1"),
    *("192.168.0.100", "192.168.0.1", "192.168.0.9"),
)
OWN: Final = ("127.0.0.1", "10.4.7.21", "172.7.21.1", "127.0.0.5")
ANSWERING: Final = {
    "172.7.21.2": POD,
    "172.7.21.3": OTHER_POD,
    "10.4.7.22": PEER,
    "172.7.22.2": PEER,
    "198.51.100.2": "router",
}
"""Who answers, or leads to who does, by address."""

ON_ETH0: Final = (PEER, "router")
"""Where answers to hosts are seen that come in by eth0: at the next hop."""

LIES: Final = ("10.4.7.21", "172.7.21.3", "203.0.113.9", "10.4.7.31", "172.7.22.9", "172.7.21.9")
"""Sources that a host claims to be."""

DOUBTS: Final = ("hairpin", "::1 comes from outside, and there are rules of routing")
"""What the trace need not know."""

TOKENS: Final = itertools.count(0x10000)

PORTS: Final = (80, 80, 443, 8080, 30080, 53, 9999)

SPEC_6: Final = """
version: 1
cluster: trace
ipv6_network: fd00:172:7::/48
backend: {type: host-gw}
defaults: {interface: eth0, bridge: docker0}
nodes:
  hdss7-21: {ipv6_address: fd00:10:4:7::21/64, ipv6_subnet: fd00:172:7:21::/64}
  hdss7-22: {ipv6_address: fd00:10:4:7::22/64, ipv6_subnet: fd00:172:7:22::/64}
"""

_PREPARE: Final = """
ip route replace default via 10.4.7.254
ip route replace 172.7.22.0/24 via 10.4.7.22
for name in all default eth0 docker0 lo; do echo 0 > /proc/sys/net/ipv4/conf/$name/send_redirects; done
echo 0 > /proc/sys/net/ipv4/icmp_ratemask
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
for address in 10.4.7.254 10.4.9.254; do
    ip neighbour replace $address lladdr $(cat /run/router-mac) dev eth0
done
for address in 10.4.7.22 10.4.7.50 192.168.0.1 192.168.0.9 192.168.0.100 172.7.22.2 172.7.22.3; do
    ip neighbour replace $address lladdr $(cat /run/peer-mac) dev eth0
done
"""
_PREPARE_6: Final = """
echo > /proc/sys/net/ipv6/icmp/ratemask
echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
ip -6 route replace default via fd00:10:4:7::254
ip -6 route replace fd00:172:7:22::/64 via fd00:10:4:7::22
for address in fd00:10:4:7::254 fd00:10:4:9::254; do
    ip neighbour replace $address lladdr $(cat /run/router-mac) dev eth0
done
for address in fd00:10:4:7::22 fd00:10:4:7::50 fd00:192:168:0::1 fd00:192:168:0::9 fd00:192:168:0::100 \
    fd00:172:7:22::2 fd00:172:7:22::3; do
    ip neighbour replace $address lladdr $(cat /run/peer-mac) dev eth0
done
ip neighbour replace fd00:172:7:21::2 lladdr $(cat /run/pod-mac) dev docker0
ip neighbour replace fd00:172:7:21::3 lladdr $(cat /run/other-mac) dev docker0
"""
_BESIDE_6: Final = """
case $(uname -n) in
*-pod1) other=fd00:172:7:21::3 mac=$(cat /run/other-mac) ;;
*) other=fd00:172:7:21::2 mac=$(cat /run/pod-mac) ;;
esac
ip neighbour replace $other lladdr $mac dev eth0
ip neighbour replace fd00:172:7:21::1 lladdr $(cat /run/bridge-mac) dev eth0
"""
_LOAD: Final = """
[ ! -e /run/trace.addresses ] || while read -r address; do ip address delete $address; done < /run/trace.addresses
ip -$7 rule flush protocol static
ip -$7 route flush table all proto static
printf %s "$2" > /run/trace.addresses
nodad=$([ $7 = 4 ] || echo nodad)
while read -r address; do ip address add $address $nodad; done < /run/trace.addresses
printf %s "$3" | while read -r route; do ip -$7 route replace $route proto static; done
printf %s "$5" | while read -r rule; do ip -$7 rule add $rule protocol static; done
printf %s "$6" | ipset restore
for setting in $4; do echo ${setting#*=} > /proc/sys/${setting%%=*}; done
$8-$1-restore
"""


class World(NamedTuple):
    """A state that the node was in, and what became there of packets."""

    rules: Ruleset
    state: Snapshot
    outcomes: Mapping[Sent, Outcome]


class Crossroads(Struct, frozen=True):
    """A lab in which all that leaves hdss7-21 is seen by a neighbour, and the sockets for packets of an IP version.

    `worlds` are the last that were seen.
    """

    lab: Lab
    crossing: Crossing
    backend: str
    version: int
    worlds: deque[World] = field(default_factory=lambda: deque(maxlen=100))

    def said(self, text: str) -> str:
        """Say an address in the IP version."""
        return text if self.version == 4 else in_ipv6.words(text)

    def address(self, host: str) -> str | None:
        """Return the address of a host, None of the node itself."""
        address = ADDRESSES[host]
        return None if address is None else self.said(address)

    def ruled(self, rules: Ruleset) -> Ruleset:
        """Return rules in the IP version."""
        return rules if self.version == 4 else in_ipv6.ruleset(rules)


@pytest.fixture(scope="module", params=(4, 6))
def version(request: pytest.FixtureRequest) -> int:
    """The IP version of the packets."""
    return int(request.param)


@pytest.fixture(scope="module")
def crossroads(version: int, backend: str) -> Iterator[Crossroads]:
    """A crossroads of each IP version and backend."""
    topology = (read(SPEC) if version == 4 else parse(SPEC_6, "trace.yaml")).topology
    topology = replace(topology, cluster=f"trace-{backend}-{version}-{os.getpid()}")
    with Lab.temporary(topology) as lab:
        (prepare if version == 4 else prepare_ipv6)(lab)
        senders = [POD, OTHER_POD, PEER, PEER_POD, "outside", NODE]
        watching = ["router", PEER, POD, OTHER_POD]
        with closing(Crossing(lab, NODE, watching, senders, version, ports=PORTS)) as crossing:
            yield Crossroads(lab, crossing, backend, version)


def prepare(lab: Lab) -> None:
    """Make routes and neighbours of IPv4."""
    _tell_macs(lab, {"router": "router", PEER: "peer"}, [NODE])
    resident.shell(lab, NODE, _PREPARE)
    resident.shell(lab, PEER, "echo 1 > /proc/sys/net/ipv4/ip_forward")
    resident.shell(lab, PEER, "ip route add 172.7.21.0/24 via 10.4.7.21")
    for number in ("21", "22"):
        resident.shell(lab, "router", f"ip route add 172.7.{number}.0/24 via 10.4.7.{number}")


def prepare_ipv6(lab: Lab) -> None:
    """Make routes and neighbours of IPv6: no rule of the node may keep hosts from finding each other."""
    names = {"router": "router", PEER: "peer", POD: "pod", OTHER_POD: "other"}
    _tell_macs(lab, names, [NODE, POD, OTHER_POD, PEER, "router"])
    resident.shell(lab, "router", "ip address add fd00:10:4:7::254/64 dev eth0 nodad")
    resident.shell(lab, NODE, _PREPARE_6)
    for pod in (POD, OTHER_POD):
        resident.shell(lab, pod, _BESIDE_6)
    resident.shell(lab, PEER, "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
    resident.shell(lab, PEER, "ip route add fd00:172:7:21::/64 via fd00:10:4:7::21")
    for host in (PEER, "router"):
        resident.shell(lab, host, "ip neighbour replace fd00:10:4:7::21 lladdr $(cat /run/node-mac) dev eth0")
    for number in ("21", "22"):
        resident.shell(lab, "router", f"ip route add fd00:172:7:{number}::/64 via fd00:10:4:7::{number}")


def _tell_macs(lab: Lab, names: Mapping[str, str], hosts: Iterable[str]) -> None:
    """Write the link-layer addresses of hosts, and the node's own two, into files of others."""
    devices = [
        *((host, "eth0", name) for host, name in names.items()),
        (NODE, "eth0", "node"),
        (NODE, "docker0", "bridge"),
    ]
    for host, device, name in devices:
        mac = resident.shell(lab, host, f"cat /sys/class/net/{device}/address")
        for other in hosts:
            resident.shell(lab, other, f"cat > /run/{name}-mac", text=mac)


@pytest.mark.checkered
@pytest.mark.parametrize("sentence", CORNERS)
def test_the_trace_knows_that(crossroads, sentence):
    assert compare(crossroads, crossroads.ruled(CORNERS[sentence]), list(packets(crossroads))) >= 100


def test_the_kernel_does_what_the_trace_says(crossroads):
    random = Random(f"{SEED}-{crossroads.backend}")
    known = 0
    while known < CASES[crossroads.version]:
        drawn = crossroads.ruled(draw(random))
        known += compare(crossroads, drawn, [packet(random, crossroads) for _ in range(PACKETS)])


def test_what_the_trace_says_of_a_part_of_a_class_holds_for_packets_of_it(crossroads):
    random = Random(f"{SEED}-{crossroads.backend}-classes")
    known = 0
    while known < CASES[crossroads.version]:
        drawn = crossroads.ruled(draw(random))
        state = load(crossroads, drawn)
        known += observed(crossroads, drawn, state, list(packets_of_class(random, crossroads, Tracer(state))))


@pytest.mark.soak
def test_the_kernel_does_in_thousands_of_worlds_what_the_trace_says(crossroads):
    random = Random(f"{SEED}-{crossroads.backend}-thousands")
    for _ in range(THOUSANDS):
        drawn = crossroads.ruled(draw(random))
        state = load(crossroads, drawn)
        sent = packets_of_class(random, crossroads, Tracer(state))
        observed(crossroads, drawn, state, [*sent, *(packet(random, crossroads) for _ in range(PACKETS))])


@pytest.mark.soak
@pytest.mark.parametrize("crossroads", [(4, "nft")], ids=["nft-4"], indirect=True)
def test_what_the_kernel_did_tells_every_mistake_of_the_trace(crossroads):
    random = Random(f"{SEED}-mistakes")
    for rules in CORNERS.values():
        compare(crossroads, rules, list(packets(crossroads)))
    for _ in range(WORLDS):
        compare(crossroads, draw(random), [packet(random, crossroads) for _ in range(PACKETS)])
    overlooked = []
    for mistake, mutant in OF_KERNEL.items():
        with planted(mutant):
            overlooked += [] if any(differs(crossroads, world) for world in crossroads.worlds) else [mistake]
    assert overlooked == []


def differs(crossroads: Crossroads, world: World) -> bool:
    """Whether the kernel did otherwise than the trace says; a mistake may also make the trace fail."""
    try:
        return any(problems(crossroads, world))
    except Exception:
        return True


def compare(crossroads: Crossroads, rules: Ruleset, sent: Iterable[Sent]) -> int:
    """Send packets through a state and fail where the kernel differs; give of how many the outcome was known."""
    return observed(crossroads, rules, load(crossroads, rules), sent)


def observed(crossroads: Crossroads, rules: Ruleset, state: Snapshot, sent: Iterable[Sent]) -> int:
    """Send packets through the state that the node is in, and then others of the connections that they opened."""
    routing = Tracer(state.replace(Chain, ()))
    checked = [replace(packet, guess=routing.trace(as_traced(packet)).source) for packet in sent]
    tracer = Tracer(state)
    traces = {packet.token: tracer.trace(as_traced(packet)) for packet in checked}
    connections = {packet.token: tracer.follow(as_traced(packet)) for packet in checked}
    expected = {token for token, trace in traces.items() if trace.verdict is not PacketVerdict.DROP}
    answered = {
        packet.token
        for packet in checked
        if answers_come(packet, traces[packet.token], crossroads) and is_answered(connections[packet.token])
    }
    outcomes = crossroads.crossing.send(checked, expected, answered)
    world = World(rules, state, {packet: outcomes[packet.token] for packet in checked})
    crossroads.worlds.append(world)
    for problem in problems(crossroads, world):
        raise AssertionError(problem)
    open_ones = [packet for packet in checked if packet.protocol == UDP and outcomes[packet.token].answered]
    follow(crossroads, rules, {packet: (connections[packet.token], outcomes[packet.token]) for packet in open_ones})
    return sum(trace.doubt is None for trace in traces.values())


def problems(crossroads: Crossroads, world: World) -> Iterator[str]:
    """Say in what the kernel differed from what the trace says of packets and of their answers."""
    tracer = Tracer(world.state)
    for packet, outcome in world.outcomes.items():
        trace = tracer.trace(as_traced(packet))
        error = answers(tracer, world.rules, packet, trace, crossroads)
        if problem := difference(trace, outcome, crossroads, error=error):
            yield report(problem, packet, world.rules, trace, outcome)
        if answers_come(packet, trace, crossroads):
            connection = tracer.follow(as_traced(packet))
            if problem := difference_of_answer(connection, packet, outcome):
                yield report(problem, packet, world.rules, connection, outcome)


def follow(crossroads: Crossroads, rules: Ruleset, opened: Mapping[Sent, tuple[Trace, Outcome]]) -> None:
    """Send later packets of connections, and fail where the kernel differs."""
    later = {replace(packet, token=next(TOKENS)): packet for packet in opened}
    expected = {packet.token for packet, first in later.items() if is_followed(opened[first][0])}
    outcomes = crossroads.crossing.send(later, expected)
    for packet, first in later.items():
        connection, before = opened[first]
        seen = outcomes[packet.token].seen
        problem = ""
        if is_followed(connection) and (seen is None or before.seen is None or seen[1:] != before.seen[1:]):
            problem = "a later packet did not get to where the first one did"
        refused = connection.phase is Phase.LATER and connection.verdict is not PacketVerdict.ACCEPT
        if refused and connection.doubt is None and seen is not None:
            problem = "the kernel let a later packet through"
        assert not problem, report(problem, packet, rules, connection, outcomes[packet.token])


def is_followed(connection: Trace) -> bool:
    """Whether later packets of a connection certainly arrive."""
    return connection.doubt is None and connection.phase is not Phase.LATER


def is_answered(connection: Trace) -> bool:
    """Whether replies of a connection certainly arrive."""
    return connection.doubt is None and connection.phase in (Phase.FIRST, Phase.ERROR)


def answers_come(sent: Sent, trace: Trace, crossroads: Crossroads) -> bool:
    """Whether a packet is one that somebody answers, and the answer gets to the node."""
    honest = str(sent.source) in (crossroads.address(sent.host), *map(crossroads.said, OWN[1:3]))
    if not honest or trace.doubt is not None or trace.verdict is not PacketVerdict.ACCEPT:
        return False
    if trace.source not in (sent.source, *(Address.parse(crossroads.said(own)) for own in OWN[1:3])):
        return False
    if trace.oif == "lo":
        return sent.host != NODE and (crossroads.version == 4 or is_assigned(trace))
    real = {crossroads.said(address): host for address, host in ANSWERING.items()}
    return real.get(str(trace.destination)) == holder(trace, crossroads)


def is_assigned(trace: Trace) -> bool:
    """Whether packets go to an address of the node's own, of which sockets of IPv6 can send; anycast is none."""
    last = [step.rule for step in trace.steps if step.did is Did.DELIVERED][-1]
    return not last.startswith("local ") and not last.split()[0].endswith("::")


def difference_of_answer(connection: Trace, sent: Sent, outcome: Outcome) -> str:
    """Say in what the kernel differs from what the trace says of the answer; nothing if all is well."""
    hosts = ON_ETH0 if ENTRANCES[sent.host] == "eth0" else (sent.host,)
    answered = outcome.answered
    came = answered is not None and answered.host in hosts and answered[2:] == (sent.destination, sent.source)
    if is_answered(connection):
        return "" if came else "the answer did not come, or as something else"
    lost = connection.phase is Phase.REPLY and connection.doubt is None
    return "the answer came" if lost and came else ""


def packets_of_class(random: Random, crossroads: Crossroads, tracer: Tracer) -> Iterator[Sent]:
    """Draw packets of each part of a class, those that hosts can send."""
    entrance = random.choice(("docker0", "docker0", "eth0", None))
    possible = [packet for packet in every_packet(random, crossroads) if ENTRANCES[packet.host] == entrance]
    for end in tracer.connections(whole_class(crossroads, entrance)):
        fitting = [packet for packet in possible if law.holds(end.flow, as_traced(packet))]
        yield from random.sample(fitting, min(len(fitting), OF_A_PART))


def whole_class(crossroads: Crossroads, entrance: str | None) -> Flow:
    """Return all packets that come in by a device, or that the node sends."""
    version = crossroads.version
    sources = {"docker0": ["172.7.21.0/24"], "eth0": ["0.0.0.0/0"], None: ["10.4.7.21/32", "172.7.21.1/32"]}[entrance]
    prefixes = of_prefixes(Prefix.parse(crossroads.said(text)) for text in sources)
    return law.first_packets(Flow(version, prefixes, EVERY_ADDRESS[version], iif=entrance or NO_DEVICE))


def every_packet(random: Random, crossroads: Crossroads) -> Iterator[Sent]:
    """Return packets from every host to every destination, of every protocol and to every port, under many sources."""
    for host in ADDRESSES:
        sources = [crossroads.said(lie) for lie in LIES if host in (PEER, "outside")]
        own = crossroads.address(host)
        sources += map(crossroads.said, OWN[1:3]) if own is None else [own] * 4
        for destination, port in itertools.product(destinations(host), set(PORTS)):
            protocol = random.choice((TCP, TCP, UDP, UDP, ICMP_OF[crossroads.version]))
            if (source := random.choice(sources)) != crossroads.said(destination):
                yield sent(host, source, crossroads.said(destination), protocol, port)


def load(crossroads: Crossroads, rules: Ruleset) -> Snapshot:
    """Put the node into a state, and observe it there as podnet does."""
    lines = ["".join(f"{line}\n" for line in lines) for lines in (rules.addresses, rules.routes)]
    policies = "".join(f"{line}\n" for line in rules.policies)
    words = [crossroads.backend, *lines, " ".join(rules.settings), policies, rules.sets]
    words += [str(rules.version), "iptables" if rules.version == 4 else "ip6tables"]
    resident.shell(crossroads.lab, NODE, _LOAD, *words, text=rules.payload)
    return inside(crossroads.lab, NODE, _observe, crossroads.backend)


def _observe(backend: str) -> Snapshot:
    return whole_state(Linux(FirewallBackend(backend)))


def packet(random: Random, crossroads: Crossroads) -> Sent:
    """Draw a packet that reaches the node, or is sent by it."""
    host = random.choice([POD, POD, OTHER_POD, PEER, PEER_POD, "outside", NODE, NODE])
    source = ADDRESSES[host]
    if host == NODE and random.random() < 0.4:
        source = random.choice(("10.4.7.21", "172.7.21.1"))
    elif host in (PEER, "outside") and random.random() < 0.25:
        source = random.choice(LIES)
    anycast = ["172.7.21.0"] if crossroads.version == 6 and ENTRANCES[host] == "eth0" else []
    destination = random.choice([target for target in destinations(host) + anycast if target != source])
    protocol = random.choice((TCP, TCP, UDP, ICMP_OF[crossroads.version]))
    return sent(host, source and crossroads.said(source), crossroads.said(destination), protocol, random.choice(PORTS))


def packets(crossroads: Crossroads) -> Iterator[Sent]:
    """Return a packet from every host to every destination, of every protocol."""
    for host, protocol in itertools.product(ADDRESSES, (TCP, UDP, ICMP_OF[crossroads.version])):
        for destination in destinations(host):
            yield sent(host, crossroads.address(host), crossroads.said(destination), protocol, 80)


def destinations(host: str) -> list[str]:
    """Return the addresses to which a host's packets come by the node; what it sends itself stays there."""
    addresses = [*DESTINATIONS, *(OWN if host == NODE else ())]
    if host in (PEER, PEER_POD, "outside"):
        addresses = ["172.7.21.2", "172.7.21.3", "172.7.21.1", "10.4.7.21"]
    return [address for address in addresses if address != ADDRESSES[host]]


def sent(host: str, source: str | None, destination: str, protocol: int, dport: int) -> Sent:
    """Make a packet that no other is taken for."""
    token = next(TOKENS)
    sender = None if source is None else Address.parse(source)
    return Sent(host, sender, Address.parse(destination), protocol, 1024 + token % 60000, dport, token)


def as_traced(sent: Sent) -> Packet:
    sport, dport = (None, None) if sent.protocol in ICMP_OF.values() else (sent.sport, sent.dport)
    return Packet(sent.source, sent.destination, sent.protocol, sport, dport, iif=ENTRANCES[sent.host])


def answers(tracer: Tracer, rules: Ruleset, sent: Sent, trace: Trace, crossroads: Crossroads) -> bool:
    """Whether an error that the node sends about a packet gets back to its host for sure.

    Of those that tell of a route the kernel sends one in a second to each host (net.ipv4.route.error_cost).
    """
    by_route = trace.steps[-1].at.startswith(("route", "policy rule"))
    if any(step.at == "route" and step.rule.startswith("local") for step in trace.steps):
        return False  # what is local by a table other than local sends nothing
    if sent.host == NODE:
        return by_route or not rules.mangle_drops
    lied = sent.source is None or str(sent.source) != crossroads.address(sent.host)
    if lied or sent.source is None or by_route or rules.mangle_drops:
        return False
    fib = tracer.fib(crossroads.version)
    back = fib.lookup(replace(as_traced(sent).flow.turned(), iif="lo"))
    return not fib.ruled and all(reply.route is not None and reply.route.type == "unicast" for _, reply in back)


def difference(trace: Trace, outcome: Outcome, crossroads: Crossroads, *, error: bool) -> str:
    """Say in what the kernel differs from the trace, or that the trace should have known; nothing if all is well.

    Without `error` the answer to a rejected packet need not come back.
    """
    doubt = trace.doubt
    if doubt is not None and not may_be_doubted(doubt, trace):
        return "the trace does not know"
    seen = outcome.seen
    if trace.verdict is PacketVerdict.UNKNOWN:
        return ""
    if trace.verdict is PacketVerdict.ACCEPT:
        if seen is None:
            return "the kernel did not let it through"
        host = seen.host if trace.oif is None else holder(trace, crossroads)
        wanted = (host, trace.source or seen.source, trace.destination or seen.destination)
        return "" if seen[1:] == wanted else "the kernel sent it elsewhere, or as something else"
    if seen is not None:
        return "the kernel let it through"
    rejected = trace.verdict is PacketVerdict.REJECT
    return "" if outcome.refused == rejected or (rejected and not error) else "an error came back, or none did"


def may_be_doubted(doubt: Step, trace: Trace) -> bool:
    """Whether the trace need not know: of chance, of what `DOUBTS` says, and of a source port that NAT may choose."""
    translated = any(step.did is Did.REWROTE_SOURCE for step in trace.steps)
    chosen = translated and any(option in doubt.rule for option in ("--ports", "--sport"))
    return chosen or "--probability 0." in doubt.rule or any(word in doubt.effect for word in DOUBTS)


def holder(trace: Trace, crossroads: Crossroads) -> str:
    """Return the host that gets what the trace lets out."""
    if trace.oif == "lo":
        return NODE
    neighbour = str(trace.next_hop or trace.destination)
    holders = {crossroads.said(address): host for address, host in HOLDERS.items()}
    return holders.get(neighbour, PEER)


def report(problem: str, sent: Sent, rules: Ruleset, trace: Trace, outcome: Outcome) -> str:
    steps = "\n".join(f"  {step.at}: {step.rule} => {step.effect}" for step in trace.steps)
    said = f"{trace.verdict} {trace.source} -> {trace.destination} dev {trace.oif} via {trace.next_hop}"
    return f"{problem}\n{sent}\ntrace: {said}\n{steps}\nkernel: {outcome}\n{rules}"
