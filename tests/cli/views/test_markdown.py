"""A plan for a review."""

from __future__ import annotations

from netplan.cli.views.markdown import plan_markdown
from tests import make
from tests.cli.views.plans import DOCKER, JUMP, markdown, node, placed


def test_markdown_marks_changes_as_a_diff():
    lines = markdown(node((None, make.route()), (placed(DOCKER), None), (placed(JUMP), placed(JUMP, 1))))
    start = lines.index("```diff")
    assert [line[:6] for line in lines[start + 1 : lines.index("```")]] == ["+ rout", "- rule", "! rule"]


def test_markdown_ends_with_the_summary():
    assert markdown(node())[-2] == "No changes. a: in sync."


def test_backticks_in_a_rule_do_not_end_the_block():
    ticks = make.rule('-m comment --comment "```" -j LOG')
    lines = markdown(node((placed(ticks), None)))
    assert (lines.count("````diff"), lines.count("````")) == (1, 1)


def test_what_differs_between_the_settings_of_two_specs_stands_before_the_plan():
    lines = plan_markdown(make.plans(node()), ["mtu: 1450 -> 1400", "name: `x`"]).split("\n")
    assert lines[2:4] == ["- spec: `mtu: 1450 -> 1400`", "- spec: `` name: `x` ``"]
