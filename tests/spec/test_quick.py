"""The quick way through a spec gives what YAML gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.errors import SpecError
from netplan.spec import quick
from netplan.spec.quick import compose_quickly
from netplan.spec.yaml.document import compose
from tests.runs import examples
from tests.spec.factory import spec_text

SPEC = spec_text(
    "# the first rack",
    "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}  # here",
    "b: { address:  10.4.7.22/24 ,mtu: 1450 }",
    "",
    "c: {address: no}",
)

ODD = [
    "nodes:\n  a: {b: c}\n- x\n",
    "nodes:\n  a: {b: c}\n b: {b: c}\n",
    "nodes:\n  a: {b: c}\n   b: {b: c}\n",
    "nodes:\n  a: {b: c}\n  a: {b: d}\n",
    "nodes:\n  a: {b: c, d: e}\n  f: {d: e, b: c}\n  g: {b: c/, d: no} # h\n  i: {b: c}\n  j: {b: c, d: e, k: l}\n",
    "nodes:\n  a: {b: c, d: e}\n  f: {b: c, b: e}\n",
    "nodes:\n  a: {b: c, d: e}\n  f: {b: c, d: e, }\n",
    "nodes:\n  a: {b: c, b: d}\n",
    "nodes:\n  no: {b: c}\n",
    "nodes:\n  a: {0: c}\n",
    "nodes:\n  a: {no: c}\n",
    "nodes:\n  a: {b: c,0: d}\n",
    "nodes:\n  a: {b: c}\nnodes:\n  d: {b: c}\n",
    "{\nnodes:\n  a: {b: c}\n}\n",
    "{x: y,\nnodes:\n\n}\n",
    'x: "\nnodes:\n  a: {b: c}\n"\n',
    "x: |\n  y\nnodes:\n  a: {b: c}\n",
    "x: '\nnodes:\n  a: {b: c}\n'\nnodes:\n  d: {e: f}\n",
    "x:\nnodes:\n  a: {b: c}\n\ty: z\n",
    "nodes:\n  a: {b: c} # d\u2028  e: {f: g}\n",
    "nodes:\r\n  a: {b: c}\r\n",
    "nodes:\n  a: {b: &x c}\n  d: {b: *x}\n",
    "x: &x {k: v}\nnodes:\n  a: {b: c}\ny: *x\n<<: *x\n",
    "nodes:\n  a: {b: c}\n---\nx: y\n",
    "nodes:\n  a: {b: c}\n...\n",
    "---\nnodes: # here\n  a: {b: c}#d\n",
    "? x\n: y\nnodes:\n  a: {b: c:d}\n",
    "!!map\nnodes:\n  a: {b: 0x10, c: 1e3, d: 2026-01-31}\n",
    "nodes:\n  a: {b: c}\nx: y: z\n",
    "nodes:\n  a: {b: c}\n\0",
    "\ufeffnodes:\n  a: {b: c}\n",
    "nodes:\n  a: {b_c: c/}\n  1.5: {b: c}\n",
    "nodes:\n  " + "a" * 63 + ": {b: c}\n",
    "nodes:\n  a: {é: c, b: d}\n",
]


def outcome(read, text):
    """Give the document, or the whole message of the error."""
    try:
        return read(text, "s.yaml")
    except SpecError as error:
        return str(error)


@pytest.mark.parametrize("text", [SPEC, *ODD])
def test_a_text_is_read_as_yaml_reads_it(text):
    assert outcome(compose_quickly, text) == outcome(compose, text)


@examples(300)
@given(st.data())
def test_a_text_with_a_change_anywhere_is_read_as_yaml_reads_it(data):
    text = data.draw(st.sampled_from([SPEC, *ODD]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    put = data.draw(st.text("{}[]:,&*!|>'\"#%@`~<0 \n-a", max_size=6))
    changed = text[:start] + put + text[end:]
    assert outcome(compose_quickly, changed) == outcome(compose, changed)


def test_nodes_of_one_line_each_never_reach_yaml(monkeypatch):
    def refuse_nodes(text, path):
        assert "address" not in text
        return compose(text, path)

    monkeypatch.setattr(quick, "compose", refuse_nodes)
    assert compose_quickly(spec_text(), "s.yaml").data["nodes"]
