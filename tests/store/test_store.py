"""Whose turn it is, where a guard holds the lock."""

from __future__ import annotations

import subprocess

import pytest

from netplan.errors import LockedError
from netplan.store.lock import GUARD, LockHolder, hold, locked
from netplan.store.store import Store


def held_for_a_moment(folder, verb):
    """Let a process of another verb hold the lock for a moment."""
    with locked(folder, verb, 0) as descriptor:
        process = subprocess.Popen(["sleep", "0.4"], pass_fds=[descriptor])
        hold(descriptor, LockHolder(process.pid, verb, "then"))
    return process


def test_a_guard_whose_journal_is_closed_is_about_to_end_and_waited_for(tmp_path):
    with held_for_a_moment(tmp_path, GUARD), Store(tmp_path).locked("apply", 0):
        pass


def test_any_other_verb_is_not_waited_for(tmp_path):
    with held_for_a_moment(tmp_path, "apply"), pytest.raises(LockedError), Store(tmp_path).locked("apply", 0):
        pass
