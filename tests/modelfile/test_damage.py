"""Model files that are damaged, foreign or forged: named in one line, and nothing is run."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import pickle
import pkgutil
import zipfile

import numpy as np
import pytest
import serial_test_things as things
from hypothesis import given, settings
from hypothesis import strategies as st
from time_bounds import at_most

import adversarial
from adversarial import aliases
from adversarial.files.opening import BadFile
from adversarial.modelfile import container, schema
from adversarial.utils import serial

HELPER = things.__name__
ALLOW = (HELPER,)
Thing, model, is_model = things.Thing, things.model, things.is_model


GOOD = serial.to_string(model())


def outcome(data):
    """True if `data` loads as the model; False if it is refused; anything else raises."""
    try:
        back = serial.from_string(data, allow_modules=ALLOW)
    except BadFile as error:
        assert "\n" not in str(error)
        return False
    assert is_model(back)
    return True


def test_truncated_anywhere():
    assert outcome(GOOD)
    for length in range(len(GOOD)):
        assert not outcome(GOOD[:length]), length


@given(st.integers(0, len(GOOD) * 8 - 1))
@settings(max_examples=400)
def test_one_flipped_bit(position):
    data = bytearray(GOOD)
    data[position // 8] ^= 1 << position % 8
    outcome(bytes(data))


def test_every_byte_of_the_contents_is_guarded():
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        for info in archive.infolist():
            start = GOOD.index(archive.read(info))
            for offset in range(start, start + info.file_size, 7):
                data = bytearray(GOOD)
                data[offset] ^= 0x10
                assert not outcome(bytes(data))


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=8)), max_size=4))
@settings(max_examples=200)
def test_random_damage(patches):
    data = bytearray(GOOD)
    for position, patch in patches:
        data[position : position + len(patch)] = patch
    outcome(bytes(data))


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_noise(data):
    for stream in (data, b"PK\x03\x04" + data, GOOD[:45] + data, GOOD + data):
        outcome(stream)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/this-must-never-exist",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_named_and_not_opened(protocol, tmp_path):
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps([Bomb()], protocol))
    with pytest.raises(BadFile, match=r"old\.pkl: is not a model file.*pickle"):
        serial.load(path)
    assert not os.path.exists("/tmp/this-must-never-exist")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"\x93NUMPY\x01\x00", "a single NumPy array"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"!obj:adversarial.Train {}", "is not a model file"),
    ],
)
def test_other_programs_files(data, what, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    with pytest.raises(BadFile, match=what) as caught:
        serial.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def zipped(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def test_another_programs_zip():
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(3))
    with pytest.raises(BadFile, match="zip archive of something else"):
        serial.from_string(stream.getvalue())


def test_a_zip_bomb_is_refused_before_it_is_read():
    members = [("object.json", b" " * 50_000_000), ("SHA256SUMS", b"")]
    data = zipped(members, zipfile.ZIP_DEFLATED)
    assert len(data) < 100_000
    with pytest.raises(BadFile, match="compressed"):
        serial.from_string(data)


def test_sizes_are_checked_against_the_file():
    data = bytearray(GOOD)
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        entry = archive.start_dir + 46 + len("object.json")
        assert data[entry : entry + 4] == b"PK\x01\x02"
    data[entry + 20 : entry + 28] = (1 << 31).to_bytes(4, "little") * 2
    with pytest.raises(BadFile, match="claims .* bytes of contents but is only"):
        serial.from_string(bytes(data))


def test_contents_that_are_not_those_summed():
    # Good by zip's own check, so only the digest can tell.
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in set(members) - {"SHA256SUMS"}:
        altered = {**members, name: members[name][:-1] + b" "}
        with pytest.raises(BadFile, match=f"checksum of its member '{name}'"):
            serial.from_string(zipped(altered.items()), allow_modules=ALLOW)


def npy(header):
    text = repr(header).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "header",
    [
        {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)},
        {"descr": "<f8", "fortran_order": False, "shape": (3,)},
        {"descr": "<f8", "fortran_order": False, "shape": (-1, -2)},
        {"descr": "|O", "fortran_order": False, "shape": (0,)},
        {"descr": "|V0", "fortran_order": False, "shape": (1 << 60,)},
        {"descr": "|V2000000000", "fortran_order": False, "shape": (0,)},
        {"descr": "<f8", "fortran_order": False, "shape": (0, 1 << 62, 1 << 62)},
        {"descr": "nonsense", "fortran_order": False, "shape": (0,)},
    ],
)
def test_hostile_array_headers(header):
    document = {"format": schema.FORMAT, "version": 1, "root": [0]}
    document["nodes"] = [{"t": "array", "a": 0}]
    members = [("object.json", json.dumps(document).encode()), ("0.npy", npy(header))]
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members)
    with pytest.raises(BadFile):
        serial.from_string(zipped([*members, ("SHA256SUMS", sums.encode())]))


# -- forged graphs, with good checksums -----------------------------------------------------------


def forged(document):
    stream = io.BytesIO()
    container.write(stream, document, [])
    return stream.getvalue()


def forge(document):
    return serial.from_string(forged(document), allow_modules=ALLOW)


def document_of(*nodes, root=(0,), **more):
    return {
        "format": schema.FORMAT,
        "version": 1,
        "root": list(root),
        "nodes": list(nodes),
        **more,
    }


def with_class(name, state=None):
    return document_of({"t": "object", "c": name, "v": [1]}, {"t": "dict", "v": state or []})


def tower(kind, height):
    return [{"t": kind, "v": [[i + 1], [i + 1]]} for i in range(height)] + [{"t": kind, "v": []}]


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        {"format": "else"},
        {"format": schema.FORMAT, "version": 2},
        {"format": schema.FORMAT, "version": 1},
        document_of(nodes=3),
        document_of(root=[5]),
        document_of(root=[-1]),
        document_of(root=["a"]),
        document_of(root=[0, 0]),
        document_of(root=[[0]]),
        document_of({}),
        document_of({"t": "frozenset", "v": []}),
        document_of({"t": [], "v": []}),
        document_of({"t": "list", "v": [[1]]}),
        document_of({"t": "list", "v": [{}]}),
        document_of({"t": "list", "v": [{"float": "many"}]}),
        document_of({"t": "list", "v": [{"code": "import os"}]}),
        document_of({"t": "list", "v": [{"np": ["O", "AAAA"]}]}),
        document_of({"t": "list", "v": [{"np": ["<f8", "AAAA"]}]}),
        document_of({"t": "list", "v": [{"dtype": "O"}]}),
        document_of({"t": "list", "v": [{"dtype": "f4,f4"}]}),
        document_of({"t": "list", "v": [{"type": "load"}]}),
        document_of({"t": "list", "v": [{"type": "ndarray"}]}),
        document_of({"t": "list", "packed": {"a": 3}}),
        document_of({"t": "numbers", "a": 3}),
        document_of({"t": "numbers", "a": ["<f2", [1], "AAA="]}),
        document_of({"t": "numbers", "a": ["<f8", [], "AAAAAAAAAAA="]}),
        document_of({"t": "set", "v": [[0]]}),
        document_of({"t": "dict", "v": [[[0], 1]]}),
        document_of({"t": "dict", "v": [[1]]}),
        document_of({"t": "tuple", "v": [[0]]}),
        document_of({"t": "tuple", "v": [[1]]}, {"t": "tuple", "v": [[0]]}),
        document_of({"t": "array", "a": 0}),
        document_of({"t": "array", "a": ["<f8", [1 << 40], ""]}),
        document_of({"t": "array", "a": ["<f8", [-1], "AAAA"]}),
        document_of({"t": "shared", "n": [], "a": ["<f4", [], "AAAAAA=="]}),
        document_of({"t": "shared", "n": "x", "a": 9}),
        document_of({"t": "randomstate", "b": "seed", "v": None}),
        document_of({"t": "randomstate", "b": "MT19937", "v": None}),
        document_of({"t": "generator", "b": "PCG64", "v": [1]}, {"t": "dict", "v": []}),
        document_of(*tower("list", 1500)),
        document_of(*tower("tuple", 90)),
        document_of(
            {"t": "dict", "v": [[[1], 0]]},
            *[{"t": "tuple", "v": [[i + 2], [i + 2]]} for i in range(60)],
            {"t": "tuple", "v": []},
        ),
        document_of({"t": "set", "v": [i * (2**61 - 1) for i in range(30_000)]}),
        with_class(f"{HELPER}:Thing", [[1, 2]]),
        document_of({"t": "object", "c": f"{HELPER}:Thing", "v": "text"}),
        document_of({"t": "object", "c": f"{HELPER}:WithState", "v": "text"}),
        with_class(3),
        with_class("os"),
        with_class("os:system"),
        with_class("posix:system"),
        with_class("subprocess:Popen"),
        with_class("builtins:object"),
        with_class(f"{HELPER}:Plain"),
        with_class(f"{HELPER}:things.Thing"),
        with_class(f"{HELPER}:Persistent.__class__"),
        with_class(f"{HELPER}.missing:Thing"),
        with_class("adversarial.utils.serial:os.system"),
        with_class("adversarial.utils.serial:Path"),
        with_class("adversarial.utils.serial:BadFile"),
        with_class("adversarial.nothing:Thing"),
        with_class("adversarialx:Thing"),
        with_class("adversarial..utils:Thing"),
        with_class("adversarial.utils.serial:" + "a" * 100_000),
    ],
)
def test_forged_graphs_are_refused(document):
    with at_most(5), pytest.raises(BadFile) as caught:
        forge(document)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_class_is_not_admitted_by_who_imports_it(monkeypatch):
    monkeypatch.setattr(serial, "Thing", Thing, raising=False)
    with pytest.raises(BadFile, match="does not exist"):
        serial.from_string(forged(with_class("adversarial.utils.serial:Thing")))


def test_json_nested_without_end():
    text = b"[" * 200_000 + b"]" * 200_000
    sums = f"{hashlib.sha256(text).hexdigest()}  object.json\n".encode()
    with pytest.raises(BadFile, match="not valid"):
        serial.from_string(zipped([("object.json", text), ("SHA256SUMS", sums)]))


def test_a_forged_state_cannot_replace_the_class():
    back = forge(with_class(f"{HELPER}:Thing", [["__class__", "os"], ["__dict__", 3]]))
    assert type(back) is Thing


def test_a_class_that_moved(monkeypatch):
    document = with_class("adversarial.old_place:OldName")
    with pytest.raises(BadFile, match="cannot be imported"):
        forge(document)
    monkeypatch.setitem(aliases.MOVED, "adversarial.old_place.OldName", f"{HELPER}.Thing")
    assert type(forge(document)) is Thing


def test_a_module_that_moved(monkeypatch):
    monkeypatch.setitem(aliases.MOVED, "adversarial.old_place", HELPER)
    assert type(forge(with_class("adversarial.old_place:Thing"))) is Thing


def test_no_name_in_a_model_file_is_that_of_a_class_elsewhere():
    """A row for a name that a class still has would hide that class."""
    for module in pkgutil.walk_packages(adversarial.__path__, "adversarial."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes = [serial.Persistent]
    for cls in classes:
        classes += cls.__subclasses__()
    paths = {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}
    assert [path for path in paths if aliases.current_path(path) != path] == []
    assert len(paths) > 100
