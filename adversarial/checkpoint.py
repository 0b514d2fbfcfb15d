"""The state of a training: collected from the objects of an experiment, and restored.

To resume, the experiment is made from its YAML and set up as usual, compiled functions included.
Then every value that training may have changed is restored. So classes need no code for
checkpoints: the state of an object is its shared variables and its attributes with plain data
(numbers, arrays, random generators, lists and dicts of these). `slots` finds them from the roots
(`Recoverable.roots`) through attributes, lists and dicts to every `Persistent` object. An attribute
that is text (a name, a path) is not state: it comes from the YAML, so that a forged file cannot
change a path. A class may name exceptions:

    new_at_start    attributes that are not restored, since setting up gives them the right value
    kept_whole      attributes whose objects are made while training: saved and restored whole
"""

from __future__ import annotations

import contextlib
import copy
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, Optional

import aesara
import numpy as np
from aesara.compile.sharedvalue import SharedVariable
from aesara.link.c.cmodule import gcc_version

import adversarial
from adversarial import backend, modelfile
from adversarial.backend.toolchain.config import processor_mark
from adversarial.datasets.dataset import Dataset
from adversarial.modelfile import is_persistent
from adversarial.monitor import Monitor
from adversarial.utils.checks import bad_hyperparameter

VERSION = 1
_TEXT = (str, bytes)
_NUMBERS = (bool, int, float, np.generic)
# Attributes of a model on which the graph depends: restored before compilation, others after it.
_OF_THE_GRAPH = (".filter_flip",)
GENERATORS = (np.random.RandomState, np.random.Generator)


class Slot(NamedTuple):
    """A value that training may change, and the function that sets it."""

    value: Any
    put: Callable[[Any], None]
    owner: Any = None  # the object whose attribute it is, or lies in


def slots(
    roots: Mapping[str, Any], aliases: bool = False, declared: bool = False
) -> dict[str, Slot]:
    """Every slot that is reachable from `roots`, by its path (`algorithm.learning_rule.momentum`).

    An object with several paths is listed under the first. With `aliases`, a shared variable is
    listed under all its paths, since the order of attributes, and so the first path, may differ
    between versions of a class. With `declared`, attributes that an object does not have yet, but
    its class of the user's own declares (`count = 0`), are listed as well. Of data sets, only the
    random generators are state; of monitors, nothing.
    """
    return dict(_Walk(aliases, declared).enter(roots))


class _Walk:
    def __init__(self, aliases: bool, declared: bool) -> None:
        self.aliases = aliases
        self.declared = declared
        self.seen: set[int] = set()
        self.left_out: set[str] = set()  # the paths of attributes that are `new_at_start`

    def enter(self, roots: Mapping[str, Any]) -> Iterator[tuple[str, Slot]]:
        for name, root in roots.items():
            if isinstance(root, (list, tuple)):
                # Extensions and callbacks: they need not be Persistent.
                for index, item in enumerate(root):
                    yield from self._members(f"{name}[{index}]", item)
            else:
                yield from self._members(name, root)

    def leaves_out(self, path: str) -> bool:
        """Whether `path` is that of an attribute that is `new_at_start`, or lies in it."""
        return any(
            path == left or path.startswith((f"{left}.", f"{left}[")) for left in self.left_out
        )

    def _is_new(self, value: Any) -> bool:
        new = id(value) not in self.seen
        self.seen.add(id(value))
        return new

    def _members(self, path: str, owner: Any) -> Iterator[tuple[str, Slot]]:
        """The slots of an object's attributes."""
        if not hasattr(owner, "__dict__") or isinstance(owner, type) or not self._is_new(owner):
            return
        getattr(owner, "tag", None)  # a model makes this attribute at its first use
        leave = getattr(type(owner), "new_at_start", ())
        whole = getattr(type(owner), "kept_whole", ())
        declared = _declared(type(owner)) if self.declared else {}
        missing = {name: declared[name] for name in declared if name not in vars(owner)}
        # Those that the object has come first, in their own order, as where they were saved.
        for name, value in {**vars(owner), **missing}.items():
            put = (_declared_setter if name in declared else _attribute_setter)(owner, name)
            if name in whole:
                yield f"{path}.{name}", Slot(value, put, owner)
            elif name in leave:
                self.left_out.add(f"{path}.{name}")
            else:
                for place, slot in self._value(f"{path}.{name}", value, put):
                    yield place, slot if slot.owner is not None else slot._replace(owner=owner)

    def _value(
        self, path: str, value: Any, put: Callable[[Any], None]
    ) -> Iterator[tuple[str, Slot]]:
        if isinstance(value, _TEXT):
            return
        if value is None or isinstance(value, _NUMBERS):
            yield path, Slot(value, put)
        elif isinstance(value, SharedVariable):
            if self._is_new(value) or self.aliases:
                content = value.get_value(borrow=True)
                if isinstance(content, np.ndarray):
                    yield path, Slot(content, _shared_setter(value))
        elif isinstance(value, GENERATORS):
            if self._is_new(value):
                yield path, Slot(value, _generator_setter(value, put))
        elif is_plain(value):
            if isinstance(value, tuple) or self._is_new(value):
                yield path, Slot(value, _container_setter(value, put))
        elif isinstance(value, (list, tuple, dict)):
            if self._is_new(value):
                yield from self._inside(path, value)
        elif isinstance(value, Dataset):
            rng = vars(value).get("rng")
            if isinstance(rng, GENERATORS):
                yield from self._value(f"{path}.rng", rng, _attribute_setter(value, "rng"))
        elif is_persistent(type(value)) and not isinstance(value, Monitor):
            yield from self._members(path, value)

    def _inside(self, path: str, value: Any) -> Iterator[tuple[str, Slot]]:
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, item in pairs:
            yield from self._value(f"{path}[{key!r}]", item, _item_setter(value, key))


def _declared(cls: type) -> dict[str, Any]:
    """The numbers and None that a class has as attributes, if it is one of the user's own."""
    return {
        name: value
        for base in reversed(cls.__mro__)
        if base.__module__.partition(".")[0] not in ("adversarial", "sandbox", "builtins")
        for name, value in vars(base).items()
        if (value is None or isinstance(value, _NUMBERS)) and not name.startswith("__")
    }


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether `value` consists of plain data only, at all levels of nesting."""
    if value is None or isinstance(value, (*_TEXT, *_NUMBERS)):
        return True
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    if isinstance(value, GENERATORS):
        return True
    if type(value) in (list, tuple, set):
        return depth < 50 and all(is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return depth < 50 and all(
            is_plain(key) and is_plain(item, depth + 1) for key, item in value.items()
        )
    return False


def document(roots: Mapping[str, Any], experiment: Optional[dict[str, Any]]) -> dict[str, Any]:
    """The state of a training as plain data, which a model file holds beside the model.

    The values are not copied.
    """
    monitor = roots["model"].monitor
    return {
        "version": VERSION,
        "experiment": experiment,
        "machine": machine(),
        "seen": [monitor.get_epochs_seen(), monitor.get_batches_seen()],
        "is_finished": roots["course"].is_finished,
        # The model's values are in the other part of the file.
        "values": {
            p: dict(slot.value) if isinstance(slot.value, defaultdict) else slot.value
            for p, slot in slots(roots).items()
            if not _of_model(p)
        },
    }


def machine() -> dict[str, str]:
    """The properties of this machine and process that affect the rounding of results."""
    aesaras = aesara.config
    found = {
        "engine": f"{backend.floatX}, {backend.describe()}",
        "processor": _processor(),
        "mode": str(aesaras.mode),
        "rewrites": f"{aesaras.optimizer} +{aesaras.optimizer_including} "
        f"-{aesaras.optimizer_excluding}",
        "versions": f"adversarial-nets {adversarial.__version__}, Python "
        f"{platform.python_version()}, Aesara {aesara.__version__}, NumPy {np.__version__}",
    }
    if backend.chosen() == "c":
        found["instruction sets"] = processor_mark()
        found["compiler"] = f"{os.path.basename(aesaras.cxx)} {gcc_version() or ''}".strip()
        found["compiler flags"] = str(aesaras.gcc__cxxflags)
        found["linker"] = str(aesaras.linker)
    return found


def other_machine(before: dict[str, str]) -> Optional[str]:
    """A text on the differences between `before` and `machine()`; None if there are none."""
    now = machine()
    found = [
        f"{name} {before[name]!r}, now {now[name]!r}"
        for name in now
        if name in before and before[name] != now[name]
    ]
    return "; ".join(found) or None


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as about:
        for line in about:
            if line.startswith(("model name", "CPU part")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


class Saved:
    """A training that was read from a model file.

    Attributes
    ----------
    experiment : dict or None
        The attribute `Train.experiment`, by which the experiment can be made again.
    machine : dict of str to str
        The result of `machine()` when it was saved.
    epochs, minibatches : int
        The number of each that the model was trained on.
    is_finished : bool
        Whether the termination criterion has ended the training.
    """

    def __init__(self, training: Any, load_model: Callable[[], Any], name: str) -> None:
        if training is None:
            raise ValueError(
                f"{name} holds a model but no training to go on with (an older version saved it, "
                "or another program than train.py): it can be sampled from and scored"
            )
        if not isinstance(training, dict) or training.get("version") != VERSION:
            raise ValueError(f"{name} holds a training of another version of this program")
        self.name = name
        try:
            self.experiment = training["experiment"]
            machine = training["machine"]
            # A file of an earlier version names the engine alone.
            machine = machine if isinstance(machine, dict) else {"engine": machine}
            self.machine = {str(name): str(value) for name, value in machine.items()}
            self.epochs, self.minibatches = map(int, training["seen"])
            self.is_finished = bool(training["is_finished"])
            self._values = dict(training["values"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{name} holds a training that is not valid") from None
        self._load_model = load_model
        self._prepared: Any = None  # the model, between `prepare` and `restore`

    def prepare(self, model: Any) -> None:
        """Make `model`, before it is set up, compute as the saved model does.

        A new model computes as in this version of the program; the saved one may be of an earlier
        version, in which convolutions differed (`filter_flip`).
        """
        here = slots({"model": model})
        self._prepared = self._load_model()
        for path, slot in slots({"model": self._prepared}).items():
            if path in here and path.endswith(_OF_THE_GRAPH):
                here[path].put(slot.value)

    def model(self) -> Any:
        """Load the saved model; each call makes a new object."""
        return self._load_model()

    def restore(self, roots: Mapping[str, Any], edits: Any = None) -> list[str]:
        """Restore the saved values into `roots` (`Recoverable.roots`) of a set-up experiment.

        With `edits`, a `reconfigure.Edits`, the experiment is made from an edited YAML file, whose
        edited values are not restored.

        Returns the paths of saved values that have no place in the experiment: they were made while
        training, or by another version of this program. Raises ValueError if an array has another
        shape than the saved one; with `edits`, also if the model has other parameters.
        """
        model, self._prepared = self._prepared or self._load_model(), None
        saved = {path: slot.value for path, slot in slots({"model": model}).items()}
        if edits is not None:
            self._check_same_parameters(model, roots["model"])
        saved.update(self._values)
        if edits is not None:
            saved = dict(_edited(edits, path, value) for path, value in saved.items())
        here = slots(roots, aliases=True)
        for path, value in saved.items():
            if path in here and not isinstance(value, _TEXT):
                problem = bad_hyperparameter(here[path].owner, path, value)
                if problem is not None:
                    raise ValueError(f"{self.name}: {path} {problem}")
        try:
            return _put_back(roots, saved, _monitors(model))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def _check_same_parameters(self, saved: Any, edited: Any) -> None:
        arrays = [
            {
                path: slot.value.shape
                for path, slot in slots({"model": model}, aliases=True).items()
                if isinstance(slot.value, np.ndarray)
            }
            for model in (saved, edited)
        ]
        for path in dict.fromkeys([*arrays[0], *arrays[1]]):
            shapes = [found.get(path) for found in arrays]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"the model of {self.name} is another than that of the edited file: {path} has "
                    f"shape {shapes[0]} in the one and {shapes[1]} in the other\n"
                    "An edit may change everything but the model: begin a new training instead."
                )


def _edited(edits: Any, path: str, value: Any) -> tuple[str, Any]:
    place = edits.place(path)
    # The state of an extension that was removed is dropped, and not reported as lost.
    return ("", None) if place is None else (place, edits.value(place, value))


def read(path: str | os.PathLike[str], allow_modules: Collection[str] = ()) -> Saved:
    """The training in the model file `path`; ValueError if it holds none. Raises as `load` does."""
    training = modelfile.load_training(path, allow_modules)
    return Saved(
        training, lambda: modelfile.load(path, allow_modules=allow_modules), os.fspath(path)
    )


class Snapshot:
    """The state of a training at this moment, in memory.

    It holds copies of the values alone, so a class need not be one that a model file may hold.

    Parameters
    ----------
    roots : dict
        As `Recoverable.roots` returns them.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> snapshot = Snapshot({"model": model})
    >>> model.layers[0].set_biases([5.0])
    >>> snapshot.restore({"model": model})
    []
    >>> model.layers[0].get_biases()
    array([0.], dtype=float32)
    """

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self._values = {
            path: copy.deepcopy(slot.value) for path, slot in slots(roots, declared=True).items()
        }
        model = roots["model"]
        # A monitor refers to its model, which is not copied.
        self._monitors = copy.deepcopy(_monitors(model), {id(model): model})

    def restore(self, roots: Mapping[str, Any]) -> list[str]:
        """Restore the values into `roots`, as often as wanted; returns as `Saved.restore` does."""
        return _put_back(roots, self._values, self._monitors)


def _put_back(
    roots: Mapping[str, Any], values: Mapping[str, Any], monitors: Mapping[str, Monitor]
) -> list[str]:
    """Set the slots of `roots` to copies of `values`; the paths of those that have no slot."""
    walk = _Walk(aliases=True, declared=True)
    here = dict(walk.enter(roots))
    lost = []
    for path, value in values.items():
        if path in here and not isinstance(value, _TEXT):
            try:
                # A copy, since a rollback may restore the same values again.
                here[path].put(copy.deepcopy(value))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path} {error}") from None
        # Files of earlier versions may hold what is `new_at_start` today.
        elif not _of_model(path) and not _is_empty(value) and not walk.leaves_out(path):
            lost.append(path)
    for name, monitor in _monitors(roots["model"]).items():
        if name in monitors:
            monitor.go_on_from(monitors[name])
            if name != "monitor":
                monitor.training_succeeded = monitors[name].training_succeeded
    return lost


def _monitors(model: Any) -> dict[str, Monitor]:
    """The model's monitor, and the earlier ones that `push_monitor` has renamed, by attribute."""
    return {name: value for name, value in vars(model).items() if isinstance(value, Monitor)}


def _of_model(path: str) -> bool:
    return path.startswith("model.")


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (list, tuple, dict, set)) and not value)


def _attribute_setter(owner: Any, name: str) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        vars(owner)[name] = value

    return put


def _declared_setter(owner: Any, name: str) -> Callable[[Any], None]:
    """As `_attribute_setter`, of an attribute that the class declares: its own value needs none."""

    def put(value: Any) -> None:
        vars(owner)[name] = value
        if value is getattr(type(owner), name):
            del vars(owner)[name]

    return put


def _item_setter(container: Any, key: Any) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        if not isinstance(container, tuple):  # a tuple's items cannot be replaced
            container[key] = value

    return put


def _shared_setter(variable: SharedVariable) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        old = variable.get_value(borrow=True)
        value = np.asarray(value, dtype=old.dtype)
        if value.shape != old.shape:
            raise ValueError(f"has shape {old.shape}, not the saved {value.shape}")
        variable.set_value(value)

    return put


def _generator_setter(old: Any, put: Callable[[Any], None]) -> Callable[[Any], None]:
    def put_state(new: Any) -> None:
        # In place, since the layers of a network share its generator.
        if type(new) is not type(old):
            put(new)
        elif isinstance(old, np.random.RandomState):
            old.set_state(new.get_state(legacy=False))
        else:
            old.bit_generator.state = new.bit_generator.state

    return put_state


def _container_setter(old: Any, put: Callable[[Any], None]) -> Callable[[Any], None]:
    def put_content(new: Any) -> None:
        if type(new) is type(old) is list:
            old[:] = new
        elif isinstance(new, dict) and isinstance(old, dict):
            old.clear()
            old.update(new)
        else:
            put(new)

    return put_content
