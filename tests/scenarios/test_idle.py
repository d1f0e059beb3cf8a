"""An apply of what is there already sends no write to the kernel; each test first sees that it would notice one."""

from __future__ import annotations

import socket

import pytest

from tests.lab.inside import inside
from tests.scenarios import podnet
from tests.scenarios.podnet import process
from tests.scenarios.tools import first_in_path, wrap

RTMGRP_LINK, RTMGRP_ADDRESS, RTMGRP_ROUTE, RTMGRP_RULE = 0x1, 0x10, 0x40, 0x80
NETLINK_NETFILTER, NFNLGRP_NFTABLES = 12, 7


def hear(protocol: int, groups: int, words: list[str]) -> int:
    """Run podnet and count the kernel's messages to those who listen for changes; they are sent before it ends."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol) as listener:
        listener.bind((0, groups))
        podnet.run(words)
        heard = 0
        while True:
            try:
                listener.recv(1 << 16)
            except BlockingIOError:
                return heard
            heard += 1


def route_changes(node):
    groups = RTMGRP_LINK | RTMGRP_ADDRESS | RTMGRP_ROUTE | RTMGRP_RULE
    return inside(node.lab, node.name, hear, socket.NETLINK_ROUTE, groups, ["apply", str(node.spec), "--yes"])


def nft_changes(node):
    groups = 1 << (NFNLGRP_NFTABLES - 1)
    return inside(node.lab, node.name, hear, NETLINK_NETFILTER, groups, ["apply", str(node.spec), "--yes"])


def iptables_calls(node, folder):
    """Return the options of every iptables that podnet runs for an apply."""
    log = folder / "log"
    for program in (f"iptables-{node.backend}{what}" for what in ("", "-save", "-restore")):
        wrap(folder, program, before=[f'echo "$@" >> {log}'])
    done = process(node.lab, node.name, "apply", node.spec, "--yes", before=first_in_path(folder))
    assert done.code == 0, done.stderr
    return log.read_text().splitlines()


def test_first_apply_changes_routes(node):
    assert route_changes(node) > 0


def test_second_apply_changes_no_link_address_or_route(applied):
    assert route_changes(applied) == 0


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_first_apply_changes_nftables(node):
    assert nft_changes(node) > 0


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_second_apply_changes_nothing_in_nftables(applied):
    assert nft_changes(applied) == 0


def test_first_apply_restores_two_tables(node, tmp_path):
    assert [call for call in iptables_calls(node, tmp_path) if "--noflush" in call] == ["--noflush -w 10"] * 2


def test_second_apply_reads_each_table_that_holds_rules_once(applied, tmp_path):
    read = ["-w 10 -t filter -S", "-w 10 -t nat -S"]
    if applied.backend == "legacy":
        read = [f"-t {table}" for table in applied.shell("cat /proc/net/ip_tables_names").split()]
    assert sorted(iptables_calls(applied, tmp_path)) == sorted(read)
