"""What other readers make of a model file, and what this program makes of other files."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from adversarial.modelfile import container
from adversarial.modelfile.container import MESSAGE, PREFIX
from adversarial.utils import serial

MODEL = {"weights": np.arange(1000.0), "name": "x"}
FILE = serial.to_string(MODEL)


def same(made):
    return made["name"] == "x" and (made["weights"] == MODEL["weights"]).all()


@pytest.mark.parametrize("load", [pickle.load, pickle._load], ids=["C", "Python"])
def test_to_pickle_it_says_how_to_load_it(load):
    with pytest.raises(KeyError) as raised:
        load(io.BytesIO(FILE))
    assert raised.value.args == (MESSAGE,)
    assert "adversarial.utils.serial.load" in MESSAGE


def test_a_process_without_this_package_is_told_as_well(tmp_path):
    (tmp_path / "model.pkl").write_bytes(FILE)
    code = """
import pickle, sys
before = set(sys.modules)
try:
    pickle.load(open("model.pkl", "rb"))
finally:
    print(set(sys.modules) - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == f"KeyError: {MESSAGE!r}"
    assert done.stdout == "set()\n"


def test_to_a_zip_reader_it_is_an_archive():
    with zipfile.ZipFile(io.BytesIO(FILE)) as archive:
        assert archive.testzip() is None
        sums = archive.read("SHA256SUMS").decode().splitlines()
        for digest, name in (line.split("  ") for line in sums):
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        with archive.open("0.npy") as stream:
            np.testing.assert_array_equal(np.load(stream), MODEL["weights"])


def test_files_of_earlier_versions_begin_with_the_archive():
    assert FILE.startswith(PREFIX + b"PK")
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(FILE)) as new, zipfile.ZipFile(stream, "w") as old:
        for info in new.infolist():
            old.writestr(info, new.read(info))
    assert same(serial.from_string(stream.getvalue()))


@pytest.mark.parametrize(
    "data",
    [
        b"#!/bin/sh\n" + FILE,
        pickle.dumps([1, 2]) + FILE[len(PREFIX) :],
        PREFIX + FILE,
        FILE[: len(PREFIX)] + b"\0" + FILE[len(PREFIX) :],
        FILE[: len(PREFIX) - 40],
        PREFIX,
        PREFIX[:-1] + b"!" + FILE[len(PREFIX) :],
    ],
    ids=["a script", "a pickle", "twice", "more", "cut", "alone", "changed"],
)
def test_another_beginning_is_refused(data):
    with pytest.raises(serial.BadFile, match="is not a model file|is truncated or damaged"):
        serial.from_string(data)


def test_writing_is_deterministic():
    assert serial.to_string(serial.from_string(FILE)) == FILE


def old_pickle(name, protocol):
    """A pickle of an instance of the class `name`, "module:Class", which need not exist."""
    module, _, cls = name.partition(":")
    call = f"c{module}\n{cls}\n)\x81}}b."
    if protocol == 0:
        made = f"(c{module}\n{cls}\nc__builtin__\nobject\nNtR"
        call = f"ccopy_reg\n_reconstructor\n{made}(dS'dim'\nI3\nsb."
    return (b"\x80\x02" if protocol else b"") + call.encode("latin-1")


@pytest.mark.parametrize("protocol", [0, 2])
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("pylearn2.models.mlp:MLP", "made by Pylearn2, .*: train its YAML file again"),
        ("theano.tensor.sharedvar:TensorSharedVariable", "made by Pylearn2"),
        ("adversarial.models.mlp.network:MLP", "save what it holds with adversarial.utils.serial"),
        ("collections:OrderedDict", "which could run code and is never opened here$"),
    ],
)
def test_what_to_do_with_a_pickle(name, advice, protocol):
    with pytest.raises(serial.BadFile, match=f"it is a Python pickle.*{advice}") as raised:
        serial.from_string(old_pickle(name, protocol))
    assert "\n" not in str(raised.value)


def test_a_pickle_of_2014_says_what_it_lacks():
    """With the names of 2014 installed, its classes are found, but not Theano."""
    code = f"""
import pickle
import adversarial.compat
pickle.loads({old_pickle("theano.tensor.sharedvar:TensorSharedVariable", 2)!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pickles that Pylearn2 saved need Theano and cannot be loaded" in done.stderr


def test_begins_model_file():
    assert container.begins_model_file(FILE[:200])
    assert not container.begins_model_file(b"!obj:adversarial.train.Train {" + b" " * 200)
