"""Numbers of rules in the text that iptables prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.netfilter.iptables import number

MARKS = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("010", 8), ("0x10", 16), ("10", 10), ("0XfF", 255)])
def test_a_whole_number_is_read_as_c_does(text, value):
    assert number.integer(text, 0, 255) == value


@pytest.mark.parametrize("text", ["", "256", "-1", "09", "1e1", "0x", " 1", "1" * 21, "\u0663"])
def test_what_is_no_number_in_the_bounds_is_refused_with_them(text):
    with pytest.raises(ValueError, match="is not a whole number from 0 to 255"):
        number.integer(text, 0, 255)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("80", "80"), ("http", "80"), ("1024:", "1024:65535"), (":1023", "0:1023"), ("5:5", "5"), ("ssh:telnet", "22:23")],
)
def test_ports_are_a_range_by_number_or_name(text, canonical):
    assert number.port_range(text, 4) == canonical


def test_a_range_of_ports_counts_as_two_of_fifteen():
    assert number.port_list(",".join(["1:2"] * 7 + ["3"]), 4).count(",") == 7
    with pytest.raises(ValueError, match="more than 15"):
        number.port_list(",".join(["1:2"] * 8), 4)


@given(MARKS, MARKS, MARKS)
def test_every_way_to_change_a_mark_is_the_xmark_that_does_the_same(mark, value, mask):
    """iptables-extensions(8), MARK: an xmark clears the bits of its mask, and then turns those of its value."""

    def applied(text):
        turned, cleared = (int(part, 16) for part in text.split("/"))
        return (mark & ~cleared) ^ turned

    assert applied(number.set_mark(f"{value}/{mask}", 4)) == (mark & ~mask) | value
    assert applied(number.or_mark(str(value), 4)) == mark | value
    assert applied(number.and_mark(str(value), 4)) == mark & value
    assert applied(number.xor_mark(str(value), 4)) == mark ^ value


PORTS = st.lists(st.integers(0, 65535), min_size=2, max_size=2).map(sorted)
RATES = st.tuples(st.integers(1, 10_000), st.sampled_from(["second", "minute", "hour", "day"]))
CANONICAL = {
    "rate": (number.rate, RATES.map(lambda rate: f"{rate[0]}/{rate[1]}")),
    "probability": (number.probability, st.floats(0, 1).map("{:.11f}".format)),
    "mark": (number.mark, MARKS.map(hex)),
    "xmark": (number.xmark, st.tuples(MARKS, MARKS).map(lambda mark: f"{mark[0]}/{mark[1]}")),
    "port_range": (number.port_range, PORTS.map(lambda ports: f"{ports[0]}:{ports[1]}")),
}


@pytest.mark.parametrize("name", CANONICAL)
@given(data=st.data())
def test_what_iptables_prints_is_read_as_itself(name, data):
    read, texts = CANONICAL[name]
    printed = read(data.draw(texts), 4)
    assert read(printed, 4) == printed


@pytest.mark.parametrize(
    ("text", "saved"), [("5/minute", "5/min"), ("120/hour", "2/min"), ("7", "7/sec"), ("1/d", "1/day")]
)
def test_a_rate_is_printed_in_the_longest_period_that_loses_little(text, saved):
    assert number.rate(text, 4) == saved


@pytest.mark.parametrize(("name", "code"), [("EF", "0x2e"), ("cs1", "0x08"), ("AF41", "0x22")])
def test_a_class_of_differentiated_services_is_its_code_point(name, code):
    assert number.dscp_class(name, 4) == number.dscp(code, 4) == code
