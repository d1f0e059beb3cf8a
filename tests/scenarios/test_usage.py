"""What podnet refuses before it looks at the kernel: exit 2, and nothing is changed; and what it does not load."""

from __future__ import annotations

import re

import pytest

from tests.loaded import telling
from tests.scenarios.podnet import podnet

TEN_MISTAKES = """\
version: 2
cluster: no such name
network: 172.7.0.0/33
subnet_len: 31
backend: {type: host-gate}
ip_masq: {enabled: perhaps}
forward: reject
firewall: {backnd: nft}
defaults: {interface: eth0/1}
nodes:
  hdss7-21: {address: 10.4.7.21, subnet: 172.7.21.0/24}
  hdss7-22: {address: 10.4.7.22/24, subnet: 172.7.22.0/24}
"""
WRITERS = [["apply", "--yes"], ["drift", "--fix"], ["remove", "--yes"]]

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)


@pytest.fixture
def wrong(tmp_path):
    """A spec with ten mistakes."""
    path = tmp_path / "wrong.yaml"
    path.write_text(TEN_MISTAKES)
    return path


@pytest.mark.parametrize(
    "words", [["apply", "--yes"], ["drift"], ["plan", "--live"], ["remove", "--yes"]], ids=" ".join
)
def test_verb_on_a_node_does_not_load_pyroute2(node, words):
    done = node.lab.run(node.name, telling(words[0], node.spec, *words[1:]), check=False)
    assert (done.returncode in (0, 1), done.stderr.splitlines()[-1]) == (True, "False")


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_wrong_spec_exits_2(node, wrong, words):
    assert node.podnet(words[0], wrong, *words[1:]).code == 2


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_wrong_spec_changes_nothing(applied, wrong, words):
    before = applied.state()
    applied.podnet(words[0], wrong, *words[1:])
    assert applied.state() == before


def test_every_mistake_is_named_with_its_place(node, wrong):
    said = node.podnet("apply", wrong, "--yes").stderr
    assert len(set(re.findall(rf"^{re.escape(str(wrong))}:(\d+):\d+:", said, re.MULTILINE))) == 10


@pytest.mark.parametrize("verb", ["plan", "apply", "drift", "remove"])
def test_unknown_node_exits_2(node, verb):
    assert node.podnet(verb, node.spec, "--node", "hdss7-23").code == 2


def test_unknown_node_is_answered_with_the_nearest(node):
    assert "did you mean hdss7-2" in node.podnet("drift", node.spec, "--node", "hdss7-23").stderr


@pytest.mark.parametrize(
    "words", [["plan", "--live"], ["apply", "--yes"], ["drift"], ["remove", "--yes"]], ids=" ".join
)
def test_machine_that_is_no_node_exits_2(node, words):
    assert podnet(node.lab, "router", words[0], node.spec, *words[1:]).code == 2


def test_machine_that_is_no_node_is_told_to_name_one(node):
    assert "--node" in podnet(node.lab, "router", "drift", node.spec).stderr


@pytest.fixture
def swapped(node, tmp_path):
    """A spec in which the node has the name of one and the address of the other."""
    path = tmp_path / "swapped.yaml"
    text = node.spec.read_text()
    path.write_text(text.replace("10.4.7.21/", "X/").replace("10.4.7.22/", "10.4.7.21/").replace("X/", "10.4.7.22/"))
    return path


def test_machine_that_is_two_nodes_exits_2(node, swapped):
    assert node.podnet("drift", swapped).code == 2


def test_machine_that_is_two_nodes_is_told_which(node, swapped):
    assert "hdss7-21 and hdss7-22" in node.podnet("drift", swapped).stderr


def test_machine_that_is_two_nodes_may_say_which(node, swapped):
    assert node.podnet("drift", swapped, "--node", "hdss7-21").code == 1


def test_spec_that_is_not_there_exits_2(node, tmp_path):
    assert node.podnet("apply", tmp_path / "no.yaml", "--yes").code == 2


def test_node_is_found_by_its_address(applied, tmp_path):
    path = tmp_path / "renamed.yaml"
    path.write_text(applied.spec.read_text().replace("hdss7-21:", "renamed:"))
    assert applied.podnet("drift", path).code == 0
