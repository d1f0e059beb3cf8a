"""Whom root goes by: the owners and modes of files and of the folders that they lie in."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

import pytest

from netplan.system.trust import Trust, UntrustedError, caller_of, own_links, trusted_users
from tests.forked import forked

STRANGER = 4242
FILE, FOLDER, LINK, PIPE = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO


def status(mode, uid=0):
    return os.stat_result((mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))


def judged(mode, uid=0):
    judge = Trust()
    judge(Path("/it"), status(mode, uid))
    return judge.groups


@pytest.mark.parametrize("kind", [FILE, FOLDER, FOLDER | stat.S_ISVTX, LINK, PIPE])
def test_what_belongs_to_another_user_is_not_trusted(kind):
    with pytest.raises(UntrustedError, match="/it belongs to uid 4242"):
        judged(kind | 0o644, STRANGER)


@pytest.mark.parametrize("kind", [FILE, FOLDER])
def test_what_every_user_may_write_to_is_not_trusted(kind):
    with pytest.raises(UntrustedError, match="every user may write to"):
        judged(kind | 0o666)


@pytest.mark.parametrize("mode", [FILE | 0o644, FOLDER | 0o755, FOLDER | 0o1777, LINK | 0o777, PIPE | 0o666])
def test_what_no_other_user_can_change_is_trusted(mode):
    assert judged(mode) == []


@pytest.mark.parametrize("mode", [FILE | 0o664, FOLDER | 0o775])
def test_what_a_group_may_write_to_is_told(mode):
    assert judged(mode) == [Path("/it")]


def test_the_message_says_what_to_do():
    with pytest.raises(UntrustedError, match=r"chmod o-w /it, or --allow-untrusted-file$"):
        judged(FILE | 0o666)


def test_a_link_of_another_user_is_not_written_through():
    with pytest.raises(UntrustedError, match="is a symbolic link of uid 4242"):
        own_links(Path("/it"), status(LINK | 0o777, STRANGER))


def test_a_file_of_another_user_may_be_replaced():
    own_links(Path("/it"), status(FILE | 0o644, STRANGER))


@pytest.mark.parametrize("sudo_uid", ["", "x", "-1", "²", "4242 "])
def test_a_caller_of_sudo_is_a_number(sudo_uid):
    assert list(caller_of(0, sudo_uid)) == []


@pytest.mark.parametrize(("uid", "believed"), [(0, [STRANGER]), (1000, [])])
def test_the_caller_of_sudo_is_believed_of_root_only(uid, believed):
    assert list(caller_of(uid, str(STRANGER))) == believed


def test_root_and_the_user_of_this_process_are_trusted():
    assert {0, os.getuid()} <= trusted_users()


@pytest.mark.kernel
def test_in_a_user_namespace_the_user_who_stands_for_the_others_is_trusted():
    assert 65534 in forked(in_user_namespace, trusted_users)


def in_user_namespace():
    uid = os.getuid()
    if ctypes.CDLL(None).unshare(0x10000000) != 0:
        raise OSError("unshare")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
