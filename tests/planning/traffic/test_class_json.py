from __future__ import annotations

import json

import pytest

from netplan.planning.traffic.class_json import class_from_json, class_to_json, classes_from_json, classes_to_json
from netplan.planning.traffic.classes import classes_of
from tests import make

SPEC = make.spec(ip_masq="{non_masquerade_cidrs: [10.9.0.0/16]}")


def test_classes_are_read_back():
    given = classes_of(make.desired(SPEC))
    assert tuple(class_from_json(json.loads(json.dumps(class_to_json(one)))) for one in given) == given


def test_classes_are_read_back_from_lists_that_stand_once():
    given = classes_of(make.desired(SPEC))
    written = json.loads(json.dumps(classes_to_json(given)))
    assert classes_from_json(written) == given
    assert sorted(map(tuple, written["lists"])) == sorted({tuple(texts) for texts in written["lists"]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 5),
        ("sources", []),
        ("sources", ["fd00::1-fd00::2"]),
        ("destinations", ["10.0.0.2-10.0.0.1"]),
        ("sport", ["0-70000"]),
        ("service", ["-1-3"]),
        ("iif", "a/b"),
        ("source", "lost"),
        ("mark", "x"),
        ("peers", ["b/c 172.7.22.0/24"]),
        ("ways", ["172.7.22.0/24 eth0"]),
    ],
)
def test_what_is_no_class_is_refused(key, value):
    written = class_to_json(classes_of(make.desired(SPEC))[0])
    with pytest.raises((ValueError, TypeError)):
        class_from_json({**written, key: value})


@pytest.mark.parametrize("change", [{"lists": []}, {"classes": [{}]}, {"classes": [1]}], ids=str)
def test_what_is_no_list_of_classes_is_refused(change):
    written = classes_to_json(classes_of(make.desired(SPEC)))
    with pytest.raises(ValueError, match=r"[a-z]"):
        classes_from_json({**written, **change})
