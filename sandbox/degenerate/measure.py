"""Compare a generator of one-dimensional noise with denoising chains, and draw both.

python train.py sandbox/degenerate/experiment.yaml
python -m sandbox.degenerate.measure sandbox/degenerate/experiment.pkl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli
from adversarial.utils.statistics import to_json
from adversarial.viewer.grid import present
from adversarial.viewer.plot import literal, new_figure, save_figure
from sandbox.data import check_finite
from sandbox.degenerate import DenoisingChain, HalfCircles, distances, nearest_place

NOISES = (0.05, 0.1, 0.2, 0.3, 0.5)
DATA = 2000  # points that a chain knows
CHAINS = 100
BURN_IN = 50  # steps of each chain before the first that is measured
# The curve is divided into so many pieces of equal length, to compare how often each is hit.
PIECES = 40


@dataclass(frozen=True)
class Sharpness:
    """How far samples are from the curve, and how well they are spread along it.

    Attributes
    ----------
    name : str
    samples : (n, 2)
    switches : float
        The share of the steps after which a chain is on the other half circle; for independent
        samples, that of neighbours in the order of drawing.
    """

    name: str
    samples: np.ndarray
    switches: float

    @property
    def distance(self) -> float:
        """The median distance from the curve."""
        return float(np.median(distances(self.samples).min(axis=1)))

    @property
    def far(self) -> float:
        """The distance that a tenth of the samples exceeds."""
        return float(np.quantile(distances(self.samples).min(axis=1), 0.9))

    @property
    def uneven(self) -> float:
        """The total variation between the pieces' shares of samples and equal shares, 0 to 1."""
        which, along = nearest_place(self.samples)
        piece = which * (PIECES // 2) + np.minimum(along * (PIECES // 2), PIECES // 2 - 1)
        shares = np.bincount(piece.astype(int), minlength=PIECES) / len(self.samples)
        return float(np.abs(shares - 1 / PIECES).sum() / 2)

    def as_dict(self) -> dict[str, Any]:
        """The measures by name, without the samples."""
        names = ("name", "distance", "far", "uneven", "switches")
        return {name: getattr(self, name) for name in names}


def of_samples(name: str, samples: np.ndarray) -> Sharpness:
    """The measures of independent samples (n, 2)."""
    check_finite("samples", samples)
    side = distances(samples).argmin(axis=1)
    return Sharpness(name, samples, float(np.mean(side[1:] != side[:-1])))


def of_chain(noise: float, num_samples: int, seed: int = 0) -> Sharpness:
    """The measures of a `DenoisingChain` on DATA points; `num_samples` states of CHAINS chains."""
    data = HalfCircles(DATA, seed).get_design_matrix()
    chain = DenoisingChain(data, noise, seed)
    steps = BURN_IN + max(2, num_samples // CHAINS)
    states = np.stack(list(chain.states(data[:CHAINS], steps)))[BURN_IN:]
    side = distances(states.reshape(-1, 2)).argmin(axis=1).reshape(states.shape[:2])
    switches = float(np.mean(side[1:] != side[:-1]))
    return Sharpness(f"chain, noise {noise:g}", states.reshape(-1, 2), switches)


def draw(measured: Sequence[Sharpness], shown: int = 2000) -> Any:
    """A matplotlib figure with a panel of samples for each of `measured`."""
    columns = -(-len(measured) // 2)
    figure = new_figure(3 * columns, 4.6)
    panels = figure.subplots(2, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in panels[len(measured) :]:
        axes.set_axis_off()
    for axes, each in zip(panels, measured):
        chosen = each.samples[:: max(1, len(each.samples) // shown)]
        axes.plot(*chosen.T, ",", color="black")
        axes.set_title(literal(each.name), fontsize="medium")
        axes.set_aspect("equal")
        axes.set_xlim(-2, 2)
        axes.set_ylim(-1.6, 1.6)
    return figure


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Distances from the curve and steps between its halves, for samples of a "
        "generator and of denoising chains; draws the samples. Needs matplotlib."
    )
    add = parser.add_argument
    add("model", help="model file (.pkl) of sandbox/degenerate/experiment.yaml")
    cli.add_picture(parser, "beside the model: STEM_degenerate.png")
    add("--samples", type=cli.positive_int, default=20000, help="samples of each (20000)")
    add("--seed", type=cli.seed, default=0, help="for all samples (0)")
    add("--json", action="store_true", help="print the result as JSON")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.model, "_degenerate.png", args.overwrite)
    new_figure(1, 1)  # reports a missing matplotlib before anything is computed
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    with cli.blaming(args.model):
        samples = draw_samples(model, args.samples, args.seed)
    data = HalfCircles(args.samples, args.seed + 1).get_design_matrix()
    if samples.shape[1:] != data.shape[1:]:
        raise ValueError(
            f"{args.model} makes samples of {samples.shape[1]} numbers, not points of the plane: "
            "give a model of sandbox/degenerate/experiment.yaml"
        )
    measured = [
        of_samples("data", data),
        of_samples("generator", samples),
        *(of_chain(noise, args.samples, args.seed) for noise in NOISES),
    ]
    if args.json:
        print(to_json([each.as_dict() for each in measured]))
    else:
        print(f"{'':18}{'median distance':>17}{'90 %':>8}{'uneven':>9}{'switches':>11}")
        for each in measured:
            cells = f"{each.distance:>17.4f}{each.far:>8.3f}{each.uneven:>9.3f}"
            print(f"{each.name:18}{cells}{each.switches:>11.4f}")
    save_figure(draw(measured), out)
    present(out, args.show)


if __name__ == "__main__":
    sys.exit(cli.run(main))
