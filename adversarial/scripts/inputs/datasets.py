"""The data set that a model was trained on, or that a YAML file describes, and its examples."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Collection
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.config import yaml_parse
from adversarial.config.nodes import SEED, train_environment
from adversarial.datasets.own_data import OwnData
from adversarial.evaluation.compatibility import check_compatible, image_shape
from adversarial.evaluation.sampling import draws_itself, generator_of, sample_space
from adversarial.files import inputs, shipped
from adversarial.files.opening import open_regular
from adversarial.modelfile.loading import modules_beside_model
from adversarial.space import Conv2DSpace
from adversarial.train import Train
from adversarial.utils.string_utils import VARIABLE


def training_set(model: Any, allow_modules: Collection[str] = (), path: str | None = None) -> Any:
    """The data set that a model was trained on, made of the YAML in its model file.

    A model file may come from a stranger, so its YAML may read certain files only; see
    `adversarial.files.inputs`.

    Parameters
    ----------
    model
        With the attribute `dataset_yaml_src`, as training leaves it.
    allow_modules : names of modules whose classes the YAML may use
    path : str, optional
        The model's file.

    Raises
    ------
    ValueError
        Where the model does not say which data set that was.
    """
    source = getattr(model, "dataset_yaml_src", None)
    if not source:
        raise ValueError(
            "the model file does not say which data set the model was trained on "
            "(those that train.py saves do)"
        )
    if not isinstance(source, str):
        raise ValueError("the model file says in no valid form which data set it was trained on")
    environ = {} if path is None else _environment_of(path, source, allow_modules)
    name = "the model file" if path is None else path
    with contextlib.ExitStack() as stack:
        stack.enter_context(inputs.confined(name, getattr(model, "dataset_yaml_inputs", ())))
        if path is not None:
            stack.enter_context(modules_beside_model(path, allow_modules))
        return yaml_parse.load(source, environ, allow_modules=allow_modules, name=name)


def table_of(model: Any, path: str, allow_modules: Collection[str] = ()) -> OwnData | None:
    """The table that a model was trained on: own data of rows that are no images. None of others.

    Other data is not loaded.

    Raises
    ------
    ValueError
        Where the table cannot be read, or what the YAML uses is not allowed: a variable of the
        environment, or a module, whose class may be a table.
    """
    source = getattr(model, "dataset_yaml_src", None)
    if not isinstance(source, str) or image_shape(model) is not None:
        return None
    with modules_beside_model(path, allow_modules):
        described = yaml_parse.load(
            source,
            _environment_of(path, source, allow_modules),
            instantiate=False,
            allow_modules=allow_modules,
            name=path,
        )
    of = getattr(described, "callable", None)
    if not (isinstance(of, type) and issubclass(of, OwnData)):
        return None
    found: OwnData = training_set(model, allow_modules, path)
    return found if found.view_converter is None else None


def _environment_of(path: str, source: str, allow_modules: Collection[str]) -> dict[str, str]:
    """The variables that describe the YAML file of the training that saved the model file `path`.

    If the model file does not name the YAML file, they describe the model file.
    """
    own = ("PYLEARN2_TRAIN_", "ADVERSARIAL_TRAIN_", SEED)
    if not any(name.startswith(own) for name in VARIABLE.findall(source)):
        return {}
    about = modelfile.experiment_of(path, allow_modules)
    seed, described = about.get("seed"), about.get("yaml_path")
    seed = seed if isinstance(seed, int) else None
    if isinstance(described, str):
        path = os.path.normpath(os.path.join(os.path.dirname(path), described))
    return train_environment(path, seed)


def dataset_in(path: str, allow_modules: Collection[str] = ()) -> Any:
    """The data set of a file: a YAML file of a data set or of an experiment, or a model file.

    Of an experiment with several phases, that of the first one that trains.

    Raises
    ------
    ValueError
        Where the file describes something else, or examples that are no rows of numbers.
    """
    path = shipped.source_of(path)
    if is_model_file(path):
        model = modelfile.load(path, allow_modules=allow_modules)
        found = training_set(model, allow_modules, path)
    else:
        found = _described_by(path, allow_modules)
    if not hasattr(found, "get_design_matrix"):
        raise ValueError(f"{path}: {_no_rows(found)}")
    return found


def _described_by(path: str, allow_modules: Collection[str]) -> Any:
    """What the YAML file at `path` describes; of an experiment, only the data set is made."""
    described = yaml_parse.load_path(path, instantiate=False, allow_modules=allow_modules)
    for phase in described if isinstance(described, list) else [described]:
        if isinstance(phase, yaml_parse.Proxy) and phase.callable is Train:
            data = phase.keywords.get("dataset")
            if not isinstance(data, yaml_parse.Proxy):
                return data
            environ = train_environment(path)
            return yaml_parse.load(data.yaml_src, environ, allow_modules=allow_modules, name=path)
    return yaml_parse.load_path(path, allow_modules=allow_modules)


def examples_of(dataset: Any) -> np.ndarray:
    """All examples of a data set, (n, dimension).

    Raises
    ------
    ValueError
        Where they are no rows of numbers.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> examples_of(DenseDesignMatrix(X=np.zeros((5, 2)))).shape
    (5, 2)
    """
    if not hasattr(dataset, "get_design_matrix"):
        raise ValueError(_no_rows(dataset))
    return dataset.get_design_matrix()


def _no_rows(dataset: Any) -> str:
    return f"the data set, a {type(dataset).__name__}, has no rows of numbers"


def examples_for(
    model: Any, path: str, given: str | None, allow_modules: Collection[str] = ()
) -> Any:
    """The data set whose examples a picture shows beside samples of a model.

    Parameters
    ----------
    model : AdversaryPair or Generator
    path : str
        The model's file.
    given : str, optional
        A YAML file; without it, the data set that the model was trained on.
    allow_modules : names of modules whose classes a file may use

    Raises
    ------
    ValueError
        Where the data of `given` has another width, image shape or scale than the training data
        or, if that is not available, than the model's samples.
    """
    if given is None:
        return training_set(model, allow_modules, path)
    dataset = dataset_in(given, allow_modules)
    try:
        own = examples_of(training_set(model, allow_modules, path))
    except (ValueError, TypeError, OSError, ImportError):
        own = None
    rows = examples_of(dataset)
    check_compatible(model, path, rows, dataset, given, own, _width_of_data(model, own))
    return dataset


def _width_of_data(model: Any, own: np.ndarray | None) -> int:
    """The number of numbers in an example of a model's data; `own` are its examples, if known."""
    if own is not None:
        return own.shape[1]
    space = sample_space(model)
    if not draws_itself(model):
        taken = generator_of(model).get_input_space()
        if isinstance(taken, Conv2DSpace):  # of a generator that completes images: images
            space = taken
    return space.get_total_dimension()


def is_model_file(path: str) -> bool:
    """Whether a file is a model file, by its content; OSError if there is no such file."""
    with open_regular(path) as stream:
        return zipfile.is_zipfile(stream)
