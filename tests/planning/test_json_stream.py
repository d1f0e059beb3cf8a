"""A document is read in pieces as json reads it whole."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.planning import json_stream
from netplan.planning.json_stream import JsonStream, TooLargeError

LIMIT = 1000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def read(content):
    """Return an object's members, those that are lists item by item, each read again by its place."""
    values = {}
    document = JsonStream(BytesIO(content), 1 << 20)
    for key in document.members():
        parts = [*document.items()] if key == "list" else [document.value()]
        values[key] = [json.loads(content[part.start : part.start + part.length]) for part in parts]
    document.end()
    return values


@given(st.lists(VALUES, max_size=5), VALUES, st.sampled_from([None, 1]), st.booleans(), st.sampled_from([1, 3, 50]))
def test_a_document_is_read_as_json_reads_it(items, other, indent, ascii_only, chunk):
    content = json.dumps({"list": items, "other": other}, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        assert read(content.encode(errors="surrogatepass")) == {"list": items, "other": [other]}


@given(st.binary(max_size=30) | st.text('[]{}:,"1 \n', max_size=12).map(str.encode))
def test_what_is_no_document_is_an_error_and_nothing_else(content):
    try:
        expected = json.loads(content.decode("latin-1"))
    except ValueError:
        expected = None
    try:
        whole = read(content)
    except (ValueError, RecursionError):
        assert not isinstance(expected, dict) or not isinstance(expected.get("list", []), list)
    else:
        assert expected is not None
        assert whole.keys() <= {*expected}


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b'{\n "a": 1,\n "b": x}', (3, 7)),
        (b'{"list": [1,\n2,\n\n  x]}', (4, 3)),
        (b'{"a": 1} x', (1, 10)),
        (b"{1: 2}", (1, 3)),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_a_mistake_has_its_line_and_column(monkeypatch, content, at, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    with pytest.raises(json.JSONDecodeError) as error:
        read(content)
    assert (error.value.lineno, error.value.colno) == at


@pytest.mark.parametrize("content", [b'"' + b"x" * LIMIT + b'"', b'"' + b"x" * 10 * LIMIT, b"[" + b"0," * LIMIT])
def test_a_value_larger_than_the_limit_is_refused(monkeypatch, content):
    monkeypatch.setattr(json_stream, "_CHUNK", 16)
    with pytest.raises(TooLargeError):
        JsonStream(BytesIO(content), LIMIT).value()


def test_a_document_may_be_larger_than_the_limit():
    content = json.dumps({"list": ["x" * (LIMIT - 2)] * 5}).encode()
    document = JsonStream(BytesIO(content), LIMIT)
    assert [len([*document.items()]) for _ in document.members()] == [5]


@pytest.mark.parametrize(
    ("content", "message", "column"),
    [
        (b'{"list": [1 2]}', "Expecting ',' delimiter", 13),
        (b'{"list" [1]}', "Expecting ':'", 9),
        (b'{"other": 1} 2', "Extra data", 14),
    ],
)
def test_a_document_that_is_wrong_names_the_place(content, message, column):
    with pytest.raises(json.JSONDecodeError) as caught:
        read(content)
    assert (caught.value.msg, caught.value.lineno, caught.value.colno) == (message, 1, column)
