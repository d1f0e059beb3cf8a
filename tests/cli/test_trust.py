"""Verbs that write go by no file that another user could have changed; verbs that read go by every one.

The files are wrong besides, which is told (2) once they are read.
"""

from __future__ import annotations

from pathlib import Path

import pytest

WRITING = [["apply", "in/c.yaml", "--yes"], ["drift", "in/c.yaml", "--fix"], ["remove", "in/c.yaml", "--yes"]]
READING = [["validate", "in/c.yaml"], ["plan", "in/c.yaml"], ["drift", "in/c.yaml"], ["compile", "in/c.yaml"]]
SPEC = """version: 1
cluster: c
network: 172.7.0.0/16
backend: {type: host-gw}
nodes_file: far/nodes.csv
nodes: {a: {address: 10.4.7.21/24}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a spec that is wrong, the file of its nodes, leases and a saved plan."""
    monkeypatch.chdir(tmp_path)
    for path, text in {
        "in/c.yaml": SPEC,
        "in/far/nodes.csv": "name,address\nb,10.4.7.22/24\n",
        "state/c/leases.yaml": "b: {}\n",
        "in/plan.json": '{"format_version": "1.0"}',
    }.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        Path(path).chmod(0o644)
    return tmp_path


CHANGEABLE = [
    pytest.param("in/c.yaml", 0o646, id="the spec"),
    pytest.param("in", 0o757, id="its folder"),
    pytest.param(".", 0o757, id="the folder above"),
    pytest.param("in/far/nodes.csv", 0o646, id="the file of nodes"),
    pytest.param("state/c/leases.yaml", 0o646, id="the leases"),
    pytest.param("state", 0o757, id="a folder of the leases"),
]
EITHER = pytest.mark.parametrize(("path", "mode"), CHANGEABLE)


@EITHER
@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
def test_a_verb_that_writes_refuses_what_every_user_could_have_changed(podnet, words, path, mode):
    Path(path).chmod(mode)
    code, _, err = podnet(*words, "--node", "a")
    assert (code, "every user may write to" in err) == (3, True)


@EITHER
@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
def test_it_goes_by_that_where_it_is_told_to(podnet, words, path, mode):
    Path(path).chmod(mode)
    assert podnet(*words, "--node", "a", "--allow-untrusted-file")[0] == 2


@EITHER
@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_a_verb_that_reads_goes_by_everything(podnet, words, path, mode):
    Path(path).chmod(mode)
    assert podnet(*words)[0] == 2


def test_a_saved_plan_that_every_user_could_have_changed_is_refused(podnet):
    Path("in/plan.json").chmod(0o646)
    assert podnet("apply", "in/plan.json", "--yes")[0] == 3


def test_what_a_group_may_write_to_is_a_warning(podnet):
    Path("in").chmod(0o775)
    code, _, err = podnet("apply", "in/plan.json", "--yes")
    assert (code, "--allow-untrusted-file" in err) == (2, False)


def test_a_folder_that_every_user_may_write_to_may_keep_each_users_files_apart(podnet):
    Path("in").chmod(0o1777)
    assert podnet("apply", "in/plan.json", "--yes")[0] == 2


def test_the_file_that_a_link_leads_to_is_looked_at_too(podnet):
    Path("in/far/nodes.csv").rename("in/other.csv")
    Path("in/far/nodes.csv").symlink_to("../other.csv")
    Path("in/other.csv").chmod(0o646)
    code, _, err = podnet("apply", "in/c.yaml", "--yes", "--node", "a")
    assert (code, "in/other.csv" in err) == (3, True)


def test_drift_that_mends_nothing_needs_no_leave(podnet):
    code, _, err = podnet("drift", "in/c.yaml", "--allow-untrusted-file")
    assert (code, "--allow-untrusted-file goes with --fix" in err) == (2, True)
