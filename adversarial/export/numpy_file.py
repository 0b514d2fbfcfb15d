"""Programs as a Python module that needs NumPy only, and a file of weights (.npz) beside it.

The module is meant to be read: one line for each operation, layer by layer. The functions of
`operators` that it uses are copied into it.
"""

from __future__ import annotations

import builtins
import hashlib
import inspect
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adversarial.export import operators
from adversarial.export.program import Input, Node, Program

_INFIX = {"Add": "+", "Sub": "-", "Mul": "*", "MatMul": "@"}
# Names that results cannot have, since the module's code uses them.
_TAKEN = {"np", "sys", "Array", "Path", "Sequence", "Any", "WEIGHTS", "IMAGE_SHAPE", "RANGE"}
_TAKEN |= {function.__name__ for function in operators.FUNCTIONS.values()} | set(dir(builtins))
# Constants of at most this many numbers are printed in the module; others are in the .npz file.
_PRINTED = 4

_HEADER = '''"""{title}, as Python code that needs NumPy only.

{functions}

The weights are in the file {weights} beside this one.{usage}

It was made of {source} by adversarial-nets {version}.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
WEIGHTS = dict(np.load(Path(__file__).with_suffix(".npz")))
if str(WEIGHTS.pop("digest", "")) != "{digest}":
    raise ImportError("{weights} does not hold the weights of this module: export the model again")
'''


_USAGE = """ Run as a program, it draws samples:

    python {module} 100 samples.npy"""


def to_module(
    programs: Sequence[Program], module: str, weights: str, source: str, version: str
) -> tuple[str, bytes]:
    """The text of a module that computes `programs`, and the content of its file of weights.

    Parameters
    ----------
    programs : list of Program
    module, weights : str
        The names of the two files, which have one stem.
    source, version : str
        What the module's docstring says about its origin.
    """
    arrays: dict[str, np.ndarray] = {}
    texts = []
    used: set[str] = set()
    for program in programs:
        texts.append(_function(program, arrays))
        used |= {node.op for node in program.nodes}
    main = _main(programs)
    arrays["digest"] = np.array(_digest(arrays))
    header = _HEADER.format(
        digest=arrays["digest"],
        title=" and ".join(program.name for program in programs).capitalize(),
        functions="\n".join(_says(program) for program in programs),
        weights=_plain(weights),
        usage=_USAGE.format(module=_plain(module)) if main else "",
        source=_plain(source),
        version=version,
    )
    parts = [header, _constants(programs), *_copied(used), *_draws(programs), *texts, main]
    content = io.BytesIO()
    np.savez(content, **arrays)
    return "\n\n".join(part.strip("\n") + "\n" for part in parts if part), content.getvalue()


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Tells weights from others: a module refuses weights that were not written with it."""
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return found.hexdigest()


def _plain(text: str) -> str:
    """`text`, which may be from a model file, without characters that could end a comment."""
    return re.sub(r"[^\w .,:()-]", "?", text, flags=re.ASCII)[:100]


def _local(name: str) -> str:
    """The variable of the module that holds the result `name`."""
    return f"{name}_" if name in _TAKEN else name


def _signature(program: Program) -> str:
    return f"{program.name}({', '.join(_local(declared.name) for declared in program.inputs)})"


def _says(program: Program) -> str:
    image = program.metadata.get("image")
    lines = [f"{_signature(program)} -> {', '.join(value.name for value in program.outputs)}"]
    for value in [*program.inputs, *program.outputs]:
        meaning = f": {_plain(value.meaning)}" if isinstance(value, Input) and value.meaning else ""
        lines.append(f"    {value.name}, shape ({', '.join(map(str, value.shape))}){meaning}")
    if image:
        lines.append(
            "    a row holds one channel after the other: reshape it to "
            f"({image['channels']}, {image['rows']}, {image['cols']})"
        )
    return "\n".join(lines)


def _constants(programs: Sequence[Program]) -> str:
    image = programs[0].metadata.get("image")
    found = programs[0].metadata.get("range")
    shape = tuple(image[key] for key in ("rows", "cols", "channels")) if image else None
    return (
        f"IMAGE_SHAPE = {shape}  # rows, columns, channels\n"
        f"RANGE = {found}  # the least and the greatest value of an output; None if open"
    )


def _copied(used: set[str]) -> list[str]:
    """The source of the functions that the operators in `used` are."""
    functions: list[Any] = [
        operators.FUNCTIONS[op] for op in sorted(used & set(operators.FUNCTIONS))
    ]
    if used & {"Conv", "MaxPool", "AveragePool"}:
        functions.insert(0, operators.windows)
    return [inspect.getsource(function) for function in functions]


def _draws(programs: Sequence[Program]) -> list[str]:
    """A function for each input that is noise, which draws it."""
    found: dict[str, str] = {}
    for program in programs:
        for declared in program.inputs:
            if declared.noise is not None:
                name, body = f"draw_{declared.name}", _draw_body(declared)
                # Layers of both players may have one name, but draw different noise.
                while found.get(name, body) != body:
                    name = f"{name}_{program.name}"
                found[name] = body
    return [
        f"def {name}(batch: int, rng: np.random.Generator) -> Array:\n{body}"
        for name, body in found.items()
    ]


def _draw_body(declared: Input) -> str:
    noise = declared.noise or {}
    shape = ", ".join(
        length if isinstance(length, str) else str(length) for length in declared.shape
    )
    kind = noise["distribution"]
    if kind == "uniform":
        drawn = f"rng.uniform({noise['low']!r}, {noise['high']!r}, ({shape}))"
    elif kind == "binomial":
        drawn = f"rng.random(({shape})) < {noise['p']!r}"
    else:
        drawn = f"rng.normal({noise.get('mean', 0.0)!r}, {noise.get('std', 1.0)!r}, ({shape}))"
    lines = [
        f'    """{_plain(declared.meaning).capitalize()} for `batch` samples: {kind}."""',
        f"    drawn = {drawn}",
    ]
    if kind == "spherical":
        lines.append("    drawn /= np.sqrt((drawn**2).sum(axis=1, keepdims=True))")
    lines.append(f'    return np.asarray(drawn, "{declared.dtype}")')
    return "\n".join(lines)


def _function(program: Program, arrays: dict[str, np.ndarray]) -> str:
    arguments = ", ".join(f"{_local(declared.name)}: Array" for declared in program.inputs)
    returned = ", ".join(_local(value.name) for value in program.outputs)
    kind = "Array" if len(program.outputs) == 1 else "tuple[Array, ...]"
    lines = [
        '@np.errstate(all="ignore")',
        f"def {program.name}({arguments}) -> {kind}:",
        f'    """{_says(program).splitlines()[0].partition(" -> ")[2].capitalize()}: see above."""',
    ]
    for declared in program.inputs:
        name = _local(declared.name)
        lines.append(f'    {name} = np.asarray({name}, "{declared.dtype}")')
    names = {name: _constant(program, name, arrays) for name in program.constants}
    layer = ""
    for node in program.nodes:
        if node.layer != layer:
            layer = node.layer
            lines.append(f"    # layer {_plain(layer)}" if layer else "    # the output")
        lines.append(f"    {_local(node.output)} = {_expression(node, names)}")
    lines.append(f"    return {returned}")
    return "\n".join(lines)


def _constant(program: Program, name: str, arrays: dict[str, np.ndarray]) -> str:
    """The expression for a constant; `arrays` gets those that are not printed."""
    array = program.constants[name]
    if name not in program.parameters and array.size <= _PRINTED and np.isfinite(array).all():
        if array.ndim == 0:
            return (
                f"np.{array.dtype.name}({array.item()!r})"
                if array.dtype != bool
                else repr(array.item())
            )
        return f'np.array({array.tolist()!r}, "{array.dtype.name}")'
    key = f"{program.name}.{name}"
    arrays[key] = array
    return f'WEIGHTS["{key}"]'


def _expression(node: Node, constants: dict[str, str]) -> str:
    inputs = [constants.get(name, _local(name)) for name in node.inputs]
    if node.op in _INFIX:
        return f" {_INFIX[node.op]} ".join(inputs)
    attributes = [f"{key}={value!r}" for key, value in node.attributes.items()]
    if node.op in operators.UFUNCS:
        function = f"np.{operators.UFUNCS[node.op]}"
    else:
        function = operators.FUNCTIONS[node.op].__name__
    return f"{function}({', '.join([*inputs, *attributes])})"


def _main(programs: Sequence[Program]) -> str:
    """Draws samples, if all inputs of G are noise."""
    program = programs[0]
    if program.name != "generator" or any(declared.noise is None for declared in program.inputs):
        return ""
    draws = ", ".join(f"draw_{declared.name}(count, rng)" for declared in program.inputs)
    return "\n".join(
        [
            'if __name__ == "__main__":',
            "    count, rng = int(sys.argv[1]), np.random.default_rng(0)",
            f"    np.save(sys.argv[2], generator({draws}))",
        ]
    )
