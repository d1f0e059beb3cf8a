"""What YAML makes of a scalar without quotes: a name such as `no` or `1` is not a text to it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import yaml

MERGE: Final = "a merge of mappings"

_KINDS: Final = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a fraction",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:merge": MERGE,
    "tag:yaml.org,2002:value": "a default value",
    "tag:yaml.org,2002:yaml": "a mark of its own",
}
_RESOLVERS: Final = yaml.SafeLoader.yaml_implicit_resolvers
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_HEXADECIMAL: Final = re.compile(r"0x[0-9A-Fa-f]{1,16}")


class Plain(NamedTuple):
    """A scalar that YAML does not take for a text: what the file says, what YAML calls it, and its value.

    `value` is None unless the scalar is a truth value or a number that every reader of YAML understands alike.
    `reader` is who takes it for that: JSON knows such scalars too, and in a table podnet does.
    """

    text: str
    kind: str
    value: bool | int | None = None
    reader: str = "YAML"

    def __str__(self) -> str:
        if not self.text:
            return "nothing"
        return f"{self.text}, which {self.reader} reads as {self.kind}"


def plain_scalar(text: str) -> str | Plain:
    """Return a scalar without quotes as YAML 1.1 understands it."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return _plain(text, _KINDS[tag])
    return text


def _plain(text: str, kind: str) -> Plain:
    if kind == "true or false":
        return Plain(text, kind, text.lower() in {"true", "yes", "on"})
    if kind != "a number":
        return Plain(text, kind)
    if _DECIMAL.fullmatch(text):
        return Plain(text, kind, int(text))
    if _HEXADECIMAL.fullmatch(text):
        return Plain(text, kind, int(text, 16))
    return Plain(text, _odd_number(text))


def _odd_number(text: str) -> str:
    if ":" in text:
        return "a number in base 60"
    if re.fullmatch(r"[-+]?0[0-7_]+", text):
        return "a number in base 8"
    return "a number of a kind that no key takes"


def line_of(key: str, value: object) -> str:
    """Return a key and its value as a person writes them in one line: `pods: {network: 172.7.0.0/16}`."""
    text: str = yaml.safe_dump({key: value}, default_flow_style=True, width=200)
    return text.strip()[1:-1]
