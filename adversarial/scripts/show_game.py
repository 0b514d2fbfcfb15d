"""Draw a one-dimensional game as in the paper's Figure 1: p_data, p_g and D, a panel a model.

python train.py yaml/figure1.yaml
python -m adversarial.scripts.show_game yaml/figure1_*.pkl --out figure1.png
python -m adversarial.scripts.show_game yaml/figure1_*.pkl --out figure1.gif
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import examples_of, training_set
from adversarial.viewer import animation
from adversarial.viewer.game import draw_game, moment_of
from adversarial.viewer.grid import present
from adversarial.viewer.plot import as_image, new_figure, save_figure

# The last frame of an animation is shown so many times, since it is the result.
HOLD = 8


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Draw a one-dimensional game as in the paper's Figure 1, a panel for each "
        "model: p_data, p_g, D and the optimal D. As an animation, a frame for each. Needs "
        "matplotlib.",
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="model files (.pkl) of one experiment")
    cli.add_picture(
        parser, "beside the first model: STEM_game.png; FILE.gif and FILE.mp4 are animations"
    )
    add(
        "--title",
        dest="titles",
        action="append",
        metavar="TEXT",
        help="for each model one title instead of 'epoch N'; the panels are then in the order "
        "of the models as given, not of their epochs",
    )
    add("--fps", type=cli.positive_number, default=4, help="frames of an animation a second (4)")
    add("--seed", type=cli.seed, default=0, help="for the samples that estimate p_g (0)")
    cli.add_allow_module(parser)
    args = parser.parse_args(argv)
    if args.titles and len(args.titles) != len(args.models):
        parser.error(f"{len(args.models)} models need as many --title, not {len(args.titles)}")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.models[0], "_game.png", args.overwrite)
    new_figure(1, 1)  # reports a missing matplotlib before anything is computed
    is_animation = out.lower().endswith(animation.ENDINGS)
    if is_animation:
        animation.check_can_write(out, args.fps, HOLD)
    models = [modelfile.load(path, allow_modules=args.allow_module) for path in args.models]
    dataset = training_set(models[0], args.allow_module, args.models[0])
    if not hasattr(dataset, "density"):
        raise ValueError(
            f"the density of the data, a {type(dataset).__name__}, is not known; Figure 1 needs a "
            "GaussianMixture"
        )
    data = examples_of(dataset)
    margin = 0.15 * np.ptp(data)
    x = np.linspace(data.min() - margin, data.max() + margin, 401)
    if not args.titles:
        models.sort(key=epochs_of)
    moments = []
    for model, title in zip(models, args.titles or [f"epoch {epochs_of(m)}" for m in models]):
        moment = moment_of(model, dataset.density, x, title, args.seed)
        print(f"{moment.title}: D is {moment.distance:.3f} from its optimum (root mean square)")
        moments.append(moment)
    if is_animation:
        frames = (as_image(draw_game([moment])) for moment in moments)
        animation.write(out, frames, args.fps, hold=HOLD)
    else:
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
