"""MATLAB files: what SciPy writes is read as SciPy reads it, and errors name the damage."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial.datasets.mat import load_mat
from adversarial.files.opening import BadFile

NAMES = ("images", "folds", "x")


def written(compressed, **arrays) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, arrays, do_compression=compressed)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_as_scipy_reads_it(compressed, kind, tmp_path):
    images = np.arange(120).reshape(4, 5, 6).astype(kind)
    path = tmp_path / "x.mat"
    path.write_bytes(
        written(
            compressed,
            other=["a", {"b": 1}],
            images=images,
            x=np.ones((1, 1)),
            folds=np.zeros((3, 0)),
            name="text",
        )
    )
    expected = scipy.io.loadmat(path, variable_names=NAMES)
    found = load_mat(path, NAMES, 1 << 20)
    assert set(found) == set(NAMES)
    for name in NAMES:
        assert np.array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype


@pytest.mark.parametrize("behind", [0, 512])
def test_version_7_3_is_named_with_a_remedy(behind, tmp_path):
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path = tmp_path / "x.mat"
    path.write_bytes((text.ljust(512, b"\0") if behind else b"") + b"\x89HDF\r\n\x1a\n" + bytes(99))
    with pytest.raises(BadFile, match=r"version 7\.3, which is HDF5.*-v7.*savemat") as caught:
        load_mat(path, NAMES, 1 << 20)
    assert str(path) in str(caught.value)


def test_larger_than_allowed(tmp_path):
    path = tmp_path / "x.mat"
    path.write_bytes(written(True, images=np.zeros((100, 100))))
    with pytest.raises(BadFile, match="'images' takes 80000 bytes, more than 79999"):
        load_mat(path, NAMES, 79_999)
    assert load_mat(path, NAMES, 80_000)["images"].shape == (100, 100)


GOOD = {
    compressed: written(
        compressed, images=np.arange(60, dtype="u1").reshape(3, 4, 5), folds=np.ones((3, 5))
    )
    for compressed in (False, True)
}


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_anywhere(compressed, tmp_path):
    path = tmp_path / "x.mat"
    for length in range(len(GOOD[compressed])):
        path.write_bytes(GOOD[compressed][:length])
        try:
            # Between two arrays a file may end; the one that lacks is then not there.
            assert len(load_mat(path, NAMES, 1 << 20)) < 2
        except BadFile as error:
            assert str(path) in str(error)


@settings(max_examples=200)
@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_flipped(tmp_path_factory, compressed, changes):
    data = bytearray(GOOD[compressed])
    for place, value in changes:
        data[place % len(data)] ^= value
    path = tmp_path_factory.getbasetemp() / "flipped.mat"
    path.write_bytes(data)
    try:
        load_mat(path, NAMES, 1 << 20)
    except BadFile as error:
        assert "\n" not in str(error)
