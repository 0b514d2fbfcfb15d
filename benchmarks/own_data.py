"""Reading own data from files: minibatches a second from each format, against memory.

    python benchmarks/own_data.py --examples 20000 --turns 5

The data are MNIST's first training images, written into a temporary folder. Each turn draws 100
minibatches of 100 examples in random order from each format, one format after the other; medians of
the turns are printed, in processor time, since all files are in the system's cache. The last column
is what reading adds to a training step of so many milliseconds (--step; docs/PERFORMANCE.md has
those of the paper's experiments).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from adversarial.datasets.hdf5_file import HDF5File
from adversarial.datasets.image_folder import ImageFolder
from adversarial.datasets.mnist import load_arrays
from adversarial.datasets.numpy_file import NumpyFile

BATCH = 100


def write(folder: Path, images: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Files of the images in `folder`; for each format what opens it."""
    import tables

    np.save(folder / "a.npy", images)
    with tables.open_file(str(folder / "a.h5"), "w") as file:
        file.create_array("/", "X", images)
        zlib = tables.Filters(complevel=1, complib="zlib")
        file.create_carray("/", "packed", obj=images, filters=zlib, chunkshape=(100, 28, 28))
    (folder / "png").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / "png" / f"{i}.png")
    common: dict[str, Any] = {"split": {"train": 1}, "in_memory": False}
    npy, h5 = str(folder / "a.npy"), str(folder / "a.h5")
    return {
        "in memory": lambda: NumpyFile(npy, split={"train": 1}, in_memory=True),
        ".npy, mapped": lambda: NumpyFile(npy, **common),
        "HDF5": lambda: HDF5File(h5, key="X", **common),
        "HDF5, zlib, chunks of 100": lambda: HDF5File(h5, key="packed", **common),
        "folder of PNGs": lambda: ImageFolder(
            str(folder / "png"), size=[28, 28], channels=1, **common
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--batches", type=int, default=100, help="minibatches in a turn")
    parser.add_argument("--step", type=float, default=32.0, help="ms that a training step takes")
    args = parser.parse_args()
    images = load_arrays("train")[0][: args.examples]
    with tempfile.TemporaryDirectory() as name:
        opened = {what: open_() for what, open_ in write(Path(name), images).items()}
        seconds: dict[str, list[float]] = {what: [] for what in opened}
        for turn in range(args.turns):
            for what, data in opened.items():
                begun = time.process_time()
                for batch in data.iterator("random_uniform", BATCH, args.batches, rng=turn):
                    batch.sum()
                seconds[what].append(time.process_time() - begun)
        print(f"{'format':28}{'examples/s':>12}{'ms a batch':>12}{'of a step':>12}")
        for what, times in seconds.items():
            ms = 1000 * float(np.median(times)) / args.batches
            print(f"{what:28}{1000 * BATCH / ms:12,.0f}{ms:12.2f}{ms / args.step:12.0%}")


if __name__ == "__main__":
    main()
