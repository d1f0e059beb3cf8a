"""The leases file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netplan.net import Prefix
from netplan.spec.lease_file import HEADER, Leases, parse_leases, render_leases

PATH = "state/c/leases.yaml"

node_names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,6}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["no", "on", "null", "1", "0x10", "1.5", "1e3", "2026-01-31", "1_0"]
)
subnets = st.integers(0, 255).flatmap(
    lambda number: st.sampled_from(
        [
            (ipv4 := Prefix.parse(f"172.7.{number}.0/24"),),
            (ipv6 := Prefix.parse(f"fd00:7:0:{number:x}::/64"),),
            (ipv4, ipv6),
        ]
    )
)
tables = st.dictionaries(node_names, subnets, max_size=12)


def parse(text: str) -> Leases:
    return parse_leases(text, PATH)


def leases_of(text: str) -> dict[str, str]:
    return {name: " ".join(map(str, lease.subnets)) for name, lease in parse(text).entries.items()}


def render(text: str, **leases: str) -> str:
    return render_leases(parse(text), {name: (Prefix.parse(subnet),) for name, subnet in leases.items()})


def only_problem(text: str):
    (problem,) = parse(text).problems
    return problem


def test_a_line_is_a_lease():
    assert leases_of("# c\n\na: {subnet: 172.7.1.0/24}\nb: {subnet: 172.7.2.0/24}  # d\n") == {
        "a": "172.7.1.0/24",
        "b": "172.7.2.0/24",
    }


@pytest.mark.parametrize("text", ["", "\n", HEADER, "# only\n  # comments"])
def test_a_file_without_leases_is_right(text):
    assert parse(text) == Leases(PATH, text)


@pytest.mark.parametrize(
    "text",
    [
        "a: {subnet: 172.7.1.0/24}",
        "a: { subnet:  172.7.1.0/24 }",
        '"a": {subnet: 172.7.1.0/24}',
        "a: {'subnet': '172.7.1.0/24'}",
        "a:\n  subnet: 172.7.1.0/24\n",
        "{a: {subnet: 172.7.1.0/24}}",
        "\ufeffa: {subnet: 172.7.1.0/24}",
        "a: {subnet: 172.7.1.0/24}\r\n",
    ],
)
def test_leases_may_be_any_yaml(text):
    assert leases_of(text) == {"a": "172.7.1.0/24"}


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("# c\na: {subnet: 172.7.1.0/24}", (2, 1), (2, 13)),
        ('"a":  { subnet: 172.7.1.0/24}', (1, 1), (1, 17)),
        ("\na:\n  subnet:  172.7.1.0/24", (2, 1), (3, 12)),
    ],
)
def test_a_lease_knows_its_place(text, key, value):
    lease = parse(text).entries["a"]
    assert (lease.key, [leased.at for leased in lease.leased]) == (key, [value])


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: {subnet: 172.7.1.1/24}", "1:13", "a.subnet: 172.7.1.1/24 has host bits set; the prefix is 172.7.1.0/24"),
        ("a: {subnet: 172.7.1/24}", "1:13", "a.subnet: '172.7.1' is not an IP address, such as 10.4.7.21"),
        ("a: {subnet: fd00::/64}", "1:13", "a.subnet: fd00::/64 is IPv6"),
        ("a: {subnet: 7}", "1:13", "a.subnet: expected a prefix such as 172.7.21.0/24, found 7"),
        ("a: {sub: x, subnet: 172.7.1.0/24}", "1:5", "a.sub: there is no such key"),
        ("a: 172.7.1.0/24", "1:4", "a: expected a mapping, found '172.7.1.0/24'"),
        ("a: {}", "1:1", "a has no subnet"),
        ("a b: {subnet: 172.7.1.0/24}", "1:1", "'a b' is not a name"),
        ("no: {subnet: 172.7.1.0/24}", "1:1", "this key is no, which YAML reads as true or false"),
        ("a: {subnet: 172.7.1.0/24}\na: {subnet: 172.7.2.0/24}", "2:1", "the key a stands twice"),
        ("- a", "1:1", "the top level is not a mapping"),
        ("a: {subnet", "2:1", "did not find expected ',' or '}'"),
        ("a: {subnet: 172.7.1.0/24}\n\tb: x\0", "2:6", r"the character \x00 must not stand"),
    ],
)
def test_a_mistake_has_its_place(text, place, message):
    problem = only_problem(text)
    assert str(problem.at).startswith(f"{PATH}:{place}")
    assert problem.message.startswith(message)


def test_what_git_could_not_merge_is_named():
    ours, theirs = "a: {subnet: 172.7.1.0/24}\n", "b: {subnet: 172.7.1.0/24}\n"
    problem = only_problem(f"{HEADER}<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> theirs\n")
    assert (str(problem.at), problem.message) == (f"{PATH}:2:1", "here git could not merge the leases of two people")


def test_a_file_with_mistakes_is_not_known_to_hold_all_leases():
    assert not parse("a: {}").known


def test_a_new_file_has_a_header_and_sorted_lines():
    assert render("", b="172.7.1.0/24", a="172.7.2.0/24") == (
        f"{HEADER}a: {{subnet: 172.7.2.0/24}}\nb: {{subnet: 172.7.1.0/24}}\n"
    )


def test_lines_that_stay_are_kept_byte_for_byte():
    text = '# mine: ü\n\nb:  { subnet: 172.7.2.0/24 }  # rack 2\n"c": {subnet: 172.7.3.0/24}\n# end\n'
    assert render(text, b="172.7.2.0/24", c="172.7.3.0/24") == text


def test_a_new_line_stands_where_its_name_sorts():
    text = "a: {subnet: 172.7.1.0/24}\nc: {subnet: 172.7.3.0/24}"
    written = render(text, a="172.7.1.0/24", b="172.7.2.0/24", c="172.7.3.0/24", d="172.7.4.0/24")
    assert [line[0] for line in written.splitlines()] == ["a", "b", "c", "d"]


def test_a_lease_that_is_gone_has_no_line():
    assert render("# x\na: {subnet: 172.7.1.0/24}\nb: {subnet: 172.7.2.0/24}\n", b="172.7.2.0/24") == (
        "# x\nb: {subnet: 172.7.2.0/24}\n"
    )


def test_another_subnet_replaces_the_line():
    text = "a: {subnet: 172.7.1.0/24}\nb: {subnet: 172.7.2.0/24}\nc: {subnet: 172.7.3.0/24}\n"
    assert render(text, a="172.7.1.0/24", b="172.7.9.0/24", c="172.7.3.0/24") == text.replace("172.7.2.", "172.7.9.")


def test_a_file_of_another_shape_becomes_one_line_a_node():
    assert render("b:\n  subnet: 172.7.2.0/24\n", a="172.7.1.0/24", b="172.7.2.0/24") == (
        f"{HEADER}a: {{subnet: 172.7.1.0/24}}\nb: {{subnet: 172.7.2.0/24}}\n"
    )


@given(tables, tables)
def test_what_is_written_is_read_again(before, after):
    first = parse(render_leases(parse(""), before))
    second = parse(render_leases(first, after))
    assert {name: lease.subnets for name, lease in second.entries.items()} == after
    assert second.regular


@given(tables.filter(bool))
def test_yaml_reads_the_same_as_the_reader_of_lines(table):
    text = render_leases(parse(""), table)
    lines, yaml = parse(text), parse(text.replace("{subnet", "{'subnet'"))
    assert yaml.entries.keys() == lines.entries.keys()
    assert all(yaml.entries[name].subnets == lease.subnets for name, lease in lines.entries.items())


@given(tables)
def test_lines_are_sorted_by_name(table):
    assert list(parse(render_leases(parse(""), table)).entries) == sorted(table)


@given(st.text() | st.text("ab:{}subnet 172./\n#\"'", max_size=60))
def test_no_text_raises_anything(text):
    assert parse(text).path == PATH
