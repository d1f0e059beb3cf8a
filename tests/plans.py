"""Saved plans as text."""

from __future__ import annotations

from io import BytesIO

from netplan.planning import plan_json
from netplan.planning.plan import Plan


def rendered(plan: Plan) -> str:
    """Return the text of a saved plan."""
    return "".join(plan_json.render_plan(plan))


def read_plan(text: str, path: str) -> Plan:
    """Read a saved plan from its text, every node of it."""
    return plan_json.read_plan(BytesIO(text.encode()), path)
