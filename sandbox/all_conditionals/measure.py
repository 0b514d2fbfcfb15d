"""Errors of completions, and whether their variance matches their errors.

python -m sandbox.all_conditionals.measure MODEL.pkl
python -m sandbox.all_conditionals.measure seed1.pkl seed2.pkl seed3.pkl --json
python -m sandbox.all_conditionals.measure cifar10.pkl --side right
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.utils.statistics import mean_and_error, to_json
from sandbox.all_conditionals import fill, inputs

COLUMNS = ("hidden", "one", "mean", "another's", "mean image", "nearest", "spread", "calibration")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Root mean square error of completions over hidden pixels, compared with that "
        "of the mean training image and of the nearest training image; mean and standard error "
        "over models."
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) of one experiment")
    add(
        "--examples",
        type=cli.positive_int,
        default=1000,
        metavar="N",
        help="complete the first N images (1000)",
    )
    add("--json", action="store_true", help="print one JSON object with the figures of each model")
    inputs.add_options(parser, completions=10)
    args = parser.parse_args(argv)
    if args.completions < 2:
        parser.error("the spread needs at least --completions 2")
    return args


def rms_error(filled: np.ndarray, images: np.ndarray, masks: np.ndarray) -> float:
    """Root mean square error over the hidden pixels of all images."""
    return float(np.sqrt(_mean_over_holes(np.square(filled - images), masks)))


def rms_spread(made: np.ndarray, masks: np.ndarray) -> float:
    """Root of the variance among the completions `made`, averaged over hidden pixels."""
    return float(np.sqrt(_mean_over_holes(made.var(axis=0, ddof=1), masks)))


def _mean_over_holes(values: np.ndarray, masks: np.ndarray) -> float:
    holes = np.broadcast_to(masks == 0, values.shape)
    if not holes.any():
        raise ValueError("no pixel is hidden in any of the images")
    return float(values[holes].mean(dtype=np.float64))


def baselines(
    training: np.ndarray, searched: int, images: np.ndarray, masks: np.ndarray
) -> dict[str, float]:
    """The share of hidden pixels, and the errors of the two ways to fill without a model."""
    nearest = fill.nearest_fill(training[:searched], images, masks)
    return {
        "hidden": float(1 - masks.mean(dtype=np.float64)),
        "mean image": rms_error(fill.mean_fill(training, images, masks), images, masks),
        "nearest": rms_error(nearest, images, masks),
    }


def completion_figures(
    model_fill: fill.Fill, images: np.ndarray, masks: np.ndarray, count: int
) -> dict[str, float]:
    """A model's figures from `count` completions of each image.

    `calibration` compares the variance v of the completions with their error. If completions were
    drawn from the true p(hidden | visible), the image would be distributed as one more of them, and
    the squared error of their mean would be v (1 + 1 / count) on average. `calibration` is that
    number over the measured squared error: 1 for the true distribution, less if completions vary
    too little. `another's` is the error of the mean completion against the image before it; if it
    is no greater than `mean`, G ignores the visible pixels.
    """
    made = fill.completions(model_fill, images, masks, count)
    mean, spread = made.mean(axis=0), rms_spread(made, masks)
    error = rms_error(mean, images, masks)
    return {
        "one": rms_error(made[0], images, masks),
        "mean": error,
        "another's": rms_error(mean, np.roll(images, 1, axis=0), masks),
        "spread": spread,
        "calibration": spread**2 * (1 + 1 / count) / error**2 if error else float("nan"),
    }


def summary(rows: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """(mean, standard error) of each figure over models."""
    return {name: mean_and_error([row[name] for row in rows]) for name in rows[0]}


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    kinds = inputs.kinds_of(args)
    models = [modelfile.load(path, allow_modules=args.allow_module) for path in args.models]
    if len({getattr(model, "dataset_yaml_src", None) for model in models}) > 1:
        raise ValueError("the models were trained on different data: measure them separately")
    fills = [fill.model_fill(model, args.side, args.seed) for model in models]
    images, training = inputs.images_for(models[0], args.models[0], args)
    images = images[: args.examples]
    measured: dict[str, Any] = {}
    for kind in kinds:
        masks = fill.draw_masks(kind, images.shape[1:3], len(images), args.seed)
        known = baselines(training, args.training, images, masks)
        measured[kind] = [
            {**known, **completion_figures(one, images, masks, args.completions)} for one in fills
        ]
        if not args.json:
            if kind == kinds[0]:
                print(_line("", COLUMNS))
            print(_line(kind, [_cell(*summary(measured[kind])[name]) for name in COLUMNS]))
    if args.json:
        print(
            to_json(
                {
                    "models": args.models,
                    "examples": len(images),
                    "completions": args.completions,
                    "training": min(args.training, len(training)),
                    "seed": args.seed,
                    "kinds": measured,
                }
            )
        )


def _cell(mean: float, error: float) -> str:
    # Figures that do not depend on the model differ by rounding errors only.
    return f"{mean:.3f} +- {error:.3f}" if error > 1e-9 else f"{mean:.3f}"


def _line(kind: str, cells: Sequence[str]) -> str:
    return f"{kind:<10}" + "".join(f"{cell:>17}" for cell in cells)


if __name__ == "__main__":
    sys.exit(cli.run(main))
