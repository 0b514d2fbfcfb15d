#!/usr/bin/env python
"""Time Table 1's Parzen window procedure on MNIST, here and by scikit-learn's KernelDensity.

    python benchmarks/parzen.py [MODEL]

10,000 samples; ten sigmas on 1,000 validation examples; the best of them on 10,000 test examples.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

# Import `benchmarks` as a package from the root, not its modules from this folder.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.interleaved import peak_mib  # noqa: E402

SIGMAS = np.logspace(-1, 0, 10)
SAMPLES, VALID, TEST = 10000, 1000, 10000
TOLERANCE = 1e-3  # nats


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "model",
        nargs="?",
        help="model file to draw the samples from (without one: blurred training digits)",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="repetitions of this project's procedure (3)"
    )
    parser.add_argument(
        "--subset",
        type=int,
        default=100,
        help="points that scikit-learn scores at each sigma (100)",
    )
    args = parser.parse_args(argv)
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "points.npz")
        print(apart(make_points, path, args.model))
        ours = apart(time_ours, path, args.repeats, args.subset)
        theirs = apart(time_sklearn, path, args.subset)
        products = apart(time_products, path, args.repeats)
    report(ours, theirs, products, args.subset)


def apart(work: Callable, *args: Any) -> Any:
    """`work(*args)` in a new process, so that its peak memory is measured alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def make_points(path: str, model: str | None) -> str:
    """Write samples, validation and test examples (float32 rows of 784); return a description."""
    from adversarial.datasets.mnist import MNIST
    from adversarial.evaluation.parzen_protocol import load_split

    split = load_split("mnist", 784, limit_size=VALID)
    if model is None:
        rng = np.random.RandomState(0)
        digits = MNIST("train", stop=50000).X
        digits = digits[rng.permutation(len(digits))[:SAMPLES]]
        images = digits.reshape(-1, 28, 28)
        blurred = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2)) / 3
        noisy = blurred.reshape(digits.shape) + 0.02 * rng.normal(size=digits.shape)
        samples, words = np.clip(noisy, 0, 1), "samples: training digits, blurred, with noise"
    else:
        from adversarial import modelfile
        from adversarial.evaluation.sampling import draw_samples

        began = time.perf_counter()
        samples = draw_samples(modelfile.load(model), SAMPLES)
        words = f"samples: of {model}, drawn in {time.perf_counter() - began:.1f} s (not counted)"
    np.savez(path, samples=samples.astype(np.float32), valid=split.valid, test=split.scored[:TEST])
    return words


def load(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(path) as file:
        return file["samples"], file["valid"], file["test"]


def time_ours(path: str, repeats: int, subset: int) -> dict[str, Any]:
    from adversarial.evaluation.parzen import ParzenEstimator
    from adversarial.evaluation.parzen_protocol import Split, choose_and_score

    samples, valid, test = load(path)
    times = []
    peak = 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        estimator = ParzenEstimator(samples)
        outcome = choose_and_score(estimator, Split(valid, test), SIGMAS)
        times.append(time.perf_counter() - began)
        peak = peak or peak_mib()  # of the first repetition only: later ones reuse its memory
    return {
        "seconds": median(times),
        "peak": peak,
        "score": outcome.score,
        "logs": estimator.log_likelihoods(test[:subset], SIGMAS),
    }


def time_sklearn(path: str, subset: int) -> dict[str, Any]:
    """Seconds to build the tree (once), seconds per scored point, and the scores of the subset."""
    try:
        from sklearn.neighbors import KernelDensity
    except ModuleNotFoundError:
        sys.exit("scikit-learn is not installed: pip install scikit-learn")
    samples, _, test = load(path)
    build, scoring, logs = [], 0.0, []
    for sigma in SIGMAS:
        began = time.perf_counter()
        # One leaf, so that the sum is over all samples. With the default leaf_size of 40,
        # scikit-learn 1.9 is slower here, and wrong by up to thousands of nats.
        density = KernelDensity(bandwidth=sigma, leaf_size=len(samples)).fit(samples)
        built = time.perf_counter()
        logs.append(density.score_samples(test[:subset]))
        scoring += time.perf_counter() - built
        build.append(built - began)
    return {
        "build": min(build),
        "a_point": scoring / (subset * len(SIGMAS)),
        "peak": peak_mib(),
        "logs": np.array(logs),
    }


def time_products(path: str, repeats: int) -> float:
    """Seconds for the matrix products alone: float32, NumPy's BLAS, all processors."""
    samples, valid, test = load(path)
    out = np.empty((len(valid), len(samples)), np.float32)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for rows in [valid, *np.split(test, len(test) // len(valid))]:
            np.matmul(rows, samples.T, out=out)
        times.append(time.perf_counter() - began)
    return median(times)


def report(ours: dict, theirs: dict, products: float, subset: int) -> None:
    points = VALID * len(SIGMAS) + TEST
    extrapolated = theirs["build"] + theirs["a_point"] * points
    score = ours["score"]
    print(
        f"this project: {ours['seconds']:.2f} s, {ours['seconds'] / products:.2f} times its "
        f"matrix products ({products:.2f} s); peak {ours['peak']:.0f} MiB; "
        f"{score.mean:.2f} +- {score.standard_error:.2f} nats at sigma {score.sigma:.3f}"
    )
    print(
        f"scikit-learn: {extrapolated:.0f} s, EXTRAPOLATED linearly from {subset} points at "
        f"each sigma ({theirs['a_point'] * 1e3:.1f} ms per point, {points} points; building, "
        f"{theirs['build']:.1f} s, counted once); leaf_size {SAMPLES}; one thread, as it has no "
        f"more; peak {theirs['peak']:.0f} MiB"
    )
    print(f"{extrapolated / ours['seconds']:.0f} times faster")
    worst = np.abs(ours["logs"] - theirs["logs"]).max()
    verdict = "within" if worst <= TOLERANCE else "NOT WITHIN"
    print(
        f"greatest difference over {subset} points and {len(SIGMAS)} sigmas: {worst:.1e} nats, "
        f"{verdict} {TOLERANCE:g}"
    )


if __name__ == "__main__":
    main()
