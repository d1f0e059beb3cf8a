"""The verb `trace`, on recorded states."""

from __future__ import annotations

import json
import sys

import pytest
from msgspec.structs import replace

from netplan.cli import main
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.originals import Overwritten
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.store import records
from netplan.trace import BRIDGE_CALLS
from tests import make
from tests.spec.factory import spec_text
from tests.trace.states import state

KERNEL = 2
DOCKER = state(make.capture("docker-20.10-start-nft.rules"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a spec and a record of its node a, on which docker runs."""
    (tmp_path / "c.yaml").write_text(spec_text())
    write_record(tmp_path, DOCKER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_record(folder, snapshot, *overwritten):
    path = folder / "state/c/a.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(records.render(snapshot, "a", "c", overwritten))


@pytest.fixture
def trace(folder, monkeypatch, capsys):
    """Run `podnet trace c.yaml --node a`; give its exit code and what it wrote."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["podnet", "trace", "c.yaml", "--node", "a", *words])
        code = main.main()
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.fixture
def answer(trace):
    """Trace a packet and give the answer, read from JSON."""

    def run(source, destination, *words):
        code, out, _ = trace("--from", source, "--to", destination, "--format", "json", *words)
        assert code == 0
        return json.loads(out)

    return run


def test_a_packet_is_traced_through_the_record(answer):
    assert answer("172.7.21.2", "172.7.22.2")["source"] == "10.4.7.21"


def test_with_planned_a_packet_is_traced_through_the_state_after_the_plan(answer):
    assert answer("172.7.21.2", "172.7.22.2", "--planned")["source"] == "172.7.21.2"


def test_with_planned_a_parameter_that_podnet_wrote_is_as_it_will_be_given_back(folder, answer):
    observed = state("*mangle\n:FORWARD ACCEPT\n-A FORWARD -i docker0 -o docker0 -j DROP")
    observed = observed.replace(Route, [replace(route, protocol=KERNEL) for route in observed.all(Route)])
    write_record(folder, observed, Overwritten(BRIDGE_CALLS[4], "0", "1"))
    verdicts = [answer("172.7.21.2", "172.7.21.3", *words)["verdict"] for words in ([], ["--planned"])]
    assert verdicts == ["drop", "accept"]


def test_the_way_is_printed_step_by_step_with_the_verdict_at_the_end(trace):
    _, out, _ = trace("--from", "172.7.21.2", "--to", "172.7.22.2")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[-3:] == [
        "nat POSTROUTING 1 -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
        "=> source 172.7.21.2 -> 10.4.7.21",
        "accept 10.4.7.21 -> 172.7.22.2 dev eth0 via 10.4.7.22",
    ]


def test_a_packet_that_is_dropped_is_no_failure(folder, trace):
    write_record(folder, state(net__ipv4__ip_forward="0"))
    code, out, _ = trace("--from", "172.7.21.2", "--to", "172.7.22.2")
    assert (code, out.splitlines()[-1]) == (0, "drop  172.7.21.2 -> 172.7.22.2")


@pytest.mark.parametrize(
    ("source", "entrance"),
    [("10.4.7.21", "OUTPUT"), ("172.7.21.9", "PREROUTING -i docker0"), ("198.51.100.2", "PREROUTING -i eth0")],
)
def test_the_source_decides_where_a_packet_enters(folder, answer, source, entrance):
    hook, _, device = entrance.partition(" ")
    write_record(folder, state(f"*mangle\n:{hook} ACCEPT\n-A {hook} {device} -j DROP"))
    assert answer(source, "10.4.7.22")["verdict"] == "drop"


def test_a_port_makes_it_tcp_and_nothing_makes_it_an_echo_request(folder, answer):
    write_record(folder, state("*filter\n-A FORWARD -p tcp --dport 80 -j DROP\n-A FORWARD -p icmp -j REJECT"))
    verdicts = [answer("172.7.21.2", "8.8.8.8", *words)["verdict"] for words in ([], ["--dport", "80"])]
    assert verdicts == ["reject", "drop"]


def test_a_mark_is_taken_along(folder, answer):
    write_record(folder, state("*filter\n-A FORWARD -m mark --mark 0x4000/0x4000 -j DROP"))
    assert answer("172.7.21.2", "8.8.8.8", "--mark", "0x4000")["verdict"] == "drop"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "172.7.21", "--to", "8.8.8.8"], "--from: '172.7.21' is not an IP address"),
        (["--from", "172.7.21.2", "--to", "fd00::1"], "are of different IP versions"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--dport", "99999"], "--dport: '99999' is not a whole number"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--proto", "tpc"], "did you mean tcp?"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--proto", "foo"], "there are icmp, tcp, udp, sctp"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--proto", "256"], "nor a number from 0 to 255"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--proto", "icmp", "--dport", "1"], "has no ports"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--mark", "x"], "--mark: 'x'"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--node", "z"], "there is no node z"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--node", "b"], "has no record of b"),
        (["--from", "172.7.21.2", "--to", "8.8.8.8", "--var-dir", "v"], "--var-dir goes with --live"),
        (["--from", "172.7.21.2"], "Missing option '--to'"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(trace, words, said):
    code, out, err = trace(*words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_source_that_could_come_from_anywhere_is_an_error(folder, trace):
    write_record(folder, state(routes=["unreachable 203.0.113.0/24"]))
    code, _, err = trace("--from", "203.0.113.9", "--to", "172.7.21.2")
    assert (code, "the device it comes in by is unknown" in err) == (2, True)


def test_a_record_without_a_table_is_said_to_have_none(folder, trace):
    write_record(folder, DOCKER.replace(Chain, [chain for chain in DOCKER.all(Chain) if chain.key.table == "nat"]))
    _, _, err = trace("--from", "172.7.21.2", "--to", "8.8.8.8")
    assert "holds nothing of table raw and mangle and filter" in err


IPV4_CHAINS = [Chain(ChainKey(4, table, hook)) for table, hooks in BUILT_IN_BY_TABLE.items() for hook in hooks]


@pytest.mark.parametrize(
    ("source", "destination", "noted"), [("172.7.21.2", "8.8.8.8", False), ("fd00::2", "fd01::2", True)]
)
def test_only_tables_of_the_packets_version_are_said_to_be_missing(folder, trace, source, destination, noted):
    write_record(folder, state().replace(Chain, IPV4_CHAINS))
    _, _, err = trace("--from", source, "--to", destination)
    assert ("holds nothing of table" in err) is noted


@pytest.fixture
def over_all(folder, monkeypatch, capsys):
    """Run `podnet trace c.yaml` for a packet from a pod of a to one of b; give what it wrote."""

    def run(*words):
        ends = ("--from", "172.7.21.2", "--to", "172.7.22.2")
        monkeypatch.setattr(sys, "argv", ["podnet", "trace", "c.yaml", *ends, *words])
        assert main.main() == 0
        return capsys.readouterr().out

    return run


def test_without_a_node_a_packet_is_followed_over_all_of_them(over_all):
    shown = over_all().splitlines()
    assert shown[0] == "no record of b: what becomes of packets there is unknown"
    assert shown[-1] == "unknown  10.4.7.21 -> 172.7.22.2, the state of b is not known"


def test_the_journeys_of_a_packet_as_json_have_the_ways_of_all_phases_hop_by_hop(over_all, folder):
    (folder / "state/c/a.json").unlink()
    (journey,) = json.loads(over_all("--format", "json"))["journeys"]
    ends = {name: journey[name] for name in ("of", "verdict", "ending", "ended", "source", "destination")}
    assert ends == {
        "of": "packets",
        "verdict": "accept",
        "ending": "pod",
        "ended": "b",
        "source": "172.7.21.2",
        "destination": "172.7.22.2",
    }
    names = ("node", "iif", "oif", "next_hop")
    ways = {way["of"]: [tuple(hop[name] for name in names) for hop in way["hops"]] for way in journey["ways"]}
    assert ways["packets"] == [("a", "docker0", "eth0", "10.4.7.22"), ("b", "eth0", "docker0", None)]
    assert ways["replies"] == [("b", "docker0", "eth0", "10.4.7.21"), ("a", "eth0", "docker0", None)]
