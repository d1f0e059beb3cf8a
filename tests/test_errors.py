"""What was not foreseen is told in words; only what the machine is not to blame for is an error of podnet's own."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from netplan.errors import StoreError, message_of
from netplan.system.netlink.channel import Channel
from netplan.system.netlink.wire import ROUTE
from tests.forked import forked

SHORT = "this machine is short of what podnet needs"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.ENOBUFS, errno.ENOLCK, errno.EAGAIN])
def test_what_the_machine_is_short_of_is_no_error_of_podnets(number):
    assert message_of(OSError(number, os.strerror(number))) == f"{SHORT}: {os.strerror(number)}"


def test_out_of_memory_is_said():
    assert message_of(MemoryError()) == f"{SHORT}: out of memory"


def test_what_podnet_says_itself_is_said_as_it_is():
    assert message_of(StoreError("the journal can't be written")) == "the journal can't be written"


@pytest.mark.parametrize("error", [KeyError("x"), OSError(errno.EBADF, "Bad file descriptor"), OSError("no number")])
def test_anything_else_is_an_internal_error(error):
    assert message_of(error).startswith("internal error (please report): ")


def without_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    try:
        with Channel(ROUTE):
            return ""
    except OSError as error:
        return message_of(error)


def test_a_process_that_may_open_no_more_files_says_so():
    receiver = forked(lambda: None, without_descriptors)
    assert receiver == f"{SHORT}: Too many open files"
