"""Draw a one-dimensional game as in the paper's Figure 1: p_data, p_g and D, a panel a model.

python train.py yaml/figure1.yaml
python -m adversarial.scripts.show_game yaml/figure1_*.pkl --out figure1.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import examples_of, training_set
from adversarial.viewer.game import draw_game, moment_of
from adversarial.viewer.grid import present
from adversarial.viewer.plot import new_figure, save_figure


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Draw a one-dimensional game as in the paper's Figure 1, a panel for each "
        "model: p_data, p_g, D and the optimal D. Needs matplotlib.",
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) of one experiment")
    cli.add_picture(parser, "beside the first model: STEM_game.png")
    add("--seed", type=cli.natural, default=0, help="for the samples that estimate p_g (0)")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.models[0], "_game.png", args.overwrite)
    new_figure(1, 1)  # reports a missing matplotlib before anything is computed
    models = [modelfile.load(path, allow_modules=args.allow_module) for path in args.models]
    models.sort(key=epochs_of)
    dataset = training_set(models[0], args.allow_module, args.models[0])
    if not hasattr(dataset, "density"):
        raise ValueError(
            f"the density of the data, a {type(dataset).__name__}, is not known; Figure 1 needs a "
            "GaussianMixture"
        )
    data = examples_of(dataset)
    margin = 0.15 * np.ptp(data)
    x = np.linspace(data.min() - margin, data.max() + margin, 401)
    moments = []
    for model in models:
        moment = moment_of(model, dataset.density, x, f"epoch {epochs_of(model)}", args.seed)
        print(f"{moment.title}: D is {moment.distance:.3f} from its optimum (root mean square)")
        moments.append(moment)
    save_figure(draw_game(moments), out)
    present(out, args.show)


def epochs_of(model: object) -> int:
    """The number of epochs that the model was trained for."""
    monitor = getattr(model, "monitor", None)
    return 0 if monitor is None else monitor.get_epochs_seen()


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
