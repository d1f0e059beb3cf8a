from __future__ import annotations

import time

from netplan.operations.attempts import Attempts


def test_it_is_tried_again_five_times():
    attempts = Attempts(60)
    assert [attempts.another() for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_pause_is_a_twentieth_to_half_of_a_second():
    start = time.monotonic()
    Attempts(60).another()
    assert 0.05 <= time.monotonic() - start < 0.5


def test_what_takes_long_is_tried_again_for_so_many_seconds_only():
    attempts = Attempts(0.6)
    assert attempts.another()
    time.sleep(0.6)
    assert not attempts.another()
