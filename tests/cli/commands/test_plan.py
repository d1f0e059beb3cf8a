"""The specs in specs/ with their records in state/: what `podnet plan` shows of them to who reviews a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from netplan.spec.load import read

ROOT = Path(__file__).parents[3]
PLANS = sorted((ROOT / "tests/golden").glob("*.txt"))


@pytest.mark.parametrize("golden", PLANS, ids=lambda path: path.stem)
def test_the_plan_from_the_records_is_the_one_that_was_reviewed(podnet, golden, monkeypatch):
    """`make records` writes it anew."""
    monkeypatch.chdir(ROOT)
    assert podnet("plan", f"specs/{golden.stem}.yaml") == (0, golden.read_text(), "")


def test_every_node_of_an_example_has_a_record_but_those_that_show_leases_alone():
    specs = [path for path in (ROOT / "specs").glob("*.yaml") if path.stem != "leased"]
    nodes = {f"{path.stem}/{node.name}.json" for path in specs for node in read(path).topology.nodes}
    assert nodes == {str(path.relative_to(ROOT / "state")) for path in (ROOT / "state").glob("*/*.json")}
    assert {path.stem for path in specs} == {path.stem for path in PLANS}
