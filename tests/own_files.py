"""Files of a user's own data, small, for the tests of the classes that read them."""

from __future__ import annotations

import gzip
import struct

import numpy as np
from PIL import Image


def pictures(count=30, shape=(6, 5), channels=1, seed=0):
    """uint8 images (count, rows, columns, channels) that hold 0 and 255."""
    rng = np.random.RandomState(seed)
    images = rng.randint(0, 256, (count, *shape, channels)).astype(np.uint8)
    images.flat[0], images.flat[1] = 0, 255
    return images


def save_png(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(path)


def save_folder(folder, images, classes=None):
    """The images as i.png, in subfolders if they have classes."""
    for i, image in enumerate(images):
        save_png((folder if classes is None else folder / str(classes[i])) / f"{i}.png", image)
    return folder


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def save_idx(path, array):
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def planar(images):
    """Rows of a design matrix: one channel after the other."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)
