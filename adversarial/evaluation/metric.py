"""What a metric is, which metrics there are, and how they are computed.

A metric is a function of samples and data whose arguments are named in INPUTS. The decorator
`metric` registers it by its own name:

    @metric(unit="nats")
    def my_metric(samples, test):
        "One line that says what it measures."
        return Result(value, standard_error)

Keyword-only arguments with defaults are its options, which `--option my_metric.NAME=VALUE` sets.

The metrics of this package are in `evaluation/metrics/`, one a module; each module of that folder
is imported when metrics are looked up, so a new metric is a new file there and nothing else. A
module of a user's own registers its metrics when it is imported. The command
`adversarial.scripts.evaluate` and `evaluate` below compute them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
import pkgutil
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from adversarial.evaluation import sampling
from adversarial.evaluation.compatibility import (
    ImageShape,
    check_compatible,
    image_shape,
    rows_of,
)
from adversarial.evaluation.features import features_of
from adversarial.evaluation.unavailable import Unavailable as Unavailable
from adversarial.utils.string_utils import nearest

# What the arguments of a metric's function may be. Samples have the dtype `floatX` (float32);
# data are as their data set has them, float32 or float64, and finite. Samples may be NaN.
INPUTS = {
    "model": "the model that is judged: an AdversaryPair, a Generator, or one with a sampler",
    "samples": "(num_samples, dimension) array, samples of the model as rows",
    "training": "(n, dimension) array, the examples that the model was trained on",
    "test": "(n, dimension) array, test examples; of data with folds (TFD), those of one fold, the "
    "first unless --fold says otherwise",
    "splits": "list of `Split`s, which have arrays `valid` and `scored`: validation examples and "
    "test examples; of data with folds, one for each fold, or that of --fold only",
    "features": "function from rows (n, dimension) to a classifier's features (n, k)",
    "shape": "(rows, columns, channels) of the images that rows of samples and data are",
    "progress": "function of (total, what, unit): a context manager, whose `update(n)` counts",
}

# (total, what, unit) of a progress bar -> a context manager that gives an object with `update(n)`.
Progress = Callable[[int, str, str], AbstractContextManager[Any]]

_registered: dict[str, Metric] = {}


@dataclass(frozen=True)
class Result:
    """What a metric found.

    Attributes
    ----------
    value : float
    uncertainty : float
        The standard error of `value`; NaN where it is not known.
    details : dict
        Further results by name, such as a hyperparameter that was chosen; JSON can hold them. A
        metric of features of a classifier from a file has the file's SHA-256 as `classifier`.
    notes : tuple of str
        What a person should know who reads the value.
    unit : str
        The metric's; `Metric.compute` fills it in.
    """

    value: float
    uncertainty: float = math.nan
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unit: str = ""

    def __str__(self) -> str:
        error = "" if math.isnan(self.uncertainty) else f" +- {self.uncertainty:.4g}"
        return f"{self.value:.6g}{error} {self.unit}".rstrip()


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes
    ----------
    name : str
        The function's.
    unit : str
        Of the value and its uncertainty, such as 'nats'; '' where the value has none.
    needs : tuple of str
        The function's arguments, names of INPUTS.
    description : str
        The first line of the function's docstring.
    function : callable that returns a `Result`
    options : dict
        The function's keyword-only arguments, with their defaults.
    by_default : bool
        Whether the command computes it unless `--metrics` says otherwise.
    """

    name: str
    unit: str
    needs: tuple[str, ...]
    description: str
    function: Callable[..., Result]
    options: Mapping[str, Any] = field(default_factory=dict)
    by_default: bool = True

    def compute(self, inputs: Inputs, **options: Any) -> Result:
        """The metric's result on these inputs, with values for some of its options.

        Raises
        ------
        Unavailable
            Where an input is missing, or has too few rows.
        ValueError
            Where there is no such option, or the metric refuses its inputs; the message begins with
            the metric's name.
        """
        self.check_options(options)
        given = {}
        # Samples last: they take time, and missing data should be reported at once.
        for need in sorted(self.needs, key="samples".__eq__):
            try:
                given[need] = inputs[need]
            except Unavailable as error:
                reason = f"needs {need}: {error}"
                raise Unavailable(f"{self.name} {reason}", reason) from error
        try:
            result = self.function(**given, **options)
        except (Unavailable, sampling.NoGenerator) as error:
            raise Unavailable(f"{self.name}: {error}", str(error)) from error
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error
        except MemoryError as error:
            raise MemoryError(f"{self.name}: {error}") from error
        if not isinstance(result, Result):
            raise TypeError(f"the metric {self.name} must return a Result, not {result!r:.80}")
        try:
            # A mean of float32 is no number of JSON, and NumPy 2 shows its type, too.
            value, uncertainty = float(result.value), float(result.uncertainty)
        except (TypeError, ValueError) as error:
            raise TypeError(f"the metric {self.name} must return numbers: {error}") from error
        digest = getattr(given.get("features"), "sha256", None)
        if digest is not None:
            # Values of different classifiers cannot be compared.
            result = replace(result, details={**result.details, "classifier": digest})
        return replace(result, value=value, uncertainty=uncertainty, unit=self.unit)

    def check_options(self, names: Iterable[str]) -> None:
        """Raise ValueError where the metric lacks one of these options."""
        for name in names:
            if name not in self.options:
                close = nearest(name, self.options)
                hint = f"; did you mean {close}?" if close else ""
                known = f"it has: {', '.join(self.options)}" if self.options else "it has none"
                raise ValueError(f"{self.name} has no option {name!r}{hint} ({known})")


class Inputs:
    """The inputs of metrics, each made when a metric first asks for it.

    Parameters
    ----------
    sources : functions by names of INPUTS
        Each makes that input, or raises `Unavailable`. Without `progress`, no progress is shown.
    """

    def __init__(self, **sources: Callable[[], Any]) -> None:
        self._sources = {"progress": lambda: no_progress, **sources}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._sources:
            raise Unavailable("none are given")
        if name not in self._made:
            self._made[name] = self._sources[name]()
        return self._made[name]


@contextlib.contextmanager
def no_progress(total: int, what: str, unit: str) -> Iterator[Any]:
    """A `Progress` that shows nothing."""
    yield types.SimpleNamespace(update=lambda count: None)


def metric(
    unit: str, by_default: bool = True
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Decorator that registers a function as a metric; the function itself is unchanged.

    Parameters
    ----------
    unit : str
        As in `Metric`; '' where the value has none, as a ratio.
    by_default : bool
        As in `Metric`; False for what takes minutes.

    Raises
    ------
    ValueError
        Where an argument is none of INPUTS and no option, or another function has registered the
        name.

    Examples
    --------
    >>> def mean_label(samples, labels):
    ...     return Result(float(labels.mean()))
    >>> metric(unit="")(mean_label)
    Traceback (most recent call last):
    ...
    ValueError: the metric mean_label asks for 'labels'; its arguments may be: model, samples, ...
    """

    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        name = function.__name__
        parameters = inspect.signature(function).parameters.values()
        options = {given.name: given.default for given in parameters if _is_option(given)}
        needs = tuple(given.name for given in parameters if not _is_option(given))
        unknown = [need for need in needs if need not in INPUTS]
        if unknown:
            raise ValueError(
                f"the metric {name} asks for {unknown[0]!r}; its arguments may be: "
                + ", ".join(INPUTS)
            )
        known = _registered.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(
                f"two metrics are named {name}: in {known.function.__module__} and in "
                f"{function.__module__}; rename one"
            )
        description = (inspect.getdoc(function) or "").partition("\n")[0]
        _registered[name] = Metric(name, unit, needs, description, function, options, by_default)
        return function

    return register


def _is_option(parameter: inspect.Parameter) -> bool:
    return (
        parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and parameter.default is not inspect.Parameter.empty
    )


def all_metrics() -> dict[str, Metric]:
    """Every registered metric by its name: those of `evaluation/metrics/` and of imported modules.

    Examples
    --------
    >>> all_metrics()["parzen_ll"].needs
    ('samples', 'splits', 'progress')
    """
    package = importlib.import_module("adversarial.evaluation.metrics")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(_registered)


def find_metrics(names: Iterable[str]) -> list[Metric]:
    """The metrics of these names, each once.

    Raises
    ------
    ValueError
        For a name that no metric has; the message lists those that there are.

    Examples
    --------
    >>> [each.name for each in find_metrics(["fid", "kid", "fid"])]
    ['fid', 'kid']
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        such = names if isinstance(names, str) else "fid"
        raise ValueError(f"metrics must be a list of names, such as [{such}], not {names!r}")
    names = list(dict.fromkeys(names))
    known = all_metrics()
    for name in names:
        if name not in known:
            close = nearest(str(name), known)
            hint = f"; did you mean {close}?" if close else ""
            raise ValueError(f"no metric {name!r}{hint} (there are: {', '.join(known)})")
    return [known[name] for name in names]


def evaluate(
    model: Any,
    metrics: Iterable[str],
    num_samples: int = 10000,
    seed: int = 0,
    options: Optional[Mapping[str, Mapping[str, Any]]] = None,
    **data: Any,
) -> dict[str, Result]:
    """Compute metrics of a model that is in memory.

    Parameters
    ----------
    model : AdversaryPair or Generator
    metrics : names of metrics
    num_samples, seed : int
        How many samples to draw, and from which random streams.
    options : dict of dict, optional
        Options by the names of metrics.
    data : `training`, `test`, `splits`, `features`, `shape`, `progress`, as INPUTS describes them
        `training` and `test` may be data sets; `features` may also be the classifier, an MLP, or
        'mnist' for that of this package. Without `shape`, it is that of the model's images, if the
        model says it.

    Returns
    -------
    A `Result` for each name.

    Raises
    ------
    ValueError
        Where a metric needs data that is not given, data and samples differ in width or scale, a
        number of the data is not finite, or an argument is unknown.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=2, irange=1.0)], nvis=3))
    >>> import numpy as np
    >>> corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> found = evaluate(generator, ["nearest_distance"], num_samples=50, training=corners)
    >>> 0 < found["nearest_distance"].value < 0.5**0.5
    True
    """
    found, options = find_metrics(metrics), options or {}
    if not isinstance(options, Mapping):
        raise ValueError(f"options must be a dict by the names of metrics, not {options!r}")
    for name, given in options.items():
        if name not in {chosen.name for chosen in found}:
            find_metrics([name])
            raise ValueError(f"options of {name}, but metrics does not name it")
        if not isinstance(given, Mapping):
            raise ValueError(f"options of {name} must be a dict, not {given!r}")
    sources: dict[str, Callable[[], Any]] = {
        "model": lambda: model,
        "samples": lambda: sampling.draw_samples(model, num_samples, seed),
        "shape": lambda: _shape_of(model),
    }
    for name, value in _checked(model, data).items():
        sources[name] = functools.partial(_same, value)
    inputs = Inputs(**sources)
    return {chosen.name: chosen.compute(inputs, **options.get(chosen.name, {})) for chosen in found}


def _same(value: Any) -> Any:
    return value


# What `evaluate` takes as data; it makes the other inputs itself.
_GIVEN = [name for name in INPUTS if name not in ("model", "samples")]
_PARTS = ("valid", "scored")  # of a `Split`


def _checked(model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data that `evaluate` was given, as metrics take it."""
    for name in data:
        if name not in _GIVEN:
            close = nearest(name, _GIVEN)
            hint = f"; did you mean {close}?" if close else ""
            raise ValueError(f"evaluate takes no {name!r}{hint} (it takes: {', '.join(_GIVEN)})")
    checked = dict(data)
    own = None
    for name in ("training", "test"):  # first the data that the scale of the others must have
        if name in data:
            checked[name] = rows = rows_of(data[name], name)
            check_compatible(model, "the model", rows, data[name], name, own)
            own = rows if name == "training" else own
    if "splits" in data:
        splits = data["splits"]
        if not isinstance(splits, (list, tuple)) or not splits:
            raise ValueError(f"splits must be a list of Splits, not {type(splits).__name__}")
        for split in splits:
            if not all(hasattr(split, name) for name in _PARTS):
                raise ValueError(
                    f"splits must be a list of Splits, with {type(split).__name__} in it"
                )
            for name in _PARTS:
                rows = rows_of(getattr(split, name), f"splits, {name}")
                check_compatible(model, "the model", rows, None, f"splits, {name}", own)
    if "features" in data:
        checked["features"] = features_of(
            data["features"], data=checked.get("test", checked.get("training"))
        )
    return checked


def _shape_of(model: Any) -> ImageShape:
    space = sampling.sample_space(model)
    shape = image_shape(space) or image_shape(model)
    if shape is None:
        raise Unavailable("the model does not say the shape of its images")
    return shape
