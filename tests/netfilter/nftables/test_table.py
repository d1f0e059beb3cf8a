"""A table of nftables: what is in it, and how it goes."""

from __future__ import annotations

import errno

import pytest

from netplan.errors import KernelError
from netplan.netfilter.nftables.table import Table, delete, read, table_name
from netplan.system.netlink.wire import attributes
from tests.netfilter.nftables import answering
from tests.netfilter.nftables.answering import IPV4, TABLE


@pytest.mark.parametrize(
    ("more", "plain"), [({}, True), ({"_2": 1}, False), ({"_6": b"a comment"}, False), ({"_7": 1}, False)]
)
def test_a_plain_table_has_no_flag_no_comment_and_no_owner(more, plain):
    with answering.kernel() as kernel:
        kernel.add(TABLE, IPV4, **{"_1": "nat", "_3": 2, **more})
        assert read(4, "nat") == Table(2, plain)


def test_a_table_that_is_not_there_is_none():
    with answering.kernel():
        assert read(4, "nat") is None


def test_a_table_is_deleted_in_a_transaction_of_the_generation_in_which_it_was_seen():
    with answering.kernel() as kernel:
        assert delete(4, "nat", b"\0\0\0\7")
    begin, change, _ = kernel.changes
    assert (attributes(begin.payload[4:]), attributes(change.payload[4:])) == ({1: b"\0\0\0\7"}, {1: b"nat\0"})


def test_a_table_is_left_where_nftables_has_changed_since():
    with answering.kernel(refuses=errno.ERESTART):
        assert not delete(4, "nat", b"\0\0\0\7")


def test_a_table_that_has_gone_already_is_deleted():
    with answering.kernel(refuses=errno.ENOENT):
        assert delete(6, "nat", b"\0\0\0\7")


def test_a_table_that_the_kernel_does_not_delete_is_named():
    with (
        answering.kernel(refuses=errno.EBUSY),
        pytest.raises(KernelError, match=r"^table ip6 nat can't be deleted: Device or resource busy$"),
    ):
        delete(6, "nat", b"\0\0\0\7")


def test_a_table_is_named_as_nft_does():
    assert (table_name(4, "nat"), table_name(6, "filter")) == ("ip nat", "ip6 filter")
