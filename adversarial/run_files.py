"""Lists, checks and locks all files that a run writes, before anything is compiled.

When `train.py` starts, a `Reservation` locks the files that all phases write: model files, the
files beside these, and the files of extensions. It also checks that the model files that the YAML
loads by `!pkl` can be read. An existing file is replaced only with `--overwrite`, or by a resumed
run that wrote it before. Pictures and model files are recognised by the run's mark, tables by
their numbers.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adversarial import modelfile
from adversarial.config.phase import Phase
from adversarial.files import lock, outputs, placement
from adversarial.files.atomic_write import check_writable, make_folder
from adversarial.run import Run
from adversarial.train import Train
from adversarial.train_extensions.report import MonitorCSV
from adversarial.train_extensions.samples import SampleGrid
from adversarial.utils.string_utils import preprocess

MODEL = "the model"
# The classes whose files are written after every save, or after every monitoring.
_AFTER_A_SAVE = (MonitorCSV, SampleGrid)


class File(NamedTuple):
    """A file that will be written: by which class, its path, the path of its lock, its phase."""

    writer: Any
    path: str
    lock: str
    what: str  # for messages
    phase: int
    # The call in the YAML, or the object, that writes the file. Phases may share it.
    owner: Any = None

    @property
    def place(self) -> str:
        return os.path.realpath(self.path)


class Reservation:
    """Within a `with` block, the files of `run` are locked, and other existing files are protected.

    Entering raises OSError or ValueError if a file cannot be read or written, `lock.Held` if
    another run writes it, and FileExistsError if it exists, unless `overwrite` is true or the
    resumed run wrote it.
    """

    def __init__(self, run: Run, phases: list[Phase], overwrite: bool = False) -> None:
        self.run = run
        self.phases = phases
        self.overwrite = overwrite
        self._files: dict[str, File] = {}  # by their places
        self._locks: dict[str, lock.Lock] = {}
        self._folders: list[Path] = []  # that did not exist before
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Reservation:
        with self._stack:
            files = self.check()
            self._stack.callback(self._remove_empty_folders)
            if not self.overwrite:
                self._stack.enter_context(outputs.protected())
            self._reserve(files)
            self._stack = self._stack.pop_all()
        return self

    def check(self) -> list[File]:
        """The files that, by its YAML, the run writes. Changes nothing.

        Raises OSError or ValueError if one cannot be written, or if a model file that the YAML
        loads cannot be read.
        """
        numbers = range(self.run.first, len(self.phases))
        files = {number: list(self._files_of(number)) for number in numbers}
        self._check_inputs(files)
        found = [file for number in numbers for file in files[number]]
        self._refuse_shared(found)
        for file in found:
            outputs.check(file.path)
            check_writable(file.path, file.what)
        return found

    def _refuse_shared(self, files: list[File]) -> None:
        """Raise ValueError if two phases would write one file, unless a shared object writes it."""
        places = dict(self._files)
        for file in files:
            other = places.setdefault(file.place, file)
            is_one = file.owner is not None and file.owner is other.owner
            if file.phase != other.phase and not is_one:
                raise ValueError(
                    f"{file.path} is where phase {other.phase + 1} saves {other.what} and phase "
                    f"{file.phase + 1} saves {file.what}: one would replace the other\n"
                    "Give each phase a path of its own, for example with ${PYLEARN2_TRAIN_PHASE} "
                    "in it, which is phase1, phase2, ..."
                )

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            for held in self._locks.values():
                held.settle()
        self._stack.close()

    def _remove_empty_folders(self) -> None:
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):  # it has files, as it should
                folder.rmdir()

    def add(self, train: Train, number: int) -> None:
        """Reserve the files of a phase's objects; its YAML alone does not tell all of them."""
        callbacks = getattr(train.algorithm, "update_callbacks", ())
        parts = (*train.extensions, train.algorithm, *callbacks, train.model, train.dataset)
        phase = self.phases[number]
        owners = {id(phase.made(call)): call for call in phase.calls()}
        files = [
            File(
                type(part),
                *paths,
                f"the file of {type(part).__name__}",
                number,
                owners.get(id(part), part),
            )
            for part in parts
            for paths in outputs.declared(type(part), getattr(part, "__dict__", {}))
        ]
        self._refuse_shared(files)
        for file in files:
            check_writable(file.path, file.what)
        self._reserve(files)

    def is_behind(self, number: int) -> bool:
        """Whether the table or a picture of the resumed phase is older than its model file.

        Then the run was killed after it had saved the model, and before it wrote them.
        """
        saved = self.run.resumed
        paths = [file.path for file in self._files_of(number) if file.writer in _AFTER_A_SAVE]
        if hasattr(saved.model(), "generator"):
            paths.append(outputs.beside(saved.name, placement.PICTURE))
        when = os.stat(saved.name).st_mtime_ns
        return not all(os.path.exists(p) and os.stat(p).st_mtime_ns >= when for p in paths)

    def _files_of(self, number: int) -> Iterator[File]:
        """The files that, by its YAML, a phase writes."""
        phase = self.phases[number]
        declared: list[File] = []
        for call in phase.calls():
            what = f"the file of {call.name} ({call.where})"
            try:
                paths = dict.fromkeys(outputs.declared(call.callable, call.keywords))
                declared += [
                    File(
                        call.callable,
                        outputs.admitted(path.path),
                        outputs.admitted(path.lock),
                        what,
                        number,
                        call,
                    )
                    for path in paths
                ]
            except ValueError as error:
                raise type(error)(f"{call.where}: {call.name}: {error}") from None
        model = self.run.save_path(self.phases, number)
        own = []
        if model is not None:
            own.append(File(None, model, model, MODEL, number))
            beside: list[tuple[Any, str, str]] = [
                (MonitorCSV, placement.TABLE, "the table"),
                (None, placement.DIVERGED, "a state that diverged"),
            ]
            if any("generator" in call.keywords for call in phase.calls("model")[:1]):
                beside.append((SampleGrid, placement.PICTURE, "the picture"))
            for writer, ending, what in beside:
                path = outputs.beside(model, ending)
                own.append(File(writer, path, path, what, number))
        places: dict[str, File] = {}
        for file in (*own, *declared):
            other = places.setdefault(file.place, file)
            # The YAML may also give SampleGrid or MonitorCSV the path that it has by default.
            if other is not file and (other not in own or other.writer is not file.writer):
                raise ValueError(
                    f"{file.path} is where {file.what} is to be saved and {other.what}, "
                    "too: one would replace the other"
                )
            yield file

    def _check_inputs(self, files: Mapping[int, list[File]]) -> None:
        """Raise OSError if a phase loads a model file that does not exist, nor will be written."""
        made: set[str] = set()
        for number in files:
            has_model = self.run.has_model_of(self.phases, number)
            own = self.phases[number].calls("model") if has_model else []
            for call in self.phases[number].calls():
                path = call.keywords.get("filepath")
                if call.callable is not modelfile.load or not isinstance(path, str) or call in own:
                    continue
                path = preprocess(path)
                if os.path.realpath(outputs.placed_path(path)) in made:
                    continue
                try:
                    with self.run.reading():
                        modelfile.open_model(outputs.where_written(path)).close()
                except (OSError, ValueError) as error:
                    raise type(error)(f"{call.where}: {call.name}: {error}") from None
            made.update(file.place for file in files[number])

    def _reserve(self, files: list[File]) -> None:
        new: dict[str, File] = {}
        for file in files:
            if file.place not in self._files:
                new.setdefault(file.place, file)
        for file in new.values():
            key = os.path.realpath(file.lock)
            if key not in self._locks:
                if not os.path.isdir(os.path.dirname(file.lock) or "."):
                    outputs.check_inside(file.lock)
                    self._folders += make_folder(file.lock)
                # The lock of a model stays beside it, if there is a model.
                tidy = file.what != MODEL or functools.partial(_is_missing, file.place)
                held = lock.exclusive(file.lock, tidy=tidy)
                self._locks[key] = self._stack.enter_context(held)
            self._locks[key].guarded.add(file.place)
        if not self.overwrite:
            known = {file for file in new.values() if self._may_replace(file)}
            outputs.permit(file.path for file in known)
            self._refuse(
                [
                    file
                    for file in new.values()
                    if file not in known and not self._is_checked_later(file)
                ]
            )
        self._files.update(new)

    def _may_replace(self, file: File) -> bool:
        if not os.path.exists(file.place):
            return True
        saved = self.run.resume_from if file.phase == self.run.first else None
        if file.what == MODEL:
            return saved is not None and os.path.samefile(file.path, saved.name)
        # The mark is also that of a run that was killed before it saved its model, and is started
        # again. The file of a shared object may have the mark of an earlier phase.
        writers = [
            number
            for number, phase in enumerate(self.phases)
            if number == file.phase or (file.owner is not None and file.owner in phase.calls())
        ]
        if any(outputs.carries(file.place, self.run.mark(n).encode()) for n in writers):
            return True
        return (
            saved is not None
            and file.writer is MonitorCSV
            and MonitorCSV.wrote(file.path, saved.model())
        )

    def _is_checked_later(self, file: File) -> bool:
        """Whether `file` is a table of a killed run, which may be this run before its first save.

        `MonitorCSV` compares the first row with its own, and replaces the file if they are equal.
        """
        was_left = self._locks[os.path.realpath(file.lock)].was_left
        return was_left and file.writer is MonitorCSV and MonitorCSV.is_table(file.path)

    def _refuse(self, there: list[File]) -> None:
        """Raise FileExistsError that names the files `there`, if there are any."""
        if not there:
            return
        first = there[0]
        if first.what == MODEL:
            line = self.run.describe_existing(first.path, first.phase)
        elif self.run.resume_from is None:
            line = (
                f"{first.path}, where {first.what} is to be saved, exists already: --overwrite "
                "replaces it"
            )
        elif isinstance(self.run.resume_from.experiment.get("mark"), str):
            line = (
                f"{first.path}, where {first.what} is to be saved, was not written by this run:"
                " --overwrite replaces it"
            )
        else:
            line = (
                f"{first.path}, where {first.what} is to be saved, may not be of this run: "
                f"{self.run.resume_from.name} is of an earlier version, which left no mark in "
                "the files beside it; --overwrite replaces it and goes on"
            )
        others = ", ".join(file.path for file in there[1:])
        raise FileExistsError(line + (f", and with it {others}" if others else ""))


def _is_missing(path: str) -> bool:
    return not os.path.lexists(path)
