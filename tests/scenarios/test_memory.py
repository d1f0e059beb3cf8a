"""What podnet remembers on a node: generations, the lock, the journal, and what it says when it can't."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.scenarios.node import refused_route
from tests.scenarios.podnet import argv, process
from tests.scenarios.strace import Point, injected
from tests.scenarios.tools import first_in_path, links, wrap

ONCE = pytest.mark.parametrize("backend", ["nft"], indirect=True)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"

FULL = 'mount -t tmpfs -o mode=700,size=4k tmpfs "$1"; shift; exec "$@"'
READ_ONLY = 'mount -t tmpfs -o mode=700,ro tmpfs "$1"; shift; exec "$@"'


@pytest.fixture
def memory(node, tmp_path):
    """An empty folder for what podnet remembers of the node."""
    folder = tmp_path / "var"
    folder.mkdir()
    return folder


@pytest.fixture
def podnet(node, memory):
    """Run podnet on the node with that folder."""

    def run(verb, *words):
        return node.podnet(verb, *words, "--var-dir", memory)

    return run


@pytest.fixture
def apply(node, podnet):
    """Apply the node's spec."""

    def run():
        done = podnet("apply", str(node.spec), "--yes")
        assert done.code == 0, done.stderr

    return run


def shown(podnet):
    return podnet("history").stdout


def numbers(done):
    return [generation["number"] for generation in json.loads(done.stdout)["generations"]]


def test_rollback_brings_back_what_podnet_found(node, podnet, apply):
    before = node.state()
    apply()
    assert podnet("rollback", "--yes").code == 0
    assert node.state() == before


def test_rollback_to_a_generation_brings_back_what_it_left(node, podnet, apply):
    apply()
    after = node.state()
    podnet("remove", str(node.spec), "--yes")
    assert podnet("rollback", "1", "--yes").code == 0
    assert node.state() == after


def test_rule_that_others_added_meanwhile_survives_a_rollback(node, podnet, apply):
    apply()
    node.iptables("-t nat -I POSTROUTING -s 192.0.2.0/24 -j ACCEPT")
    podnet("rollback", "--yes")
    assert "-A POSTROUTING -s 192.0.2.0/24 -j ACCEPT" in node.rules()


@ONCE
def test_rollback_asks_like_apply(node, podnet, apply):
    apply()
    before = node.state()
    assert (podnet("rollback").code, node.state()) == (3, before)


@ONCE
def test_rollback_without_generations_is_wrong_use(podnet):
    assert podnet("rollback", "--yes").code == 2


@ONCE
def test_history_shows_who_did_what_when(podnet, apply):
    apply()
    assert re.fullmatch(
        rf"\*    1  {TIME}  \S.* \(uid \d+\)  apply  \S+ [0-9a-f]{{8}}  5 create, 2 delete\n", shown(podnet)
    )


@ONCE
def test_history_marks_the_newest(podnet, apply):
    apply()
    podnet("rollback", "--yes")
    assert [line[0] for line in podnet("history").stdout.splitlines()] == [" ", "*"]


@ONCE
def test_history_as_json_counts_the_changes(podnet, apply):
    apply()
    (generation,) = json.loads(podnet("history", "--format", "json").stdout)["generations"]
    assert generation["changes"] == {"create": 5, "update": 0, "delete": 2}


@ONCE
def test_history_of_an_untouched_node_is_empty(podnet):
    assert "podnet has applied nothing on this node" in podnet("history").stdout


@ONCE
def test_apply_without_changes_is_no_generation(podnet, apply, memory):
    apply()
    apply()
    assert numbers(podnet("history", "--format", "json")) == [1]
    assert not (memory / "journal.json").exists()


@ONCE
def test_every_verb_that_writes_is_a_generation(node, podnet, apply):
    apply()
    node.shell("ip route del 172.7.22.0/24")
    podnet("drift", str(node.spec), "--fix")
    podnet("remove", str(node.spec), "--yes")
    generations = json.loads(podnet("history", "--format", "json").stdout)["generations"]
    assert [generation["verb"] for generation in generations] == ["apply", "drift --fix", "remove"]


@ONCE
def test_apply_that_was_undone_leaves_no_journal(node, podnet, memory, tmp_path):
    with refused_route(node, tmp_path) as words:
        assert podnet("apply", *map(str, words), "--yes").code == 4
    assert [path.name for path in memory.iterdir()] == ["lock"]


@ONCE
def test_truncated_generation_is_named_and_shown_as_damaged(podnet, apply, memory):
    apply()
    (memory / "generations" / "000001.json").write_text('{"format')
    done = podnet("history")
    assert (done.stdout.split(), "000001.json" in done.stderr) == (["*", "1", "damaged"], True)


@ONCE
@pytest.mark.parametrize("words", [["recover"], ["apply", "SPEC", "--yes"], ["drift", "SPEC", "--fix"]], ids=" ".join)
def test_damaged_journal_exits_5_and_changes_nothing(node, podnet, memory, words):
    (memory / "journal.json").write_text('{"format')
    before = node.state()
    done = podnet(*(str(node.spec) if word == "SPEC" else word for word in words))
    assert (done.code, "journal.json is damaged" in done.stderr) == (5, True)
    assert node.state() == before


@ONCE
def test_damaged_journal_is_given_up(node, podnet, memory):
    (memory / "journal.json").write_text('{"format')
    assert (podnet("recover", "--abandon").code, podnet("recover", "--abandon", "--yes").code) == (3, 0)
    assert ((memory / "journal.abandoned-1.json").read_text(), podnet("apply", str(node.spec), "--yes").code) == (
        '{"format',
        0,
    )


@ONCE
def test_damaged_journal_does_not_keep_from_looking(node, podnet, memory):
    (memory / "journal.json").write_text('{"format')
    assert node.podnet("plan", node.spec, "--live").code == 0


def mounted(script, memory):
    """Return the command that starts another with something mounted on podnet's folder."""
    return ["unshare", "--mount", "sh", "-ec", script, "sh", str(memory)]


@ONCE
@pytest.mark.parametrize(
    ("script", "why"),
    [(FULL, "No space left on device"), (READ_ONLY, "Read-only file system")],
    ids=["full", "read-only"],
)
def test_disk_that_can_not_be_written_is_refused_before_anything_is_changed(node, memory, script, why):
    before = node.state()
    words = ("apply", node.spec, "--yes", "--var-dir", memory)
    done = process(node.lab, node.name, *words, before=mounted(script, memory))
    assert (done.code, f"{why}; nothing was changed" in done.stderr) == (3, True)
    assert node.state() == before


@ONCE
def test_full_disk_is_named_with_the_journal(node, memory):
    words = ("apply", node.spec, "--yes", "--var-dir", memory)
    done = process(node.lab, node.name, *words, before=mounted(FULL, memory))
    assert f"the journal can't be written: {memory}/journal.json: No space left on device" in done.stderr


@ONCE
def test_file_system_without_locks_is_refused_with_the_lock_s_name(node):
    done = injected(node, Point("flock", 1, ""), "error=ENOLCK", "recover")
    assert (done.code, "/lock: No locks available; nothing was changed" in done.stderr) == (3, True), done.stderr


@pytest.fixture
def busy(node, memory, tmp_path):
    """A node on which an apply waits in the midst of its work, until it is let go on."""
    iptables = f"iptables-{node.backend}"
    folder = tmp_path / "bin"
    folder.mkdir()
    links(folder, {iptables: iptables})
    wrap(
        folder,
        f"{iptables}-restore",
        before=[f"touch {folder}/busy", f"while [ ! -e {folder}/go ]; do sleep 0.02; done"],
    )
    words = argv("apply", node.spec, "--yes", "--var-dir", memory)
    with node.lab.popen(node.name, [*first_in_path(folder), *words], stderr=-1) as first:
        while not (folder / "busy").exists():
            time.sleep(0.01)
            assert first.poll() is None, first.stderr.read()
        yield first
        (folder / "go").touch()


@ONCE
def test_second_apply_at_once_is_refused_with_the_first_s_name(node, podnet, busy):
    done = podnet("apply", str(node.spec), "--yes")
    assert (done.code, "podnet apply (pid " in done.stderr, "--lock-timeout" in done.stderr) == (3, True, True)


@ONCE
@pytest.mark.parametrize("words", [["recover"], ["rollback", "--yes"]], ids=" ".join)
def test_every_writing_verb_is_refused_meanwhile(podnet, busy, words):
    assert podnet(*words).code == 3


@ONCE
@pytest.mark.parametrize("words", [["history"], ["drift", "SPEC"]], ids=" ".join)
def test_looking_is_not_refused_meanwhile(node, memory, busy, words):
    words = [str(node.spec) if word == "SPEC" else word for word in words]
    extra = ["--var-dir", memory]
    assert node.podnet(*words, *extra).code in (0, 1)


@ONCE
def test_second_apply_waits_as_long_as_it_is_told(node, memory, busy, tmp_path):
    (tmp_path / "bin" / "go").touch()
    words = ("apply", node.spec, "--yes", "--var-dir", memory, "--lock-timeout", "30")
    assert node.podnet(*words).stdout == "No changes. hdss7-21: in sync.\n"


@pytest.fixture
def rebooted(node, apply, memory):
    """A node that was restarted since the apply: its generation is of another boot, and nothing of ours is there."""
    apply()
    kept = memory / "generations" / "000001.json"
    kept.write_text(kept.read_text().replace('"boot_id": "', '"boot_id": "not '))
    after = node.state()
    node.reset()
    return after


def test_recover_after_a_reboot_brings_back_what_was_ours(node, podnet, rebooted):
    assert podnet("recover").stdout.startswith("The state from before the reboot is restored")
    assert node.state() == rebooted
    assert podnet("drift", node.spec).code == 0


@ONCE
def test_recover_after_a_reboot_leaves_the_rules_of_others_as_they_are(node, podnet, rebooted):
    node.shell("iptables-nft -t nat -I POSTROUTING -s 192.0.2.0/24 -j ACCEPT; iptables-nft -I FORWARD -j LOG")
    before = node.rules().splitlines()
    assert (podnet("recover").code, podnet("drift", node.spec).code) == (0, 0)
    missing = [line for line in before if line not in node.rules().splitlines()]
    assert missing == [
        "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        "-A POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
    ]


@ONCE
def test_recover_after_a_reboot_is_done_once(podnet, rebooted):
    podnet("recover")
    assert podnet("recover").stdout == "Nothing to recover.\n"


@ONCE
def test_recover_brings_nothing_older_back_than_what_another_version_kept(node, podnet, rebooted, memory):
    kept = memory / "generations" / "000001.json"
    (memory / "generations" / "000002.json").write_text(
        kept.read_text().replace('"number": 1', '"number": 2').replace('"format_version": "2.', '"format_version": "3.')
    )
    before = node.state()
    done = podnet("recover")
    assert (done.code, "wrote generation 2, in format 3." in done.stderr, node.state()) == (3, True, before)


@ONCE
def test_recover_waits_for_the_interface(node, podnet, rebooted):
    node.shell(
        "ip link set eth0 down; { sleep 1; ip link set eth0 up; ip route add default via 10.4.7.254; } >&- 2>&- &"
    )
    assert podnet("recover").code == 0
    assert node.state().routes == rebooted.routes
