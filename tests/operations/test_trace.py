"""What becomes of a packet on a node, from a kernel in memory and from a record in a folder."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import UsageError
from netplan.kinds.chain.value import Chain
from netplan.kinds.resource import Change
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.originals import Overwritten
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.trace import live_state, recorded_state
from netplan.store import records
from netplan.store.journal import JournalEntry, JournalStart, Phase
from netplan.store.sysctl_originals import OverwrittenFile
from netplan.trace import BRIDGE_CALLS, PacketVerdict
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept
from tests.trace.states import packet, state

SPEC = make.spec(firewall=make.REMOVE)
NODE = SPEC.topology.by_name["a"]
DOCKER = state(make.capture("docker-20.10-start-nft.rules"))
POD, PEER_POD = "172.7.21.2", "172.7.22.2"
KERNEL = 2
TO_PEER = packet(POD, PEER_POD)
DROPPING = state("*mangle\n:FORWARD ACCEPT\n-A FORWARD -i docker0 -o docker0 -j DROP")
DROPPED_ON_THE_BRIDGE = DROPPING.replace(Route, [replace(route, protocol=KERNEL) for route in DROPPING.all(Route)])
GIVEN_BACK = Overwritten(BRIDGE_CALLS[4], "0", "1")


def live(folder, snapshot=DOCKER):
    return live_state(SPEC, NODE, lambda _: MemoryKernel(snapshot), folder, Kept())


def recorded(folder, snapshot=DOCKER, *overwritten, report=None, version=4):
    path = records.path_of(folder, "c", "a")
    path.parent.mkdir(parents=True)
    path.write_text(records.render(snapshot, "a", "c", overwritten))
    return recorded_state(SPEC, NODE, folder, version, report or Kept())


@pytest.fixture(params=[live, recorded])
def read(request):
    return request.param


def test_a_packet_takes_its_way_through_the_state_that_is_there(read, tmp_path):
    assert str(read(tmp_path).trace(TO_PEER).source) == "10.4.7.21"


def test_with_planned_it_takes_its_way_through_the_state_after_the_plan(read, tmp_path):
    assert str(read(tmp_path).trace(TO_PEER, planned=True).source) == POD


def test_a_trace_writes_nothing_to_the_kernel_and_remembers_nothing(tmp_path):
    kernel = MemoryKernel(DOCKER)
    live_state(SPEC, NODE, lambda _: kernel, tmp_path, Kept()).trace(TO_PEER, planned=True)
    assert (kernel.writes, [*tmp_path.iterdir()]) == (0, [])


def on_the_bridge(start):
    return [start.trace(packet(POD, "172.7.21.3"), planned=planned).verdict for planned in (False, True)]


def test_what_podnet_remembers_of_a_sysctl_is_given_back_by_the_plan(tmp_path):
    written = Change(None, Sysctl(BRIDGE_CALLS[4], "1"), make.WHY)
    before = Snapshot.of(DOCKER.backend, [Sysctl(BRIDGE_CALLS[4], "0")])
    OverwrittenFile(tmp_path).keep(
        JournalEntry("1", make.origin(), Phase.VERIFIED, JournalStart((written,), before), before)
    )
    assert on_the_bridge(live(tmp_path, DROPPED_ON_THE_BRIDGE)) == [PacketVerdict.DROP, PacketVerdict.ACCEPT]


def test_what_a_record_says_of_a_sysctl_is_given_back_by_the_plan(tmp_path):
    start = recorded(tmp_path, DROPPED_ON_THE_BRIDGE, GIVEN_BACK)
    assert on_the_bridge(start) == [PacketVerdict.DROP, PacketVerdict.ACCEPT]


def test_a_source_that_no_route_leads_to_is_an_error(read, tmp_path):
    start = read(tmp_path, state(routes=["unreachable 203.0.113.0/24"]))
    with pytest.raises(UsageError, match=r"the packet's source: no route leads to 203\.0\.113\.9"):
        start.trace(packet("203.0.113.9", POD))


def test_a_node_without_a_record_is_an_error_that_says_how_to_get_one(tmp_path):
    with pytest.raises(UsageError, match="has no record of a: run podnet capture there, or use --live"):
        recorded_state(SPEC, NODE, tmp_path, 4, Kept())


@pytest.mark.parametrize(
    ("version", "lacks"),
    [(4, "raw and mangle and filter and security"), (6, "raw and mangle and nat and filter and security")],
)
def test_tables_of_the_packets_version_that_a_record_lacks_are_noted(tmp_path, version, lacks):
    report = Kept()
    nat = DOCKER.replace(Chain, [chain for chain in DOCKER.all(Chain) if chain.key.table == "nat"])
    recorded(tmp_path, nat, report=report, version=version)
    assert report.notes == [f"podnet: the record of a holds nothing of table {lacks}: taken as empty"]
