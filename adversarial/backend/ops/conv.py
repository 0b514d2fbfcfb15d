"""Convolution as matrix products, which Aesara 2.9.4 has but cannot build.

Its `CorrMM.make_node` raises TypeError whatever it is given (it calls ``tuple`` with four
arguments). The rewrite that would use it gives up in silence then, and `conv2d` runs as a loop
in Python, hundreds of times slower.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import aesara.tensor as at
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.ops import sparse_gemm
from adversarial.backend.ops.c_op import FOLDER

with warnings.catch_warnings():
    # Announced as moving to another package since 2.7; it is still here and nowhere else.
    warnings.simplefilter("ignore", DeprecationWarning)
    from aesara.tensor.nnet import conv2d
    from aesara.tensor.nnet.abstract_conv import (
        AbstractConv2d_gradInputs,
        AbstractConv2d_gradWeights,
        conv2d_grad_wrt_inputs,
    )
    from aesara.tensor.nnet.corr import (
        BaseCorrMM,
        CorrMM,
        CorrMM_gradInputs,
        CorrMM_gradWeights,
    )

__all__ = [
    "AbstractConv2d_gradInputs",
    "AbstractConv2d_gradWeights",
    "conv2d",
    "repair",
    "transposed_conv2d",
]


def transposed_conv2d(
    maps: Variable,
    kernels: Variable,
    size: Sequence[int],
    pad: Sequence[int] = (0, 0),
    stride: Sequence[int] = (1, 1),
) -> Variable:
    """The adjoint of a convolution: images from the maps that it makes of images.

    With y -> conv2d(y, kernels, border_mode=pad, subsample=stride, filter_flip=False) as C, this
    is the linear map C* for which <C y, maps> = <y, C* maps>.

    Parameters
    ----------
    maps : (batch, filters, rows, columns)
    kernels : (filters, channels, kernel rows, kernel columns)
    size : (rows, columns) of the images; stride * (in - 1) - 2 * pad + kernel on each axis, or
        up to stride - 1 more

    Returns
    -------
    (batch, channels, *size)
    """
    return conv2d_grad_wrt_inputs(
        maps,
        kernels,
        input_shape=(None, kernels.type.shape[1], *map(int, size)),
        filter_shape=kernels.type.shape,
        border_mode=tuple(pad),
        subsample=tuple(stride),
        filter_flip=False,
    )


class _SkipsZeros(BaseCorrMM):
    """A gradient of a convolution whose products skip zeros.

    The gradient of its maps is zero at most places where a maximum over pieces and pixels has
    passed it to one of them.
    """

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), f'"{sparse_gemm.HEADER}"']

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*super().c_header_dirs(**kwargs), str(FOLDER)]

    def c_support_code(self, **kwargs: Any) -> str:
        # Images are shared among threads already.
        return super().c_support_code(**kwargs) + sparse_gemm.choice(parallel=False)

    def c_support_code_apply(self, node: Apply, name: str) -> str:
        text = super().c_support_code_apply(node, name)
        return re.sub(r"\b[sd]gemm_\(", "adversarial::sparse_gemm<Choice>(", text)

    def c_code_cache_version(self) -> tuple:
        return (*super().c_code_cache_version(), *sparse_gemm.version())


class SparseCorrMM_gradWeights(_SkipsZeros, CorrMM_gradWeights):  # noqa: N801
    """images, gradient of their maps -> that of the kernels."""


class SparseCorrMM_gradInputs(_SkipsZeros, CorrMM_gradInputs):  # noqa: N801
    """kernels, gradient of maps -> that of the images."""


def skipping_zeros(node: Apply) -> Any:
    """What does the same as Aesara's gradient of a convolution; None for anything else."""
    sparse = {
        CorrMM_gradWeights: SparseCorrMM_gradWeights,
        CorrMM_gradInputs: SparseCorrMM_gradInputs,
    }.get(type(node.op))
    return sparse and sparse(**{name: getattr(node.op, name) for name in node.op.__props__})


def repair() -> bool:
    """Make `CorrMM` work where it does not. Returns whether it did not.

    The class itself is mended, since Aesara's rewrites and its other gradients name it.
    """
    kernel = TensorType("float32", (None,) * 4)
    try:
        CorrMM().make_node(kernel(), kernel())
    except TypeError:
        CorrMM.make_node = _make_node
        return True
    return False


def _make_node(self: CorrMM, img: Any, kern: Any) -> Apply:
    img, kern = self.as_common_dtype(at.as_tensor_variable(img), at.as_tensor_variable(kern))
    if img.type.ndim != 4:
        raise TypeError(f"the images must have 4 axes, not {img.type.ndim}")
    axes = 6 if self.unshared else 4
    if kern.type.ndim != axes:
        raise TypeError(f"the kernels must have {axes} axes, not {kern.type.ndim}")
    # Of the output's shape, only an axis of length 1 is of use to rewrites.
    known = tuple(1 if variable.type.shape[0] == 1 else None for variable in (img, kern))
    return Apply(self, [img, kern], [TensorType(img.type.dtype, known + (None, None))()])
