"""--set PATH=VALUE: what it changes, and what it says of a path that leads nowhere."""

from __future__ import annotations

import pytest

from adversarial.config import yaml_parse
from adversarial.config.nodes import YamlError
from adversarial.config.settings import Setting, merged, parse

LINEAR = "!obj:adversarial.models.mlp.Linear"
SCHEDULE = "!obj:adversarial.train_extensions.momentum.MomentumAdjustor"


def load(text, *settings, environ=None, instantiate=False):
    return yaml_parse.load(text, environ, instantiate, name="x.yaml", settings=settings)


def message(text, *settings, instantiate=False):
    with pytest.raises(YamlError) as caught:
        load(text, *settings, instantiate=instantiate)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (".05", 0.05),
        ("1e-3", 0.001),
        ("3", 3),
        ("true", True),
        ("null", None),
        ("''", ""),
        ("[1, {b: 2}]", [1, {"b": 2}]),
        ("a=b", "a=b"),
        ("runs/x.pkl", "runs/x.pkl"),
    ],
)
def test_the_value_is_yaml(value, expected):
    assert load("{a: {b: 1, c: 2}}", f"a.b={value}") == {"a": {"b": expected, "c": 2}}


def test_places():
    text = "{a: [1, [2, 3]], b: {c: {}}}"
    assert load(text, "a.0=9", "a[1][0]=8", "b.c.new=7") == {
        "a": [9, [8, 3]],
        "b": {"c": {"new": 7}},
    }
    assert load(text, "a=1", "a=2")["a"] == 2
    assert load("{a: {<<: {b: 1, c: 2}}}", "a.b=5") == {"a": {"b": 5, "c": 2}}


def test_the_anchor_and_its_aliases_stay_one_object():
    text = f"[&x {SCHEDULE} {{ start: 1, saturate: 2, final_momentum: .5 }}, *x]"
    text = f"{{a: {text}, b: *x}}"
    for settings in (["a.0.start=7"], ["b.start=7"], ["a.1.start=7"]):
        tree = load(text, *settings)
        assert tree["a"][0] is tree["a"][1] is tree["b"] and tree["b"].keywords["start"] == 7
    new = f"{SCHEDULE} {{ start: 7, saturate: 8, final_momentum: .5 }}"
    tree = load(text, f"a.0={new}")  # the anchor's place: its aliases follow
    assert tree["a"][0] is tree["a"][1] is tree["b"] and tree["b"].keywords["start"] == 7
    tree = load(text, f"b={new}")  # an alias: this place alone
    assert tree["a"][0] is tree["a"][1] and tree["b"].keywords["start"] == 7
    assert tree["a"][0].keywords["start"] == 1
    assert load("{a: &n 1, b: *n, c: {d: *n}}", "a=2") == {"a": 2, "b": 2, "c": {"d": 2}}
    assert load("{a: &n 1, b: *n, c: {d: *n}}", "c.d=2") == {"a": 1, "b": 1, "c": {"d": 2}}


def test_phases():
    text = "[{a: {b: 1}}, {a: {b: 2, c: 3}}]"
    assert load(text, "a.b=9") == [{"a": {"b": 9}}, {"a": {"b": 9, "c": 3}}]
    assert load(text, "phase2.a.b=9") == [{"a": {"b": 1}}, {"a": {"b": 9, "c": 3}}]
    assert load("[{a: {b: {c: 1}}}, {a: 5}]", "a.b.c=9") == [{"a": {"b": {"c": 9}}}, {"a": 5}]
    assert load("{a: 1}", "phase1.a=2") == {"a": 2}
    found = load(text, "a.b=${PYLEARN2_TRAIN_PHASE}")
    assert [phase["a"]["b"] for phase in found] == ["phase1", "phase2"]
    assert "x.yaml has 2 phases, no phase3" in message(text, "phase3.a.b=1")
    assert message(text, f"phase{'9' * 5000}.a.b=1").startswith("--set phase999")
    assert "names a whole training" in message(text, "phase1=1")


def test_an_object_of_two_phases_stays_one():
    first = f"{LINEAR} {{ layer_name: a, dim: 1, irange: .1 }}"
    tree = load(f"[{{m: &m {first}}}, {{m: *m}}]", f"m={first.replace('dim: 1', 'dim: 2')}")
    assert tree[0]["m"] is tree[1]["m"] and tree[0]["m"].keywords["dim"] == 2
    # What is not shared in the file is not shared after the change.
    tree = load(f"[{{m: {first}}}, {{m: {first}}}]", f"m={first}")
    assert tree[0]["m"] is not tree[1]["m"]


LAYER = f"{{a: [{LINEAR} {{ layer_name: y, dim: 3, irange: .1 }}]}}"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("a.0.dimm=4", ["--set a.0.dimm=4: unknown argument `dimm` for Linear", "mean `dim`?"]),
        (
            "a.0.dim=four",
            ["--set a.0.dim=four: `dim` of Linear must be a whole number, not 'four'"],
        ),
        ("a.0.dim=.inf", ["--set a.0.dim=.inf: `dim` of Linear must be"]),
        ("a.1.dim=4", ["`a` (x.yaml line 1) is a list", "0 to 0, not `1`"]),
        ("a.x=4", ["is a list", "not `x`"]),
        ("a.0.dim.x=4", ["`a.0.dim` (x.yaml line 1) is a plain value, which has no `x`"]),
        ("a.0.irnage.x=4", ["has no `irnage`; did you mean `irange`? It has: layer_name, dim"]),
        ("b.x=4", ["x.yaml has no `b`. It has: a"]),
        ("a.0={x: [}", ["--set a.0={x: [}: not valid YAML"]),
        ("a.0=*train", ["undefined alias"]),
        ("a.0=!obj:os.system {command: x}", ["`os.system` may not be constructed from YAML"]),
        ("a.0=!!python/name:os.system", ["unknown tag"]),
        ("a.0=!!int x", ["--set a.0=!!int x: 'x' is not a valid int"]),
        (f"a.0={LINEAR} {{dim: 3}}", [f"--set a.0={LINEAR}", "Linear needs `layer_name`"]),
        ("a.0.dim=${HOME}", ["--set a.0.dim=${HOME}: ${HOME} names an environment variable"]),
        ("a.0.x y=1", ["unknown argument `x y`"]),
    ],
)
def test_what_is_wrong_is_named_with_option_and_path(setting, words):
    said = message(LAYER, setting)
    assert said.startswith(f"--set {setting[:60]}") and "\n" not in said
    for word in words:
        assert word in said


def test_what_a_constructor_refuses_names_the_option_too():
    said = message(LAYER, "a.0.dim=-4", instantiate=True)
    assert said.startswith("x.yaml line 1, with --set a.0.dim=-4: Linear: ")
    said = message(LAYER, "a.0.dim=5", "a.0.dim=-4", instantiate=True)
    assert "--set a.0.dim=-4" in said


def test_a_call_without_braces_gets_an_argument():
    text = "{e: !obj:adversarial.termination_criteria.EpochCounter }"
    with pytest.raises(YamlError, match="needs `max_epochs`"):
        load(text)
    assert load(text, "e.max_epochs=3")["e"].keywords == {"max_epochs": 3}


def test_the_source_of_an_object_has_the_change():
    text = "{e: !obj:adversarial.termination_criteria.EpochCounter { max_epochs: ${N} }}"
    for setting, value, written in (("5", 5, "5"), ("${M}", 7, "${M}")):
        proxy = load(text, f"e.max_epochs={setting}", environ={"N": "3", "M": "7"})["e"]
        assert proxy.keywords["max_epochs"] == value and f"max_epochs: {written}" in proxy.yaml_src


def test_limits_hold_for_settings_of_a_model_file():
    """Settings are in model files, too, which may be forged."""
    aliases = "{a: &a {x: 1}, " + ", ".join(f"b{i}: *a" for i in range(999)) + "}"
    big = "[" + "1, " * 30_000 + "]"
    assert "as aliases repeat it" in message(aliases, f"a.x={big}")
    assert "nested more than" in message("{a: 1}", "a=" + "[" * 100 + "]" * 100)
    assert "more than 1000 settings" in message("{a: 1}", *["a=1"] * 1001)
    deep = "{a: " + "[" * 60 + "1" + "]" * 60 + "}"
    assert "nested more than" in message(deep, "a" + ".0" * 60 + "=" + "[" * 60 + "]" * 60)


@pytest.mark.parametrize(
    ("text", "words"),
    [("a", "write PATH=VALUE"), ("a=", "has no value"), ("=1", "empty name"), ("a..b=1", "empty")],
)
def test_what_is_no_setting(text, words):
    with pytest.raises(YamlError, match=words) as caught:
        parse(text)
    assert str(caught.value).startswith(f"--set {text}: ")


def test_the_last_of_two_settings_of_a_place_holds():
    assert parse(" a[0].b = 1=2 ") == Setting(("a", "0", "b"), "1=2")
    assert merged(["a.b=1", "c=2"], ["d=1", "a.b=3", "a.b=4"]) == ["c=2", "d=1", "a.b=4"]
