"""What podnet 0.1.0 left on a node and in a repository is read, settled, gone back to and applied by this version."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from netplan.errors import PendingError
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.sysctl.originals import Overwritten
from netplan.operations import apply_plan
from netplan.operations.confirm import confirm_apply
from netplan.operations.live_plan import LivePlan
from netplan.operations.rollback_target import rollback_target
from netplan.operations.settle import Cause, settle
from netplan.spec.load import read
from netplan.store import records
from netplan.store.generations import Generation
from netplan.store.provenance import boot_id, who
from netplan.store.store import Store
from netplan.system import clock
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.plans import read_plan

DATA: Final = Path(__file__).parents[1] / "data/0.1.0"
NODES: Final = {"hdss7": "hdss7-21", "flannel-vxlan": "master"}
DAY: Final = 86400.0


class Left(NamedTuple):
    """What was left of a cluster's node, and where what podnet remembers of it is copied to."""

    cluster: str
    folder: Path

    def state(self, name: str) -> Snapshot:
        """Return a state of the node that was recorded."""
        path = DATA / self.cluster / f"{name}.json"
        return records.parse(path.read_text(), str(path), self.cluster, NODES[self.cluster]).state

    def store(self, name: str, deadline: float = 0.0) -> Store:
        """Return what podnet remembered, as if that had been in this boot, and with another deadline for a confirm."""
        shutil.copytree(DATA / self.cluster / name, self.folder, dirs_exist_ok=True)
        then = (DATA / self.cluster / "pending/journal.json").read_text()
        for path in self.folder.rglob("*.json"):
            text = path.read_text().replace(_value(then, "boot_id"), f'"{boot_id()}"')
            path.write_text(text.replace(_value(then, "deadline"), f"{deadline}").replace("root (uid 0)", who()))
        return Store(self.folder)


def _value(text: str, key: str) -> str:
    return text.partition(f'"{key}": ')[2].partition(",")[0]


@pytest.fixture(params=NODES)
def left(request, tmp_path):
    return Left(request.param, tmp_path)


def test_an_interrupted_journal_is_undone(left):
    kernel = MemoryKernel(left.state("half"))
    recovery = settle(left.store("interrupted"), lambda _: kernel)
    assert recovery is not None
    assert (recovery.cause, make.content(kernel.state)) == (Cause.INTERRUPTED, make.content(left.state("first")))


def test_a_journal_that_waits_for_its_confirm_still_waits(left):
    kernel = MemoryKernel(left.state("first"))
    with pytest.raises(PendingError, match=r"podnet apply by .* waits for its confirm until"):
        settle(left.store("pending", clock.now() + DAY), lambda _: kernel)
    assert kernel.writes == 0


def test_a_journal_that_waits_for_its_confirm_is_confirmed(left):
    assert confirm_apply(left.store("pending", clock.now() + DAY), None).generation.number == 3


def test_a_journal_that_was_not_confirmed_is_undone(left):
    kernel = MemoryKernel(left.state("first"))
    recovery = settle(left.store("pending"), lambda _: kernel)
    assert recovery is not None
    assert (recovery.cause, make.content(kernel.state)) == (Cause.UNCONFIRMED, make.content(left.state("second")))


@pytest.mark.parametrize("number", [None, 1])
def test_a_rollback_goes_back_to_a_generation(left, number):
    kernel = MemoryKernel(left.state("second"))
    apply_plan.apply_plan(
        LivePlan.for_rollback(rollback_target(left.store("settled").generations.all(), number), kernel),
        make.Unwritten(),
    )
    assert make.content(kernel.state) == make.content(left.state("first"))


def test_a_new_generation_comes_after_those_that_were_kept(left):
    store = left.store("pending", clock.now() + DAY)
    confirm_apply(store, None)
    kept = store.generations.all()
    assert [(generation.number, type(generation)) for generation in kept] == [
        (number, Generation) for number in (1, 2, 3)
    ]


def test_what_sysctls_were_before_podnet_is_known(tmp_path):
    store = Left("hdss7", tmp_path).store("settled")
    assert store.overwritten.read() == (Overwritten("net.ipv4.ip_default_ttl", "64", "65"),)


def test_a_saved_plan_is_applied(left):
    path = DATA / left.cluster / "plan.json"
    plan = read_plan(path.read_text(), str(path))
    kernel = MemoryKernel(left.state("first"))
    apply_plan.apply_plan(LivePlan.from_saved(plan.nodes[0], kernel), make.Unwritten())
    assert make.content(kernel.state) == make.content(left.state("second"))


def test_leases_are_kept():
    spec = read(DATA / "leased.yaml", DATA / "state")
    subnets = {node.name: [str(subnet) for subnet in node.subnets] for node in spec.topology.nodes}
    assert subnets["rack1-01"] == ["10.244.16.128/25"]
