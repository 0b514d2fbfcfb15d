"""Where the files of a run are written: the rule alone; `tests/test_out.py` has whole runs."""

from __future__ import annotations

import os

import pytest

from adversarial.files import outputs
from adversarial.files.placement import Placement


@pytest.mark.parametrize("where", ["runs/a", "yaml/runs", ".", "yaml", "ABOVE/r", "ABOVE"])
@pytest.mark.parametrize("path", ["m.pkl", "below/m.pkl", "a/../m.monitor.csv"])
@pytest.mark.parametrize("absolute", [False, True])
def test_what_is_beside_the_yaml_goes_to_the_folder(where, path, absolute, folder):
    where = where.replace("ABOVE", str(folder))
    os.makedirs("yaml/a")
    given = os.path.join(folder if absolute else "", "yaml", path)
    placement = Placement("yaml", where)
    found = placement.place(given)
    assert os.path.realpath(found) == os.path.realpath(os.path.join(where, os.path.normpath(path)))
    assert placement.place(found) == found  # constructors may call `admitted` again


def test_relative_paths_go_to_the_folder_and_others_stay(folder):
    placement = Placement("yaml", "runs")
    assert placement.place("m.pkl") == os.path.join("runs", "m.pkl")
    assert placement.place("/elsewhere/m.pkl") == "/elsewhere/m.pkl"
    what = "the folder of the run"
    with outputs.confined_to("runs", what), outputs.placed(placement):
        for path in ("/elsewhere/m.pkl", "../m.pkl"):
            with pytest.raises(outputs.OutsideError, match=what):
                outputs.admitted(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/m.pkl", "a/m_seed3.pkl"),
        ("m.monitor.csv", "m_seed3.monitor.csv"),
        ("m.diverged.pkl", "m_seed3.diverged.pkl"),
        ("m{epoch}.pkl", "m{epoch}_seed3.pkl"),
        ("m", "m_seed3"),
        ("of_seed.pkl", "of_seed.pkl"),
    ],
)
def test_the_seed_in_a_name(path, expected):
    placement = Placement(".", suffix="_seed3", distinct={"of_seed.pkl"})
    assert placement.place(path) == expected == placement.place(expected)
    with outputs.placed(placement):
        assert outputs.admitted(path) == expected
        beside = outputs.beside(expected, ".png")
        assert outputs.admitted(beside) == beside
    assert outputs.admitted(path) == path


def test_where_a_model_is_read(folder):
    os.makedirs("yaml")
    os.makedirs("runs")
    with outputs.placed(Placement("yaml", "runs")):
        assert outputs.where_written("yaml/m.pkl") == "yaml/m.pkl"
        (folder / "runs" / "m.pkl").write_text("")
        assert outputs.where_written("yaml/m.pkl") == os.path.join("runs", "m.pkl")
        assert outputs.where_written("/elsewhere/m.pkl") == "/elsewhere/m.pkl"
    (folder / "c_seed3.pkl").write_text("")
    with outputs.confined_to("yaml"), outputs.placed(Placement("yaml", suffix="_seed3")):
        # A file outside the folder of the YAML is another experiment's.
        assert outputs.where_written("yaml/../c.pkl") == "yaml/../c.pkl"
