"""Both families on real kernels: what is made, that packets keep their sources, and that nothing is left of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from netplan.lab import Lab
from netplan.spec.load import read
from tests.lab.inside import inside
from tests.lab.probe import address, socket_on, source_seen
from tests.scenarios.node import ROOT
from tests.scenarios.podnet import podnet

SPEC = ROOT / "specs/dual-stack.yaml"
NODES = ("n1", "n2")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The cluster of the example, applied on both of its nodes."""
    topology = replace(read(SPEC).topology, cluster=f"dual-{os.getpid()}")
    with Lab.temporary(topology, spec=str(SPEC)) as built:
        for node in NODES:
            done = podnet(built, node, "apply", SPEC, "--node", node, "--yes")
            assert done.code == 0, done.stderr
        yield built


def forwarding(version: int) -> str:
    path = "ipv4/ip_forward" if version == 4 else "ipv6/conf/all/forwarding"
    return Path(f"/proc/sys/net/{path}").read_text().strip()


@pytest.mark.parametrize("node", NODES)
def test_the_plan_after_an_apply_is_empty(lab, node):
    assert podnet(lab, node, "drift", SPEC, "--node", node).code == 0


@pytest.mark.parametrize("version", [4, 6])
def test_pods_see_each_other_s_own_addresses(lab, version):
    assert source_seen(lab, "n1-pod1", "n2-pod1", version=version) == address(lab, "n1-pod1", version)


@pytest.mark.parametrize("version", [4, 6])
def test_the_outside_sees_the_node_s_address(lab, version):
    assert source_seen(lab, "n1-pod1", "outside", version=version) == address(lab, "n1", version)


@pytest.mark.parametrize("version", [4, 6])
def test_the_node_forwards(lab, version):
    assert inside(lab, "n1", forwarding, version) == "1"


def test_a_route_of_ipv6_that_was_deleted_is_named_and_put_back(lab):
    lab.run("n1", ["ip", "-6", "route", "del", "fd00:10:244:2::/64"])
    missed = podnet(lab, "n1", "drift", SPEC, "--node", "n1", "--format", "json")
    fixed = podnet(lab, "n1", "drift", SPEC, "--node", "n1", "--fix")
    assert (missed.code, missed.changes, fixed.code) == (1, ["create route fd00:10:244:2::/64 metric 1024"], 0)


@pytest.fixture
def flapped(lab):
    """The first node after its interface went down and up: IPv4's routes are gone, and IPv6's address too."""
    address = lab.run("n1", ["ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "global"]).stdout.split()[3]
    lab.run("n1", ["ip", "link", "set", "eth0", "down"])
    lab.run("n1", ["ip", "link", "set", "eth0", "up"])
    yield lab
    lab.run("n1", ["ip", "-6", "address", "add", address, "dev", "eth0", "nodad"])
    assert podnet(lab, "n1", "drift", SPEC, "--node", "n1", "--fix").code == 0


def test_a_fix_brings_back_the_family_whose_address_is_there(flapped):
    fixed = podnet(flapped, "n1", "drift", SPEC, "--node", "n1", "--fix")
    left = podnet(flapped, "n1", "drift", SPEC, "--node", "n1", "--format", "json")
    assert (fixed.code, left.changes) == (1, ["create route fd00:10:244:2::/64 metric 1024"]), fixed.stderr
    assert "not on-link: fd00:10:244:2::/64" in fixed.stderr


MASQUERADING = """
table inet mine {
    chain out {
        type nat hook postrouting priority srcnat
        ip6 saddr fd00:10::/32 masquerade
    }
}
"""


@pytest.fixture
def masked(lab):
    """The first node with nft's masquerade of its IPv6 pods."""
    lab.run("n1", ["nft", "-f", "-"], text=MASQUERADING)
    yield lab
    lab.run("n1", ["nft", "delete", "table", "inet", "mine"])


def test_nft_s_masquerade_of_ipv6_hides_the_pods_whatever_our_chain_accepts(masked):
    assert source_seen(masked, "n1-pod1", "n2-pod1", version=6) == address(masked, "n1", 6)


def test_nft_s_masquerade_of_ipv6_is_drift_and_named(masked):
    done = podnet(masked, "n1", "drift", SPEC, "--node", "n1")
    named = "out 1 may give pod traffic to fd00:10::/32 another source: -s fd00:10::/32 -j MASQUERADE"
    assert (done.code, named in done.stdout) == (1, True)


@contextlib.contextmanager
def conversation(lab, client, server):
    """Return both ends of a TCP connection of IPv6 while it is open, and the source that the server sees."""
    with contextlib.ExitStack() as stack:
        listener, caller = (stack.enter_context(socket_on(lab, host, version=6)) for host in (server, client))
        listener.bind((address(lab, server, 6), 0))
        listener.listen()
        caller.connect(listener.getsockname())
        answerer, peer = listener.accept()
        yield caller, stack.enter_context(answerer), peer[0]


def test_flush_ends_connections_of_ipv6_that_keep_another_source(masked):
    with conversation(masked, "n1-pod1", "n2-pod1") as (caller, answerer, seen):
        assert seen == address(masked, "n1", 6)
        masked.run("n1", ["nft", "flush", "table", "inet", "mine"])
        counted = podnet(masked, "n1", "drift", SPEC, "--node", "n1", "--fix", "--flush-conntrack")
        caller.sendall(b"?")
        answerer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            answerer.recv(1)
    assert re.search("Ended [0-9] connections? of pods", counted.stderr)  # those of the tests before may linger


def test_rules_of_each_family_are_in_a_file_of_its_own_and_load(lab, tmp_path):
    spec, files = tmp_path / "kept.yaml", [tmp_path / "rules.v4", tmp_path / "rules.v6"]
    spec.write_text(SPEC.read_text().replace("firewall:\n", f"firewall:\n  persist: {files[0]}\n"))
    applied = podnet(lab, "n1", "apply", spec, "--node", "n1", "--yes")
    lab.run("n1", ["nft", "flush", "ruleset"])
    for program, file in zip(("iptables", "ip6tables"), files, strict=True):
        lab.run("n1", [f"{program}-restore", str(file)])
    after = podnet(lab, "n1", "drift", spec, "--node", "n1")
    assert (applied.code, after.code) == (0, 0), applied.stderr + after.stdout


def test_ip6tables_legacy_s_filter_is_refused_beside_ip6tables_nft(lab):
    lab.run("n1", ["ip6tables-legacy", "-A", "FORWARD", "-j", "REJECT"])
    refused = podnet(lab, "n1", "apply", SPEC, "--node", "n1", "--yes")
    lab.run("n1", ["ip6tables-legacy", "-F", "FORWARD"])
    assert (refused.code, "ip6tables-legacy's table filter holds rules" in refused.stderr) == (3, True)


def test_chains_that_an_ip6tables_before_left_are_named_and_removed(lab, tmp_path):
    spec = tmp_path / "legacy.yaml"
    spec.write_text(SPEC.read_text().replace("firewall:\n", "firewall:\n  backend: legacy\n"))
    refused = podnet(lab, "n1", "apply", spec, "--node", "n1", "--yes")
    removed = podnet(lab, "n1", "remove", spec, "--node", "n1", "--yes")
    named = "ip6tables-nft's table nat still holds podnet's own chain PODNET-POSTROUTING"
    assert (refused.code, named in refused.stderr, removed.code) == (3, True, 0)
    assert "PODNET" not in lab.run("n1", ["ip6tables-nft-save"]).stdout


def test_nothing_of_either_family_is_left_after_a_remove(lab):
    assert podnet(lab, "n2", "remove", SPEC, "--node", "n2", "--yes").code == 0
    looks = [["ip", "route", "show", "proto", "112"], ["ip", "-6", "route", "show", "proto", "112"]]
    left = [lab.run("n2", command).stdout for command in (*looks, ["nft", "list", "ruleset"])]
    assert left == ["", "", ""]
