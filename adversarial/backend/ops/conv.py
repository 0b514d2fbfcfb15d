"""Convolutions: a repair of Aesara's convolution Op, the transposed convolution, sparse gradients.

In Aesara 2.9.4 `CorrMM`, which computes a convolution by matrix products, always fails:
`CorrMM.make_node` calls ``tuple`` with four arguments, which raises TypeError. The rewrite that
would insert `CorrMM` then silently does nothing, and `conv2d` runs as a Python loop, hundreds of
times slower. `repair` fixes `make_node`.
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
from adversarial.backend.toolchain import products

with warnings.catch_warnings():
    # Since 2.7 Aesara warns that aesara.tensor.nnet moves to another package; it has not moved.
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
    """Transposed convolution (the adjoint of a convolution), from feature maps to images.

    Let C be the map y -> conv2d(y, kernels, border_mode=pad, subsample=stride, filter_flip=False).
    This is its adjoint C*: <C y, maps> = <y, C* maps>.

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
    """Base of convolutions whose matrix products skip zeros, or have rounded factors.

    After max pooling and maxout most of the gradient of the feature maps is zero: only the largest
    pixel of each window gets a gradient.
    """

    precision = "float32"

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), f'"{sparse_gemm.HEADER}"']

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*super().c_header_dirs(**kwargs), str(FOLDER)]

    def c_support_code(self, **kwargs: Any) -> str:
        # Aesara's code already runs the images of a minibatch in parallel.
        return super().c_support_code(**kwargs) + sparse_gemm.choice(
            parallel=False, of=self.precision
        )

    def c_support_code_apply(self, node: Apply, name: str) -> str:
        text = super().c_support_code_apply(node, name)
        return re.sub(r"\b[sd]gemm_\(", "adversarial::sparse_gemm<Choice>(", text)

    def c_code_cache_version(self) -> tuple:
        return (*super().c_code_cache_version(), *sparse_gemm.version(self.precision))


class SparseCorrMM_gradWeights(_SkipsZeros, CorrMM_gradWeights):  # noqa: N801
    """images, gradient of the feature maps -> gradient of the kernels."""

    __props__ = (*CorrMM_gradWeights.__props__, "precision")


class SparseCorrMM_gradInputs(_SkipsZeros, CorrMM_gradInputs):  # noqa: N801
    """kernels, gradient of the feature maps -> gradient of the images."""

    __props__ = (*CorrMM_gradInputs.__props__, "precision")


class RoundedCorrMM(_SkipsZeros, CorrMM):
    """images, kernels -> feature maps, by products whose factors are rounded."""

    __props__ = (*CorrMM.__props__, "precision")


def skipping_zeros(node: Apply) -> Any:
    """The Op that replaces `node`, Aesara's convolution or its gradient; None for other nodes."""
    of = products.current() if node.outputs[0].dtype == "float32" else "float32"
    replacements = {
        CorrMM_gradWeights: SparseCorrMM_gradWeights,
        CorrMM_gradInputs: SparseCorrMM_gradInputs,
    }
    if of != "float32":
        replacements[CorrMM] = RoundedCorrMM
    replacement = replacements.get(type(node.op))
    if replacement is None:
        return None
    op = replacement(**{name: getattr(node.op, name) for name in node.op.__props__})
    op.precision = of
    return op


def repair() -> bool:
    """Replace `CorrMM.make_node` if it fails; return whether it was replaced.

    Aesara's rewrites and gradients refer to the class `CorrMM`, so a subclass would not be used.
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
    # Rewrites need to know only which axes of the output have length 1.
    known = tuple(1 if variable.type.shape[0] == 1 else None for variable in (img, kern))
    return Apply(self, [img, kern], [TensorType(img.type.dtype, known + (None, None))()])
