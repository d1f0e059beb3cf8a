from __future__ import annotations

import os

from netplan.store.provenance import Provenance, who
from tests import make


def test_an_origin_is_read_back():
    assert Provenance.from_json(make.origin().to_json()) == make.origin()


def test_who_used_sudo_is_named(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SUDO_UID", "1000")
    assert who() == "alice (uid 1000)"


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("SUDO_UID", "4000000")
    assert who() == "uid 4000000"


def test_without_sudo_it_is_the_user_of_the_process(monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert f"uid {os.getuid()}" in who()
