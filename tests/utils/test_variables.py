from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest

from adversarial import utils
from adversarial.backend import floatX


def test_shared_and_constant():
    for value in (3, 2.5, np.arange(4), np.ones((2, 1), "float64")):
        assert utils.sharedX(value).dtype == utils.constantX(value).dtype == floatX
    assert utils.sharedX(1.0, "w").name == "w" and utils.sharedX(1, dtype="int32").dtype == "int32"


def test_as_floatX():
    assert utils.as_floatX(2).dtype == floatX
    assert utils.as_floatX(np.arange(3)).dtype == floatX
    assert utils.as_floatX(at.lvector()).dtype == floatX


def test_no_gradient_passes(evaluate):
    x = utils.sharedX(3.0)
    assert evaluate(aesara.grad(x * utils.block_gradient(x), x)) == 3


def test_zip():
    assert utils.safe_zip([1, 2], "ab") == [(1, "a"), (2, "b")] and utils.safe_zip() == []
    with pytest.raises(ValueError, match="not of 2, 3"):
        utils.safe_zip([1, 2], "abc")


def test_what_is_not_there():
    with pytest.raises(AttributeError, match="sharedY"):
        getattr(utils, "sharedY")  # noqa: B009
