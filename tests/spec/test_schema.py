"""The JSON Schema of a spec says what the model takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from netplan.spec.model import ClusterSpec
from netplan.spec.schema import schema

SCHEMA_FILE = Path(__file__).parents[2] / "specs" / "podnet.schema.json"


def test_every_key_has_a_description_in_the_schema():
    described: Any = schema()
    sections = [described, *described["$defs"].values()]
    keys = [key for section in sections for key in section["properties"].values()]
    assert all("description" in key or "$ref" in key for key in keys)


def test_the_schema_never_allows_null():
    text = json.dumps(schema())
    types = set(re.findall(r'"type": (\[[^]]*\]|"\w+")', text))
    several = {'["string", "integer"]', '["string", "number"]'}
    assert (types - several, "null" in text) == ({'"array"', '"boolean"', '"integer"', '"object"', '"string"'}, False)


def test_the_schema_requires_what_the_model_requires():
    assert schema()["required"] == [name for name, key in ClusterSpec.model_fields.items() if key.is_required()]


def test_the_schema_beside_the_specs_is_up_to_date():
    assert json.loads(SCHEMA_FILE.read_text()) == schema()
