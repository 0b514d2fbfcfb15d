"""An error in a YAML file is one line with the file, the line and what is wrong."""

from __future__ import annotations

import pytest
import yaml_test_things as things
from hypothesis import given, settings
from hypothesis import strategies as st
from time_bounds import at_most

from adversarial.config import nodes, yaml_parse
from adversarial.config.yaml_parse import YamlError

MINE = things.__name__


def load(text, **options):
    if isinstance(text, str):
        text = text.replace("T.", f"{MINE}.")
    return yaml_parse.load(text, allow_modules=(MINE,), name="mnist.yaml", **options)


def complaint(text, **options):
    with at_most(10), pytest.raises(YamlError) as caught:
        load(text, **options)
    message = str(caught.value)
    assert message.startswith("mnist.yaml") and "\n" not in message and len(message) < 1000
    return message[len("mnist.yaml") :].strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "!obj:T.Maxout {\n  layer_name: h0,\n  num_unit: 240 }",
            "line 3: unknown argument `num_unit` for Maxout; did you mean `num_units`? "
            "It accepts: num_units, num_pieces, layer_name, irange",
        ),
        (
            "!obj:T.Maxout {\n  zzz: h0 }",
            "line 2: unknown argument `zzz` for Maxout. "
            "It accepts: num_units, num_pieces, layer_name, irange",
        ),
        ("!obj:T.Bare {a: 1}", "line 1: unknown argument `a` for Bare. It takes no arguments"),
        ("!obj:T.add {b: 1}", "line 1: add needs `a`. It accepts: a, b"),
        ("!obj:T.Small {}", "line 1: Small needs `x`. It accepts: x"),
        (
            "\n\n!obj:T.Handed {steps: 2}",
            "line 3: Handed needs `num_units`. "
            "It accepts: steps, num_units, num_pieces, layer_name, irange",
        ),
        (
            "a:\n - !obj:T.Maxout {layer_name: x, num_units: -3}",
            "line 2: Maxout: num_units must be positive, not -3",
        ),
        (
            "!obj:T.Maxout {layer_name: x, num_units: many}",
            "line 1: Maxout: '<' not supported between instances of 'str' and 'int'",
        ),
        ("!obj:numpy.zeros {shape: 2, dtpe: 3}", "line 1: zeros: unknown argument `dtpe`"),
        ("!obj:numpy.uint8 {size: 3}", "line 1: uint8: unknown argument `size`"),
        ("!obj:T.Failing {kind: key}", "line 1: Failing: KeyError: 'the words'"),
        ("!obj:T.Failing {kind: empty}", "line 1: Failing: ValueError:"),
        ("!obj:T.Bare [1]", "line 1: Bare takes its arguments by name: `{name: value, ...}`"),
        ("!obj:T.Bare 3", "line 1: Bare takes its arguments by name: `{name: value, ...}`"),
        ("!obj:T.Box {\n3: 4}", "line 2: the argument 3 of Box is no name"),
        ("!obj:T.Box {\nyes: 4}", "line 2: the argument True of Box is no name"),
        ("a: 1\nb: 2\na: 3", "line 3: `a` is given twice (first on line 1)"),
        ("!obj:T.Box {a: 1,\n a: 3}", "line 2: `a` is given twice (first on line 1)"),
        ("{[1]: 2}", "line 1: a key must be text or a number"),
        ("{~: 2}", "line 1: a key must be text or a number"),
        (
            '{"a\\nb": 2}',
            r"line 1: the key 'a\nb' has a line break or another character that cannot be shown",
        ),
        (
            '{"\\u2029": 2}',
            r"line 1: the key '\u2029' has a line break or another character that cannot be shown",
        ),
        ("{!obj:T.Bare {}: 2}", "line 1: a key must be text or a number"),
        ("a: {<<: 3}", "line 1: `<<` needs a plain mapping"),
        ("a: &a !obj:T.Box {x: 1}\nb: {<<: *a}", "line 2: `<<` needs a plain mapping"),
        ("!obj:numpy.pi {}", "line 1: `numpy.pi` is a value: write `!import numpy.pi`"),
        ("a: !pkl: ", "line 1: write `!pkl: path`"),
        ("a: !pkl:x y", "line 1: write `!pkl: path`"),
        ("a: !import:T.Box {}", f"line 1: nothing may follow `!import:{MINE}.Box`"),
        (
            "a: !obi:T.Box {}",
            f"line 1: unknown tag `!obi:{MINE}.Box`; known are !obj:, !import, !pkl: and !float",
        ),
        ("a: !!set {b}", "line 1: unknown tag `!!set`; known are !obj:, !import, !pkl: and !float"),
        ("!!seq {a: 1}", "line 1: expected a list"),
        ("!!map [1]", "line 1: expected `name: value` pairs"),
        (
            "!obj:adversarial.costs.mlp.WeightDecay {\n  coeffs: {h0: .1, h1: .inf} }",
            "line 2: `coeffs` of WeightDecay must be finite, not inf",
        ),
        (
            "!obj:adversarial.costs.mlp.WeightDecay { coeffs: [.1, [.2, .nan]] }",
            "line 1: `coeffs` of WeightDecay must be finite, not nan",
        ),
        (
            "!obj:adversarial.datasets.mnist.MNIST {\n  which_set: train,\n  binarize: 127 }",
            "line 3: `binarize` of MNIST must be true or false, not 127",
        ),
        ("", ": is empty"),
        ("# only words\n", ": is empty"),
    ],
)
def test_messages(text, message):
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [1, 2", "line 1 column 9: not valid YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2", "line 2 column 1: not valid YAML: found character '\\t'"),
        ("a: b: c", "line 1 column 5: not valid YAML: mapping values are not allowed here"),
        ("a: *b", "line 1 column 4: not valid YAML: found undefined alias 'b'"),
        ("--- 1\n--- 2", "not valid YAML: but found another document"),
        ("!<tag", "line 1 column"),
        ("!obj:T.Maxout {num_units: 3}", "missing 1 required positional argument: 'layer_name'"),
        ("a: !!int abc", "line 1: 'abc' is not a valid int"),
        ("a: !!bool abc", "line 1: 'abc' is not a valid bool"),
        ("a: !float abc", "line 1: 'abc' is not a valid !float"),
        ("a: !float [1]", "line 1 column 4: not valid YAML: expected a scalar node"),
        ("a: !import [1]", "line 1 column 4: not valid YAML: expected a scalar node"),
        ("a: " + "9" * 5000, "line 1: '9"),
        ("a: &a [1, *a]", "line 1: `*a` contains itself"),
        ("a: &a\n  b: !obj:T.Box\n    c: *a", "line 3: `*a` contains itself"),
        ("[" * 5000, "line 1: nested more than 100 deep"),
        ("{a: " * 5000, "line 1: nested more than 100 deep"),
        ("- " * 5000, "line 1: nested more than 100 deep"),
        (
            "a: &a0 [x]\n" + "".join(f"k{i}: &a{i + 1} [*a{i}]\n" for i in range(200)),
            "line 100: nested more than 100 deep",
        ),
        (
            "a: &a0 [x]\n"
            + "".join(f"k{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9)),
            "values, as aliases repeat it: too large",
        ),
        ("[" + "1," * 150_000 + "]", "line 1: values: too large"),
        ("#" * (nodes.MAX_BYTES + 1), "is larger than 1048576 bytes"),
        (b"#" * (nodes.MAX_BYTES + 1), "is larger than 1048576 bytes"),
        (b"a: \xff", "is not a text file (byte 3 is no text)"),
        (b"\x00\x01\x02", "is not a text file (character #x0000 at position 0)"),
        (b"PK\x03\x04\x14\x00", "is not a text file"),
        (b"\x80\x04\x95", "is not a text file"),
    ],
)
def test_syntax_and_size(text, part):
    assert part in complaint(text)


def test_everything_is_checked_before_anything_is_made():
    del things.made[:]
    complaint("[!obj:T.Box {a: 1}, !obj:T.Maxout {num_unit: 3}]")
    complaint("[!obj:T.Box {a: 1}, !obj:os.system {}]")
    assert things.made == []


def test_other_errors_of_constructors_pass():
    with pytest.raises(OSError, match="the words"):
        load("!obj:T.Failing {kind: os}")


def test_as_deep_as_is_allowed():
    depth = nodes.MAX_DEPTH - 1
    box = load("!obj:T.Box {a: " * depth + "1" + "}" * depth)
    for _ in range(depth - 1):
        box = box.a
    assert box.a == 1
    complaint("!obj:T.Box {a: " * (depth + 1) + "1" + "}" * (depth + 1))


def test_many_objects_inside_each_other_take_no_time():
    depth = nodes.MAX_DEPTH - 3
    text = "!obj:T.Box {a: " * depth + "[" + "1," * 2000 + "]" + "}" * depth
    with at_most(10):
        load(text)


words = st.sampled_from(
    [
        "!obj:",
        "T.Box",
        "T.Maxout",
        "os.system",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "a",
        "&x ",
        "*x",
        "!import ",
        "!pkl: ",
        "!float ",
        "${",
        "PATH",
        "}",
        "1e-6",
        "\n",
        "  ",
        "- ",
        "'",
        '"',
        "<<",
        "!!",
        "%",
        "|",
        "> ",
        "? ",
        "#",
        "\x00",
        "\u00e4",
        "9" * 30,
        "@",
        "`",
        "--- ",
        "~",
    ]
)


@given(st.lists(words, max_size=25).map("".join))
@settings(max_examples=400)
def test_any_text_loads_or_is_refused_in_one_line(text):
    try:
        load(text)
    except YamlError as error:
        assert str(error).startswith("mnist.yaml") and "\n" not in str(error)
    except FileNotFoundError:
        assert "!pkl" in text
    except IsADirectoryError:
        assert "!pkl" in text


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_any_bytes_load_or_are_refused(data):
    try:
        load(data)
    except YamlError as error:
        assert "\n" not in str(error)
