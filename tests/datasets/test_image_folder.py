"""Sizes, modes and orders of image files, against Pillow."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest
from own_files import pictures, planar, save_folder
from PIL import Image, ImageOps

from adversarial.datasets.image_folder import ImageFolder

WHOLE = {"split": {"train": 1}, "seed": None, "scale": None}
RNG = np.random.RandomState(0)


def read(folder, **options):
    return ImageFolder(str(folder), **WHOLE, **options)


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("size", [[12, 10], [40, 64], [20, 30]])
def test_resizing(tmp_path, resize, size):
    images = pictures(3, (20, 30), channels=3)
    save_folder(tmp_path, images)
    way = {
        "crop": lambda image: ImageOps.fit(image, size[::-1]),
        "stretch": lambda image: image.resize(size[::-1], Image.Resampling.BICUBIC),
        "pad": lambda image: ImageOps.pad(image, size[::-1]),
    }[resize]
    expected = [np.asarray(way(Image.fromarray(image))) for image in images]
    data = read(tmp_path, size=size, resize=resize)
    np.testing.assert_array_equal(data.X, planar(np.array(expected)))


def test_transparency(tmp_path):
    pixels = RNG.randint(0, 256, (4, 6, 5, 4)).astype(np.uint8)
    save_folder(tmp_path, pixels)
    np.testing.assert_array_equal(read(tmp_path, channels=4).X, planar(pixels))
    share = pixels[..., 3:] / 255
    over_white = pixels[..., :3] * share + 255 * (1 - share)
    np.testing.assert_allclose(read(tmp_path).X, planar(over_white), atol=1)
    grey = over_white @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(read(tmp_path, channels=1).X, grey.reshape(4, -1), atol=2)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_modes(tmp_path, mode, kind):
    if mode == "CMYK" and kind == "png":
        pytest.skip("PNG has no CMYK")
    colours = Image.fromarray(RNG.randint(0, 256, (6, 5, 3)).astype(np.uint8))
    if mode == "I;16":
        image = Image.fromarray(RNG.randint(0, 65536, (6, 5)).astype(np.uint16))
    else:
        image = colours.convert(mode)
    image.save(tmp_path / f"a.{kind}")
    data = read(tmp_path)
    if mode == "I;16":
        np.testing.assert_array_equal(data.X[0], np.asarray(image).ravel())
    elif mode in ("1", "L"):
        np.testing.assert_array_equal(data.X[0], np.asarray(image.convert("L")).ravel())
    else:
        expected = np.asarray(image.convert("RGB"))[None]
        assert data.view_shape() == (6, 5, 3)
        np.testing.assert_array_equal(data.X, planar(expected))


def test_grey_palettes_are_grey(tmp_path):
    image = Image.fromarray(RNG.randint(0, 256, (6, 5)).astype(np.uint8))
    palette = image.copy()
    palette.putpalette([value for level in range(256) for value in (level,) * 3])
    palette.save(tmp_path / "a.png")
    data = read(tmp_path)
    assert data.view_shape() == (6, 5, 1)
    np.testing.assert_array_equal(data.X[0], np.asarray(image).ravel())


@pytest.mark.parametrize(
    "orientation, turn",
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).T),
        (8, np.rot90),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "packed.tif"])
def test_photographs_are_turned(tmp_path, orientation, turn, name):
    pixels = np.kron(RNG.randint(0, 256, (3, 2)), np.ones((8, 8))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"a.jpg": {"quality": 95}, "packed.tif": {"compression": "tiff_lzw"}}.get(name, {})
    Image.fromarray(pixels).save(tmp_path / name, exif=exif, **how)
    data = read(tmp_path)
    turned = turn(pixels)
    assert data.view_shape() == (*turned.shape, 1)
    # The pixels of a block are the same, so a JPEG has them almost as they were.
    atol = 3 if name == "a.jpg" else 0
    np.testing.assert_allclose(data.X[0], turned.ravel(), rtol=0, atol=atol)


def test_formats(tmp_path):
    image = Image.fromarray(RNG.randint(0, 256, (6, 5, 3)).astype(np.uint8))
    for name in "a.png", "b.bmp", "c.tif", "d.ppm", "e.JPG", "f.webp", "g.gif":
        image.save(tmp_path / name)
    expected = [
        np.asarray(Image.open(tmp_path / name).convert("RGB"))
        for name in ("a.png", "b.bmp", "c.tif", "d.ppm", "e.JPG", "f.webp", "g.gif")
    ]
    np.testing.assert_array_equal(read(tmp_path).X, planar(np.array(expected)))


def test_the_order_is_that_of_numbers(tmp_path, monkeypatch):
    images = pictures(25)
    save_folder(tmp_path, images)
    expected = planar(images)
    np.testing.assert_array_equal(read(tmp_path).X, expected)
    # Whatever the order in which the file system gives them.
    scandir, rng = os.scandir, np.random.RandomState(1)

    @contextlib.contextmanager
    def shuffled(path):
        with scandir(path) as entries:
            found = list(entries)
            rng.shuffle(found)
            yield iter(found)

    monkeypatch.setattr("adversarial.datasets.image_folder._scan", shuffled)
    for _ in range(3):
        np.testing.assert_array_equal(read(tmp_path).X, expected)


def test_mixed_depths_have_one_range(tmp_path):
    Image.fromarray(np.full((6, 5), 65535, np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(np.full((6, 5), 255, np.uint8)).save(tmp_path / "b.png")
    data = ImageFolder(str(tmp_path), split={"train": 1})
    np.testing.assert_array_equal(data.X, 1)
