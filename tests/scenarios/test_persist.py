"""The file that is loaded at boot has our rules among those of other programs: what it loads is what the spec says."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.session import WAITS, Session, session, settled

ONCE = pytest.mark.parametrize("backend", ["nft"], indirect=True)
EMPTY = """
nft flush ruleset
for table in $(cat /proc/net/ip_tables_names); do printf '*%s\\nCOMMIT\\n' "$table" | iptables-legacy-restore; done
"""


@pytest.fixture
def rules(node, tmp_path):
    """The file that is loaded at boot, as the distribution saved it on the node."""
    path = tmp_path / "rules.v4"
    path.write_text("# saved by another program\n" + node.shell("iptables-$1-save -c", node.backend))
    return path


@pytest.fixture
def kept(node, rules, tmp_path):
    """The spec of the story, which keeps the rules in the file."""
    path = tmp_path / "hdss7.yaml"
    path.write_text(node.spec.read_text().replace("firewall:\n", f"firewall:\n  persist: {rules}\n"))
    return path


def apply(node, kept):
    done = node.podnet("apply", kept, "--yes")
    assert done.code == 0, done.stderr
    return done


def boot(node, rules):
    """Load the file into an empty kernel, as the service does that loads it at boot."""
    node.shell(EMPTY)
    node.shell("iptables-$1-restore < $2", node.backend, str(rules))


def test_after_a_boot_nothing_is_left_to_do_but_routes(node, kept, rules):
    apply(node, kept)
    boot(node, rules)
    assert node.podnet("drift", kept, "--format", "json").changes == []


def test_after_a_boot_from_a_file_that_was_not_there_ours_are(node, kept, rules):
    rules.unlink()
    apply(node, kept)
    boot(node, rules)
    assert node.podnet("drift", kept, "--format", "json").changes == []


def test_boot_loads_what_the_apply_made(node, kept, rules):
    apply(node, kept)
    applied = node.rules()
    boot(node, rules)
    assert sorted(node.rules().splitlines()) == sorted(applied.splitlines())


def test_apply_says_that_the_file_has_them_too(node, kept, rules):
    assert f"{rules} is as planned too, for the next boot." in apply(node, kept).stderr


def test_second_apply_leaves_the_file_alone(node, kept, rules):
    apply(node, kept)
    before = rules.stat()
    apply(node, kept)
    assert (rules.stat().st_ino, rules.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_drift_names_a_file_that_differs(node, kept, rules):
    before = rules.read_text()
    apply(node, kept)
    rules.write_text(before)
    done = node.podnet("drift", kept)
    assert (done.code, done.stdout.splitlines()[-1]) == (1, f"persist  {rules}  differs")


def test_drift_for_programs_names_a_file_that_differs(node, kept, rules):
    apply(node, kept)
    rules.unlink()
    done = node.podnet("drift", kept, "--format", "json")
    assert (done.code, json.loads(done.stdout)["persist"]["path"]) == (1, str(rules))


def test_nothing_drifts_after_an_apply(node, kept):
    apply(node, kept)
    assert node.podnet("drift", kept).code == 0


def test_fix_brings_the_file_back(node, kept, rules):
    apply(node, kept)
    rules.unlink()
    assert (node.podnet("drift", kept, "--fix").code, node.podnet("drift", kept).code) == (0, 0)


def test_remove_takes_ours_out_and_leaves_the_rest_as_it_was(node, kept, rules):
    kept.write_text(kept.read_text().replace("  remove:", "  remove: []").replace("    - {table", "    # - {table"))
    before = rules.read_bytes()
    apply(node, kept)
    changed = rules.read_bytes()
    assert node.podnet("remove", kept, "--yes").code == 0
    assert (changed != before, rules.read_bytes()) == (True, before)


def test_remove_takes_a_file_away_that_held_nothing_else(node, kept, rules):
    rules.unlink()
    apply(node, kept)
    node.podnet("remove", kept, "--yes")
    assert not rules.exists()


@pytest.mark.parametrize("text", ["*nat\n-I POSTROUTING -j LOG\nCOMMIT\n", "*nat\n"])
def test_file_that_can_not_be_read_refuses_the_apply_before_anything_is_written(node, kept, rules, text):
    rules.write_text(text)
    before = node.state()
    done = node.podnet("apply", kept, "--yes")
    assert (done.code, f"{rules} can't be read: line" in done.stderr, node.state()) == (3, True, before)


def test_missing_folder_refuses_the_apply(node, kept, rules):
    kept.write_text(kept.read_text().replace(str(rules), str(rules.parent / "iptables" / "rules.v4")))
    assert node.podnet("apply", kept, "--yes").code == 3


def test_saved_plan_updates_the_file_of_its_spec(node, kept, rules, tmp_path):
    node.podnet("plan", kept, "--live", "--out", tmp_path / "plan.json")
    assert node.podnet("apply", tmp_path / "plan.json", "--yes").code == 0
    assert node.podnet("drift", kept).code == 0


def test_saved_plan_whose_spec_has_changed_says_that_the_file_stays(node, kept, rules, tmp_path):
    node.podnet("plan", kept, "--live", "--out", tmp_path / "plan.json")
    kept.write_text(kept.read_text() + "# later\n")
    before = rules.read_text()
    done = node.podnet("apply", tmp_path / "plan.json", "--yes")
    assert (done.code, rules.read_text()) == (0, before)
    assert "The rules for the next boot stay as they are" in done.stderr


@pytest.fixture
def unconfirmed(node, kept, rules):
    """An apply that waits for its confirm, with what the file says until then."""
    before = rules.read_bytes()
    with session(node, "--confirm-within", "600", spec=kept) as apply:
        apply.until(WAITS)
        yield apply, before
    node.podnet("confirm")


@ONCE
def test_file_is_left_alone_until_the_confirm(rules, unconfirmed):
    _, before = unconfirmed
    assert rules.read_bytes() == before


@ONCE
def test_file_is_written_by_apply_once_it_is_confirmed(node, kept, unconfirmed):
    apply, _ = unconfirmed
    assert node.podnet("confirm").code == 0
    assert (apply.process.wait(60), node.podnet("drift", kept).code) == (0, 0)


@ONCE
@pytest.mark.parametrize("end", [Session.hang_up, Session.kill], ids=["its terminal closes", "it is killed"])
def test_file_is_written_by_confirm_where_apply_has_ended(node, kept, rules, unconfirmed, end):
    apply, _ = unconfirmed
    end(apply)
    apply.process.wait(60)
    done = node.podnet("confirm")
    assert (done.code, f"{rules} is as planned too" in done.stderr) == (0, True)
    assert node.podnet("drift", kept).code == 0


@ONCE
def test_file_that_confirm_can_not_read_is_said_and_the_state_stays(node, rules, unconfirmed):
    apply, _ = unconfirmed
    apply.kill()
    apply.process.wait(60)
    rules.write_text("*nat\n")
    done = node.podnet("confirm")
    assert (done.code, "Confirmed: generation" in done.stdout, "podnet apply SPEC tries again" in done.stderr) == (
        5,
        True,
        True,
    )
    assert node.drift().code == 0


@ONCE
def test_file_is_left_alone_without_a_confirm(node, kept, rules):
    before = rules.read_bytes()
    done = node.podnet("apply", kept, "--yes", "--confirm-within", "1")
    settled(node)
    assert (done.code, rules.read_bytes()) == (4, before)


@ONCE
def test_a_neighbour_file_of_a_version_that_pods_do_not_have_may_be_no_file(node, kept, rules):
    rules.with_name("rules.v6").mkdir()
    apply(node, kept)
    assert node.podnet("drift", kept, "--format", "json").code == 0


@ONCE
def test_a_neighbour_file_that_holds_rules_of_ours_still_is_cleaned(node, kept, rules):
    neighbour = rules.with_name("rules.v6")
    neighbour.write_text("*filter\n:FORWARD ACCEPT [0:0]\n:PODNET-FORWARD - [0:0]\nCOMMIT\n")
    apply(node, kept)
    assert neighbour.read_text() == "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"


def test_remove_puts_back_into_the_file_what_was_taken_from_it_and_says_so(node, kept, rules):
    before = rules.read_bytes()
    apply(node, kept)
    applied = rules.read_bytes()
    done = node.podnet("remove", kept, "--yes")
    assert (done.code, applied != before, rules.read_bytes()) == (0, True, before)
    assert "-A FORWARD -j REJECT --reject-with icmp-host-prohibited is back in it." in done.stderr


@ONCE
def test_a_rollback_brings_the_file_of_its_generation_back(node, kept, rules):
    node.shell('rm -rf "$PODNET_VAR_DIR"')
    before = rules.read_bytes()
    apply(node, kept)
    first = rules.read_bytes()
    kept.write_text(kept.read_text().replace("forward: accept", "forward: none"))
    apply(node, kept)
    back = [(node.podnet("rollback", number, "--yes").code, rules.read_bytes()) for number in ("1", "0", "1")]
    assert back == [(0, first), (0, before), (0, first)]


@ONCE
def test_a_file_that_the_spec_names_no_longer_is_as_before_podnet(node, kept, rules):
    before = rules.read_bytes()
    apply(node, kept)
    kept.write_text(kept.read_text().replace(f"  persist: {rules}\n", ""))
    apply(node, kept)
    assert rules.read_bytes() == before
