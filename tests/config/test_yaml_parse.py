"""YAML to objects: each is made once, and variables and numbers are read correctly."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import yaml
import yaml_test_things as things
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial.config import yaml_parse
from adversarial.config.nodes import train_environment
from adversarial.config.proxy import make_objects
from adversarial.config.yaml_parse import Proxy, YamlError
from adversarial.utils import serial, string_utils

MINE = things.__name__


def load(text, **options):
    return yaml_parse.load(text.replace("T.", f"{MINE}."), allow_modules=(MINE,), **options)


def test_an_object_with_arguments():
    box = load("!obj:T.Box {a: 1, b: [x, {c: .5}], d: null, e: true, f: 'text'}")
    assert type(box) is things.Box
    assert (box.a, box.b, box.d, box.e, box.f) == (1, ["x", {"c": 0.5}], None, True, "text")


@pytest.mark.parametrize("text", ["!obj:T.Bare", "!obj:T.Bare {}", "!obj:T.Bare {\n}"])
def test_an_object_without_arguments(text):
    assert type(load(text)) is things.Bare


@pytest.mark.parametrize(
    "text, name, value",
    [
        ("adversarial.space.VectorSpace {dim: 1e1}", "dim", 10),  # int
        ("adversarial.models.mlp.Linear {layer_name: h, irange: 1, dim: 20.}", "dim", 20),
        ("adversarial.space.Conv2DSpace {shape: [2, 3], channels: 3.0}", "num_channels", 3),
        ("adversarial.termination_criteria.EpochCounter {max_epochs: 1e3}", "_max_epochs", 1000),
        # float, and one of the two
        (
            "adversarial.training_algorithms.learning_rule.Momentum {init_momentum: 0.}",
            "momentum",
            0.0,
        ),
    ],
)
def test_whole_numbers_with_an_exponent_or_a_point(text, name, value):
    found = getattr(load(f"!obj:{text}"), name)
    found = found.get_value().item() if hasattr(found, "get_value") else found
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("number", ["1e300", "1e18"])
def test_a_number_that_counts_nothing_is_refused_as_it_is_written(number):
    with pytest.raises(ValueError, match=re.escape(str(float(number))) + "$"):
        load(f"!obj:adversarial.space.VectorSpace {{dim: {number}}}")


def test_a_data_set_of_whole_numbers_with_an_exponent():
    text = "!obj:adversarial.datasets.mixture.GaussianMixture {means: [0.], deviations: [1.], "
    data = [
        load(text + numbers).X
        for numbers in ("num_examples: 1e2, seed: 1e1}", "num_examples: 100, seed: 10}")
    ]
    np.testing.assert_array_equal(*data)


def test_functions_are_called_by_keyword():
    assert load("!obj:T.add {a: 3}") == [3, 1]


def test_an_alias_is_the_same_object_made_once():
    del things.made[:]
    box = load("""!obj:T.Box {one: &x !obj:T.Box {v: [1]}, two: *x,
                  three: {four: [*x]}, l: &l [1], m: *l}""")
    assert len(things.made) == 2
    assert box.one is box.two is box.three["four"][0]
    assert box.l is box.m


def test_equal_texts_without_an_anchor_are_two_objects():
    box = load("[!obj:T.Bare {}, !obj:T.Bare {}]")
    assert box[0] is not box[1]


def test_imports():
    box = load("[!import T.Box, !import:T.add , !import 'T.add', !import numpy.float32]")
    assert box == [things.Box, things.add, things.add, np.float32]


def test_numpy_constructors():
    box = load("""{a: !obj:numpy.zeros {shape: [2, 3]}, r: !obj:numpy.random.RandomState {seed: 3},
                   b: !obj:numpy.array {object: [1, 2], dtype: !import numpy.float32}}""")
    assert box["a"].shape == (2, 3) and box["b"].dtype == np.float32
    assert box["r"].randint(10**6) == np.random.RandomState(3).randint(10**6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1E5", 1e5),
        ("-2.5e3", -2500.0),
        (".5e-2", 0.005),
        ("5.e+1", 50.0),
        (".00005", 5e-5),
        ("1.000004", 1.000004),
        ("2.", 2.0),
        ("-.5", -0.5),
        ("+.25", 0.25),
        (".inf", np.inf),
        ("!float 3", 3.0),
        ("!float 1e-6", 1e-6),
        ("!float '2'", 2.0),
        ("3", 3),
        ("-12", -12),
        ("'1e-6'", "1e-6"),
        ("1e", "1e"),
        ("e5", "e5"),
        ("h0", "h0"),
        ("y", "y"),
        ("yes", True),
        ("~", None),
        ("2012-10-05", "2012-10-05"),
        ("=", "="),
    ],
)
def test_scalars(text, value):
    result = load(f"[{text}]")[0]
    assert result == value and type(result) is type(value)


def test_a_list_of_phases():
    phases = load("""
        - !obj:T.Box {n: "${PYLEARN2_TRAIN_PHASE}"}
        - !obj:T.Box {n: [${PYLEARN2_TRAIN_PHASE}]}""")
    assert [phases[0].n, phases[1].n] == ["phase1", ["phase2"]]
    assert load("${PYLEARN2_TRAIN_PHASE}") == "phase1"
    assert load("[${PYLEARN2_TRAIN_PHASE}]", environ={"PYLEARN2_TRAIN_PHASE": "x"}) == ["x"]


def test_merge_keys():
    box = load("base: &b {x: 1, y: 2}\nother: &o {y: 5, z: 6}\nall: {<<: [*b, *o], x: 9}")
    assert box["all"] == {"x": 9, "y": 2, "z": 6}
    made = load("base: &b {num_units: 3, layer_name: a}\nm: !obj:T.Maxout {<<: *b, num_units: 4}")
    assert made["m"].num_units == 4


# -- variables --------------------------------------------------------------------------------


def test_variables(monkeypatch):
    monkeypatch.setenv("MY_NUMBER", "12")
    monkeypatch.setenv("MY_TEXT", "from the process")
    string_utils.allow_variables(["MY_NUMBER", "MY_TEXT"])
    text = """{a: ${MY_NUMBER}, b: '${MY_NUMBER}',
               c: ${MY_TEXT}.pkl, d: "x/${MY_TEXT}/${MY_NUMBER}"}"""
    assert load(text, environ={"MY_TEXT": "given"}) == {
        "a": 12,
        "b": "12",
        "c": "given.pkl",
        "d": "x/given/12",
    }


SECRET = "wJalrXUtnFEMI-K7MDENG"


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HOME", "PYLEARN2_VIEWER_COMMAND"])
@pytest.mark.parametrize(
    "text",
    [
        "!obj:T.Box {n: '${NAME}'}",
        "!obj:T.Box {n: ${NAME}}",
        "{${NAME}: 1}",
        "!obj:T.${NAME} {}",
        "!pkl: '${NAME}'",
        '!pkl: "\\x24{NAME}"',
        "!import:T.${NAME}",
        "!!int '${NAME}'",
        "[ # ${NAME}\n  *b ]",
    ],
)
def test_a_file_cannot_read_the_environment(monkeypatch, text, name):
    """In no value, key, tag, path or escape sequence; and no error message quotes it."""
    monkeypatch.setenv(name, SECRET)
    text = text.replace("NAME", name)
    with pytest.raises((YamlError, OSError, ValueError)) as error:
        load(text, environ={})
    assert SECRET not in str(error.value)
    if "*b" not in text:
        assert f"--allow-env {name}" in str(error.value)


def test_what_the_user_allows_is_used_but_not_quoted(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    monkeypatch.setenv("OTHER", "other value")
    string_utils.allow_variables(["MY_TOKEN"])
    box = load("!obj:T.Box {n: '${MY_TOKEN}', m: [\"a ${MY_TOKEN}\"]}")
    assert (box.n, box.m) == (SECRET, [f"a {SECRET}"])
    assert SECRET not in box.yaml_src and box.yaml_src.count("${MY_TOKEN}") == 2
    wrong = ("!!int '${MY_TOKEN}'", "!obj:T.${MY_TOKEN} {}", "!obj:T.Maxout {'${MY_TOKEN}': 1}")
    for text in wrong:
        with pytest.raises(YamlError) as error:
            load(text)
        assert SECRET not in str(error.value)
    with pytest.raises(YamlError, match="--allow-env OTHER"):
        load("'${OTHER}'")


def test_a_value_is_never_syntax():
    value = "x', b: !obj:os.system {}, \n- {} # \u00e4 ${HOME} *a"
    for quoting in ("%s", "'%s'", '"%s"'):
        assert load("[" + quoting % "${V}" + "]", environ={"V": value}) == [value]


def test_comments_may_mention_what_is_not_set():
    assert load("# ${NOT_SET_ANYWHERE}\na: 1 # ${NOR_THIS}") == {"a": 1}


def test_a_variable_not_set():
    string_utils.allow_variables(["NOT_SET"])
    with pytest.raises(YamlError, match=r"^<string> line 2: \$\{NOT_SET\} is not set"):
        load("a: 1\nb: ${NOT_SET}/x")


def test_the_two_names_of_the_data_path(monkeypatch):
    monkeypatch.delenv("PYLEARN2_DATA_PATH", raising=False)
    monkeypatch.delenv("ADVERSARIAL_DATA_PATH", raising=False)
    with pytest.raises(YamlError, match=r"PYLEARN2_DATA_PATH \(or ADVERSARIAL_DATA_PATH\)"):
        load("${PYLEARN2_DATA_PATH}")
    monkeypatch.setenv("ADVERSARIAL_DATA_PATH", "/a")
    assert load("${PYLEARN2_DATA_PATH}/mnist") == "/a/mnist"
    monkeypatch.setenv("PYLEARN2_DATA_PATH", "/p")
    assert load("[${PYLEARN2_DATA_PATH}, ${ADVERSARIAL_DATA_PATH}]") == ["/p", "/a"]


@pytest.mark.parametrize(
    ("path", "full_stem", "stem", "folder", "base"),
    [
        ("yaml/mnist.yaml", "yaml/mnist", "mnist", "yaml/", "mnist.yaml"),
        ("mnist.yaml", "mnist", "mnist", "./", "mnist.yaml"),
        ("/a/b.c/x.yml", "/a/b.c/x", "x", "/a/b.c/", "x.yml"),
        ("/x.yaml", "/x", "x", "/", "x.yaml"),
    ],
)
def test_names_of_the_file(path, full_stem, stem, folder, base):
    names = {"FILE_FULL_STEM": full_stem, "FILE_STEM": stem, "DIR": folder, "BASE_NAME": base}
    found = {f"PYLEARN2_TRAIN_{k}": v for k, v in names.items()}
    assert train_environment(path) == {**found, "SEED": "default"}
    assert train_environment(path, 7) == {**found, "SEED": "7"}


def test_load_path(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("{a: ${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl, b: ${PYLEARN2_TRAIN_DIR}}")
    expected = {"a": f"{tmp_path}/run.pkl", "b": f"{tmp_path}/"}
    assert yaml_parse.load_path(path) == yaml_parse.load_train_file(str(path)) == expected
    environ = {"PYLEARN2_TRAIN_DIR": "else"}
    assert yaml_parse.load_path(path, environ)["b"] == "else"
    with pytest.raises(FileNotFoundError):
        yaml_parse.load_path(tmp_path / "none.yaml")


def test_streams(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: \u00e4", encoding="utf-8")
    for stream in (
        path.read_text(encoding="utf-8"),
        path.read_bytes(),
        io.StringIO("a: \u00e4"),
        "a: \u00e4".encode("utf-16"),
        b"\xef\xbb\xbf" + path.read_bytes(),
    ):
        assert yaml_parse.load(stream) == {"a": "\u00e4"}
    path.write_text("a: [")
    with open(path) as stream, pytest.raises(YamlError, match="x.yaml line 1 column 5"):
        yaml_parse.load(stream)
    with pytest.raises(TypeError, match="expected YAML as text or an open file, not a int"):
        yaml_parse.load(3)


# -- model files ------------------------------------------------------------------------------


def test_model_files(tmp_path):
    path = tmp_path / "x y.pkl"
    serial.save(path, {"w": np.arange(3)})
    text = '[&a !pkl: "${D}/x y.pkl", *a, !pkl:${D}/x%20y.pkl ]'
    first, same, again = load(text, environ={"D": str(tmp_path)})
    assert first is same and list(first["w"]) == list(again["w"]) == [0, 1, 2]


def test_a_bad_model_file_names_the_line(tmp_path):
    (tmp_path / "bad.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(YamlError, match=r"line 2: !pkl: .*bad\.pkl: is not a model file.*pickle"):
        load(
            "a: 1\nb: !pkl: ${D}/bad.pkl".replace("!pkl: $", "!pkl: '$") + "'",
            environ={"D": str(tmp_path)},
        )


# -- proxies and sources ----------------------------------------------------------------------


def test_without_instantiating():
    del things.made[:]
    tree = load("!obj:T.Box {a: &x !obj:T.Box {b: 1}, c: [*x]}", instantiate=False)
    assert things.made == [] and type(tree) is Proxy
    assert tree.callable is things.Box and tree.positionals == ()
    assert tree.keywords["a"] is tree.keywords["c"][0]
    assert tree.keywords["a"].keywords == {"b": 1}
    assert tree == tree and tree != tree._replace() and hash(tree) == hash(tree)
    box = make_objects(tree)
    assert box.a is box.c[0] and box.a.b == 1


def test_do_not_recurse():
    inner = Proxy(things.Box, (), {}, "")
    outer = Proxy(yaml_parse.do_not_recurse, (), {"value": [inner]}, "")
    assert make_objects(outer) == [inner]
    assert yaml_parse.do_not_recurse(3) == 3


def test_yaml_src_makes_the_same_object_alone():
    box = load(
        "!obj:T.Box {a: &x !obj:T.Maxout {num_units: ${N}, layer_name: '1e-6', irange: 1e-6},"
        " b: {c: *x}, d: !obj:T.Box {first: *x, second: *x}, e: !obj:T.Small {x: 1}}",
        environ={"N": "3"},
    )
    assert "num_units: ${N}" in box.a.yaml_src
    again = load(box.a.yaml_src, environ={"N": "3"})
    assert (again.num_units, again.layer_name, again.irange) == (3, "1e-6", 1e-6)
    inner = load(box.d.yaml_src, environ={"N": "3"})
    assert inner.first is inner.second and inner.first.num_units == 3
    whole = load(box.yaml_src, environ={"N": "3"})
    assert whole.a is whole.b["c"] is whole.d.first


def test_yaml_src_keeps_variables_as_written():
    """In every kind of scalar and in tags, so that the source works on another machine."""
    text = (
        """
        - !obj:T.Box {a: ${N}, b: '${N}', c: "x/${DIR}/y", d: -${N}, e: [*x, 1]}
        - !obj:T.Box {long: "%s ${DIR} and: {more}", tag: !obj:T.${CLASS} {}}
        - !obj:T.Box
          block: |
            one ${DIR}
            two
          plain: ${DIR}
          key ${N}: 1
    """.replace("*x", "${N}")
        % ("word " * 40)
    )
    for n, folder in (("3", "data"), ("4", "/else where")):
        environ = {"N": n, "DIR": folder, "CLASS": "Bare"}
        for box in load(text, environ=environ):
            assert "${" in box.yaml_src and folder not in box.yaml_src
            again = load(box.yaml_src, environ=environ)
            for name, value in vars(box).items():
                if name not in ("yaml_src", "tag"):
                    assert vars(again)[name] == value, name
                    assert type(vars(again)[name]) is type(value)


def test_construct_mapping():
    node = yaml.compose("a: 1\nb: [1e-3, x]")
    assert yaml_parse.construct_mapping(node) == {"a": 1, "b": [1e-3, "x"]}
    with pytest.raises(YamlError, match="line 2: `a` is given twice"):
        yaml_parse.construct_mapping(yaml.compose("a: 1\na: 2"))


def test_initialize_twice_is_harmless():
    yaml_parse.initialize()
    assert type(load("!obj:T.Bare {}")) is things.Bare


def test_pyyaml_itself_is_left_alone():
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("!obj:yaml_test_things.Bare {}")
    assert yaml.safe_load("1e-6") == "1e-6"


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=15,
)


@given(plain, st.booleans())
@settings(max_examples=150)
def test_plain_data_reads_as_pyyaml_wrote_it(value, flow):
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    # PyYAML writes the text 1e-6 without quotes, which is a number here.
    if "e" not in text.lower() and "${" not in text:
        assert yaml_parse.load(text) == value
