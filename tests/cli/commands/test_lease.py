"""The verb `lease`, and the leases that other verbs read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from netplan.spec.lease_file import HEADER
from tests.spec.factory import spec_text

SPEC = spec_text("a: {address: 10.4.7.21/24}", "b: {address: 10.4.7.22/24}")
LEASES = Path("state/c/leases.yaml")
BOTH = f"{HEADER}a: {{subnet: 172.7.1.0/24}}\nb: {{subnet: 172.7.2.0/24}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with the spec of two nodes without subnets."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(SPEC)
    return tmp_path


def test_a_lease_is_written_and_shown(podnet):
    code, out, _ = podnet("lease", "c.yaml")
    assert (code, out) == (
        0,
        "+ a: 172.7.1.0/24\n+ b: 172.7.2.0/24\n2 leased, 0 released: state/c/leases.yaml is written, commit it.\n",
    )
    assert LEASES.read_text() == BOTH


def test_nothing_to_lease_is_said(podnet):
    podnet("lease", "c.yaml")
    assert podnet("lease", "c.yaml")[:2] == (0, "Nothing to lease: every node of cluster c has a subnet.\n")


def test_nothing_to_lease_makes_no_file(podnet):
    Path("c.yaml").write_text(spec_text())
    podnet("lease", "c.yaml")
    assert not LEASES.exists()


def test_a_lease_that_is_held_is_named_with_the_command_that_frees_it(podnet):
    podnet("lease", "c.yaml")
    Path("c.yaml").write_text(SPEC.replace("  b: {address: 10.4.7.22/24}\n", ""))
    assert podnet("lease", "c.yaml")[2] == (
        "172.7.2.0/24 is held for b, which is not in the spec: podnet lease c.yaml --release b\n"
    )


def test_a_lease_is_released(podnet):
    podnet("lease", "c.yaml")
    Path("c.yaml").write_text(SPEC.replace("  b: {address: 10.4.7.22/24}\n", ""))
    assert podnet("lease", "c.yaml", "--release", "b")[1].startswith("- b: 172.7.2.0/24\n0 leased, 1 released")
    assert LEASES.read_text() == f"{HEADER}a: {{subnet: 172.7.1.0/24}}\n"


def test_a_lease_in_use_is_not_released(podnet):
    podnet("lease", "c.yaml")
    assert podnet("lease", "c.yaml", "--release", "a")[0] == 2
    assert LEASES.read_text() == BOTH


def test_a_state_folder_that_is_none_is_named(podnet):
    Path("state").write_text("")
    code, _, err = podnet("lease", "c.yaml")
    assert (code, err) == (2, "podnet: state/c/leases.yaml: Not a directory\n")


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "c.yaml"],
        ["compile", "c.yaml"],
        ["plan", "c.yaml"],
        ["apply", "c.yaml", "--yes", "--node", "a"],
        ["drift", "c.yaml", "--node", "a"],
        ["remove", "c.yaml", "--yes", "--node", "a"],
        ["trace", "c.yaml", "--node", "a", "--from", "172.7.1.2", "--to", "172.7.2.2"],
        ["lab", "up", "c.yaml"],
    ],
    ids=lambda words: words[0],
)
def test_a_spec_without_subnets_is_refused_with_the_command_to_run(podnet, words):
    code, _, err = podnet(*words)
    assert (code, "run podnet lease c.yaml," in err) == (2, True)


def test_a_plan_routes_the_leased_subnets(podnet):
    podnet("lease", "c.yaml")
    plan = json.loads(podnet("plan", "c.yaml", "--node", "a", "--format", "json")[1])
    assert "172.7.2.0/24" in [change["key"] for change in plan["nodes"][0]["changes"]]


def test_the_digest_of_a_plan_changes_with_the_leases(podnet):
    def digest():
        return json.loads(podnet("plan", "c.yaml", "--format", "json")[1])["spec"]["sha256"]

    podnet("lease", "c.yaml")
    before = digest()
    LEASES.write_text(LEASES.read_text().replace("172.7.2.", "172.7.3."))
    assert digest() != before


def test_moving_from_an_older_spec_finds_the_lease_of_the_node_that_left(podnet):
    podnet("lease", "c.yaml")
    Path("new.yaml").write_text(SPEC.replace("  b: {address: 10.4.7.22/24}\n", ""))
    plan = json.loads(podnet("plan", "new.yaml", "--against", "c.yaml", "--format", "json")[1])
    (change,) = (change for node in plan["nodes"] for change in node["changes"] if change["key"] == "172.7.2.0/24")
    assert change["action"] == "delete"


@pytest.mark.parametrize("verb", ["validate", "compile", "plan"])
def test_leases_may_be_elsewhere(podnet, verb):
    podnet("lease", "c.yaml", "--state", "elsewhere")
    assert podnet(verb, "c.yaml", "--state", "elsewhere")[0] == 0


def add(*nodes):
    Path("c.yaml").write_text(SPEC + "".join(f"  {name}: {{address: 10.4.7.{ord(name[0])}/24}}\n" for name in nodes))


def leased_with(podnet, node):
    """Return the leases that another user makes by adding a node; here they stay as they were."""
    before = LEASES.read_text()
    add(node)
    assert podnet("lease", "c.yaml")[0] == 0
    after = LEASES.read_text()
    LEASES.write_text(before)
    return after


@pytest.mark.parametrize(("theirs", "conflicts"), [("aa", 0), ("d", 1)])
def test_what_two_people_lease_is_merged_or_conflicts_visibly_in_git(podnet, theirs, conflicts):
    podnet("lease", "c.yaml")
    texts = {"ours": leased_with(podnet, "c"), "base": LEASES.read_text(), "theirs": leased_with(podnet, theirs)}
    for name, text in texts.items():
        Path(name).write_text(text)
    done = subprocess.run(["git", "merge-file", "-p", *texts], capture_output=True, text=True, check=False)
    LEASES.write_text(done.stdout)
    add("c", theirs)
    code, _, err = podnet("validate", "c.yaml")
    said = "could not merge the leases of two people" if conflicts else "172.7.3.0/24 is already the subnet of node"
    assert (done.returncode, code, said in err) == (conflicts, 2, True)


def test_one_subnet_of_two_lines_that_git_merged_is_named_at_both(podnet):
    LEASES.parent.mkdir(parents=True)
    LEASES.write_text(BOTH.replace("172.7.2.", "172.7.1."))
    code, _, err = podnet("validate", "c.yaml")
    assert (code, "state/c/leases.yaml:3:13: error: node b: subnet 172.7.1.0/24 is already" in err) == (2, True)
    assert "state/c/leases.yaml:2:13: note: the subnet of node a\n    2 | a: {subnet: 172.7.1.0/24}\n" in err


def test_a_renamed_node_keeps_its_lease(podnet):
    podnet("lease", "c.yaml")
    Path("c.yaml").write_text(SPEC.replace("  b:", "  worker-b:"))
    assert podnet("lease", "c.yaml", "--rename", "b", "worker-b") == (
        0,
        "= worker-b: 172.7.2.0/24\n1 renamed, 0 leased, 0 released: state/c/leases.yaml is written, commit it.\n",
        "",
    )
    assert LEASES.read_text() == BOTH.replace("b:", "worker-b:")


def test_nodes_that_are_renamed_one_after_the_other_keep_their_leases(podnet):
    podnet("lease", "c.yaml")
    Path("c.yaml").write_text(SPEC.replace("  a:", "  worker-a:").replace("  b:", "  worker-b:"))
    assert podnet("lease", "c.yaml", "--rename", "b", "worker-b")[2].endswith(
        "node worker-a may be renamed too and got no subnet: "
        "podnet lease c.yaml --rename a worker-a, or podnet lease c.yaml for a new one\n"
    )
    podnet("lease", "c.yaml", "--rename", "a", "worker-a")
    assert LEASES.read_text() == BOTH.replace("a:", "worker-a:").replace("b:", "worker-b:")
