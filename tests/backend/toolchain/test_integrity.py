"""What is damaged in the folder of compiled code is removed, said once, and made again."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from adversarial.backend.toolchain import integrity

ROOT = Path(__file__).parents[3]
LIBRARY = Path(np.core._multiarray_umath.__file__).read_bytes()


class Key:
    """Stands for Aesara's KeyData."""

    def __init__(self, folder, keys):
        self.key_pkl = str(folder / "key.pkl")
        self.keys = keys


class NotToBePickled:
    def __reduce__(self):
        raise pickle.PicklingError


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(integrity, "_folders_named", set())


def module(folder, name, keys=(1, 2)):
    """A module as Aesara leaves it."""
    place = folder / name
    place.mkdir(parents=True)
    (place / "m.so").write_bytes(LIBRARY)
    (place / "__init__.py").touch()
    if keys is not None:
        integrity._save_key(Key(place, keys))
    return place


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def changed(content, at=0.5):
    at = int(len(content) * at)
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


DAMAGE = {
    "a changed byte of a library": ("m.so", changed),
    "a library of another length": ("m.so", lambda content: content + b"\0"),
    "a library that is cut": ("m.so", lambda content: content[:5000]),
    "an empty library": ("m.so", lambda content: b""),
    "a library that is missing": ("m.so", None),
    "a changed byte of a key": ("key.pkl", lambda content: changed(content, 0.1)),
    "a changed byte of the digest": ("key.pkl", lambda content: changed(content, 0.99)),
    "a key that is cut": ("key.pkl", lambda content: content[:20]),
    "a key cut within the digest": ("key.pkl", lambda content: content[:-1]),
    "an empty key": ("key.pkl", lambda content: b""),
    "code where none is": ("__init__.py", lambda content: b"1 = 2"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_module_is_removed(damage, tmp_path):
    name, change = DAMAGE[damage]
    module(tmp_path, "good")
    place = module(tmp_path, "bad")
    content = (place / name).read_bytes()
    (place / name).unlink()
    if change is not None:
        (place / name).write_bytes(change(content))
    with pytest.warns(RuntimeWarning, match=r"^1 module in .*damaged") as said:
        integrity.remove_damaged(tmp_path)
    assert str(tmp_path) in str(said[0].message)
    assert left(tmp_path) == ["good"]


def test_all_is_counted_in_one_warning(tmp_path):
    for name in "abc":
        module(tmp_path, name)
    for name in "ab":
        (tmp_path / name / "m.so").write_bytes(changed(LIBRARY))
    for content in (b"one", b"two"):
        path = tmp_path / f"{content.decode()}.graph"
        path.write_bytes(integrity.digest(path.name.encode(), content) + content)
    shutil.copy(tmp_path / "one.graph", tmp_path / "three.graph")
    with pytest.warns(RuntimeWarning) as said:
        integrity.remove_damaged(tmp_path)
        integrity.say_removed("1 module", tmp_path, "damaged")
    assert len(said) == 1
    assert str(said[0].message).startswith("2 modules and 1 rewritten graph in ")
    assert left(tmp_path) == ["c", "one.graph", "two.graph"]


@pytest.mark.parametrize("name", ["x.graph", "lazylinker_ext", "a/m.so", "a/key.pkl"])
def test_a_pipe_is_removed(name, tmp_path):
    module(tmp_path, "a")
    path = tmp_path / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.warns(RuntimeWarning, match="^1 "):
        integrity.remove_damaged(tmp_path)
    assert left(tmp_path) == ([] if "/" in name else ["a"])


@pytest.mark.parametrize("name", ["m/m.so", "m/key.pkl", "x.graph", "cutils_ext/sha256"])
def test_a_file_of_any_length_is_removed(name, tmp_path):
    module(tmp_path, "m")
    module(tmp_path, "cutils_ext", keys=None)
    with (tmp_path / name).open("ab") as stream:
        stream.truncate(1 << 40)  # takes no room on a disk, and no memory has as much
    if name.startswith("cutils_ext"):
        (tmp_path / "cutils_ext" / "m.so").write_bytes(LIBRARY[:5000])
    with pytest.warns(RuntimeWarning, match="^1 "):
        integrity.remove_damaged(tmp_path)
    assert name.partition("/")[0] not in left(tmp_path)


def test_what_is_whole_stays(tmp_path):
    place = module(tmp_path, "more keys")
    integrity._save_key(Key(place, (1, 2, 3)))
    assert pickle.loads((place / "key.pkl").read_bytes()).keys == (1, 2, 3)
    module(tmp_path, "being compiled", keys=None)
    (tmp_path / "being compiled" / "m.so").write_bytes(LIBRARY[:5000])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        integrity.remove_damaged(tmp_path)
    assert left(tmp_path) == ["being compiled", "more keys"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF files")
def test_modules_of_an_earlier_version_have_no_digest(tmp_path):
    """They get one if they are not cut."""
    for name in ("whole", "cut", "cut key"):
        place = module(tmp_path, name, keys=None)
        content = pickle.dumps(Key(place, (1,)))
        (place / "key.pkl").write_bytes(content[:-1] if name == "cut key" else content)
    (tmp_path / "cut" / "m.so").write_bytes(LIBRARY[:5000])
    with pytest.warns(RuntimeWarning, match="^2 modules"):
        integrity.remove_damaged(tmp_path)
    assert left(tmp_path) == ["whole"]
    (tmp_path / "whole" / "m.so").write_bytes(changed(LIBRARY))
    integrity.remove_damaged(tmp_path)
    assert left(tmp_path) == []


def test_a_key_that_cannot_be_pickled(tmp_path):
    place = module(tmp_path, "x")
    with pytest.warns(UserWarning), pytest.raises(pickle.PicklingError):
        integrity._save_key(Key(place, (NotToBePickled(),)))
    assert not (place / "key.pkl").exists()


SCRIPT = """
import numpy as np
import aesara.tensor as at
from adversarial import backend
x = at.fmatrix()
print(backend.function([x], at.exp(x).sum())(np.ones((3, 4), "f")))
"""


def start(folder):
    done = subprocess.run(
        [sys.executable, "-W", "default::RuntimeWarning", "-c", f"import adversarial\n{SCRIPT}"],
        env={**os.environ, "AESARA_FLAGS": f"base_compiledir={folder}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "RuntimeWarning" in line]


def test_a_start_after_all_was_damaged(tmp_path):
    """Aesara's own modules too, which are loaded while it is imported."""
    first = start(tmp_path)
    (folder,) = tmp_path.iterdir()
    (kept,) = folder.glob("*.graph")
    libraries = list(folder.glob("*/*.so"))
    assert {"lazylinker_ext", "cutils_ext"} < {path.parent.name for path in libraries}
    for path in [*libraries, kept]:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(changed(content))
    again, (said,) = start(tmp_path)
    assert (again, []) == first
    assert f"{len(libraries)} modules and 1 rewritten graph in " in said and str(folder) in said
    assert start(tmp_path) == first
