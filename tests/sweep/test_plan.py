"""Settings, seeds and the names of runs."""

from __future__ import annotations

import itertools

import pytest
import yaml

from adversarial.sweep.plan import (
    MOST_RUNS,
    Group,
    groups_of,
    labels_of,
    runs_of,
    split_seeds,
    split_values,
)


@pytest.mark.parametrize(
    "option, values",
    [
        ("a.b=.05,.1,.2", [".05", ".1", ".2"]),
        ("a=1e-3", ["1e-3"]),
        ("a='x,y',[1, 2],{b: 1, c: 2}", ["'x,y'", "[1, 2]", "{b: 1, c: 2}"]),
        ('a=!obj:some.Name {x: 1, y: "2,3"}, null', ['!obj:some.Name {x: 1, y: "2,3"}', "null"]),
        ("a='${SEED}'", ["'${SEED}'"]),
        ("a = true , false ", ["true", "false"]),
        ("a=b=c", ["b=c"]),
        ("a=!!int [1],!!int '',!!float 1", ["!!int [1]", "!!int ''", "!!float 1"]),
    ],
)
def test_values_are_those_of_a_yaml_list_as_text(option, values):
    assert split_values(option) == (option.partition("=")[0].strip(), values)
    plain = [value for value in values if not value.startswith("!")]
    for value in plain:  # each text alone is the value that it is in the list
        listed = yaml.safe_load(f"[{value}]")
        assert listed == [yaml.safe_load(value)]


@pytest.mark.parametrize(
    "option, message",
    [
        ("a", "must be PATH=VALUE"),
        ("=1", "must be PATH=VALUE"),
        ("a=", "there is no value after a="),
        ("a=.1,", "there is no value after the last comma"),
        ("a=.1,,.2", "no YAML list"),
        ("a=1,2,1", "the value 1 is given twice"),
        ("a=.1,2,0.10", "the value 0.1 is given twice"),
        ("a=[1", "no YAML list"),
        ("a=1],[2", "no YAML list"),
        ("a=${SEED}", "in quotes"),
        ("a=*other", "no YAML list"),
    ],
)
def test_wrong_values(option, message):
    with pytest.raises(ValueError, match="--set") as caught:
        split_values(option)
    assert message in str(caught.value)


def test_seeds():
    assert split_seeds("0-9") == list(range(10))
    assert split_seeds("3") == [3]
    assert split_seeds("0, 3 ,10-12") == [0, 3, 10, 11, 12]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "such as 0-9"),
        ("a", "such as 0-9"),
        ("-1", "such as 0-9"),
        ("3-1", "ends before it begins"),
        ("1,0-2", "seed 1 is given twice"),
        ("4294967296", "below 2"),
        ("0-99999", "more than"),
        ("1,,2", "such as 0-9"),
    ],
)
def test_wrong_seeds(text, message):
    with pytest.raises(ValueError, match="--seeds") as caught:
        split_seeds(text)
    assert message in str(caught.value)


def test_the_grid_is_the_product_and_seeds_come_last():
    groups = groups_of(["a.yaml", "dir/b.yaml"], ["x.rate=.1,.2", "x.dim=5,6,7"])
    pairs = itertools.product(["a.yaml", "dir/b.yaml"], [".1", ".2"], ["5", "6", "7"])
    assert groups == [Group(c, (("x.rate", r), ("x.dim", d))) for c, r, d in pairs]
    runs = runs_of(groups, [4, 0])
    assert [(run.group, run.seed) for run in runs] == [(g, s) for s in (4, 0) for g in groups]
    assert len({run.name for run in runs}) == 24
    assert runs[0].name == "a,rate=.1,dim=5,seed=4"


def test_names_are_names_of_folders():
    """Whatever the values are, and however long: different runs have different names."""
    options = ["a=/etc,'..',' ',!obj:x {},é," + ",".join("y" * n for n in (200, 201))]
    runs = runs_of(groups_of(["gan.yaml"], options), [0])
    assert len({run.name for run in runs}) == 7
    for run in runs:
        assert "/" not in run.name and len(run.name) < 200 and run.name.isascii()
        assert not run.name.startswith((".", "-")) and run.name.endswith(",seed=0")


def test_names_tell_experiments_apart():
    """Also if they differ in characters that names of folders do not have, or far to the right."""
    long = "x" * 150
    for first, second in (("a b.yaml", "a?b.yaml"), (f"{long}1.yaml", f"{long}2.yaml")):
        one, other = runs_of(groups_of([first, second], ["x=1"]), [0])
        assert one.name != other.name


def test_a_run_without_settings():
    (run,) = runs_of(groups_of(["gan.yaml"], []), [7])
    assert run.name == "seed=7" and labels_of([run.group]) == {run.group: "gan"}


def test_labels_say_what_differs():
    groups = groups_of(["a.yaml"], ["g.dim=1,2", "d.dim=3", "rate=.1"])
    assert list(labels_of(groups).values()) == ["g.dim=1", "g.dim=2"]
    both = groups_of(["a.yaml", "b.yaml"], ["rate=.1"])
    assert list(labels_of(both).values()) == ["a", "b"]
    layers = groups_of(["a.yaml"], ["layers.0=1,2", "rate.0=3,4"])
    assert list(labels_of(layers).values())[0] == "layers.0=1, rate.0=3"


@pytest.mark.parametrize(
    "configs, options, message",
    [
        (["a/gan.yaml", "b/gan.yaml"], [], "2 YAML files are called gan"),
        (["a.yaml"], ["x=1", "x=2"], "--set x is given 2 times"),
        (
            ["a.yaml"],
            [f"x={','.join(map(str, range(200)))}", f"y={','.join(map(str, range(60)))}"],
            "more than",
        ),
    ],
)
def test_wrong_grids(configs, options, message):
    with pytest.raises(ValueError, match=message):
        groups_of(configs, options)


def test_too_many_runs():
    groups = groups_of(["a.yaml"], ["x=1,2"])
    with pytest.raises(ValueError, match="runs: more than"):
        runs_of(groups, range(MOST_RUNS))
