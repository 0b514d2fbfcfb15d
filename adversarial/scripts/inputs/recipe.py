"""A YAML file that trains an adversarial pair on data of the user's own, from what is in the data.

`new_experiment` writes it. Sizes, scale and schedule are adapted from the paper's experiments; each
has a comment that says from which, and why. Images in colour get the convolutional networks of
`yaml/cifar10_convolutional.yaml`; all else the dense ones of `yaml/mnist.yaml`, with sizes in
proportion.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from adversarial.datasets.recognize import Recognized
from adversarial.scripts.inputs.recipe_choices import SAVES, STEPS, Choices, choose
from adversarial.scripts.inputs.recipe_networks import comment, convolutional, dense, wrapped


def write(found: Recognized, folder: str, is_dense: bool = False) -> str:
    """The text of the YAML file, which will be in `folder`; raises as `choose` does."""
    chosen = choose(found, is_dense)
    data = _arguments(found, chosen, folder)
    about = [
        f"Adversarial nets for {_described(found)}.",
        "Written by adversarial.scripts.new_experiment; each choice is yours to change. The paper",
        "is arXiv 1406.2661, its experiments are mnist.yaml and cifar10_convolutional.yaml.",
    ]
    about += [line for note in found.notes for line in wrapped(note)]
    networks = convolutional(found, chosen) if chosen.is_convolutional else dense(found, chosen)
    first = "dh0" if chosen.is_convolutional else "h0"
    rate, why_rate = _learning_rate(chosen)
    keeps_inputs = not chosen.is_convolutional and found.dimension < 50
    return "\n".join(
        [
            *(f"# {line}" for line in about),
            "!obj:adversarial.train.Train {",
            *comment(4, *_why_scale(found, chosen)),
            f"    dataset: &train !obj:{found.cls} {{",
            "        which_set: train,",
            *data,
            "    },",
            *networks,
            "    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {",
            *comment(8, _why_batch(found, chosen)),
            f"        batch_size: {chosen.batch_size},",
            *comment(8, why_rate),
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
            *comment(
                8,
                f"About {STEPS:,} steps, those of mnist.yaml in 50 epochs; --resume goes on, after"
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
            *comment(4, f"Epochs between saves: at most {SAVES} saves, each of a second."),
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


def _arguments(found: Recognized, chosen: Choices, folder: str) -> list[str]:
    """The lines of the data set's arguments."""
    lines = []
    for name, value in found.arguments.items():
        if name == "path":
            text = _as_yaml(_paths(value, folder))
        else:  # a column may be called ${a}, which is no variable
            text = _as_yaml(value).replace("${", "\\u0024{")
        lines.append(f"        {name}: {text},")
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
    found = path
    if os.path.exists(path):  # else it is a name under PYLEARN2_DATA_PATH
        relative = os.path.relpath(path, folder)
        if os.path.realpath(os.path.join(folder, relative)) != os.path.realpath(path):
            # A link is on the way, and .. leads from where the link points to.
            relative = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
        is_inside = relative.split(os.sep)[0] != os.pardir
        if is_inside or not os.path.isabs(path):
            found = "${PYLEARN2_TRAIN_DIR}" + relative.replace(os.sep, "/")
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"{path!r} leads to a file whose path is no UTF-8, so a YAML file cannot name it\n"
            "Give the file, or the folder that it is in, another name."
        ) from None
    return found


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name}: {_as_yaml(item)}" for name, item in value.items())
        return f"{{ {inside} }}"
    text = json.dumps(value, ensure_ascii=False)
    # YAML refuses control characters, and takes others, such as U+2028, for the end of a line.
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


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
    return [*wrapped(scale), split]


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
