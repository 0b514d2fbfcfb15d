"""`fid_inception` equals torch-fidelity's FID of the same images; what is missing is named.

The weights of Inception are not downloaded here. Two stand-ins take their place: a small network
that is registered with torch-fidelity, and Inception itself with random weights, in a file of the
name that torch-fidelity downloads to.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import urllib.error

import numpy as np
import pytest

from adversarial.evaluation import inception
from adversarial.evaluation.metric import Inputs, Unavailable, all_metrics
from adversarial.evaluation.metrics.fid import fid
from adversarial.evaluation.metrics.fid_inception import fid_inception
from adversarial.evaluation.metrics.kid import squared_mmd
from adversarial.evaluation.metrics.prdc import precision, recall

SHAPE = (8, 8, 3)


@pytest.fixture(autouse=True)
def no_network_is_kept(monkeypatch, tmp_path):
    inception._network.cache_clear()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield
    inception._network.cache_clear()


def compute(samples, test, shape=SHAPE):
    given = {"samples": samples, "test": test, "shape": shape}
    inputs = Inputs(**{name: lambda value=value: value for name, value in given.items()})
    return all_metrics()["fid_inception"].compute(inputs)


def bytes_of(seed, n, brighter=0):
    """Images of bytes (n, 3, 8, 8) that reach from 0 to 255; some rows of pixels are brighter."""
    images = np.random.RandomState(seed).randint(0, 256, size=(n, 3, 8, 8))
    images[:, :, :4] = np.minimum(images[:, :, :4] + brighter, 255)
    images[0, 0, 0, :2] = 0, 255
    return images.astype(np.uint8)


@pytest.fixture
def small_network(monkeypatch):
    """Torch-fidelity with a small network of fixed weights in the place of Inception."""
    torch = pytest.importorskip("torch")
    torch_fidelity = pytest.importorskip("torch_fidelity", minversion="0.4")
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class Small(torch_fidelity.FeatureExtractorBase):
        def __init__(self, name, features_list, **kwargs):
            super().__init__(name, features_list)
            generator = torch.Generator().manual_seed(0)
            self.weights = torch.randn(192, 12, generator=generator, dtype=torch.float64) / 255

        @staticmethod
        def get_provided_features_list():
            return ("2048",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "2048"

        @staticmethod
        def can_be_compiled():
            return False

        def forward(self, images):
            assert images.dtype == torch.uint8 and images.shape[1] == 3
            return (torch.tanh(images.flatten(1).double() @ self.weights),)

    monkeypatch.delitem(FEATURE_EXTRACTORS_REGISTRY, inception.NETWORK)
    torch_fidelity.register_feature_extractor(inception.NETWORK, Small)
    return torch_fidelity


def theirs(torch_fidelity, samples, data):
    """All of torch-fidelity's metrics of two arrays of images (n, 3, rows, columns)."""
    import torch

    class Images(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = torch.from_numpy(images)

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return self.images[index]

    return torch_fidelity.calculate_metrics(
        input1=Images(samples),
        input2=Images(data),
        cuda=False,
        fid=True,
        kid=True,
        prc=True,
        kid_subsets=1,
        kid_subset_size=len(samples),
        feature_extractor=inception.NETWORK,
        save_cpu_ram=True,
        verbose=False,
    )


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255), (-2.5, 3.0)])
def test_value_is_that_of_torch_fidelity(small_network, low, high):
    samples, data = bytes_of(0, 120, brighter=40), bytes_of(1, 120)
    expected = theirs(small_network, samples, data)
    rows = [
        (low + images.reshape(len(images), -1) / 255 * (high - low)).astype(np.float32)
        for images in (samples, data)
    ]
    found = compute(*rows)
    assert found.value == pytest.approx(expected["frechet_inception_distance"], rel=1e-5)
    assert found.value > 0.1 and 0 < found.uncertainty < found.value
    assert bool(found.notes) == (low == -2.5)
    made, real = (
        inception.inception_features(images.transpose(0, 2, 3, 1)) for images in (samples, data)
    )
    kid = expected["kernel_inception_distance_mean"]
    assert squared_mmd(made, real) == pytest.approx(kid, rel=1e-5)
    for metric, name in ((precision, "precision"), (recall, "recall")):
        value = metric(made, real, lambda rows: rows).value
        assert value == pytest.approx(expected[name], abs=1e-5) and 0 < value < 1


@pytest.mark.parametrize("low", [0, -2.5])
def test_too_few_images_for_a_covariance_are_noted_as_by_fid(monkeypatch, low):
    """Inception has more features than the images here: FID is biased, whatever the pixels are."""
    module = importlib.import_module(fid_inception.__module__)
    monkeypatch.setattr(module, "inception_features", lambda images, _: images.reshape(-1, 192))
    monkeypatch.setattr(module, "weights_digest", lambda: "digest")
    samples, data = (bytes_of(seed, n).reshape(n, -1) / 255 + low for seed, n in ((0, 50), (1, 60)))
    found = compute(samples, data)
    features = (images.reshape(-1, 3, 64).swapaxes(1, 2) for images in (samples, data))
    expected = fid(*(255 * (rows - low).reshape(-1, 192) for rows in features), lambda rows: rows)
    assert found.value == pytest.approx(expected.value)
    assert found.notes[:1] == expected.notes and "50 samples are too few" in found.notes[0]
    assert len(found.notes) == 1 + (low != 0)


@pytest.mark.slow
def test_the_network_is_inception(tmp_path):
    """Features of 3 images equal those of torch-fidelity's network, here with random weights."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    path, source = inception._weights()
    assert path.startswith(str(tmp_path)) and source == module.URL_INCEPTION_V3
    (tmp_path / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    torch.manual_seed(0)
    layers = module.FeatureExtractorInceptionV3
    empty = pytest.MonkeyPatch()
    with empty.context() as patch:
        # Without weights to load, the constructor leaves the random ones.
        patch.setattr(module, "load_state_dict_from_url", lambda *args, **kwargs: {})
        patch.setattr(layers, "load_state_dict", lambda self, state: None)
        network = layers(inception.NETWORK, [inception.LAYER], verbose=False)
    torch.save(network.state_dict(), path)
    images = bytes_of(0, 3)
    with torch.no_grad():
        expected = network(torch.from_numpy(images))[0].numpy()
    found = inception.inception_features(images.transpose(0, 2, 3, 1))
    assert found.shape == (3, 2048) and expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    with open(path, "rb") as stream:
        assert inception.weights_digest() == hashlib.sha256(stream.read()).hexdigest()


def test_what_is_missing_is_named(monkeypatch, small_network):
    rows = bytes_of(0, 20).reshape(20, -1) / 255.0
    grey = bytes_of(0, 20).reshape(20, -1)[:, :64] / 255.0
    says = "fid_inception: Inception sees colour images, with 3 channels; these are 8 x 8 with 1"
    with pytest.raises(ValueError, match=says):
        compute(grey, grey, (8, 8, 1))
    with pytest.raises(ValueError, match="samples contain NaN"):
        compute(np.full_like(rows, np.nan), rows)
    with pytest.raises(ValueError, match="the 20 rows of data are all the same"):
        compute(rows, np.ones_like(rows))

    def offline(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torch_fidelity.utils.create_feature_extractor", offline)
    says = r"cannot be downloaded from https://.*no route to host.*\nDownload .* save it as .*\.pth"
    with pytest.raises(Unavailable, match=says):
        compute(rows, rows)


def test_a_damaged_file_of_weights_is_named():
    pytest.importorskip("torch_fidelity")
    path, _ = inception._weights()
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as stream:
        stream.write(b"<html>not found</html>")
    rows = bytes_of(0, 20).reshape(20, -1) / 255.0
    with pytest.raises(Unavailable, match="does not hold the weights of the Inception network"):
        compute(rows, rows)


def test_the_package_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.utils", None)
    rows = np.random.RandomState(0).rand(20, 192)
    with pytest.raises(Unavailable, match=r"torch-fidelity is not installed .*\[fid\]"):
        fid_inception(rows, rows, SHAPE, lambda *args: None)
