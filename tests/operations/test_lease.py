"""Leases of nodes without subnets, written below a temporary folder."""

from __future__ import annotations

import pytest

from netplan.errors import UsageError
from netplan.net import Prefix
from netplan.operations.lease import lease_subnets
from netplan.spec.lease_allocation import Rename
from netplan.spec.lease_file import HEADER
from tests.reports import Kept
from tests.spec.factory import spec_text

A, B = "a: {address: 10.4.7.21/24}", "b: {address: 10.4.7.22/24}"
BOTH = f"{HEADER}a: {{subnet: 172.7.1.0/24}}\nb: {{subnet: 172.7.2.0/24}}\n"


@pytest.fixture
def lease(tmp_path):
    """Lease what nodes of cluster c need; give what was changed."""

    def run(*nodes, **options):
        spec = tmp_path / "c.yaml"
        spec.write_text(spec_text(*nodes))
        return lease_subnets(spec, tmp_path / "state", Kept(), **options)

    return run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state/c/leases.yaml"


def subnets(*texts):
    return tuple(map(Prefix.parse, texts))


def test_the_lowest_free_subnets_are_written(lease, file):
    written = lease(A, B)
    assert written.leasing.allocated == {"a": subnets("172.7.1.0/24"), "b": subnets("172.7.2.0/24")}
    assert (written.leases.path, file.read_text()) == (str(file), BOTH)


def test_where_each_node_has_a_subnet_no_file_is_made(lease, file):
    written = lease()
    assert (written.anything, file.parent.exists()) == (False, False)


def test_a_lease_again_leaves_the_file_as_it_is(lease, file):
    lease(A, B)
    before = file.stat().st_ino
    assert (lease(A, B).anything, file.stat().st_ino) == (False, before)


def test_the_lease_of_a_node_that_left_is_retained_until_it_is_released(lease, file):
    lease(A, B)
    assert lease(A).leasing.retained == {"b": subnets("172.7.2.0/24")}
    assert lease(A, release=["b", "b"]).leasing.released == {"b": subnets("172.7.2.0/24")}
    assert file.read_text() == BOTH.replace("b: {subnet: 172.7.2.0/24}\n", "")


def test_a_renamed_node_keeps_its_subnet(lease, file):
    lease(A, B)
    written = lease(A, "worker-b: {address: 10.4.7.22/24}", rename=Rename("b", "worker-b"))
    assert (written.leasing.renamed, written.anything) == ({"worker-b": subnets("172.7.2.0/24")}, True)
    assert file.read_text() == BOTH.replace("b:", "worker-b:")


def test_a_release_that_is_refused_writes_nothing(lease, file):
    lease(A, B)
    with pytest.raises(UsageError, match="a is in the spec and has the subnet"):
        lease(A, B, release=["a"])
    assert file.read_text() == BOTH


def test_a_state_folder_that_cannot_be_made_is_an_error(lease, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/c").symlink_to("nowhere/deeper")
    with pytest.raises(UsageError, match=r"state/c can't be made: File exists"):
        lease(A, B)
