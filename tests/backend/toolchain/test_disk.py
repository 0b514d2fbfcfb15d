"""A full disk is named with the folder of compiled code, whoever meets it first."""

import errno

import aesara
import aesara.tensor as at
import pytest

from adversarial import backend


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("g++: fatal error: cannot write /x/mod.so: No space left on device"),
    ],
)
def test_a_full_disk(error, monkeypatch):
    def full(*args, **kwargs):
        raise error

    monkeypatch.setattr(aesara, "function", full)
    x = at.fvector()
    with pytest.raises(OSError) as raised:
        backend.function([x], x + 1, mode="FAST_COMPILE")
    assert aesara.config.compiledir in str(raised.value).splitlines()[0]
    assert raised.value.__cause__ is error


def test_other_errors_are_left_alone(monkeypatch):
    def other(*args, **kwargs):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(aesara, "function", other)
    x = at.fvector()
    with pytest.raises(OSError, match="Input/output error"):
        backend.function([x], x + 1, mode="FAST_COMPILE")
