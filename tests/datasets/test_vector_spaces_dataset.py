from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import function
from adversarial.datasets.vector_spaces_dataset import VectorSpacesDataset
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import CompositeSpace, Conv2DSpace, IndexSpace, VectorSpace
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

rng = np.random.RandomState(0)
IMAGES = rng.normal(size=(10, 2, 3, 1)).astype("float32")
LABELS = rng.randint(3, size=(10, 1))
IMAGE_SPACE = Conv2DSpace((2, 3), num_channels=1, axes=("b", 0, 1, "c"))
SPECS = (CompositeSpace([IMAGE_SPACE, IndexSpace(max_labels=3, dim=1)]), ("features", "targets"))


def dataset():
    return VectorSpacesDataset((IMAGES, LABELS), SPECS)


def test_symbolic_batch():
    wanted = (CompositeSpace([VectorSpace(6), VectorSpace(3)]), ("features", "targets"))
    indices = at.lvector()
    batch = function([indices], list(dataset().symbolic_batch(indices, wanted)))([7, 2])
    np.testing.assert_allclose(batch[0], IMAGES[[7, 2]].reshape(2, 6))
    np.testing.assert_array_equal(batch[1], np.eye(3)[LABELS[[7, 2], 0]])


def test_trains_and_is_saved(tmp_path):
    model = MLP([Softmax(3, "y", irange=0.1)], input_space=IMAGE_SPACE)
    data = dataset()
    Train(data, model, SGD(0.1, batch_size=4, monitoring_dataset=data)).main_loop(max_epochs=2)
    objective = model.monitor.channels["objective"].val_record
    assert objective[2] < objective[0]
    serial.save(tmp_path / "data.pkl", data)
    again = serial.load(tmp_path / "data.pkl")
    np.testing.assert_array_equal(again.get_source("targets"), LABELS)
    assert again.symbolic_batch(at.lvector(), SPECS)[0].ndim == 4


def test_iterates():
    batches = list(dataset().iterator("sequential", 4))
    assert [len(images) for images, _ in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), IMAGES)
    (one,) = dataset().iterator("sequential", 10, data_specs=(VectorSpace(6), "features"))
    assert one.shape == (10, 6)
    data = dataset()
    assert data.get_num_examples() == 10 and data.has_targets() and data.get_data_specs() == SPECS
    assert data.get_data()[1] is data.get_targets()


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b")])
def test_colour_images_become_vectors_as_samples_do(axes):
    images = np.arange(36, dtype="float32").reshape(2, 2, 3, 3)
    space, vectors = Conv2DSpace((2, 3), num_channels=3), VectorSpace(18)
    data = VectorSpacesDataset(images, (space, "features"))
    expected = images.transpose(0, 3, 1, 2).reshape(2, 18)
    (batch,) = data.iterator(batch_size=2, data_specs=(vectors, "features"))
    np.testing.assert_array_equal(batch, expected)
    indices = at.lvector()
    rows = function([indices], data.symbolic_batch(indices, (vectors, "features")))
    np.testing.assert_array_equal(rows([0, 1]), expected)
    generator = Generator(MLP([Softmax(3, "y", irange=0.1)], nvis=3))
    sample = space.make_aesara_batch("sample")
    convert = function([sample], generator.format_sample(sample, space, vectors))
    np.testing.assert_array_equal(convert(images), expected)

    other = Conv2DSpace((2, 3), num_channels=3, axes=axes)
    (batch,) = data.iterator(batch_size=2, data_specs=(other, "features"))
    assert batch.shape == other.get_origin_batch(2).shape
    data = VectorSpacesDataset(expected, (vectors, "features"))
    for get in (
        data.symbolic_batch,
        lambda _, specs: next(data.iterator(None, 2, None, None, specs)),
    ):
        with pytest.raises(ValueError, match="'features' .* does not say how its vectors are"):
            get(indices, (other, "features"))


def test_a_single_array():
    data = VectorSpacesDataset(IMAGES.reshape(10, 6), (VectorSpace(6), "features"))
    assert not data.has_targets() and data.get_data().shape == (10, 6)


@pytest.mark.parametrize("dtype", ["float64", "uint8", "bool", object])
def test_labels_of_other_types(dtype):
    labels = np.minimum(LABELS, 1)
    data = VectorSpacesDataset((IMAGES, labels.astype(dtype)), SPECS)
    assert data.get_targets().dtype == np.int64
    np.testing.assert_array_equal(data.get_targets(), labels)


@pytest.mark.parametrize(
    "data, specs, message",
    [
        (None, SPECS, "needs data and data_specs"),
        ((IMAGES,), SPECS, "2 spaces and 2 names for 1 arrays"),
        ((IMAGES, LABELS[:9]), SPECS, "differ in their number of examples"),
        ((IMAGES, LABELS), (SPECS[0], ("a", "a")), "a name twice"),
        ((IMAGES, LABELS + 5), SPECS, "labels 0 to 2"),
        ((IMAGES[:, :1], LABELS), SPECS, "shape"),
        ((IMAGES, LABELS + 0.7 * (LABELS == 1)), SPECS, "targets: row . holds 1.7, which is no"),
        ((IMAGES, np.where(LABELS == 1, np.nan, LABELS)), SPECS, "targets: row . holds nan"),
        (LABELS + 256, (IndexSpace(3, 1, dtype="uint8"), "targets"), "holds 25[678]"),
        ((IMAGES * 1j, LABELS), SPECS, "features holds complex64, not real numbers"),
        ((IMAGES, LABELS.astype(str)), SPECS, "targets holds <U.*not real numbers"),
    ],
)
def test_what_is_wrong(data, specs, message):
    with pytest.raises(ValueError, match=message):
        VectorSpacesDataset(data, specs)
    with pytest.raises(ValueError, match="has no 'words', only"):
        dataset().get_source("words")
