"""The two networks of an experiment on own data, as lines of YAML; `recipe` calls this."""

from __future__ import annotations

import math
import textwrap

from adversarial.datasets.recognize import Recognized
from adversarial.scripts.inputs.recipe_choices import TRAIN_SHARE, Choices


def wrapped(text: str) -> list[str]:
    """`text` in lines that have room behind the indentation of a comment."""
    return textwrap.wrap(text, 80)


def comment(indent: int, *lines: str) -> list[str]:
    """Lines of a comment."""
    return [f"{' ' * indent}# {line}" for line in lines]


def _irange(base: float, paper: int, inputs: int) -> str:
    """The paper's range of initial weights, with the same variance of a unit's input."""
    value = min(0.5, base * math.sqrt(paper / inputs))
    return f"{value:.2g}".lstrip("0")


def dense(found: Recognized, chosen: Choices) -> list[str]:
    """The pair of `yaml/mnist.yaml`, with sizes in proportion."""
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
        *comment(12, *wrapped(why_noise)),
        f"            noise: {noise},",
        "            # gen_ll, a quick estimate of the log-likelihood, as in mnist.yaml.",
        "            monitor_ll: 1,",
        *comment(12, size, *less),
        "            mlp: !obj:adversarial.models.mlp.MLP {",
        f"                nvis: {nvis},",
        "                layers: [",
        *_hidden("RectifiedLinear", "h0", width, spread),
        *_hidden("RectifiedLinear", "h1", width, spread),
        *last,
        "                ]",
        "            }",
        "        },",
        *comment(8, *_why_units(found, units)),
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
    few = found.count * TRAIN_SHARE < 5000
    return wrapped(
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


def convolutional(found: Recognized, chosen: Choices) -> list[str]:
    """The pair of `yaml/cifar10_convolutional.yaml`, for images of another size."""
    assert found.image is not None
    rows, columns, channels = found.image
    (kernel_rows, n_rows), (kernel_columns, n_columns) = _fitted(rows), _fitted(columns)
    is_large = found.count * TRAIN_SHARE >= 20_000
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
        *comment(12, sizes),
        "            mlp: !obj:adversarial.models.mlp.MLP {",
        "                nvis: 100,",
        "                layers: [",
        *_hidden("RectifiedLinear", "gh0", width, ".05"),
        *_hidden("Sigmoid", "h1", width, ".05"),
        *comment(
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
