"""Draw samples of a trained model: as a picture, as data or as an animation.

    python show_samples.py mnist.pkl                # a grid of samples
    python show_samples.py mnist.pkl --nearest      # with nearest training examples, as Figure 2
    python show_samples.py mnist.pkl --interpolate  # along lines in z space, as Figure 3
    python show_samples.py mnist_inpainting.pkl --inpaint right  # halves of images painted by G
    python show_samples.py mnist.pkl --num 50000 --out samples.npy  # or .npz, or FOLDER/ of PNGs
    python show_samples.py iris.pkl --num 100 --out samples.csv     # a table, in its own units
    python show_samples.py mnist.pkl --interpolate --out walk.mp4   # or .gif
    python show_samples.py mnist_*.pkl --out epochs.gif             # from one epoch to the next

`viewer.samples` draws the pictures, `viewer.sample_files` writes data, `viewer.animation` draws
animations. Each kind has a file name of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.backend import floatX
from adversarial.datasets.own_data import OwnData
from adversarial.evaluation.sampling import (
    batches_at,
    draws_itself,
    generator_of,
    given_class,
    sample_batches,
    sample_space,
)
from adversarial.files.opening import open_regular
from adversarial.modelfile.npy import naming
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import examples_for, examples_of, table_of
from adversarial.space.conv2d import SIDES
from adversarial.utils.budget import Fault
from adversarial.viewer import animation, sample_files, samples
from adversarial.viewer.grid import present

DATA = (".npy", ".npz", ".csv")
# The last frame of samples over epochs is shown so many times, since it is the result.
_HOLD = 4
# Columns of a table that a note names.
_LISTED = 20


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Draw samples of a trained model: as a picture, as data or as an animation."
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="model file (.pkl); several, as Snapshots saves them, become an animation over epochs",
    )
    cli.add_picture(
        parser,
        "beside the model: STEM_samples.png, STEM_nearest.png, "
        "STEM_interpolated.png or STEM_inpainted_SIDE.png; FILE.npy, FILE.npz, FILE.csv and "
        "FOLDER/ (of single pictures) are data, FILE.gif and FILE.mp4 animations",
    )
    add("--rows", type=cli.positive_int, default=10, help="rows of images (10)")
    add("--cols", type=cli.positive_int, help="samples in a row (10; of --inpaint, 4)")
    add("--num", type=cli.positive_int, metavar="N", help="samples in a file of data (rows x cols)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--nearest",
        action="store_true",
        help="end each row with the training example nearest to its last sample, "
        "framed; loads the training set",
    )
    what.add_argument(
        "--interpolate",
        action="store_true",
        help="each row is G along a line between two points of z space; in an animation, each "
        f"image is G along {animation.STOPS} lines",
    )
    what.add_argument(
        "--inpaint",
        choices=SIDES,
        metavar="SIDE",
        help="examples, framed; without their half SIDE; and with this half painted by the model. "
        f"SIDE is {', '.join(SIDES)}, as in the training",
    )
    what.add_argument(
        "--z", metavar="FILE", help=".npy or .npz file of points z, one a row, to draw samples at"
    )
    add(
        "--class",
        dest="class_",
        type=cli.natural,
        metavar="K",
        help="draw samples of this class only, of a conditional model",
    )
    add(
        "--dataset",
        metavar="FILE",
        help="YAML file of the examples for --nearest and --inpaint (the training set)",
    )
    add(
        "--model-scale",
        action="store_true",
        help="write samples of a table as the model emits them, not in the units of the table",
    )
    add("--seed", type=cli.seed, default=0, help="for the samples (0)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels for each of the model (2)")
    add("--frames", type=cli.positive_int, default=20, help="of an animation, for each line (20)")
    add("--fps", type=cli.positive_number, help="frames a second (20; over epochs, 4)")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if args.fps is None:
        args.fps = 4 if len(args.models) > 1 else 20
    if args.cols is None:
        args.cols = 4 if args.inpaint else 10
    args.kind = _kind(args.out)
    _check(parser, args)
    return args


def _kind(out: str | None) -> str:
    """What is to be written: 'picture', 'animation', 'folder', '.npy', '.npz' or '.csv'."""
    if out is None:
        return "picture"
    ending = os.path.splitext(out)[1].lower()
    if out.endswith(("/", os.sep)) or os.path.isdir(out):
        return "folder"
    return ending if ending in DATA else "animation" if ending in animation.ENDINGS else "picture"


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    is_data = args.kind in (*DATA, "folder")
    if args.interpolate and args.kind == "picture" and args.cols < 2:
        parser.error("--interpolate needs at least --cols 2")
    if args.dataset and not (args.nearest or args.inpaint):
        parser.error("--dataset needs --nearest or --inpaint")
    if is_data and (args.nearest or args.interpolate or args.inpaint):
        parser.error("--nearest, --interpolate and --inpaint draw pictures: end --out in .png")
    if args.num and not is_data:
        parser.error(
            "--num is for --out FILE.npy, FILE.npz, FILE.csv or FOLDER/; a picture has --rows"
        )
    if args.num and args.z:
        parser.error("--z says how many samples there are; leave --num out")
    if args.class_ is not None and args.inpaint:
        parser.error("--class and --inpaint do not go together")
    if is_data and args.show:
        parser.error("--show opens pictures; --out is a file of data")
    if args.kind == "animation":
        if args.nearest or args.inpaint or args.z:
            parser.error("an animation shows a walk (--interpolate) or samples of several models")
        if len(args.models) == 1 and not args.interpolate:
            parser.error(
                "an animation of one model needs --interpolate; one over epochs needs the model "
                "files of several epochs, as the extension Snapshots saves them"
            )
    if len(args.models) > 1 and (args.kind != "animation" or args.interpolate):
        parser.error("several models become an animation over epochs: --out FILE.gif or FILE.mp4")


def ending(args: argparse.Namespace) -> str:
    """The end of the picture's file name, after the model's name."""
    if args.inpaint:
        return f"_inpainted_{args.inpaint}.png"
    kind = "nearest" if args.nearest else "interpolated" if args.interpolate else "samples"
    return f"_{kind}.png"


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    if args.kind == "folder":
        sample_files.check_folder(args.out)
        out = args.out
    else:
        reads = *args.models[1:], args.z, args.dataset
        out = cli.output_path(args.out, args.models[0], ending(args), args.overwrite, reads)
    if args.kind == "animation":
        animation.check_can_write(out, args.fps, _HOLD if len(args.models) > 1 else 1)
    if len(args.models) > 1:
        _write_epochs(args, out)
        return
    model = _load(args, args.models[0])
    z = _points(args.z, model) if args.z else None
    if z is not None and args.class_ is None and hasattr(generator_of(model), "given_classes"):
        raise ValueError("--z: this model is conditional, so --class must say which class")
    if args.kind == "picture":
        _draw_picture(args, out, model, z)
    elif args.kind == "animation":
        frames = animation.walk_frames(
            model, args.rows, args.cols, args.frames, args.seed, args.scale
        )
        animation.write(out, frames, args.fps)
        present(out, args.show)
    else:
        _write_data(args, out, model, z)


def _load(args: argparse.Namespace, path: str) -> Any:
    model = modelfile.load(path, allow_modules=args.allow_module)
    if args.class_ is None:
        return model
    try:
        return given_class(model, args.class_)
    except ValueError as error:
        raise ValueError(f"{path}: --class {args.class_}: {error}") from None


def _draw_picture(args: argparse.Namespace, out: str, model: Any, z: np.ndarray | None) -> None:
    size: dict[str, Any] = {"rows": args.rows, "cols": args.cols, "seed": args.seed}
    if args.nearest or args.inpaint:
        dataset = examples_for(model, args.models[0], args.dataset, args.allow_module)
        size["dataset"] = dataset
        examples = examples_of(dataset)
    if args.nearest:
        sheet = samples.nearest_sheet(model, examples, **size)
    elif args.inpaint:
        sheet = samples.inpainting_sheet(model, examples, args.inpaint, **size)
    elif args.interpolate:
        sheet = samples.walk_sheet(model, **size)
    elif z is not None:
        size["rows"] = -(-len(z) // args.cols)
        sheet = samples.sample_sheet(model, **size, z=np.asarray(z))
    else:
        sheet = samples.sample_sheet(model, **size)
    sheet.save(out, args.scale)
    present(out, args.show)


def _write_data(args: argparse.Namespace, out: str, model: Any, z: np.ndarray | None) -> None:
    n = args.num or args.rows * args.cols
    if z is None:
        drawn = sample_batches(model, n, args.seed)
    else:
        n, drawn = len(z), batches_at(model, z)
    dim = sample_space(model).get_total_dimension()
    bounds, columns, dtype = _bounds(model), None, "float32"
    table = _table(args, model)
    if table is not None:
        # float64: float32 rounds numbers that are large beside their spread, such as times.
        drawn, bounds, dtype = map(table.scaling.undo, drawn), None, "float64"
    if table is not None or args.kind == ".csv":
        columns = getattr(table, "columns", None) or [f"x{i}" for i in range(dim)]
    try:
        view = None if columns else samples.view_of(model)
    except ValueError:
        if args.kind == "folder":
            raise
        view = None  # samples that are no images
    with cli.progress_bar(n, "drawing", "sample") as bar:

        def batches() -> Iterator[np.ndarray]:
            for batch in drawn:
                yield batch
                bar.update(len(batch))

        if args.kind == "folder":
            assert view is not None
            sample_files.write_folder(out, batches(), n, view, bounds)
        elif args.kind == ".npy":
            sample_files.write_npy(out, batches(), n, dim, dtype)
        elif columns is not None and args.kind == ".csv":
            sample_files.write_csv(out, batches(), columns)
        else:
            shape = None if view is None else view.shape
            sample_files.write_npz(out, batches(), n, dim, shape, bounds, columns, dtype)
    print(out)
    if table is not None and columns is not None:
        listed = ", ".join(columns[:_LISTED]) + (", ..." if len(columns) > _LISTED else "")
        print(f"note: in the units of {table.args['path']}; columns: {listed}", file=sys.stderr)


def _table(args: argparse.Namespace, model: Any) -> OwnData | None:
    """The table in whose units samples are written; None if they are written as they are."""
    if args.kind == "folder" or args.model_scale:
        return None
    try:
        return table_of(model, args.models[0], args.allow_module)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"the units of the samples are those of the model's training data: {error}\n"
            "--model-scale writes the samples as the model emits them."
        ) from None


def _bounds(model: Any) -> list[float] | None:
    """The least and the greatest value that the top layer of G can emit, if it is bounded."""
    if draws_itself(model):
        return None
    # Imported here, so that pictures do without.
    from adversarial.export import Untranslatable, generator_program

    try:
        return generator_program(model).metadata["range"]
    except Untranslatable:
        return None


def _points(path: str, model: Any) -> np.ndarray:
    """The points z in a file, of which a .npy file is not read as a whole."""
    dim = generator_of(model).get_input_space().get_total_dimension()

    def read() -> np.ndarray:
        with open_regular(path) as stream:
            if stream.read(2) != b"PK":
                return np.load(path, mmap_mode="r", allow_pickle=False)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                names = archive.files
                if "z" not in names and len(names) != 1:
                    raise Fault(f"has the arrays {names}; one of them must be named z")
                return archive["z" if "z" in names else names[0]]

    z = naming(f"--z {path}", read)
    if z.ndim != 2 or z.shape[1] != dim or not len(z) or z.dtype.kind not in "fiu":
        raise ValueError(
            f"--z {path}: has an array of {z.dtype} of shape {z.shape}; this model takes numbers "
            f"of shape (n, {dim})"
        )
    largest = np.finfo(floatX).max
    if not all((np.abs(z[i : i + 4096]) <= largest).all() for i in range(0, len(z), 4096)):
        raise ValueError(f"--z {path}: has numbers that are NaN or infinite, as {floatX}")
    return z


def _write_epochs(args: argparse.Namespace, out: str) -> None:
    """Samples of each model file from the same noise, in the order of their epochs."""
    seen = []
    for path in args.models:
        monitor = getattr(_load(args, path), "monitor", None)
        seen.append((None if monitor is None else monitor.get_epochs_seen(), path))
    captions: list[tuple[str, str]]
    if all(epoch is not None for epoch, _ in seen):
        captions = [(f"epoch {epoch}", path) for epoch, path in sorted(seen)]
    else:
        # Models that were not monitored are shown in the order given.
        captions = [(os.path.basename(path), path) for _, path in seen]
    models = ((caption, _load(args, path)) for caption, path in captions)
    frames = animation.epoch_frames(models, args.rows, args.cols, args.seed, args.scale)
    animation.write(out, frames, args.fps, hold=_HOLD)
    present(out, args.show)


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
