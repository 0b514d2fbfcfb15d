"""Checks that find errors before a training begins which would otherwise end it later.

`Train.setup` calls `before_compiling` first, and `before_training` when all channels have been
added. The checks are fast: the model is encoded as for a save, but no array is copied; each data
set is read once; iterators are made, but not run.

An extension or a termination criterion that reads channels has a method `check_channels(model)`,
which raises ValueError if a channel is missing (`find_channel` does).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Optional

import numpy as np

from adversarial import checkpoint, modelfile
from adversarial.datasets.feed import feed_of, is_streamed, num_examples
from adversarial.datasets.finite import check_finite_array
from adversarial.monitor.lookup import find_channel, only_measured
from adversarial.space import CompositeSpace, IndexSpace, VectorSpace
from adversarial.utils import origin
from adversarial.utils.checks import bad_hyperparameter
from adversarial.utils.iteration import resolve_iterator_class

TRAINING = "the training data set"
# If the data have larger values, these explain a divergence: gradients are products of data and of
# parameters, which are themselves sums of gradients, so after three steps they overflow float32.
TOO_LARGE = 1e6
_PLAYERS = ("discriminator", "generator", "inferer")


def before_compiling(train: Any) -> None:
    """Check that the model can be saved, and that the data can be iterated over and fit the model.

    Raises
    ------
    TypeError
        If a part of the model cannot be saved.
    ValueError
        If a data set has infinite or NaN values, too few examples for its iterator, or rows that
        do not fit the spaces of the model or the cost.
    """
    check_saving(train)
    _check_hyperparameters(train)
    parts = train.algorithm, train.model
    for name, dataset in _data_sets(train):
        if not is_streamed(dataset) or _stays_in_file(dataset):
            _check_iteration(name, dataset, *parts)
            specs = _data_specs(_is_monitored(dataset, train), *parts)
            _check_values(name, dataset, set().union(*(_sources(s) for _, s in specs)))
            for one in specs:
                _check_spaces(name, dataset, one, train.model)


def _stays_in_file(dataset: Any) -> bool:
    """Whether it is a streamed data set that is no mere stream: own data, read from its file."""
    return bool(getattr(dataset, "reads_from_disk", False))


def _check_hyperparameters(train: Any) -> None:
    """ValueError for a number that no constructor would have taken.

    Of a part that was changed since it was made, or that a model file holds.
    """
    for path, slot in checkpoint.slots(train.roots()).items():
        problem = bad_hyperparameter(slot.owner, path, slot.value)
        if problem is not None:
            place = origin.of(slot.owner) or origin.of(train.roots()[re.split(r"\W", path)[0]])
            raise ValueError(f"{path}{place} {problem}")


def before_training(train: Any) -> None:
    """Check that the channels that the criterion and the extensions read are measured.

    Raises
    ------
    ValueError
        If a channel is missing, or only a record of an earlier training; the message names the
        class that reads it, and similar names.
    TypeError
        If a part of the model that setting up has added cannot be saved.
    """
    criterion = getattr(train.algorithm, "termination_criterion", None)
    for part in [criterion, *train.extensions]:
        check = getattr(part, "check_channels", None)
        try:
            with only_measured(train.model.monitor):
                if check is not None:
                    check(train.model)
                else:
                    _check_named_channel(part, train.model)
        except ValueError as error:
            raise ValueError(f"{type(part).__name__}{origin.of(part)}: {error}") from error
    check_saving(train)


def _check_named_channel(part: Any, model: Any) -> None:
    """Check the attribute `channel_name` of a class of 2014, which lacks `check_channels`."""
    name = getattr(part, "channel_name", None)
    if isinstance(name, str):
        find_channel(model, name)


def check_saving(train: Any) -> None:
    """Raise TypeError if the model cannot be saved but the training or an extension saves it."""
    if not train.save_freq and not any(
        getattr(extension, "save_path", None) for extension in train.extensions
    ):
        return
    try:
        modelfile.check_can_save(train.model)
    except TypeError as error:
        raise TypeError(
            f"the model cannot be saved: {error}\nThe class of each of its parts must be one that "
            "can be imported from a module and is a modelfile.Persistent (layers, spaces and costs "
            "are); values must be numbers, text, arrays, or lists and dicts of these, not "
            "functions. save_freq: 0 trains without saving."
        ) from None


@contextlib.contextmanager
def naming_deep_networks(model: Any) -> Iterator[None]:
    """Turn a RecursionError in this block into a ValueError that names the deepest network.

    Aesara computes gradients recursively, with three nested calls for each operation between an
    objective and a parameter, and Python allows about a thousand nested calls.
    """
    try:
        yield
    except RecursionError as error:
        owners = [model, *(getattr(model, name, None) for name in _PLAYERS)]
        networks = [*owners, *(getattr(owner, "mlp", None) for owner in owners)]
        deepest = max(networks, key=lambda network: len(getattr(network, "layers", ())))
        raise ValueError(
            f"{type(deepest).__name__}{origin.of(deepest)} has {len(deepest.layers)} layers, too "
            "many for a gradient: Python's stack ends before the first layer\nAbout 100 layers "
            "work, of all networks through which an objective passes together."
            if hasattr(deepest, "layers")
            else f"{type(model).__name__}{origin.of(model)} is too deep for a gradient: Python's "
            "stack ends before its parameters"
        ) from error


# Data sets, and what is asked of them


def monitored_sets(algorithm: Any) -> dict[str, Any]:
    """The monitoring data sets of `algorithm` by name: "" for one without a dict."""
    found = getattr(algorithm, "monitoring_dataset", None)
    if found is None:
        return {}
    return found if isinstance(found, dict) else {"": found}


def _data_sets(train: Any) -> Iterator[tuple[str, Any]]:
    """(name for messages, data set), each data set once."""
    found = [(TRAINING, train.dataset)]
    found += [
        (f"the monitoring data set {name!r}" if name else "the monitoring data set", each)
        for name, each in monitored_sets(train.algorithm).items()
    ]
    for extension in train.extensions:
        own = getattr(extension, "dataset", None)
        if hasattr(own, "symbolic_batch"):
            found.append((f"the data set of {type(extension).__name__}", own))
    seen = set()
    for name, dataset in found:
        if id(dataset) not in seen:
            seen.add(id(dataset))
            yield f"{name}{origin.of(dataset)}", dataset


def _is_monitored(dataset: Any, train: Any) -> bool:
    if dataset is not train.dataset:
        return True
    return any(each is dataset for each in monitored_sets(train.algorithm).values())


def _data_specs(is_monitored: bool, algorithm: Any, model: Any) -> list[tuple[Any, Any]]:
    """The data specs, (space, source), of the cost and, if `is_monitored`, of all channels."""
    cost = getattr(algorithm, "cost", None)
    if cost is None and algorithm is not None:
        cost = getattr(model, "get_default_cost", lambda: None)()
    costs: list[Any] = [cost]
    found = []
    if is_monitored:
        more = getattr(algorithm, "monitoring_costs", None) or []
        costs += more.values() if isinstance(more, dict) else more
        if hasattr(model, "get_monitoring_data_specs"):
            found.append(model.get_monitoring_data_specs())
    return found + [cost.get_data_specs(model) for cost in costs if hasattr(cost, "get_data_specs")]


def _sources(source: Any) -> set[str]:
    if isinstance(source, str):
        return {source} if source else set()
    return set().union(*map(_sources, source))


def _check_iteration(name: str, dataset: Any, algorithm: Any, model: Any) -> None:
    size = getattr(algorithm, "batch_size", None) or getattr(model, "batch_size", None)
    batches = getattr(algorithm, "batches_per_iter", None)
    passes = []
    if name.startswith(TRAINING):
        mode = getattr(algorithm, "train_iteration_mode", None)
        passes.append(
            (mode, size, batches, "train_iteration_mode", "batch_size", "batches_per_iter")
        )
    if any(each is dataset for each in monitored_sets(algorithm).values()):
        own_size = getattr(algorithm, "monitoring_batch_size", None)
        own_batches = getattr(algorithm, "monitoring_batches", None)
        inherits = own_size is None and own_batches is None
        passes.append(
            (
                getattr(algorithm, "monitor_iteration_mode", None),
                own_size or size,
                batches if inherits else own_batches,
                "monitor_iteration_mode",
                "monitoring_batch_size" if own_size else "batch_size",
                "batches_per_iter (monitoring_batches is not given)"
                if inherits
                else "monitoring_batches",
            )
        )
    examples = num_examples(dataset)
    for mode, size, count, *options in passes:
        if not isinstance(mode, (str, type)) or size is None or examples is None:
            continue
        try:
            subsets = resolve_iterator_class(mode)
            # Not the algorithm's generator: drawing from it here would change the training.
            subsets(examples, size, count, rng=0 if subsets.stochastic else None)
        except (ValueError, TypeError) as error:
            given = ", ".join(
                f"{option} {value!r}"
                for option, value in zip(options, (mode, size, count))
                if value is not None
            )
            raise ValueError(
                f"{name} cannot be iterated over as {type(algorithm).__name__}"
                f"{origin.of(algorithm)} says: {error} ({given})\n"
                f"Choose other values of {' or '.join(option.split()[0] for option in options)}."
            ) from None


def _check_spaces(name: str, dataset: Any, specs: tuple[Any, Any], model: Any) -> None:
    """Raise ValueError unless the arrays of `dataset` can be converted to the spaces of `specs`."""
    space, source = specs
    if not isinstance(source, str):
        if isinstance(space, CompositeSpace) and len(space.components) == len(source):
            for part in zip(space.components, source):
                _check_spaces(name, dataset, part, model)
        return
    if not source:
        return
    try:
        if _stays_in_file(dataset):
            next(dataset.iterator("sequential", batch_size=1, data_specs=specs))
        else:
            feed_of(dataset).batch(specs)
    except (ValueError, TypeError) as error:
        raise ValueError(_misfit(name, dataset, space, source, model, error)) from None


def _misfit(name: str, dataset: Any, space: Any, source: str, model: Any, error: Exception) -> str:
    # In a pair, the discriminator is the network that gets data.
    player = getattr(model, "discriminator", None)
    taker = (
        f"the model{origin.of(model)}"
        if player is None
        else f"the model's discriminator{origin.of(player)}"
    )
    array = _column(dataset, source)
    if array is None and source == "features" and _stays_in_file(dataset):
        array = dataset.X
    if array is None:
        return (
            f"{name} has no {source}, and the cost or the model asks for them: {error}\n"
            "Give the data set y, or choose a cost that needs none."
        )
    wanted = space.get_total_dimension() if hasattr(space, "get_total_dimension") else space
    if source == "targets" and array.dtype.kind in "iu" and getattr(dataset, "y_labels", 0) is None:
        classes = int(array.max()) + 1
        if isinstance(space, IndexSpace):
            return (
                f"{name} has numbers for targets (y without y_labels), and {taker} takes "
                f"class numbers from 0 to {space.max_labels - 1}\n"
                f"Give the data set y_labels: {space.max_labels}, the number of classes."
            )
        if isinstance(space, VectorSpace):
            return (
                f"{name} has class numbers (y holds integers up to {array.max()}), and "
                f"{taker} takes targets of {wanted} numbers, one for each class\n"
                f"Give the data set y_labels: {max(classes, wanted)}, the number of classes."
            )
    width = array.shape[1] if array.ndim > 1 else 1
    labels = getattr(dataset, "y_labels", None)
    if source == "targets" and labels is not None:
        return (
            f"{name} has y_labels {labels}, and {taker} takes targets of {wanted} numbers "
            f"({error})\nThe number of classes must be the same in both."
        )
    what = "rows" if source == "features" else source
    return (
        f"{name} has {what} of {width} numbers, and {taker} takes {wanted} ({error})\n"
        "The two widths must be the same: nvis and input_space of a network, the dim of a "
        "generator's last layer, n_classes of its top layer."
    )


def _check_values(name: str, dataset: Any, sources: set[str]) -> None:
    for source in sorted(sources):
        array = _column(dataset, source)
        if array is not None:
            check_finite_array(array, f"{'y' if source == 'targets' else 'X'} of {name}")


def too_large(train: Any) -> Optional[str]:
    """A message on a data set whose values exceed TOO_LARGE; None if there is none.

    `Train` calls this when a training has diverged.
    """
    for name, dataset in _data_sets(train):
        for source, letter in (("features", "X"), ("targets", "y")):
            array = _column(dataset, source)
            if array is not None and array.size and array.dtype.kind == "f":
                largest = float(max(array.max(), -array.min()))
                if largest > TOO_LARGE:
                    return f"{letter} of {name} holds numbers as large as {largest:g}"
    return None


def _column(dataset: Any, source: str) -> Optional[np.ndarray]:
    array = getattr(dataset, {"features": "X", "targets": "y"}.get(source, ""), None)
    return array if isinstance(array, np.ndarray) else None
