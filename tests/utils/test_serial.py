"""Model files: what goes in comes out."""

from __future__ import annotations

import collections
import io
import math
from array import array

import numpy as np
import pytest
import serial_test_things as things
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adversarial import backend
from adversarial.files.opening import BadFile
from adversarial.utils import serial

HELPER = things.__name__
ALLOW = (HELPER,)
Thing = things.Thing


def round_trip(value):
    return serial.from_string(serial.to_string(value), allow_modules=ALLOW)


def same(a, b):
    """Equal in type and value; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and str(a) == str(b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, array):
        return a.typecode == b.typecode and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=True)
    | st.text(st.characters())
    | st.binary(max_size=20)
)
arrays = hnp.arrays(
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(sizes=(64, 128)),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9),
)
records = (
    st.builds(array, st.just("f"), st.lists(st.floats(width=32)))
    | st.builds(array, st.just("d"), st.lists(st.floats()))
    | st.builds(array, st.just("q"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60))
)
numpy_scalars = hnp.from_dtype(np.dtype("f4")) | hnp.from_dtype(np.dtype("i8"))
keys = st.text() | st.integers() | st.tuples(st.integers(), st.text())
values = st.recursive(
    scalars | arrays | records | numpy_scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(st.floats(), min_size=17, max_size=20)
        | st.lists(st.integers(-(2**64), 2**64), min_size=17, max_size=20)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=5)
        | st.dictionaries(keys, inner, max_size=5).map(collections.OrderedDict)
        | st.sets(keys, max_size=5)
    ),
    max_leaves=20,
)


@given(values)
@settings(max_examples=100)
def test_round_trip_of_plain_data(value):
    assert same(round_trip(Thing(value=value)).value, value)


@pytest.mark.parametrize(
    "value",
    [np.dtype("f4"), np.dtype(">i2"), np.dtype("M8[ns]"), np.float32, np.int64, np.bool_],
)
def test_types_of_numpy_round_trip(value):
    assert round_trip([value])[0] == value


def test_array_layout_and_structured_types():
    fortran = np.asfortranarray(np.arange(600.0).reshape(20, 30))
    back = round_trip(fortran)
    assert back.flags.f_contiguous and not back.flags.c_contiguous and same(back, fortran)
    strided = fortran[::2, ::3]
    assert np.array_equal(round_trip(strided), strided)
    records = np.zeros(40, [("a", "f4", (3,)), ("b", "S5")])
    records["b"] = b"xyz"
    assert same(round_trip(records), records)
    small = round_trip(np.arange(3))
    small[0] = 7  # inline arrays are writable as well
    assert round_trip(np.str_("name")) == "name"


def test_memory_mapped_arrays_become_plain(tmp_path):
    mapped = np.memmap(tmp_path / "raw", dtype="f4", mode="w+", shape=(100, 3))
    mapped[:] = 1.5
    back = round_trip({"x": mapped})["x"]
    assert type(back) is np.ndarray and np.array_equal(back, mapped)


def test_identity_and_cycles():
    inner = [1]
    thing = Thing(a=inner, b=inner, other=np.arange(200))
    thing.me = thing
    thing.both = (thing, [thing])
    thing.ring = []
    thing.ring.append((thing.ring, thing.other))
    back = round_trip(thing)
    assert back.a is back.b and back.a == [1]
    assert back.me is back and back.both[0] is back and back.both[1][0] is back
    assert back.ring[0][0] is back.ring and back.ring[0][1] is back.other


def test_an_array_that_two_share_is_one():
    shared = array("d", [1.0] * 100)
    again = round_trip(Thing(a=shared, b=shared))
    assert again.a is again.b and again.a == shared
    again.a.append(2.0)  # grows, as before
    shared.append(3.0)  # is no longer held by what was written


def test_a_tuple_as_root_of_a_cycle():
    ring = []
    root = (ring, "end")
    ring.append(root)
    back = round_trip(root)
    assert back[0][0] is back and back[1] == "end"


def test_equal_but_distinct_objects_stay_distinct():
    back = round_trip([[1], [1], {}, {}])
    assert back[0] is not back[1] and back[2] is not back[3]


def test_restoring_does_not_call_init():
    thing = Thing(x=1)
    before = Thing.initialised
    assert round_trip(thing).x == 1
    assert Thing.initialised == before


def test_get_state_and_set_state():
    back = round_trip(things.WithState(kept=[1], dropped=lambda: None))
    assert back.kept == [1] and back.dropped == "rebuilt"


def test_keys_are_whole_before_they_are_hashed():
    key = things.Keyed(key=("a", 1))
    back = round_trip({"first": {key: "value"}, "second": key})
    assert back["first"][back["second"]] == "value"


def test_marked_and_nested_classes():
    assert type(round_trip(things.Marked())) is things.Marked
    assert type(round_trip(things.Outer.Inner())) is things.Outer.Inner


def test_shared_variables():
    W = backend.shared(np.arange(1200.0).reshape(40, 30).astype("float32"), name="W")
    rate = backend.shared(np.float32(0.1), name="rate")
    unnamed = backend.shared(np.arange(4))
    back = round_trip(Thing(params=[W, rate, unnamed], momentum={W: unnamed}, again=W))
    assert back.params[0] is back.again and back.momentum[back.again] is back.params[2]
    assert [param.name for param in back.params] == ["W", "rate", None]
    for old, new in zip([W, rate, unnamed], back.params):
        assert type(new) is type(old) and new.type == old.type
        assert same(np.asarray(new.get_value()), np.asarray(old.get_value()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.RandomState([2012, 10, 5]),
        lambda: np.random.RandomState(np.random.PCG64(3)),
        lambda: np.random.default_rng(7),
        lambda: np.random.Generator(np.random.Philox(7)),
        lambda: np.random.Generator(np.random.SFC64(7)),
    ],
)
def test_random_states_continue(make):
    rng = make()
    rng.normal(size=5)  # an odd number: RandomState keeps half of a pair
    back = round_trip({"rng": rng, "again": rng})
    assert back["rng"] is back["again"]
    assert np.array_equal(back["rng"].normal(size=9), rng.normal(size=9))


def test_deep_but_not_nested_without_end():
    value = []
    for _ in range(900):
        value = [value]
    assert round_trip(value)[0][0]
    for _ in range(200):
        value = [value]
    with pytest.raises(TypeError, match="nested more than 1000 deep"):
        serial.to_string(value)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (lambda: 1, "is a function"),
        (len, "is a function"),
        (Thing, "is a class"),
        (object(), "is a builtins.object, which cannot be saved"),
        (things.Plain(), f"is a {HELPER}.Plain, which cannot be saved"),
        (things.Slotted(), "keeps data outside its attributes"),
        (io, "is a builtins.module"),
        (iter([]), "is a builtins.list_iterator"),
        (np.array([object()]), "has an array of Python objects"),
        (array("h", [1]), "is an array of type 'h'"),
        (1 << 5000, "is an int of 5001 bits"),
        (set(range(20_000)), "keys that are not text"),
        (np.array(["\u00e4"], dtype=[("\u00e4", "U1")]), "not ASCII"),
    ],
)
def test_what_cannot_be_saved_is_named(value, what, tmp_path):
    thing = Thing(generator=Thing(layers=[1, {"k": Thing(foo=value)}]))
    with pytest.raises(TypeError) as caught:
        serial.save(tmp_path / "x.pkl", thing)
    assert str(caught.value).startswith("Thing.generator.layers[1]['k'].foo ")
    assert what in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_symbolic_variables_cannot_be_saved():
    x = backend.shared(np.zeros(3, "float32")) * 2
    with pytest.raises(TypeError, match=r"^Thing\.graph is a .*cannot be saved"):
        serial.to_string(Thing(graph=x))


def test_classes_that_no_name_finds_cannot_be_saved():
    class Local(serial.Persistent):
        pass

    with pytest.raises(TypeError, match="cannot be found by name"):
        serial.to_string(Local())


def test_only_allowed_modules_are_restored():
    data = serial.to_string(Thing(x=1))
    with pytest.raises(BadFile, match=rf"{HELPER}\.Thing.*--allow-module {HELPER}"):
        serial.from_string(data)
    assert serial.from_string(data, allow_modules=ALLOW).x == 1


# -- the names of 2014 ------------------------------------------------------------------------


def test_clone():
    thing = Thing(x=np.arange(3))
    copy = serial.clone_via_serialize(thing)
    assert copy is not thing and np.array_equal(copy.x, thing.x)


def test_small_helpers(tmp_path):
    assert serial.get_pickle_protocol() == 0
    serial.mkdir(tmp_path / "a" / "b")
    serial.mkdir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    stream = io.BytesIO(np.array([3, -4, 5], "<i4").tobytes())
    assert serial.read_int(stream) == 3 and serial.read_int(stream, 2) == [-4, 5]
    with pytest.raises(ValueError, match="expected 4 bytes"):
        serial.read_int(stream)
    from adversarial.config import yaml_parse

    assert serial.load_train_file is yaml_parse.load_train_file
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = serial.no_such_name


def test_variables_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    monkeypatch.delenv("ADVERSARIAL_DATA_PATH", raising=False)
    serial.save("${ADVERSARIAL_DATA_PATH}/x.pkl", 5)
    assert serial.load("${PYLEARN2_DATA_PATH}/x.pkl") == 5
    assert serial.preprocess("${A}/b", environ={"A": "1"}) == "1/b"
    with pytest.raises(ValueError, match="--allow-env NOT_SET_ANYWHERE"):
        serial.preprocess("${NOT_SET_ANYWHERE}")
