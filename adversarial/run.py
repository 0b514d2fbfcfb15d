"""`Run`: a run of an experiment, made from a YAML file or resumed from a model file.

`scripts.train` makes a `Run`, which makes the `Train` objects of its phases. A model file that
`train.py` saves holds the YAML text, the seed and the phase, so that `train.py --resume` needs only
that file and the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from adversarial import checkpoint, modelfile, resume_checks
from adversarial.config.nodes import PHASE, read_text, train_environment
from adversarial.config.phase import Phase
from adversarial.config.proxy import Proxy
from adversarial.config.settings import merged
from adversarial.config.yaml_parse import load_phases
from adversarial.files import inputs, outputs, shipped
from adversarial.files.atomic_write import check_out
from adversarial.files.opening import open_regular
from adversarial.files.placement import Placement
from adversarial.modelfile import container
from adversarial.monitor import push_monitor
from adversarial.phases import needed, not_held
from adversarial.reconfigure import Edits
from adversarial.train import Train
from adversarial.utils import modules_beside, seeding
from adversarial.utils.string_utils import VARIABLE, is_allowed, lookup, may_read

log = logging.getLogger(__name__)


@dataclass
class Run:
    """The YAML file, the options and the saved training of one call of `train.py`.

    Attributes
    ----------
    path, text : str
        The YAML file, and its text.
    settings : sequence of str
        Changes of the YAML (`--set`), each PATH=VALUE; see `config.settings`.
    out : str, optional
        The folder that all files are written to (`--out`); None: the YAML file says where.
    environ : dict of str to str
        Values of environment variables; model files of earlier versions hold them.
    seed : int, optional
        The base seed (`--seed`).
    first : int
        The number of the first phase to run, from 0.
    resume_from : Saved, optional
        The saved training from which the first phase continues.
    began_as : Run, optional
        With an edited YAML file (`--config`) or other settings: the run as it was.
    adds_seed : bool
        Whether the names of files get the seed (`mnist_seed3.pkl`) where `${SEED}` and `out` do not
        separate replicates.
    is_of_file : bool
        Whether the YAML text comes from a model file, whose author may not be the user.
    """

    path: str
    text: str
    environ: dict[str, str] = field(default_factory=dict)
    seed: Optional[int] = None
    first: int = 0
    resume_from: Optional[checkpoint.Saved] = None
    allow_modules: Collection[str] = ()
    began_as: Optional[Run] = None
    settings: Sequence[str] = ()
    out: Optional[str] = None
    adds_seed: bool = True
    is_of_file: bool = False
    # Values in the YAML that contain ${SEED}; `phases` fills it.
    _with_seed: set[str] = field(default_factory=set)
    _count: int = 0  # the number of phases; 0 before `phases` is called
    # By the number of a finished phase: its saved training, or the reason why there is none; and
    # its `Train` object, if it has been made again.
    _earlier: dict[int, checkpoint.Saved] = field(default_factory=dict)
    _missing: dict[int, str] = field(default_factory=dict)
    _over: dict[int, Train] = field(default_factory=dict)

    @classmethod
    def of_yaml(
        cls,
        path: str,
        seed: Optional[int] = None,
        allow_modules: Collection[str] = (),
        settings: Sequence[str] = (),
        out: Optional[str] = None,
    ) -> Run:
        """A new run of the YAML file `path`, or of the package's experiment of that name.

        The other arguments are those of `Run`.
        """
        if out is not None:
            check_out(out)
        with open_regular(shipped.source_of(path), or_device=True) as stream:
            # Test the first bytes first: zipfile seeks to the end, which a device does not have.
            if container.begins_model_file(stream.read(200)) and zipfile.is_zipfile(stream):
                raise ValueError(
                    f"{path} is a model file, not a YAML file: to go on with the training that "
                    f"saved it, give --resume {path}"
                )
            stream.seek(0)
            text = read_text(stream, path)
        return cls(
            path,
            text,
            seed=seed,
            allow_modules=allow_modules,
            settings=merged((), settings),
            out=out,
        )

    @classmethod
    def of_model(
        cls,
        path: str,
        allow_modules: Collection[str] = (),
        config: Optional[str] = None,
        settings: Sequence[str] = (),
    ) -> Run:
        """The run that saved the model file `path`, to be resumed. ValueError if it cannot be.

        Files that the run saved in the folder of its YAML file are saved in the folder of the model
        file, which may have been moved. `config` is the path of an edited YAML file (`--config`).
        The settings of the run hold for it, too; `settings` are added to them, and replace those of
        the same path.
        """
        saved = checkpoint.read(path, allow_modules)
        about = saved.experiment
        if about is None:
            raise ValueError(f"{path} was not saved by train.py, which would know its YAML")
        resume_checks.check_description(about, path)
        yaml = os.path.normpath(os.path.join(os.path.dirname(path), about["yaml_path"]))
        # The process environment takes precedence: the data may have been moved.
        environ = {
            name: value
            for name, value in about.get("environ", {}).items()
            if not (may_read(name) and name in os.environ)
        }
        out = about.get("out")
        common: dict[str, Any] = dict(
            seed=about["seed"],
            first=about["phase"],
            resume_from=saved,
            allow_modules=allow_modules,
            out=None if out is None else os.path.normpath(os.path.join(os.path.dirname(path), out)),
            adds_seed=about.get("adds_seed", False),  # of an earlier version: no name had it
        )
        before = about.get("settings", [])
        run = cls(yaml, about["yaml"], environ, settings=before, is_of_file=True, **common)
        resume_checks.warn_of_variables(saved, run._values(), run.path)
        if config is None:
            resume_checks.warn_of_edits(run.path, run.text, saved.name)
            if not settings:
                return run
            edited = run
        else:
            edited = cls.of_yaml(config)
        both = merged(before, settings)
        if config is not None and before:
            log.info("%s: with --set %s, as %s", config, " --set ".join(both), saved.name)
        return cls(
            edited.path,
            edited.text,
            edited.environ,
            began_as=run,
            settings=both,
            is_of_file=edited.is_of_file,
            **common,
        )

    def _values(self) -> dict[str, str]:
        """Digests of the variables that the user allowed, by name, to detect changed values.

        A digest has 16 bits, too few to find the value, which may be secret, by trying values.
        """
        found = {}
        for name in filter(is_allowed, self.variables()):
            with contextlib.suppress(ValueError):  # not set: only a comment of the YAML names it
                text = f"{name}={lookup(name, self.environ)} {self.text}"
                found[name] = hashlib.sha256(text.encode()).hexdigest()[:4]
        return found

    @property
    def folder(self) -> str:
        """The folder that the files of the run are in, or in folders below it."""
        if self.resume_from is not None:
            return os.path.dirname(self.resume_from.name) or "."
        return self.out or os.path.dirname(self.path) or "."

    @property
    def what_folder(self) -> str:
        """What `folder` is, for messages."""
        if self.resume_from is not None:
            return "the folder of the model file that is resumed"
        return "the folder of the YAML" if self.out is None else "the folder of the run"

    @contextlib.contextmanager
    def confining(self, allow_outside: bool = False) -> Iterator[None]:
        """Within this block, files are written to `folder` only, where the run places them."""
        folder = None if allow_outside else self.folder
        with outputs.confined_to(folder, self.what_folder), outputs.placed(self.placement()):
            yield

    @property
    def resumed(self) -> checkpoint.Saved:
        """`resume_from` of a run that has one."""
        assert self.resume_from is not None
        return self.resume_from

    @contextlib.contextmanager
    def reading(self) -> Iterator[Collection[str]]:
        """Collect the digests of the model files that are read in this block; see `files.inputs`.

        If the YAML text comes from a model file, only files that `files.inputs` allows may be read.
        """
        with contextlib.ExitStack() as stack:
            folders = (os.path.dirname(self.path) or ".", self.folder)
            stack.enter_context(modules_beside.beside(*folders, allowed=self.allow_modules))
            if self.is_of_file:
                marks = {self.mark(number) for number in range(self._count)}
                stack.enter_context(inputs.confined(self.resumed.name, self._known_inputs(), marks))
            yield stack.enter_context(inputs.noting())

    def _known_inputs(self) -> list[str]:
        """The digests, from the resumed model file, of the model files that the run has read."""
        about: Any = (self.resume_from and self.resume_from.experiment) or {}
        known = about.get("inputs")
        return [item for item in known if isinstance(item, str)] if isinstance(known, list) else []

    def variables(self) -> list[str]:
        """The names of the environment variables that the YAML file uses."""
        texts = "\n".join([self.text, *self.settings])
        names = set(VARIABLE.findall(texts)) - set(train_environment(self.path))
        return sorted(name for name in names if may_read(name) and name != PHASE)

    def placement(self) -> Placement:
        """Where the run writes the files that the YAML names; for `outputs.placed`.

        Call `phases` as well, before a file is written: it finds the paths that have the seed.
        """
        separate = self.out is not None or not self.adds_seed or self.seed is None
        placement = Placement(
            os.path.dirname(self.path) or ".",
            self.out,
            "" if separate else f"_seed{self.seed}",
            self._with_seed,
        )
        if self.resume_from is not None:
            placement.keep(self.resume_from.name)
        return placement

    def phases(self) -> list[Phase]:
        """Set the base seed, and return the phases; calling a phase makes its `Train` object."""
        seeding.set_base_seed(self.seed)
        with modules_beside.beside(self.folder, allowed=self.allow_modules):
            phases = self._load_phases()
        self._count = len(phases)
        if not 0 <= self.first < len(phases):
            raise ValueError(f"{self.path} has {len(phases)} phases, none numbered {self.first}")
        return phases

    def _load_phases(self) -> list[Phase]:
        return load_phases(
            self.path,
            {**train_environment(self.path, self.seed), **self.environ},
            allow_modules=self.allow_modules,
            text=self.text,
            settings=self.settings,
            with_seed=self._with_seed,
        )

    def make(self, phases: list[Phase], number: int) -> Train:
        """The `Train` object of a phase, ready for its main loop."""
        saved = self._saved(number)
        if saved is not None:
            # Save to the resumed file, not to the path in the YAML: the file may have been moved.
            phases[number].replace_argument("save_path", saved.name)
        if saved is not None and self.has_model_of(phases, number):
            # The file from which the YAML loads the model may have changed or been deleted.
            model = saved.model()
            for call in self._calls_of_model(phases, number):
                phases[number].replace_call(call, model)
        with self.reading() as read:
            train = phases[number]()
        if not isinstance(train, Train):
            raise TypeError(f"{self.path} describes a {type(train).__name__}, not a Train object")
        train.allow_modules = self.allow_modules
        data = resume_checks.fingerprints(train)
        if saved is not None:
            is_edited = self.began_as is not None
            resume_checks.compare_data(
                saved, data, self.path, is_edited, self._hints_on_changed_data()
            )
            train.resume(saved, self._edits(train))
        if number == self.first:
            self._check_held(phases, train)
        folder = os.path.dirname(train.save_path or self.path) or "."
        train.experiment = {
            "yaml": self.text,
            "yaml_path": os.path.relpath(self.path, folder),
            "variables": self.variables(),
            "values": self._values(),
            "seed": self.seed,
            "settings": list(self.settings),
            "out": None if self.out is None else _way_up(folder, self.out),
            "adds_seed": self.adds_seed,
            "phase": number,
            "mark": self.mark(number),
            "data": data,
            "inputs": sorted({*read, *(self._known_inputs() if number == self.first else ())}),
        }
        return train

    def restore_shared_phases(self, phases: list[Phase]) -> None:
        """Make and restore the finished phases that share objects with later phases.

        Raises ValueError if the model files do not hold the state of a shared object.
        """
        if self.resume_from is None:
            return
        start = self.first + self.is_done(self.first)
        again = needed(phases, start, self.first)
        if self.began_as is not None and again:
            raise ValueError(
                f"{self.resumed.name} cannot go on by an edited file: phase {again[0] + 1}, "
                "which is over, shares an object with a later one\n"
                f"Go on by the file that it began with: --resume {self.resumed.name}"
            )
        for number in again:
            if number < self.first:
                self._find_file(phases, number)
            log.info(
                "phase %d of %d is made again, not trained, for what later ones share with it",
                number + 1,
                len(phases),
            )
            self.finished_phase(phases, number)
        if self._missing and start > self.first and self.first not in again:
            self.make(phases, self.first)  # checks that its file holds the shared objects

    def finished_phase(self, phases: list[Phase], number: int) -> Train:
        """The `Train` object of a finished phase, restored to its state at the end."""
        if number not in self._over:
            self._over[number] = self.make(phases, number)
            self._over[number].restore_finished()
        return self._over[number]

    def _find_file(self, phases: list[Phase], number: int) -> None:
        """Read the model file of a finished phase, or record why it cannot be used."""
        path = phases[number].argument("save_path")
        if not isinstance(path, str) or not phases[number].argument("save_freq"):
            self._missing[number] = "which saves no model file"
            return
        try:
            saved = checkpoint.read(outputs.admitted(path), self.allow_modules)
        except (OSError, ValueError) as error:
            self._missing[number] = f"whose model file cannot be used ({_first_line(error)})"
            return
        if self._is_of(saved, number):
            self._earlier[number] = saved
        else:
            self._missing[number] = f"whose model file, {path}, holds another experiment now"

    def _check_held(self, phases: list[Phase], train: Train) -> None:
        """Raise ValueError if a later phase needs the missing model file of an earlier one."""
        start = self.first + self.is_done(self.first)
        for number, why in self._missing.items():
            shared = phases[number].shared_with(phases[start:])
            for call in not_held(train, phases[number], shared):
                name = self.resumed.name
                raise ValueError(
                    f"{name} cannot go on: {call.name} ({call.where}) is shared with phase "
                    f"{number + 1}, {why}, and {name} does not hold it\n"
                    f"Bring back the model file of phase {number + 1}, or begin anew with "
                    f"{self.path}"
                )

    def _saved(self, number: int) -> Optional[checkpoint.Saved]:
        """The saved training from which a phase continues; None for a new phase."""
        return self.resume_from if number == self.first else self._earlier.get(number)

    def _is_of(self, saved: checkpoint.Saved, number: int) -> bool:
        """Whether phase `number` of this experiment saved `saved`."""
        about: Any = saved.experiment or {}
        asked = {"yaml": self.text, "seed": self.seed, "phase": number}
        same_settings = list(about.get("settings", [])) == list(self.settings)
        return same_settings and {name: about.get(name) for name in asked} == asked

    def _hints_on_changed_data(self) -> str:
        """A line for each finished phase without a usable file, which may have changed the data."""
        return "".join(
            f"Phase {number + 1}, {why}, shares something with it and may have changed them.\n"
            for number, why in self._missing.items()
        )

    def _edits(self, train: Train) -> Optional[Edits]:
        """The changes in the edited YAML file of `train`; None if the run's own YAML is used."""
        if self.began_as is None:
            return None
        old = self.began_as.phases()[self.first]
        # Whatever the data: the same numbers are drawn from the same object.
        old.replace_argument("dataset", train.dataset)
        old.replace_argument("save_path", self.resumed.name)
        with self.began_as.reading():
            before = old().roots()
        edits = Edits.between(before, train.roots())
        for line in edits.in_words():
            log.info("%s: %s", self.path, line)
        return edits

    def is_done(self, number: int) -> bool:
        """Whether the termination criterion has ended the resumed phase `number`."""
        saved = self.resume_from
        if saved is None or number != self.first or self.began_as is not None:
            return False
        return saved.is_finished

    def save_path(self, phases: list[Phase], number: int) -> Optional[str]:
        """The path to which a phase will save its model; None if the YAML does not say one."""
        if self.resume_from is not None and number == self.first:
            return self.resumed.name
        path = phases[number].argument("save_path")
        if not isinstance(path, str) or not phases[number].argument("save_freq"):
            return None
        try:
            return outputs.admitted(path)
        except ValueError as error:
            raise type(error)(f"{self.path}: save_path: {error}") from None

    def mark(self, number: int) -> str:
        """The mark in the files that a phase writes, by which a resumed run recognises them."""
        saved = self.resume_from
        if saved is not None and number == self.first:
            known = saved.experiment.get("mark")
            if isinstance(known, str) and re.fullmatch("[0-9a-f]{64}", known):
                return known
        about: tuple[Any, ...] = (self.text, self.seed, number)
        if self.settings:  # without, the mark is that of earlier versions
            about += (tuple(self.settings),)
        return hashlib.sha256(repr(about).encode()).hexdigest()

    def has_model_of(self, phases: list[Phase], number: int) -> bool:
        """Whether the resumed file's model replaces the one that a phase would load from a file.

        False if another object of the phase shares a part of the model, or a part has been made.
        """
        if self._saved(number) is None:
            return False
        parts = phases[number].calls("model")
        own = self._calls_of_model(phases, number)
        return (
            any(call.callable is modelfile.load for call in parts)
            and not any(
                part in phases[number].calls(without="model") for part in parts if part not in own
            )
            and not any(phases[number].made(part) is not None for part in parts)
        )

    def _calls_of_model(self, phases: list[Phase], number: int) -> list[Proxy]:
        """The YAML's calls that return the phase's model: `push_monitor` returns its argument."""
        parts = phases[number].calls("model")
        found = parts[:1]
        while found and found[-1].callable is push_monitor:
            inner = found[-1].keywords.get("model")
            if inner not in parts:
                break
            found.append(inner)
        return found

    def describe_existing(self, path: str, number: int) -> str:
        """The error message for a file that exists where the model of a phase is to be saved."""
        replace = "--overwrite replaces it"
        try:
            there = checkpoint.read(path, self.allow_modules)
        except (ValueError, OSError):
            return f"{path} exists already: {replace}"
        if not self._is_of(there, number):
            return f"{path} holds another experiment ({there.epochs} epochs of it): {replace}"
        if there.is_finished:
            return f"{path} holds this experiment, finished after {there.epochs} epochs: {replace}"
        return (
            f"{path} holds this experiment after {there.epochs} epochs: --resume {path} goes on "
            f"with it, {replace}"
        )


def _way_up(folder: str, out: str) -> Optional[str]:
    """The relative path from `folder` to `out`, the same folder or one above it; else None."""
    way = os.path.relpath(os.path.realpath(out), os.path.realpath(folder))
    return way if set(way.split(os.sep)) <= {".", ".."} else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
