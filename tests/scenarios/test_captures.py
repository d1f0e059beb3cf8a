"""Beside what real programs left on nodes (tests/data/captures): loaded before podnet, and after it."""

from __future__ import annotations

import re

import pytest

from tests import make
from tests.lab.probe import source_seen
from tests.scenarios.node import Image

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

CAPTURES = sorted({path.stem for path in make.CAPTURES.iterdir() if path.suffix in (".rules", ".nft")})
MASKING = {
    "docker-29-firewall-backend-nftables-published": (
        "nft's table ip docker-bridges holds rules that iptables-nft does not show, and nat-postrouting-out__docker0 1 "
        "may give pod traffic to 172.7.0.0/16 another source: -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE; "
        "take it away first: nft list table ip docker-bridges shows it"
    ),
    "firewalld-1.3.3-nftables-public-masquerade": (
        "nft's table inet firewalld holds rules that iptables-nft does not show, and nat_POST_public_allow 1 "
        "may give pod traffic to 172.7.0.0/16 another source: ! -o lo -j MASQUERADE; "
        "take it away first: nft list table inet firewalld shows it"
    ),
}
"""What is refused: the source of pods is lost whatever our chain accepts (see the packets below)."""
BREAKING = {
    "docker-28.2.2-published",
    "docker-29-published",
    "firewalld-1.3.3-nftables-docker0-trusted",
    "firewalld-1.3.3-nftables-public",
    "ip-masq-agent-head-default",
}
"""What breaks some traffic of pods that podnet can't mend: told, and applied all the same."""
BESIDE_PODS = ["kube-proxy-1.36.2-nftables", "flannel-0.28.9-nftables-hostgw-ipmasq"]
LINK_LOCAL = (
    "nft's table ip flannel-ipv4 holds rules that iptables-nft does not show, and postrtg 5 may give pod traffic to "
    "169.254.0.0/16 another source: -s 172.7.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE"
)


def load(node, capture):
    """Load a capture as of this node: what iptables-save printed by iptables, other tables by nft."""
    rules, native = (make.CAPTURES / f"{capture}{suffix}" for suffix in (".rules", ".nft"))
    if rules.exists():
        node.shell("iptables-nft-restore --noflush", text=here(rules))
    if native.exists():
        tables = re.split(r"(?m)^(?=table |# Warning: )", here(native))
        of_nft = [table for table in tables if not re.match(r"# |table (ip6?|bridge) (filter|nat|raw|mangle)\b", table)]
        node.shell("nft -f -", text="".join(table for table in of_nft if "xt target" not in table))


def here(path):
    return path.read_text().replace("172.7.22.", "172.7.21.")


@pytest.fixture
def bare(node):
    """A node without any rules."""
    node.load(Image("", ()))
    return node


@pytest.mark.parametrize("capture", sorted({*CAPTURES} - {*MASKING}))
def test_podnet_is_applied_beside_what_came_first(bare, capture):
    load(bare, capture)
    done = bare.apply()
    assert done.code == 0, done.stderr


@pytest.mark.parametrize("capture", sorted({*CAPTURES} - {*MASKING}))
def test_what_came_after_podnet_is_mended_as_far_as_it_can_be(applied, capture):
    load(applied, capture)
    assert applied.drift("--fix").code == (1 if capture in BREAKING else 0)


@pytest.mark.parametrize(("capture", "why"), MASKING.items(), ids=MASKING)
def test_what_masks_pods_is_refused_with_the_rule_and_the_destinations(bare, capture, why):
    load(bare, capture)
    assert bare.apply().stderr.splitlines()[1:] == [f"  {why}"]


@pytest.mark.parametrize("capture", MASKING)
def test_what_masks_pods_is_refused_after_podnet_too(applied, capture):
    load(applied, capture)
    assert applied.drift("--fix").code == 3


@pytest.mark.parametrize("capture", MASKING)
def test_what_is_refused_really_hides_the_pod_s_address(applied, applied_peer, capture):
    load(applied, capture)
    assert source_seen(applied.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


@pytest.mark.parametrize("capture", BESIDE_PODS)
def test_what_is_let_be_really_keeps_the_pod_s_address(applied, applied_peer, capture):
    load(applied, capture)
    assert source_seen(applied.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "172.7.21.2"


def test_what_masks_link_local_destinations_alone_is_warned_of_by_their_name(bare):
    load(bare, "flannel-0.28.9-nftables-hostgw-ipmasq")
    assert f"warning: {LINK_LOCAL}" in bare.apply().stdout
