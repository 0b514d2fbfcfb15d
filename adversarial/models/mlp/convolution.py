"""`Convolution`: the base of convolutional layers, with detector maps and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adversarial import backend
from adversarial.models.mlp.base_conv import BC01, BaseConv
from adversarial.models.mlp.sizes import int_pair
from adversarial.space import Conv2DSpace


class Convolution(BaseConv):
    """Detector maps: the convolution of a zero-padded image with each kernel, plus biases.

    It is a cross-correlation, or a true convolution if `filter_flip` is true:

        maps[i, j] = sum over m, n of W[m, n] * image[i + m, j + n]                       (false)
        maps[i, j] = sum over m, n of W[rows - 1 - m, columns - 1 - n] * image[i + m, j + n] (true)

    A map has floor((size + 2 * pad - kernel) / kernel_stride) + 1 values along an axis of `size`
    pixels with `pad` zeros on either side.

    Parameters
    ----------
    layer_name : str
    kernel_shape : (rows, columns)
    kernel_stride : (rows, columns)
        Pixels from one position of a kernel to the next.
    **kwargs
        As `BaseConv` takes them.

    Raises
    ------
    ValueError
        If `kernel_stride` is not two positive integers. When the layer gets its input space: if the
        kernel is larger than the padded image.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv
    1603.07285, relationship 6: the size of a map.

    Examples
    --------
    floor((28 - 5) / 2) + 1 = 12:

    >>> from adversarial.models.mlp import MLP, ConvElemwise, TanhConvNonlinearity
    >>> nonlinearity = TanhConvNonlinearity()
    >>> layer = ConvElemwise(16, (5, 5), "h0", nonlinearity, irange=0.05, kernel_stride=(2, 2))
    >>> mlp = MLP([layer], input_space=Conv2DSpace((28, 28), num_channels=1))
    >>> layer.detector_space.shape
    (12, 12)
    """

    # Whether each position has kernels of its own; the shape of W is then (filters, rows of
    # positions, columns of positions, channels, rows, columns).
    _unshared = False
    # Set by the class; objects from old model files may differ, see `ConvElemwise`.
    filter_flip = False
    # Groups of input channels and of filters; the filters of a group see its channels only.
    _groups = 1
    # Shape and stride of the windows of pooling, set by the subclass.
    pool_shape: Any
    pool_stride: Any

    def __init__(
        self,
        layer_name: str,
        kernel_shape: Sequence[int],
        *,
        kernel_stride: Sequence[int] = (1, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, kernel_shape, **kwargs)
        self.kernel_stride = int_pair(f"layer {layer_name!r}", "kernel_stride", kernel_stride)

    def _make_detector(self, maps: int, pad: tuple[int, int]) -> None:
        """Set detector_space, W and b, for `maps` maps of images padded by `pad`."""
        images, self._pad = self.desired_space, pad
        padded = tuple(size + 2 * p for size, p in zip(images.shape, pad))
        if any(size < kernel for size, kernel in zip(padded, self.kernel_shape)):
            raise ValueError(
                f"layer {self.layer_name!r}: kernel_shape {self.kernel_shape} is larger than the "
                f"image of {images.shape}, which is {padded} with its padding"
            )
        shape = [
            (size - kernel) // stride + 1
            for size, kernel, stride in zip(padded, self.kernel_shape, self.kernel_stride)
        ]
        self.detector_space = Conv2DSpace(shape, num_channels=maps, axes=BC01)
        self._make_parameters(
            self.mlp.rng,
            (maps, *shape) if self._unshared else (maps,),
            images.num_channels // self._groups,
            self.detector_space,
        )

    def _detector(self, images: Any) -> Any:
        """The detector maps of `images`, which are in desired_space."""
        maps = backend.conv2d(
            images,
            self.W,
            input_shape=(None, self.desired_space.num_channels, *self.desired_space.shape),
            filter_shape=self.W.type.shape,
            border_mode=self._pad,
            subsample=self.kernel_stride,
            filter_flip=bool(self.filter_flip),
            num_groups=self._groups,
            unshared=self._unshared,
        )
        return self._with_bias(maps)

    def _pooled_shape(self) -> list[int]:
        """Rows and columns after pooling; ValueError for windows that do not fit the maps."""
        where, pool, stride = f"layer {self.layer_name!r}", self.pool_shape, self.pool_stride
        detector = self.detector_space.shape
        if any(size < window for size, window in zip(detector, pool)):
            raise ValueError(
                f"{where}: pool_shape {pool} is larger than the detector maps of {detector}"
            )
        if any(window < step for window, step in zip(pool, stride)):
            raise ValueError(
                f"{where}: pool_stride {stride} is larger than pool_shape {pool}, so pixels "
                "would be lost"
            )
        return [backend.pooled_size(*axis) for axis in zip(detector, pool, stride)]
