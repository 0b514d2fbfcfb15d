"""Random windows and mirror images between epochs."""

from __future__ import annotations

import numpy as np
import pytest
from saved_state import after

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import Conv2DSpace
from adversarial.train import Train
from adversarial.train_extensions.window_flip import WindowAndFlip
from adversarial.training_algorithms.sgd import SGD

pytestmark = pytest.mark.usefixtures("fast_compile")
IMAGES = np.arange(1, 1 + 40 * 5 * 6 * 2, dtype="float32").reshape(40, 5, 6, 2)
B01C = ("b", 0, 1, "c")


def dataset(axes=("c", 0, 1, "b")):
    data = DenseDesignMatrix(topo_view=IMAGES, y=np.arange(40)[:, None] % 3, y_labels=3)
    data.set_view_converter_axes(axes)
    return data


def images(data):
    return Conv2DSpace.convert_numpy(data.get_topological_view(), data.view_converter.axes, B01C)


def windows(image, rows, columns, pad):
    """Every window of `image` and its mirror image, as bytes."""
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    found = {}
    for y in range(padded.shape[0] - rows + 1):
        for x in range(padded.shape[1] - columns + 1):
            window = padded[y : y + rows, x : x + columns]
            found[window.tobytes()] = (y, x, False)
            found[window[:, ::-1].tobytes()] = (y, x, True)
    return found


@pytest.mark.parametrize("axes", [("c", 0, 1, "b"), B01C])
@pytest.mark.parametrize("shape, pad", [((3, 4), 0), ((5, 6), 2)])
def test_random_windows(axes, shape, pad):
    data, once = dataset(axes), dataset(axes)
    extension = WindowAndFlip(shape, randomize=[data], randomize_once=[once], pad_randomized=pad)
    places = []
    for _ in range(3):
        extension.on_monitor(None, None, None)
        assert tuple(data.view_converter.axes) == axes
        epoch = []
        for window, image in zip(images(data), IMAGES):
            epoch.append(windows(image, *shape, pad)[np.ascontiguousarray(window).tobytes()])
        places.append(epoch)
    assert places[0] != places[1] != places[2]
    assert {len({place[n] for place in places[0]}) > 1 for n in range(3)} == {True}
    first = images(once).copy()
    extension.on_monitor(None, None, None)
    np.testing.assert_array_equal(images(once), first)


def test_without_mirror_images_and_in_the_middle():
    data, valid = dataset(), dataset()
    WindowAndFlip([3, 2], randomize=[data], center=[valid], flip=False, pad_randomized=1)
    np.testing.assert_array_equal(images(valid), IMAGES[:, 1:4, 2:4])
    for window, image in zip(images(data), IMAGES):
        assert not windows(image, 3, 2, 1)[np.ascontiguousarray(window).tobytes()][2]


def test_too_large_a_window():
    with pytest.raises(ValueError, match=r"images of \(5, 6\) have no window of \(6, 6\)"):
        WindowAndFlip([6, 6], randomize=[dataset()])
    with pytest.raises(ValueError, match="window_shape must be two integers from 1 up, not 6"):
        WindowAndFlip(6, randomize=[dataset()])


@pytest.mark.parametrize("pad", [-1, 1.5, float("inf"), None, "x"])
def test_wrong_padding(pad):
    with pytest.raises(ValueError, match=f"pad_randomized must .* at least 0, not {pad!r}"):
        WindowAndFlip([1, 1], randomize=[dataset()], pad_randomized=pad)


def test_data_without_images():
    with pytest.raises(ValueError, match="windows of images, and DenseDesignMatrix holds none"):
        WindowAndFlip([1, 1], center=[DenseDesignMatrix(X=[[1.0]])])


def training():
    data, valid = dataset(), dataset()
    extension = WindowAndFlip([4, 4], randomize=[data], center=[valid])
    model = MLP(
        [Softmax(3, "y", irange=0.01)],
        input_space=Conv2DSpace((4, 4), num_channels=2, axes=("c", 0, 1, "b")),
    )
    algorithm = SGD(1e-6, batch_size=8, monitoring_dataset=valid)
    return Train(data, model, algorithm, extensions=[extension])


def test_resumed_with_the_windows_that_were_drawn():
    """Three epochs, or one and then two: the same bits, though data is not saved."""
    whole, first, second = training(), training(), training()
    whole.main_loop(max_epochs=3)
    first.main_loop(max_epochs=1)
    second.resume(after(first))
    second.main_loop(max_epochs=3)
    np.testing.assert_array_equal(second.model.get_param_vector(), whole.model.get_param_vector())
    still = training()
    still.extensions = []
    still.main_loop(max_epochs=3)
    assert (still.model.get_param_vector() != whole.model.get_param_vector()).any()
