"""The schema of a spec is printed for editors."""

from __future__ import annotations

import json
from pathlib import Path

SCHEMA_FILE = Path(__file__).parents[3] / "specs" / "podnet.schema.json"


def test_the_schema_is_that_of_the_specs_here(podnet):
    code, out, err = podnet("schema")
    assert (code, json.loads(out), err) == (0, json.loads(SCHEMA_FILE.read_text()), "")
