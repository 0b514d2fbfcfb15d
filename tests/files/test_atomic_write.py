"""Saving to disk: whole or not at all, and nothing left behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import serial_test_things as things

from adversarial.files import atomic_write
from adversarial.files.opening import BadFile
from adversarial.utils import serial

HELPER = things.__name__
ALLOW = (HELPER,)
Thing, model, is_model = things.Thing, things.model, things.is_model


def test_save_and_load(tmp_path):
    path = tmp_path / "model.pkl"
    serial.save(path, model())
    assert is_model(serial.load(path, allow_modules=ALLOW))
    serial.save(str(path), [1])
    assert serial.load(str(path)) == [1]
    assert os.listdir(tmp_path) == ["model.pkl"]


def test_a_file_is_a_zip_that_other_tools_can_check(tmp_path):
    path = tmp_path / "model.pkl"
    serial.save(path, model())
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["object.json", "0.npy", "1.npy", "SHA256SUMS"]
        json.loads(archive.read("object.json"))
        array = np.load(io.BytesIO(archive.read("0.npy")), allow_pickle=False)
        assert any(array.shape == shape for shape in [(30, 10), (50,)])
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest


def test_the_same_object_gives_the_same_bytes():
    assert serial.to_string(model()) == serial.to_string(model())


def test_file_modes(tmp_path):
    path = tmp_path / "model.pkl"
    old = os.umask(0o027)
    try:
        serial.save(path, 1)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    serial.save(path, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "model.pkl"
    real.write_text("old")
    link = tmp_path / "link.pkl"
    link.symlink_to(real)
    serial.save(link, 3)
    assert link.is_symlink() and serial.load(real) == 3


def test_where_saving_is_refused(tmp_path):
    with pytest.raises(OSError, match="not a regular file"):
        serial.save(tmp_path, 1)
    with pytest.raises(OSError, match="not a regular file"):
        serial.save("/dev/null", 1)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        serial.save(tmp_path / "none" / "x.pkl", 1)
    with pytest.raises(ValueError, match="on_overwrite"):
        serial.save(tmp_path / "x.pkl", 1, on_overwrite="maybe")
    assert list(tmp_path.iterdir()) == []


def test_backup_of_the_replaced_file(tmp_path):
    path = tmp_path / "x.pkl"
    serial.save(path, 1, on_overwrite="backup")
    assert os.listdir(tmp_path) == ["x.pkl"]
    serial.save(path, 2, on_overwrite="backup")
    assert (serial.load(path), serial.load(f"{path}.bak")) == (2, 1)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "x.pkl"
    serial.save(path, "old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write.os, step, full)
    with pytest.raises(OSError, match=r"No space left.*x\.pkl"):
        serial.save(path, "new")
    monkeypatch.undo()
    assert serial.load(path) == "old" and os.listdir(tmp_path) == ["x.pkl"]


def test_leftovers_of_killed_processes_are_removed(tmp_path):
    path = tmp_path / "x.pkl"
    stale, recent = tmp_path / ".x.pkl.1-2.saving", tmp_path / ".x.pkl.3-4.saving"
    for file in (stale, recent):
        file.write_text("half")
    os.utime(stale, (time.time() - 7200,) * 2)
    serial.save(path, 1)
    assert not stale.exists() and recent.exists()


def test_what_a_killed_process_left_is_removed_at_once(tmp_path):
    path = tmp_path / "x.pkl"
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True
    )
    pids = int(dead.stdout), os.getpid()
    leftovers = [tmp_path / f"{atomic_write._aside_prefix(path)}{pid}-2.saving" for pid in pids]
    for file in leftovers:
        file.write_text("half")
    serial.save(path, 1)
    assert [file.exists() for file in leftovers] == [False, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kills", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_killed_at_any_instant_while_saving(kills, tmp_path):
    """The file is whole, and no older than the last save that had returned."""
    path = tmp_path / "x.pkl"
    serial.save(path, [0, np.zeros(50_000)], training={"count": 0})
    clock = random.Random(1)
    done = 0
    for _ in range(kills):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for count in range(done + 1, done + 10_000):
                    training = {"count": count, "v": np.full(9_000, -float(count))}
                    serial.save(path, [count, np.full(50_000, float(count))], training=training)
                    os.write(write, b"%d\n" % count)
            finally:
                os._exit(1)
        os.close(write)
        reports = os.read(read, 1)  # when the first save has returned
        time.sleep(clock.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(read, "rb") as rest:
            returned = [int(line) for line in (reports + rest.read()).splitlines()]
        count, array = serial.load(path)
        assert (array == count).all()
        assert serial.load_training(path)["count"] == count
        assert count >= max(returned) > done
        done = count
    # Each save takes away what the killed ones before it left.
    serial.save(path, 0)
    assert os.listdir(tmp_path) == ["x.pkl"]


def test_the_training_is_read_alone(tmp_path):
    path = tmp_path / "x.pkl"
    big = np.arange(1000.0)
    serial.save(path, {"model": big}, training={"velocity": big + 1, "big": big})
    assert list(serial.load(path)) == ["model"]
    np.testing.assert_array_equal(serial.load_training(path)["velocity"], big + 1)
    # Damage to one part is no matter to who reads the other, and named to who reads it.
    data = path.read_bytes()
    at = data.index((big + 1).tobytes())
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    np.testing.assert_array_equal(serial.load(path)["model"], big)
    with pytest.raises(BadFile, match="damaged .*'training/0.npy'"):
        serial.load_training(path)
    serial.save(path, 1)
    assert serial.load(path) == 1 and serial.load_training(path) is None


def test_missing_files_say_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.pkl: there is no such file in .*"):
        serial.load(tmp_path / "a.pkl")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere$"):
        serial.load(tmp_path / "nowhere" / "deep" / "a.pkl")
    with pytest.raises(IsADirectoryError):
        serial.load(tmp_path)
    with pytest.raises(BadFile, match="not a regular file"):
        serial.load("/dev/zero")


@pytest.mark.parametrize("name", ["x" * 226 + ".pkl", "x" * 251 + ".pkl", "ü" * 120 + ".pkl"])
def test_long_names(name, tmp_path):
    """Where a name fits the file system, those of its temporary files do."""
    for value in range(2):
        with atomic_write.atomic_write(tmp_path / name) as stream:
            aside = [path for path in os.listdir(tmp_path) if path != name]
            assert len(aside) == 1 and len(os.fsencode(aside[0])) < 100
            stream.write(b"%d" % value)
    assert os.listdir(tmp_path) == [name]
    # Another long name's leftovers are told apart.
    other = name.replace("x", "z").replace("ü", "ö")
    left = tmp_path / f"{atomic_write._aside_prefix(tmp_path / other)}1-2.saving"
    left.write_text("half")
    os.utime(left, (time.time() - 7200,) * 2)
    serial.save(tmp_path / name, 1)
    assert left.exists()
    serial.save(tmp_path / other, 1)
    assert not left.exists()
