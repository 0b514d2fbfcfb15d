"""What a file may become is in proportion to its size, whatever it is made of."""

from __future__ import annotations

import os

import pytest

from adversarial.utils import budget
from adversarial.utils.budget import FREE_MEMORY, FREE_TIME, Budget, Fault


def test_all_that_is_taken_adds_up():
    one = Budget.of_bytes(1000, 50)
    for _ in range(10):
        one.spend("lists", FREE_MEMORY // 10)
    one.spend("lists", 50_000 - 10)
    with pytest.raises(Fault, match=r"its 1,000 bytes are worth \(tuples\)"):
        one.spend("tuples", 20)


def test_time_adds_up():
    one = Budget.of_bytes(0)
    for _ in range(10):
        one.spend("keys", time=FREE_TIME / 10)
    with pytest.raises(Fault, match="keys"):
        one.spend("keys", time=1)


def test_a_larger_file_may_take_more():
    for size in (0, 10_000, 10**9):
        one = Budget.of_bytes(size, 50)
        one.spend("all", FREE_MEMORY + 50 * size)
        with pytest.raises(Fault):
            one.spend("one more", 1)


def test_what_is_needed_briefly_must_be_there_and_comes_back():
    one = Budget.of_bytes(0)
    for _ in range(3):
        one.spend("a copy", briefly=FREE_MEMORY)
    with pytest.raises(Fault, match="a copy"):
        one.spend("a copy", 1, briefly=FREE_MEMORY)


def test_those_who_make_things_need_not_know_the_file():
    one, other = Budget.of_bytes(0), Budget.of_bytes(0)
    with one.active():
        budget.spend("first", FREE_MEMORY)
        with other.active():
            budget.spend("second", FREE_MEMORY)
        with budget.trusted():
            budget.spend("the user's own", FREE_MEMORY)
        with pytest.raises(Fault, match="third"):
            budget.spend("third", 1)
    budget.spend("what Python code makes", FREE_MEMORY)
    with pytest.raises(Fault, match="too large for any machine"):
        budget.spend("a parameter", 1 << 50)


def test_a_file_in_a_file_is_read_on_the_account_of_both():
    with Budget.of_bytes(0).active():
        for _ in range(2):
            Budget.of_bytes(0).spend("half", FREE_MEMORY // 2)
        with pytest.raises(Fault, match="one more"):
            Budget.of_bytes(0).spend("one more", 1)


def test_a_data_file_adds_what_it_is_worth_to_the_call_that_opens_it(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(bytes(1000))
    one = Budget.of_bytes(0)
    for _ in range(budget.MOST_OPENINGS):
        with one.call():
            budget.opened(os.stat(path))
            budget.spend("images", 50_000)
    with one.call():
        budget.spend("all the rest", FREE_MEMORY)
    with pytest.raises(Fault, match="again"), one.call():
        budget.opened(os.stat(path))
        budget.spend("again", 50_000)
