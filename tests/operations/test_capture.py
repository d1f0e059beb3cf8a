"""What a record of a node holds, read from a kernel in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from netplan.errors import ObserveError, RefusedError
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.kinds.route.value import Route
from netplan.operations.capture import capture, cluster_of
from netplan.store.records import parse, render
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

LEGACY = make.snapshot(make.saved(nat=[make.DOCKER_MASQUERADE]), backend=FirewallBackend.LEGACY)


def opener(other=None):
    """Return what opens the kernel of a node, and for the other backend one of that state or of that error."""

    def opened(backend):
        if backend is None:
            return MemoryKernel(make.snapshot())
        if not isinstance(other, Exception) and other is not None:
            return MemoryKernel(other)
        raise other or RefusedError("there is no such program")

    return opened


def test_a_record_is_read_back_as_the_state_of_the_node(tmp_path):
    record = capture(opener(), tmp_path, Kept())
    text = render(record.state, "a", "c", record.overwritten, record.other)
    read = parse(text, "a.json", "c", "a")
    assert render(read.state, "a", "c", read.overwritten, read.other) == text
    assert [read.state.all(kind) for kind in (Route, Chain)] == [make.snapshot().all(kind) for kind in (Route, Chain)]


def test_rules_of_the_other_backend_are_recorded_beside(tmp_path):
    record = capture(opener(LEGACY), tmp_path, Kept())
    assert record.of(FirewallBackend.LEGACY).all(Chain) == LEGACY.all(Chain)
    assert record.of(FirewallBackend.NFT) == record.state


@pytest.mark.parametrize(
    ("error", "notes"),
    [
        (RefusedError("iptables-legacy is not installed"), []),
        (ObserveError("no module"), ["The rules as iptables-legacy shows them are not recorded: no module"]),
    ],
)
def test_that_the_other_backend_can_not_be_read_is_noted_unless_it_is_not_installed(error, notes, tmp_path):
    report = Kept()
    assert (capture(opener(error), tmp_path, report).other, report.notes) == (None, notes)


def test_what_is_remembered_and_can_not_be_read_is_a_warning(tmp_path):
    (tmp_path / "sysctls.json").write_text("{")
    report = Kept()
    assert capture(opener(), tmp_path, report).overwritten == ()
    assert [note.partition(":")[0] for note in report.notes] == ["warning"]


@pytest.mark.parametrize(("path", "cluster"), [("state/c/a.json", "c"), ("copies/c/a.json", None), ("a.json", None)])
def test_a_record_names_its_cluster_where_plan_looks_for_it(path, cluster):
    assert cluster_of(Path("/repository") / path) == cluster
