"""Mutations of good files: whatever comes, a command succeeds or ends in one line.

The long version (`-m slow`) tries HOSTILE_EXAMPLES examples of each kind, by default 1,000.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import hostile_corpus as corpus
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adversarial.config.yaml_parse import YamlError, load_path
from adversarial.utils import serial

ROOT = Path(__file__).parents[2]
LONG = int(os.environ.get("HOSTILE_EXAMPLES", "1000"))
EXPERIMENTS = {path.stem: path.read_text() for path in sorted(ROOT.glob("yaml/**/*.yaml"))}
WORD = re.compile(r"[\w.+-]+|[{}\[\],:&*!]|\"[^\"]*\"|'[^']*'")
ODD = [
    "",
    "0",
    "-1",
    "1e999",
    ".nan",
    "99999999999999999999",
    "null",
    "true",
    "[]",
    "{}",
    "[1, 2]",
    "{a: 1}",
    "'text'",
    "*data",
    "&x 1",
    "!!str 5",
    "!obj:numpy.zeros {shape: 2}",
    "{",
    "}",
    ":",
    ",",
    "\t",
    "\0",
    "\u2028",
    "#",
    "<<",
    "!import adversarial.Generator",
    "${HOME}",
    "-",
    "? ",
]
MODEL = corpus.model_file()


@st.composite
def mutated(draw, text):
    """`text` with some of its words replaced, dropped, repeated or exchanged."""
    for _ in range(draw(st.integers(1, 3))):
        words = list(WORD.finditer(text))
        if not words:
            break
        one, two = (words[draw(st.integers(0, len(words) - 1))] for _ in range(2))
        new = draw(
            st.sampled_from([*ODD, two.group(), one.group() * 2, one.group() + " " + two.group()])
            | st.text(max_size=5)
        )
        text = text[: one.start()] + new + text[one.end() :]
    return text


def try_training(command, folder, text):
    (folder / "fuzz.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    ended = command("train", "fuzz.yaml", "--quiet")
    if ended.status:
        ended.names("train.py: error: ")
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") == ["fuzz.yaml"]


def try_names(folder, text):
    """Names and arguments only: the experiments' own data and networks are too large to make."""
    path = folder / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_path(path, instantiate=False)
    except YamlError as error:
        assert "\n" not in str(error) and str(path) in str(error)


def try_model(changes, length):
    data = bytearray(MODEL)
    for place, value in changes:
        data[place % len(data)] = value
    try:
        serial.from_string(bytes(data[: len(data) - length % len(data)]))
    except serial.BadFile as error:
        assert "\n" not in str(error)


def bounded(count):
    return settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))


CHANGES = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=6)


@bounded(60)
@given(text=mutated(corpus.GOOD))
def test_mutated_trainings(text, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try_training(command, tmp_path, text)


@bounded(60)
@given(text=st.sampled_from(sorted(EXPERIMENTS.values())).flatmap(mutated))
def test_mutated_experiments(text, tmp_path):
    try_names(tmp_path, text)


@bounded(100)
@given(CHANGES, st.just(0) | st.integers(0, 1 << 20))
def test_mutated_models(changes, length):
    try_model(changes, length)


@pytest.mark.slow
@bounded(LONG)
@given(text=mutated(corpus.GOOD))
def test_many_mutated_trainings(text, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try_training(command, tmp_path, text)


@pytest.mark.slow
@bounded(LONG)
@given(text=st.sampled_from(sorted(EXPERIMENTS.values())).flatmap(mutated))
def test_many_mutated_experiments(text, tmp_path):
    try_names(tmp_path, text)


@pytest.mark.slow
@bounded(LONG)
@given(CHANGES, st.just(0) | st.integers(0, 1 << 20))
def test_many_mutated_models(changes, length):
    try_model(changes, length)


def test_what_the_mutations_start_from(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try_training(command, tmp_path, corpus.GOOD)
    for text in EXPERIMENTS.values():
        try_names(tmp_path, text)
    assert serial.from_string(MODEL)
