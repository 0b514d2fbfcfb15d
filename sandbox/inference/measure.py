"""Errors of inferred z on samples, whose z is known, and on test digits, for which none may exist.

    python -m sandbox.inference.measure sandbox/inference/experiment.pkl
    python -m sandbox.inference.measure sandbox/inference/layer.pkl --layer 1

For several models (trained with different seeds) it prints means and standard errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.evaluation.sampling import draw_noise
from adversarial.scripts import cli
from adversarial.utils.statistics import format_mean, to_json
from sandbox.data import check_finite
from sandbox.inference import Inference
from sandbox.inference.inputs import add_options, examples, load

WORDS = {
    "error": "new samples: squared error per inferred value",
    "variance": "  the same for the best constant prediction",
    "sample_distance": "  distance from sample to reconstruction",
    "distance": "test examples: distance from example to reconstruction",
    "nearest_sample": "  distance to the nearest sample",
    "nearest_training": "  distance to the nearest training example",
    "share_nearer": "  share whose reconstruction is nearer than any sample",
}


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Errors of an inferer on samples and on test examples. A reconstruction is G's "
        "output for the inferred value. Distances are Euclidean, for pixels from 0 to 1."
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="model", help="model files (.pkl) of pairs with an inferer")
    add("--json", action="store_true", help="print the figures of each model as JSON")
    add_options(parser)
    return parser.parse_args(argv)


def measure(
    model: Any, inference: Inference, test: np.ndarray, samples: int = 10000, seed: int = 0
) -> dict[str, float]:
    """The figures of WORDS except `nearest_training`, from `samples` new samples."""
    fresh = inference.of_noise(draw_noise(model, samples, seed))
    _, reconstructed = inference.of_images(test)
    check_finite("inferred values", *fresh, reconstructed)
    found = distances(test, reconstructed)
    nearest_sample = distances(test, fresh.samples[nearest_neighbors(fresh.samples, test)])
    return {
        "error": float(np.square(fresh.predicted - fresh.target).mean(dtype=float)),
        "variance": float(fresh.target.var(axis=0, dtype=float).mean()),
        "sample_distance": float(distances(fresh.samples, fresh.reconstructed).mean()),
        "distance": float(found.mean()),
        "nearest_sample": float(nearest_sample.mean()),
        "share_nearer": float((found < nearest_sample).mean()),
    }


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distance between corresponding rows of `a` and `b`."""
    return np.sqrt(np.square(a - b).sum(axis=1, dtype=float))


def main(argv: Optional[Sequence[str]] = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    loaded = [load(path, args.layer, args.allow_module) for path in args.models]
    # All models are measured on the data of the first one.
    training, test = examples(loaded[0][0], args.models[0], args.allow_module)
    figures = []
    for path, (model, inference) in zip(args.models, loaded):
        with cli.blaming(path):
            figures.append(measure(model, inference, test, args.samples, args.seed))
    nearest_training = float(distances(test, training[nearest_neighbors(training, test)]).mean())
    for found in figures:
        found["nearest_training"] = nearest_training
    if args.json:
        print(to_json([{"model": path, **each} for path, each in zip(args.models, figures)]))
        return
    for name, words in WORDS.items():
        print(f"{words:72s} {format_mean([found[name] for found in figures])}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
