"""Scalars without quotes, as YAML 1.1 takes them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netplan.spec.yaml.scalars import Plain, line_of, plain_scalar


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("yes", "true or false", True),
        ("Off", "true or false", False),
        ("-17", "a number", -17),
        ("0x1F", "a number", 31),
        ("1:30", "a number in base 60", None),
        ("010", "a number in base 8", None),
        ("1_000", "a number of a kind that no key takes", None),
        ("1.5", "a fraction", None),
        ("~", "nothing", None),
        ("2026-01-01", "a date", None),
    ],
)
def test_a_scalar_that_is_no_text_says_what_it_is_taken_for(text, kind, value):
    assert plain_scalar(text) == Plain(text, kind, value)


@given(st.text("0123456789xabcdef:._-+eyYnNoOsSfFtrul~=<", max_size=8))
def test_a_scalar_is_a_text_if_and_only_if_yaml_says_so(text):
    loaded = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
    assert isinstance(plain_scalar(text), str) is (loaded == "tag:yaml.org,2002:str")


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("pods", {"network": "172.7.0.0/16"}, "pods: {network: 172.7.0.0/16}"),
        ("mtu", 1450, "mtu: 1450"),
        ("name", "no", "name: 'no'"),
    ],
)
def test_a_key_is_written_in_one_line(key, value, line):
    assert line_of(key, value) == line
