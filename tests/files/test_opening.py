"""Pipes and devices are refused at every door; nothing waits for what they may bring."""

from __future__ import annotations

import os

import pytest

from adversarial.config import yaml_parse
from adversarial.datasets.cifar10_batch import read_batch
from adversarial.datasets.idx import read_idx
from adversarial.datasets.mat import load_mat
from adversarial.files.opening import BadFile, open_beside, open_regular, open_text
from adversarial.modelfile.npy import load_npy, load_npz
from adversarial.run import Run
from adversarial.scripts.inputs import histories
from adversarial.scripts.inputs.datasets import is_model_file
from adversarial.utils import serial

DOORS = {
    "plain": open_regular,
    "model": serial.load,
    "npy": load_npy,
    "npz": lambda path: load_npz(path, ["x"]),
    "mat": lambda path: load_mat(path, ["x"], 100),
    "idx": lambda path: read_idx(path, (None, 28, 28)),
    "cifar10": read_batch,
    "model or YAML": is_model_file,
    "table": histories._from_csv,
    "text": open_text,
    "yaml": yaml_parse.load_path,
    "experiment": Run.of_yaml,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("door", DOORS)
def test_a_named_pipe(door, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(BadFile, match="pipe: is not a regular file"):
        DOORS[door](path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")


def test_what_is_there(tmp_path):
    (tmp_path / "some").write_bytes(b"\r\n")
    with open_regular(tmp_path / "some") as stream:
        assert stream.read() == b"\r\n"


def test_links_are_followed_where_the_user_named_them_only(tmp_path):
    (tmp_path / "some").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "some")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"1"
    with pytest.raises(OSError, match="link is a symbolic link"):
        open_beside(tmp_path / "link", os.O_RDWR)


def test_a_link_that_comes_between_looking_and_opening(tmp_path, monkeypatch):
    (tmp_path / "some").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "some")
    look, seen = os.lstat, []

    def first(path):
        if not seen:
            seen.append(path)
            raise FileNotFoundError
        return look(path)

    monkeypatch.setattr(os, "lstat", first)
    with pytest.raises(OSError, match="link is a symbolic link"):
        open_beside(tmp_path / "link", os.O_RDWR | os.O_CREAT)
