"""Write a trained model as a file for other tools.

    python -m adversarial.scripts.export mnist.pkl                   # weights for PyTorch
    python -m adversarial.scripts.export mnist.pkl --format onnx     # a file for each player
    python -m adversarial.scripts.export mnist.pkl --format numpy    # a module, and its weights
    python -m adversarial.scripts.export mnist.pkl --format float16  # a smaller model file

What computes (ONNX, NumPy) is compared with the model before any file is replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import adversarial
from adversarial import modelfile
from adversarial.evaluation.sampling import NoGenerator
from adversarial.export import Program, Untranslatable, discriminator_program, generator_program
from adversarial.export.check import Runner, difference, example_inputs
from adversarial.files.atomic_write import atomic_write
from adversarial.scripts import cli

# The ends of the names of the files of each format.
ENDINGS = {
    "safetensors": (".safetensors",),
    "onnx": ("_generator.onnx", "_discriminator.onnx"),
    "numpy": ("_numpy.py", "_numpy.npz"),
    "float16": ("_float16.pkl",),
}
# float32 differs by less between runtimes; a mistake in a translation differs by far more.
TOLERANCE = 1e-4


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Write a trained model as a file for other tools.",
        epilog="docs/EXPORT.md shows how to use each of them.",
    )
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add(
        "--format",
        choices=list(ENDINGS),
        default="safetensors",
        help="safetensors: weights, by the names of PyTorch; onnx: G and D as two models; numpy: "
        "both as a Python module that needs NumPy only, and its weights; float16: a model file "
        "of half the size (safetensors)",
    )
    add(
        "--out",
        metavar="STEM",
        help="what the files' names begin with, and their folder (that of the model, without .pkl)",
    )
    cli.add_overwrite(parser)
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    paths = _paths(args)
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    if args.format == "float16":
        with cli.blaming(args.model):
            _write_float16(model, paths[0], args.allow_module)
        return
    with cli.blaming(args.model):
        programs = [generator_program(model)]
        if getattr(model, "discriminator", None) is not None:
            programs.append(discriminator_program(model))
        if args.format == "safetensors":
            _write_safetensors(programs, paths[0])
        elif args.format == "onnx":
            _write_onnx(programs, paths)
        else:
            _write_numpy(programs, paths, os.path.basename(args.model))


def _paths(args: argparse.Namespace) -> list[str]:
    """The files to write, checked before anything is computed."""
    if args.out is not None and not os.path.basename(args.out):
        raise ValueError(f"--out {args.out}: names no file: give what the files' names begin with")
    ending = os.path.splitext(args.out or "")[1].lower()
    formats = [
        name for name, its in ENDINGS.items() if ending and any(e.endswith(ending) for e in its)
    ]
    if formats and args.format not in formats:
        raise ValueError(
            f"--out {args.out}: {ending} is the ending of another format: add --format "
            f"{formats[0]}, or leave {ending} out"
        )
    stem = args.out or os.path.splitext(args.model)[0]
    if args.format == "numpy" and not args.out:
        # A name that `import` takes.
        folder, name = os.path.split(stem)
        stem = os.path.join(folder, re.sub(r"\W", "_", name, flags=re.ASCII))
    endings = ENDINGS[args.format]
    if ending in {os.path.splitext("x" + each)[1] for each in endings}:
        # Who names the whole file gets this file; of several files, it is how their names begin.
        if len(endings) == 1:
            endings = ("",)
        else:
            stem = os.path.splitext(args.out)[0]
    return [cli.output_path(stem + ending, args.model, "", args.overwrite) for ending in endings]


def _write(files: Mapping[str, bytes]) -> None:
    """Write files that belong together: none is replaced before all are complete on the disk."""
    with contextlib.ExitStack() as stack:
        for path, content in files.items():
            stream = stack.enter_context(atomic_write(path))
            stream.write(content)
            # A full disk may be reported as late as here.
            stream.flush()
            os.fsync(stream.fileno())
    for path, content in files.items():
        print(f"wrote {path} ({len(content) / 1e6:.1f} MB)")


def _report(what: str, found: float) -> None:
    print(f"checked: {what} differs from the model by at most {found:.1e}")
    if not found <= TOLERANCE:
        raise ValueError(
            f"{what} differs from the model by {found:.1e}, so nothing is written: a translation "
            "of this package must be wrong, unless a layer of yours depends on the batch size"
        )


def _write_safetensors(programs: Sequence[Program], path: str) -> None:
    from adversarial.export import safetensors_file

    _write({path: safetensors_file.to_bytes(programs)})
    for name, array in safetensors_file.tensors_of(programs).items():
        print(f"    {name}  {'x'.join(map(str, array.shape))}")


def _write_onnx(programs: Sequence[Program], paths: Sequence[str]) -> None:
    from adversarial.export.onnx_file import to_onnx

    files = {}
    for program, path in zip(programs, paths):
        files[path] = content = to_onnx(program).SerializeToString()
        try:
            import onnxruntime
        except ImportError:
            print("not checked: that needs onnxruntime (pip install onnxruntime)")
            continue
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        names = [output.name for output in program.outputs]

        def run(inputs: Any, session: Any = session, names: list[str] = names) -> dict[str, Any]:
            return dict(zip(names, session.run(names, dict(inputs))))

        _report(f"{program.name} by onnxruntime", difference(program, run))
    _write(files)


def _write_numpy(programs: Sequence[Program], paths: Sequence[str], source: str) -> None:
    from adversarial.export.numpy_file import to_module

    module, weights = (os.path.basename(path) for path in paths)
    text, content = to_module(programs, module, weights, source, adversarial.__version__)
    with tempfile.TemporaryDirectory() as folder:
        # The module reads the weights beside it.
        Path(folder, weights).write_bytes(content)
        made: dict[str, Any] = {"__file__": os.path.join(folder, module), "__name__": "exported"}
        exec(compile(text, paths[0], "exec"), made)  # noqa: S102  the text that was made above
    for program in programs:
        _report(f"{program.name} by NumPy", difference(program, _runner(program, made)))
    _write({paths[1]: content, paths[0]: text.encode("utf-8")})


def _runner(program: Program, made: dict[str, Any]) -> Runner:
    def run(inputs: Any) -> dict[str, np.ndarray]:
        found = made[program.name](*inputs.values())
        found = found if isinstance(found, tuple) else (found,)
        return {output.name: array for output, array in zip(program.outputs, found)}

    return run


def _write_float16(model: Any, path: str, allow_modules: Collection[str]) -> None:
    modelfile.save(path, model, half=True)
    print(f"wrote {path} ({os.path.getsize(path) / 1e6:.1f} MB)")
    changed = max(
        (
            float(np.abs(value - value.astype("float16").astype(value.dtype)).max(initial=0))
            for value in (param.get_value() for param in model.get_params())
        ),
        default=0.0,
    )
    print(f"rounding changed parameters by at most {changed:.1e}")
    # A classifier has no samples.
    with contextlib.suppress(NoGenerator, Untranslatable):
        before = generator_program(model)
        after = generator_program(modelfile.load(path, allow_modules=allow_modules))
        inputs = example_inputs(before, 100)
        gaps = [
            float(np.abs(a - b).max())
            for a, b in zip(before.run(inputs).values(), after.run(inputs).values())
        ]
        print(f"rounding changed 100 samples by at most {max(gaps):.1e}")


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
