"""This project's step on the C engine, driven by its own training loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.experiments import ROOT, Experiment, scale_units
from benchmarks.interleaved import StepTimer, Unavailable


def run(
    experiment: Experiment, data: str, cpus: int, gpu_bytes: Callable[[], int] = lambda: 0
) -> None:
    """Train for ever. An update callback measures, after each minibatch."""
    train = load(experiment)
    train.setup()
    begin_trained(train, experiment)
    from importlib.metadata import version

    from adversarial import backend

    # Reading a parameter waits until all started steps are done.
    smallest = min(train.model.get_params(), key=lambda p: p.get_value(borrow=True).size)
    timer = StepTimer(
        smallest.get_value, gpu_bytes, versions=f"Aesara {version('aesara')}, {backend.describe()}"
    )
    train.algorithm.update_callbacks.append(timer)
    while True:
        train.algorithm.train(dataset=train.dataset)


def load(experiment: Experiment) -> Any:
    """The `Train` object of the experiment's YAML file, without monitoring and saving."""
    path = ROOT / experiment.yaml
    if not path.exists():
        raise Unavailable(f"{experiment.yaml} does not exist")
    from adversarial.config.yaml_parse import YamlError, load_train_file

    with tempfile.TemporaryDirectory() as folder:
        edited = Path(folder) / path.name
        edited.write_text(edit(path.read_text(), experiment))
        try:
            return load_train_file(edited)
        except YamlError as error:
            raise Unavailable(f"{experiment.yaml} cannot be loaded: {error}") from None


def begin_trained(train: Any, experiment: Experiment) -> None:
    """Copy the parameters of the experiment's model file, if it names one, to the model."""
    if experiment.trained is None:
        return
    from adversarial import modelfile

    try:
        params = modelfile.load(experiment.trained).get_params()
    except (OSError, ValueError) as error:
        raise Unavailable(str(error)) from None
    own = train.model.get_params()
    if [p.get_value().shape for p in params] != [p.get_value().shape for p in own]:
        raise Unavailable(
            f"{experiment.trained} is not a model of {experiment.yaml} in these sizes"
        )
    for p, trained in zip(own, params):
        p.set_value(trained.get_value())


def edit(text: str, experiment: Experiment) -> str:
    """The YAML `text` with the experiment's sizes, without monitoring and saving."""
    root = yaml.compose(text)
    assert root is not None  # the text is not empty
    for mapping in _mappings(root):
        entries = {key.value: value for key, value in mapping.value}
        if "layers" in entries:
            for layer in entries["layers"].value[:-1]:
                for key, value in layer.value:
                    if key.value in ("dim", "num_units"):
                        value.value = str(scale_units(int(value.value), experiment.width))
        if "batch_size" in entries:
            entries["batch_size"].value = str(experiment.batch)
        mapping.value = [
            (key, value)
            for key, value in mapping.value
            if key.value not in ("monitoring_dataset", "save_path", "save_freq")
        ]
    return yaml.serialize(root)


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)
