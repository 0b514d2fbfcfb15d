"""A YAML file that trains an adversarial pair on data of the user's own, from what is in the data.

`new_experiment` writes it. Sizes, scale and schedule are adapted from the paper's experiments; each
has a comment that says from which, and why. Images in colour get the convolutional networks of
`yaml/cifar10_convolutional.yaml`; all else the dense ones of `yaml/mnist.yaml`, with sizes in
proportion.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import textwrap
from collections.abc import Mapping
from typing import Any, Optional

from adversarial.datasets.recognize import Recognized

# Fewer examples teach nothing: with a tenth for validation, a few minibatches of ten.
FEWEST = 100
# More numbers in an example make dense layers of gigabytes.
MOST_NUMBERS = 100_000
# Sides of images for which the convolutional recipe has been tried.
SIDES = range(16, 65)
# Steps of the whole training: those of mnist.yaml in 50 epochs, after which its samples are digits.
_STEPS = 25_000
_SAVES = 250
_TRAIN_SHARE = 0.8


@dataclasses.dataclass(frozen=True)
class Choices:
    """What the experiment is made of; `reasons` has a comment for each.

    Attributes
    ----------
    scale : str
        The argument of the data set, as YAML.
    output : str
        The class of G's last layer.
    batch_size, epochs, save_freq : int
    generator, discriminator : int
        Units of each hidden layer; of D, maxout units of five pieces.
    is_convolutional : bool
    """

    scale: str
    output: str
    batch_size: int
    epochs: int
    save_freq: int
    generator: int
    discriminator: int
    is_convolutional: bool


def choose(found: Recognized, dense: bool = False) -> Choices:
    """What fits the data; `dense` asks for dense networks for images in colour, too.

    Raises
    ------
    ValueError
        If the data is too small, too large, or all the same.
    """
    where = found.arguments["path"]
    where = where["train"] if isinstance(where, Mapping) else where
    if found.count < FEWEST:
        raise ValueError(
            f"{where} has {found.count} examples: too few to train on, at least {FEWEST} are needed"
        )
    if found.dimension > MOST_NUMBERS:
        advice = "\nResize the images: --size 32 32" if found.image else ""
        raise ValueError(
            f"{where} has {found.dimension:,} numbers in an example: more than {MOST_NUMBERS:,}, "
            f"for which dense layers are too large{advice}"
        )
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        raise ValueError(f"{where} has numbers that are not finite: NaN or infinity")
    if not found.low < found.high:
        raise ValueError(
            f"{where} has only equal numbers, {found.low:g}: there is nothing to learn"
        )
    train = int(found.count * _TRAIN_SHARE)
    is_convolutional = (
        not dense
        and found.image is not None
        and found.image[2] == 3
        and all(side in SIDES for side in found.image[:2])
    )
    limits = ((5000, 100), (2000, 50), (500, 25), (0, 10))
    batch_size = next(size for least, size in limits if train >= least)
    epochs = min(1000, max(30, round(_STEPS * batch_size / train)))
    scale, output = _scale_and_output(found, is_convolutional)
    # 240 units for the 784 pixels of MNIST; half of them for few examples, which D would remember.
    units = min(240, max(60, 10 * round(found.dimension * 240 / 784 / 10)))
    if train < 5000:
        units = max(40, units // 20 * 10)
    return Choices(
        scale=scale,
        output=output,
        batch_size=batch_size,
        epochs=epochs,
        save_freq=max(1, math.ceil(epochs / _SAVES)),
        generator=5 * units,
        discriminator=units,
        is_convolutional=is_convolutional,
    )


def _scale_and_output(found: Recognized, is_convolutional: bool) -> tuple[str, str]:
    if is_convolutional:
        return "standardize", "Linear"
    is_of_bytes = found.dtype in ("bool", "uint8", "uint16") or "data_range" in found.arguments
    if is_of_bytes or (found.low >= 0 and found.high <= 1) or found.image is not None:
        is_signed = -1 <= found.low < 0 and found.high <= 1
        return ("[-1, 1]", "Tanh") if is_signed else ("[0, 1]", "Sigmoid")
    return "standardize", "Linear"


def write(found: Recognized, folder: str, dense: bool = False) -> str:
    """The text of the YAML file, which will be in `folder`; raises as `choose` does."""
    chosen = choose(found, dense)
    data = _arguments(found, chosen, folder)
    about = [
        f"Adversarial nets for {_described(found)}.",
        "Written by adversarial.scripts.new_experiment; each choice is yours to change. The paper",
        "is arXiv 1406.2661, its experiments are mnist.yaml and cifar10_convolutional.yaml.",
    ]
    about += [line for note in found.notes for line in _wrapped(note)]
    networks = _convolutional(found, chosen) if chosen.is_convolutional else _dense(found, chosen)
    first = "dh0" if chosen.is_convolutional else "h0"
    rate, why_rate = _learning_rate(chosen)
    keeps_inputs = not chosen.is_convolutional and found.dimension < 50
    return "\n".join(
        [
            *(f"# {line}" for line in about),
            "!obj:adversarial.train.Train {",
            *_comment(4, *_why_scale(found, chosen)),
            f"    dataset: &train !obj:{found.cls} {{",
            "        which_set: train,",
            *data,
            "    },",
            *networks,
            "    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {",
            *_comment(8, _why_batch(found, chosen)),
            f"        batch_size: {chosen.batch_size},",
            *_comment(8, why_rate),
            f"        learning_rate: {rate},",
            "        # Momentum 0.5, later 0.7, as in the paper's experiments.",
            "        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {",
            "            init_momentum: .5",
            "        },",
            "        # Examples that are not trained on; the table of epochs shows them.",
            "        monitoring_dataset: {",
            f"            valid: !obj:{found.cls} {{",
            "                which_set: valid,",
            *("        " + line for line in data),
            "            }",
            "        },",
            *_dropout(first, keeps_inputs),
            *_comment(
                8,
                f"About {_STEPS:,} steps, those of mnist.yaml in 50 epochs; --resume goes on, after"
                if 30 < chosen.epochs < 1000
                else "Enough for a first look (mnist.yaml: 250); --resume goes on, after",
                "--set algorithm.termination_criterion.max_epochs=NUMBER.",
            ),
            "        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {",
            f"            max_epochs: {chosen.epochs}",
            "        },",
            "        # The learning rate falls to a tenth in 576,000 steps, as in the paper.",
            "        update_callbacks: "
            "!obj:adversarial.training_algorithms.schedules.ExponentialDecay {",
            "            decay_factor: 1.000004,",
            "            min_lr: .000001",
            "        }",
            "    },",
            "    extensions: [",
            "        # As in the paper, where it takes 250 epochs.",
            "        !obj:adversarial.train_extensions.momentum.MomentumAdjustor {",
            "            start: 1,",
            f"            saturate: {max(2, min(250, chosen.epochs))},",
            "            final_momentum: .7",
            "        }",
            "    ],",
            "    # The model; the table of channels and a picture of samples are beside it.",
            '    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",',
            *_comment(4, f"Epochs between saves: at most {_SAVES} saves, each of a second."),
            f"    save_freq: {chosen.save_freq}",
            "}",
            "",
        ]
    )


def _described(found: Recognized) -> str:
    kind = "examples"
    if found.image is not None:
        rows, columns, channels = found.image
        colour = {1: "grey images", 3: "images in colour"}.get(channels, "images")
        kind = f"{colour} of {rows} x {columns}"
    classes = "" if found.class_names is None else f" of {len(found.class_names)} classes"
    what = kind if found.image is not None else f"examples of {found.dimension} numbers"
    return f"{found.count:,} {what}{classes}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 80)


def _comment(indent: int, *lines: str) -> list[str]:
    return [f"{' ' * indent}# {line}" for line in lines]


def _arguments(found: Recognized, chosen: Choices, folder: str) -> list[str]:
    """The lines of the data set's arguments."""
    lines = []
    for name, value in found.arguments.items():
        if name == "path":
            value = _paths(value, folder)
        lines.append(f"        {name}: {_as_yaml(value)},")
    own = found.own_parts
    rest = {"train": 0.8, "valid": 0.1, "test": 0.1}
    if own:
        rest = {part: share for part, share in rest.items() if part not in own}
        rest["train"] = round(1 - sum(s for part, s in rest.items() if part != "train"), 2)
    if len(rest) > 1:
        lines.append(f"        split: {_as_yaml(rest)},")
    lines.append(f"        scale: {chosen.scale}")
    return lines


def _paths(value: Any, folder: str) -> Any:
    """Paths as the YAML file in `folder` finds them, from wherever it is started."""
    if isinstance(value, Mapping):
        return {part: _paths(path, folder) for part, path in value.items()}
    path = os.fspath(value)
    if "${" in path:
        raise ValueError(f"{path} has ${{ in its name, which a YAML file takes for a variable")
    if not os.path.exists(path):  # a name under PYLEARN2_DATA_PATH
        return path
    relative = os.path.relpath(path, folder)
    if os.path.isabs(path) and relative.startswith(os.pardir):
        return path
    return "${PYLEARN2_TRAIN_DIR}" + relative.replace(os.sep, "/")


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name}: {_as_yaml(item)}" for name, item in value.items())
        return f"{{ {inside} }}"
    return json.dumps(value, ensure_ascii=False)


def _why_scale(found: Recognized, chosen: Choices) -> list[str]:
    scale = {
        "Sigmoid": "Scaled to [0, 1], so G ends in sigmoid units, as in mnist.yaml.",
        "Tanh": "Scaled to [-1, 1], so G ends in tanh units.",
        "Linear": "Mean 0 and variance 1, as cifar10_convolutional.yaml's contrast normalization, "
        "so G ends in linear units."
        if found.image is not None
        else "Each column has mean 0 and variance 1, so G ends in linear units.",
    }[chosen.output]
    parts = [part for part in ("train", "valid", "test") if part not in found.own_parts]
    split = (
        "The parts have files of their own."
        if len(parts) == 1
        else "The validation part is a tenth, taken at random; so is the test part."
        if not found.own_parts
        else f"The {' and '.join(found.own_parts)} part has its own files."
    )
    return [*_wrapped(scale), split]


def _why_batch(found: Recognized, chosen: Choices) -> str:
    if chosen.batch_size == 100:
        return "As in mnist.yaml."
    return "Smaller than the 100 of mnist.yaml, so that an epoch of few examples has enough steps."


def _learning_rate(chosen: Choices) -> tuple[str, str]:
    if chosen.is_convolutional:
        return ".004", "That of cifar10_convolutional.yaml."
    if chosen.output == "Linear":
        return ".025", "That of cifar10_fully_connected.yaml, whose G also ends in linear units."
    return ".1", "That of mnist.yaml."


def _dropout(first: str, keeps_inputs: bool) -> list[str]:
    start = "        cost: !obj:adversarial.AdversaryCost2 {"
    common = ["            scale_grads: 0,"]
    if keeps_inputs:
        return [
            "        # Dropout in D as in mnist.yaml, but the few numbers of examples are kept.",
            start,
            *common,
            "            discriminator_default_input_include_prob: .8,",
            f"            discriminator_input_include_probs: {{ {first}: 1. }},",
            "            discriminator_default_input_scale: 1.25,",
            f"            discriminator_input_scales: {{ {first}: 1. }}",
            "        },",
        ]
    return [
        "        # Dropout in D as in the paper's experiments: inputs of layers are kept with",
        "        # probability 0.5 (examples: 0.8), and scaled up.",
        start,
        *common,
        "            discriminator_default_input_include_prob: .5,",
        f"            discriminator_input_include_probs: {{ {first}: .8 }},",
        "            discriminator_default_input_scale: 2.,",
        f"            discriminator_input_scales: {{ {first}: 1.25 }}",
        "        },",
    ]


def _irange(base: float, paper: int, inputs: int) -> str:
    """The paper's range of initial weights, with the same variance of a unit's input."""
    value = min(0.5, base * math.sqrt(paper / inputs))
    return f"{value:.2g}".lstrip("0")


def _dense(found: Recognized, chosen: Choices) -> list[str]:
    width, units = chosen.generator, chosen.discriminator
    noise = "uniform" if chosen.output == "Sigmoid" else "gaussian"
    of_paper = width == 1200
    size = (
        "Two hidden layers of 1200 rectified linear units, as in mnist.yaml."
        if of_paper
        else "Two hidden layers as in mnist.yaml, five times as wide as D's, as there."
    )
    less = [] if of_paper else ["Initial weights are larger, as narrower layers need."]
    spread = _irange(0.05, 1200, width)
    last = [
        "                    !obj:adversarial.models.mlp." + chosen.output + " {",
        "                        layer_name: y,",
        f"                        dim: {found.dimension},",
        f"                        irange: {spread if chosen.output == 'Sigmoid' else '.1'}",
        "                    }",
    ]
    if chosen.output == "Sigmoid":
        last[3] += ","
        name = "adversarial.models.initialization.init_sigmoid_bias_from_marginals"
        last[4:4] = [
            "                        # Initial samples are the mean training example.",
            f"                        init_bias: !obj:{name} {{",
            "                            dataset: *train",
            "                        }",
        ]
    nvis = min(100, max(10, 2 * found.dimension)) if found.dimension < 50 else 100
    why_noise = (
        "Uniform noise of 100 dimensions, as in mnist.yaml."
        if (noise, nvis) == ("uniform", 100)
        else f"{noise.capitalize()} noise"
        + (", as in cifar10_fully_connected.yaml" if noise == "gaussian" else ", as in mnist.yaml")
        + (f"; {nvis} dimensions for examples of {found.dimension}." if nvis < 100 else ".")
    )
    return [
        "    model: !obj:adversarial.AdversaryPair {",
        "        generator: !obj:adversarial.Generator {",
        *_comment(12, *_wrapped(why_noise)),
        f"            noise: {noise},",
        "            # gen_ll, a quick estimate of the log-likelihood, as in mnist.yaml.",
        "            monitor_ll: 1,",
        *_comment(12, size, *less),
        "            mlp: !obj:adversarial.models.mlp.MLP {",
        f"                nvis: {nvis},",
        "                layers: [",
        *_hidden("RectifiedLinear", "h0", width, spread),
        *_hidden("RectifiedLinear", "h1", width, spread),
        *last,
        "                ]",
        "            }",
        "        },",
        *_comment(8, *_why_units(found, units)),
        "        discriminator: !obj:adversarial.models.mlp.MLP {",
        f"            nvis: {found.dimension},",
        "            layers: [",
        *_maxout("h0", units, _irange(0.005, 784, found.dimension)),
        *_maxout("h1", units, _irange(0.005, 240, units)),
        *_decision(_irange(0.005, 240, units)),
        "            ]",
        "        }",
        "    },",
    ]


def _why_units(found: Recognized, units: int) -> list[str]:
    if units == 240:
        return ["Two layers of 240 maxout units with 5 pieces, as in mnist.yaml."]
    few = found.count * _TRAIN_SHARE < 5000
    return _wrapped(
        f"Maxout units with 5 pieces, as the 240 of mnist.yaml; {units} for "
        + ("few examples, which more would remember." if few else "smaller examples.")
    )


def _hidden(kind: str, name: str, dim: int, irange: str) -> list[str]:
    return [
        f"                    !obj:adversarial.models.mlp.{kind} {{",
        f"                        layer_name: {name},",
        f"                        dim: {dim},",
        f"                        irange: {irange}",
        "                    },",
    ]


def _maxout(name: str, units: int, irange: str) -> list[str]:
    return [
        "                !obj:adversarial.models.maxout.Maxout {",
        f"                    layer_name: {name},",
        f"                    num_units: {units},",
        "                    num_pieces: 5,",
        f"                    irange: {irange}",
        "                },",
    ]


def _decision(irange: str) -> list[str]:
    return [
        "                !obj:adversarial.models.mlp.Sigmoid {",
        "                    layer_name: y,",
        "                    dim: 1,",
        f"                    irange: {irange}",
        "                }",
    ]


def _fitted(side: int) -> tuple[int, int]:
    """(kernel, images) so that a transposed convolution of stride 3 gives `side` pixels."""
    kernel = {0: 6, 1: 4, 2: 5}[side % 3]
    return kernel, (side - kernel) // 3 + 1


def _convolutional(found: Recognized, chosen: Choices) -> list[str]:
    assert found.image is not None
    rows, columns, channels = found.image
    (kernel_rows, n_rows), (kernel_columns, n_columns) = _fitted(rows), _fitted(columns)
    is_large = found.count * _TRAIN_SHARE >= 20_000
    maps = 80 if is_large else 40
    width = maps * n_rows * n_columns
    sizes = (
        "Sizes of cifar10_convolutional.yaml."
        if is_large
        else "Half as wide as in cifar10_convolutional.yaml, for fewer examples."
    )
    out = [
        "    model: !obj:adversarial.AdversaryPair {",
        "        generator: !obj:adversarial.Generator {",
        "            # Gaussian noise of 100 dimensions, as in cifar10_convolutional.yaml.",
        "            noise: gaussian,",
        "            # The channel gen_ll: a quick estimate of the log-likelihood. With",
        "            # variance 1, windows of 0.2 are too narrow for images.",
        "            monitor_ll: 1,",
        "            ll_sigma: .5,",
        *_comment(12, sizes),
        "            mlp: !obj:adversarial.models.mlp.MLP {",
        "                nvis: 100,",
        "                layers: [",
        *_hidden("RectifiedLinear", "gh0", width, ".05"),
        *_hidden("Sigmoid", "h1", width, ".05"),
        *_comment(
            20,
            f"{width} values as {maps} images of {n_rows} x {n_columns}, from which {rows} x "
            f"{columns} pixels are made:",
            f"({n_rows} - 1) * 3 + {kernel_rows} = {rows}, "
            f"({n_columns} - 1) * 3 + {kernel_columns} = {columns}.",
        ),
        "                    !obj:adversarial.models.mlp.SpaceConverter {",
        "                        layer_name: converter,",
        "                        output_space: !obj:adversarial.space.Conv2DSpace {",
        f"                            shape: [{n_rows}, {n_columns}],",
        f"                            num_channels: {maps},",
        "                            axes: [c, 0, 1, b]",
        "                        }",
        "                    },",
        "                    !obj:adversarial.models.deconv.Deconv {",
        "                        layer_name: y,",
        f"                        num_channels: {channels},",
        f"                        kernel_shape: [{kernel_rows}, {kernel_columns}],",
        "                        output_stride: [3, 3],",
        "                        pad_out: 0,",
        "                        tied_b: 0,",
        "                        irange: .05",
        "                    }",
        "                ]",
        "            }",
        "        },",
        "        # Three convolutional maxout layers and a dense one, as in",
        "        # cifar10_convolutional.yaml.",
        "        discriminator: !obj:adversarial.models.mlp.MLP {",
        "            input_space: !obj:adversarial.space.Conv2DSpace {",
        f"                shape: [{rows}, {columns}],",
        f"                num_channels: {channels},",
        "                axes: [c, 0, 1, b]",
        "            },",
        "            layers: [",
    ]
    for name, maps_out, kernel, pad, pool in (
        ("dh0", 32, 8, 4, 4),
        ("h1", 32, 8, 3, 4),
        ("h2", 192 if is_large else 96, 5, 3, 2),
    ):
        out += [
            "                !obj:adversarial.models.maxout_conv.MaxoutConvC01B {",
            f"                    layer_name: {name},",
            f"                    num_channels: {maps_out},",
            "                    num_pieces: 2,",
            f"                    kernel_shape: [{kernel}, {kernel}],",
            f"                    pad: {pad},",
            f"                    pool_shape: [{pool}, {pool}],",
            "                    pool_stride: [2, 2],",
            "                    tied_b: 1,",
            "                    irange: .005",
            "                },",
        ]
    return [
        *out,
        *_maxout("h3", 500 if is_large else 250, ".005"),
        *_decision(".005"),
        "            ]",
        "        }",
        "    },",
    ]


def shape_of_size(found: Recognized, size: Optional[list[int]]) -> Recognized:
    """`found` with images resized to `size` (rows, columns)."""
    if size is None:
        return found
    if found.image is None or "ImageFolder" not in found.cls:
        raise ValueError("--size is for folders of images")
    rows, columns = size
    return dataclasses.replace(
        found,
        arguments={**found.arguments, "size": [rows, columns]},
        image=(rows, columns, found.image[2]),
        dimension=rows * columns * found.image[2],
        notes=(),
    )
