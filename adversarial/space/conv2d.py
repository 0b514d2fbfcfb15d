"""`Conv2DSpace`: batches are stacks of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adversarial.space.arrays import cast, describe, is_symbolic_batch, reshape_examples
from adversarial.space.base import Batch, Dtype, SimplyTypedSpace, Space, check_positive_int

# Halves of images, one of which a generator that inpaints makes.
SIDES = ("left", "right", "top", "bottom")


class Conv2DSpace(SimplyTypedSpace):
    """Points are images of `shape` (rows, columns) with `num_channels` channels.

    A batch has four axes, in the order that `axes` gives them: 'b' counts examples, 0 rows,
    1 columns, 'c' channels. The default is ('b', 0, 1, 'c'); convolutions of Aesara want
    ('b', 'c', 0, 1), those of cuda-convnet ('c', 0, 1, 'b').

    The vector form of an image is the default axes, flattened: row after row, in a row column after
    column, in a pixel channel after channel. It does not depend on `axes`. So the conversions to
    and from `VectorSpace` are inverses of each other, and an image that becomes a vector and then
    an image with other axes is the same image. A row of a data set holds an image in another order;
    `adversarial.space.image_rows` converts these.

    Parameters
    ----------
    shape : (rows, columns)
    channels, num_channels : int
        Number of channels, under either name.
    axes : sequence, optional
        'b', 0, 1 and 'c' in any order.
    dtype : str or None
        See `SimplyTypedSpace`.
    **kwargs
        As `Space` takes them.

    Raises
    ------
    TypeError, ValueError
        If sizes are not positive integers, or `axes` is not such an order.

    Examples
    --------
    >>> space = Conv2DSpace((32, 32), num_channels=3, axes=("c", 0, 1, "b"))
    >>> space.get_origin_batch(5).shape
    (3, 32, 32, 5)
    """

    default_axes = ("b", 0, 1, "c")

    def __init__(
        self,
        shape: Sequence[int],
        channels: int | None = None,
        num_channels: int | None = None,
        axes: Sequence[str | int] | None = None,
        dtype: Dtype = "floatX",
        **kwargs: Any,
    ):
        super().__init__(dtype, **kwargs)
        if (channels is None) == (num_channels is None):
            raise ValueError(
                "Conv2DSpace takes the number of channels as one of `num_channels` and "
                f"`channels`, got num_channels={num_channels!r}, channels={channels!r}"
            )
        if isinstance(shape, str) or not hasattr(shape, "__len__") or len(shape) != 2:
            raise ValueError(f"shape of Conv2DSpace must be (rows, columns), got {shape!r}")
        self.shape = tuple(
            check_positive_int("each length in shape of Conv2DSpace", n) for n in shape
        )
        self.num_channels = check_positive_int(
            "num_channels of Conv2DSpace", channels if num_channels is None else num_channels
        )
        self.axes = _checked_axes(self.default_axes if axes is None else axes)

    def __str__(self) -> str:
        return (
            f"Conv2DSpace(shape={self.shape}, num_channels={self.num_channels}, "
            f"axes={self.axes}, dtype={self.dtype})"
        )

    def _key(self) -> tuple:
        return self.shape, self.num_channels, self.axes, self.dtype

    def get_batch_axis(self) -> int:
        return self.axes.index("b")

    def get_total_dimension(self) -> int:
        return self.shape[0] * self.shape[1] * self.num_channels

    def _batch_shape(self, batch_size: int | None) -> tuple:
        lengths = {"b": batch_size, 0: self.shape[0], 1: self.shape[1], "c": self.num_channels}
        return tuple(lengths[axis] for axis in self.axes)

    @staticmethod
    def convert(
        tensor: Batch, src_axes: Sequence[str | int], dst_axes: Sequence[str | int]
    ) -> Batch:
        """Transpose a batch of images from the order of axes `src_axes` to `dst_axes`.

        Parameters
        ----------
        tensor : array or symbolic batch
            The result for an array is a view of it.
        src_axes, dst_axes : sequence
            'b', 0, 1 and 'c' in any order.

        Raises
        ------
        ValueError
            If either is not such an order, or `tensor` does not have four axes.
        """
        src, dst = _checked_axes(src_axes), _checked_axes(dst_axes)
        if tensor.ndim != 4:
            raise ValueError(f"expected four axes {src}, got {describe(tensor)}")
        if src == dst:
            return tensor
        order = [src.index(axis) for axis in dst]
        if is_symbolic_batch(tensor):
            return tensor.dimshuffle(*order)
        return tensor.transpose(order)

    # The name of 2014 for arrays; `convert` takes both kinds.
    convert_numpy = convert

    def _format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        if not isinstance(space, Conv2DSpace):
            return super()._format_as_impl(is_numeric, batch, space)
        if (self.shape, self.num_channels) != (space.shape, space.num_channels):
            raise ValueError(
                f"cannot format {self} as {space}: the images differ in shape. To reinterpret the "
                "numbers, convert them to a VectorSpace first"
            )
        return cast(self.convert(batch, self.axes, space.axes), space.dtype)

    def _to_vector(self, is_numeric: bool, batch: Batch) -> Batch:
        batch = self.convert(batch, self.axes, self.default_axes)
        return reshape_examples(batch, self._image(), (self.get_total_dimension(),))

    def _from_vector(self, is_numeric: bool, matrix: Batch) -> Batch:
        batch = reshape_examples(matrix, (self.get_total_dimension(),), self._image())
        return cast(self.convert(batch, self.default_axes, self.axes), self.dtype)

    def _image(self) -> tuple:
        """Shape of one image in the default order of axes."""
        return (*self.shape, self.num_channels)


def _checked_axes(axes: Sequence[str | int]) -> tuple:
    axes = tuple(axes)
    if len(axes) != 4 or set(axes) != {"b", 0, 1, "c"}:
        raise ValueError(f"axes must be an order of ('b', 0, 1, 'c'), got {axes!r}")
    return axes


def half_of(shape: Sequence[int], side: str) -> tuple[slice, slice]:
    """The rows and columns of half of an image.

    Parameters
    ----------
    shape : (rows, columns)
    side : 'left', 'right', 'top' or 'bottom'

    Examples
    --------
    >>> half_of((4, 5), "right")
    (slice(0, 4, None), slice(2, 5, None))
    """
    rows, cols = shape
    halves = {
        "left": (slice(0, rows), slice(0, cols // 2)),
        "right": (slice(0, rows), slice(cols // 2, cols)),
        "top": (slice(0, rows // 2), slice(0, cols)),
        "bottom": (slice(rows // 2, rows), slice(0, cols)),
    }
    if side not in halves:
        raise ValueError(f"side must be one of {', '.join(halves)}, not {side!r}")
    return halves[side]
