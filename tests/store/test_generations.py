from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.hooks import hooks_of
from netplan.planning.projection import project
from netplan.store.generations import KEPT, Damaged, Generations
from netplan.store.journal import FORMAT_VERSION, JournalEntry, JournalStart, Phase
from tests import make

STATE = make.snapshot(make.docker())
CHANGES = make.plan(STATE, make.spec(firewall=make.REMOVE)).changes
AFTER = project(STATE, CHANGES)


def entry(name="1", confirm=None):
    return JournalEntry(name, make.origin(), Phase.VERIFIED, JournalStart(CHANGES, STATE), AFTER, confirm)


@pytest.fixture
def generations(tmp_path):
    return Generations(tmp_path)


def numbers(generations):
    return [generation.number for generation in generations.all()]


def keep(generations, count):
    for number in range(count):
        generations.keep(entry(str(number)))


def test_a_generation_is_read_back(generations):
    kept = generations.keep(entry())
    (read,) = generations.all()
    assert (read.start, read.after.index) == (kept.start, kept.after.index)


def test_where_jumps_stand_is_read_back(generations):
    hooks = hooks_of(make.desired(make.spec(firewall=make.REMOVE)))
    generations.keep(replace(entry(), start=JournalStart(CHANGES, STATE, hooks)))
    (read,) = generations.all()
    assert read.hooks == hooks


def test_the_routes_that_something_stood_in_the_way_of_are_read_back_among_its_own(generations):
    blocked = (make.route("172.7.99.0/24"),)
    generations.keep(replace(entry(), start=JournalStart(CHANGES, STATE, blocked=blocked)))
    (read,) = generations.all()
    assert (read.blocked, set(blocked) <= set(read.routes)) == (blocked, True)


def test_without_any_there_are_none(generations):
    assert generations.all() == ()


def test_generations_count_from_1(generations):
    keep(generations, 3)
    assert numbers(generations) == [1, 2, 3]


def test_an_entry_is_kept_once(generations):
    generations.keep(entry())
    generations.keep(entry())
    assert numbers(generations) == [1]


def test_the_last_ones_are_kept(generations):
    keep(generations, KEPT + 3)
    assert numbers(generations) == [*range(4, KEPT + 4)]


def truncate(generations, number):
    path = generations.folder / f"{number:06}.json"
    path.write_text(path.read_text()[:100])


def test_a_truncated_generation_is_called_damaged(generations):
    keep(generations, 3)
    truncate(generations, 2)
    assert [isinstance(generation, Damaged) for generation in generations.all()] == [False, True, False]
    assert [generation.number for generation in generations.newest_first()] == [3, 2, 1]


def test_a_damaged_generation_is_named_with_its_file(generations):
    keep(generations, 1)
    truncate(generations, 1)
    (damaged,) = generations.all()
    assert f"generation 1 can't be read and is left out: {generations.folder}/000001.json" in str(damaged)


def into_format(generations, number, first):
    """Make a generation one of another version."""
    path = generations.folder / f"{number:06}.json"
    path.write_text(
        path.read_text().replace(f'"format_version": "{FORMAT_VERSION}', f'"format_version": "{first}.0', 1)
    )


@pytest.mark.parametrize("first", [1, 3])
def test_a_generation_of_another_format_is_named_with_who_goes_back_to_it(generations, first):
    keep(generations, 1)
    into_format(generations, 1, first)
    (other,) = generations.all()
    assert str(other) == (
        f"another version of podnet wrote generation 1, in format {first}.0; this podnet reads {FORMAT_VERSION}: "
        f"it is kept, and only that version goes back to it ({generations.folder}/000001.json)"
    )


def test_a_generation_of_another_format_is_never_deleted(generations):
    keep(generations, 3)
    into_format(generations, 2, 3)
    for number in range(KEPT + 2):
        generations.keep(entry(f"later {number}"))
    assert numbers(generations) == [2, *range(6, KEPT + 6)]


def test_the_number_of_a_damaged_generation_is_not_used_again(generations):
    keep(generations, 3)
    truncate(generations, 3)
    assert generations.keep(entry("next")).number == 4


def test_a_generation_under_another_s_number_is_damaged(generations):
    keep(generations, 1)
    (generations.folder / "000001.json").rename(generations.folder / "000007.json")
    assert [type(generation) for generation in generations.all()] == [Damaged]


def test_files_of_other_names_are_no_generations(generations):
    keep(generations, 1)
    (generations.folder / ".000002.json.new").write_text("half")
    assert numbers(generations) == [1]


def test_an_entry_that_was_not_verified_is_not_kept(generations):
    with pytest.raises(ValueError, match="not verified"):
        generations.keep(replace(entry(), after=None))
