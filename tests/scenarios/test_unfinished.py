"""What can't be undone since a device has another name now: a spec that knows that takes over, or it is given up."""

from __future__ import annotations

import os

import pytest

from tests.scenarios.session import PATIENCE, WAITS, session, unguarded

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

RENAME = """
ip link set "$1" down
ip link set "$1" name "$2"
ip link set "$2" up
ip route add default via 10.4.7.254
"""


@pytest.fixture
def renamed(applied, tmp_path):
    """A node whose interface got another name while a state waited for its confirm, and a spec that knows the name."""
    text = applied.spec.read_text()
    other, corrected = tmp_path / "other.yaml", tmp_path / "corrected.yaml"
    other.write_text(text.replace("forward: accept", "forward: none"))
    corrected.write_text(text.replace("interface: eth0", "interface: ens3"))
    with session(applied, "--confirm-within", "600", spec=other) as apply:
        apply.until(WAITS)
        applied.shell(RENAME, "eth0", "ens3")
        os.write(apply.controller, b"\x03")
        assert apply.process.wait(PATIENCE) == 5
    unguarded(applied)
    yield applied, corrected
    applied.shell(RENAME, "ens3", "eth0")
    applied.shell('rm -f "$PODNET_VAR_DIR/journal.json"')


def test_recover_says_which_verb_gives_it_up(renamed):
    node, _ = renamed
    done = node.podnet("recover")
    assert (done.code, "`podnet recover --abandon` leaves the node as it is" in done.stderr) == (5, True)


@pytest.mark.parametrize("words", [["apply", "--yes"], ["drift", "--fix"], ["remove", "--yes"]], ids=" ".join)
def test_a_verb_with_a_spec_that_knows_the_device_takes_over(renamed, words):
    node, spec = renamed
    verb, *options = words
    done = node.podnet(verb, spec, *options)
    left = node.podnet("drift", spec).code if verb != "remove" else 0
    assert (done.code, left, node.podnet("recover").stdout) == (0, 0, "Nothing to recover.\n"), done.stderr


def test_what_was_given_up_is_in_no_verb_s_way(renamed):
    node, spec = renamed
    given_up = node.podnet("recover", "--abandon", "--yes")
    assert (given_up.code, "create route 172.7.22.0/24 via 10.4.7.22 dev eth0" in given_up.stdout) == (0, True)
    assert (node.podnet("apply", spec, "--yes").code, node.podnet("drift", spec).code) == (0, 0)
