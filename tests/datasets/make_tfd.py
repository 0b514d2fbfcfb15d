"""Writes files in the format of the Toronto Face Database, with drawn faces.

Usage: make_tfd.py DATA_PATH [--size 48] [--labeled 700] [--unlabeled 2000] [--seed 0]

Makes DATA_PATH/faces/TFD/TFD_48x48.mat. The real one has 102,236 faces, 4,178 of them
labeled.
Each face is a lit oval on a background, with eyes, brows, a nose and a mouth; the mouth and the
brows bend with the expression, the proportions belong to the person.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy.io

EXPRESSIONS = 7
FOLDS = 5


def draw_faces(expressions, identities, size: int, rng) -> np.ndarray:
    """uint8 images (n, size, size) of expressions 0 to 6 of the persons `identities`."""
    n = len(expressions)
    person = np.random.RandomState(7).uniform(-1, 1, (int(identities.max()) + 1, 8))[identities]
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    tilt, shift_x, shift_y, light = (
        rng.uniform(-1, 1, (4, n, 1, 1)).astype(np.float32)
        * [[[[0.12]]], [[[0.06]]], [[[0.06]]], [[[1.0]]]]
    ).astype(np.float32)
    y, x = axis[None, :, None] - shift_y, axis[None, None, :] - shift_x
    x, y = x + tilt * y, y - tilt * x

    def trait(column, low, high):
        middle, half = (low + high) / 2, (high - low) / 2
        return (middle + half * person[:, column]).astype(np.float32)[:, None, None]

    def blob(cx, cy, rx, ry):
        return np.exp(-(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2) * 2)

    mood = np.asarray(expressions, np.float32)[:, None, None]
    smile = (mood - 3) / 3  # from a frown to a smile
    opened = np.where(mood % 2 > 0, 0.12, 0.05).astype(np.float32)
    inside = 1 / (
        1 + np.exp(((x / trait(0, 0.62, 0.78)) ** 2 + (y / trait(1, 0.82, 0.95)) ** 2 - 1) * 12)
    )
    skin = trait(2, 130, 200) * (1 + 0.25 * light * x - 0.12 * y**2)
    image = inside * skin + (1 - inside) * (60 + 50 * light * axis[None, None, :])
    dark = 0.0
    for side in (-1, 1):
        eye, height = side * trait(3, 0.24, 0.34), trait(4, -0.25, -0.12)
        dark = dark + blob(eye, height, 0.13, 0.08 + 0.3 * opened)
        brow = height - 0.2 - 0.15 * smile * side * (x - eye)
        dark = dark + 0.8 * blob(eye, brow, 0.2, 0.06)
    dark = dark + 0.4 * blob(0, trait(5, 0.1, 0.25), 0.1, 0.1)
    mouth = trait(6, 0.42, 0.55) - smile * 0.9 * (x**2 - 0.03)
    dark = dark + blob(0, mouth, trait(7, 0.25, 0.36), opened)
    image = image * (1 - 0.75 * np.clip(dark, 0, 1)) + rng.normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def make_tfd(
    data_path, size: int = 48, labeled: int = 140, unlabeled: int = 60, seed: int = 0
) -> Path:
    """Writes the file under `data_path` and returns its path."""
    if labeled < EXPRESSIONS:
        raise ValueError(f"at least {EXPRESSIONS} labeled faces are needed, not {labeled}")
    rng = np.random.RandomState(seed)
    count = labeled + unlabeled
    known = np.arange(count) < labeled
    expressions = np.where(
        known, np.arange(count) % EXPRESSIONS, rng.randint(EXPRESSIONS, size=count)
    )
    identities = np.where(
        known,
        np.arange(count) // EXPRESSIONS,
        labeled + rng.randint(max(1, unlabeled // 3), size=count),
    )
    images = np.concatenate(
        [
            draw_faces(expressions[i : i + 500], identities[i : i + 500], size, rng)
            for i in range(0, count, 500)
        ]
    )
    # As the real ones do, each set of faces reaches from black to white.
    black, white = np.percentile(images[:1000], [1, 99])
    images = np.clip((np.arange(256) - black) * 255 / (white - black), 0, 255).astype(np.uint8)[
        images
    ]
    folds = np.zeros((count, FOLDS), np.uint8)
    for fold in range(FOLDS):  # whole persons go to train, valid or test
        people = (identities[known] + 2 * fold) % 10
        folds[known, fold] = np.where(people < 2, 3, np.where(people < 3, 2, 1))
    order = rng.permutation(count)  # labeled and unlabeled faces are mixed in the file
    path = Path(data_path) / "faces" / "TFD" / f"TFD_{size}x{size}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(
        path,
        {
            "images": images[order],
            "folds": folds[order],
            "labs_ex": np.where(known, expressions + 1, -1).astype(np.int16)[order, None],
            "labs_id": np.where(known, identities + 1, -1).astype(np.int32)[order, None],
        },
        do_compression=True,
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_path")
    parser.add_argument("--size", type=int, choices=(48, 96), default=48)
    parser.add_argument("--labeled", type=int, default=700)
    parser.add_argument("--unlabeled", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(make_tfd(given.data_path, given.size, given.labeled, given.unlabeled, given.seed))


if __name__ == "__main__":
    main()
