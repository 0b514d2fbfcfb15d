"""What all commands share: options, and the exit status of an error.

The `main` of a command raises exceptions as library code does. `run` calls it, describes an
exception on stderr (by `utils.errors`) and returns an exit status. Errors in the arguments are
argparse's, with status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from adversarial import modelfile, signals
from adversarial.backend import engines
from adversarial.backend.toolchain.products import PRECISIONS
from adversarial.evaluation.sampling import NoGenerator
from adversarial.files import atomic_write, outputs, shipped
from adversarial.files.opening import trust_paths
from adversarial.utils import errors
from adversarial.utils.errors import describe as describe
from adversarial.utils.errors import program_name as program_name
from adversarial.utils.string_utils import allow_variables

Number = TypeVar("Number", bound=float)


def _renew_bar_lock() -> None:
    # tqdm's own lock is shared with forked processes: if one is killed while it holds the lock, all
    # others wait forever.
    tqdm.set_lock(threading.RLock())


_renew_bar_lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_bar_lock)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose error messages take one line; it knows `~`, and refuses ''."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        given = sys.argv[1:] if args is None else args
        found = super().parse_known_args([with_home(text) for text in given], namespace)
        for action in self._actions:
            value = getattr(found[0], action.dest, None)
            # An empty value, such as of a variable of the shell that is not set, is no name, and
            # commands would take it for an option that was not given.
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and not text.strip() and text != action.const:
                    self.error(f"{'/'.join(action.option_strings) or action.dest}: is empty")
        return found

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        line = errors.printable(errors.cropped(line))
        self.exit(2, f"{self.prog}: error: {line} (--help lists the arguments)\n")


def with_home(text: str) -> str:
    """An argument of a command, with `~` as the home folder.

    Shells expand `--out ~/x`, but most do not expand `--out=~/x`, and a program that starts a
    command has no shell. A file whose name is `~` can be given as `./~`.

    >>> with_home("--out=~/x") == "--out=" + os.path.expanduser("~/x")
    True
    """
    option, equals, value = text.partition("=")
    if equals and option.startswith("-") and value.startswith("~"):
        return f"{option}={os.path.expanduser(value)}"
    return os.path.expanduser(text)


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Add --backend, for every command that compiles."""
    parser.add_argument(
        "--backend",
        choices=engines.NAMES,
        default=None,
        help="what graphs are compiled to; auto: JAX if it sees a GPU, or if it is installed and "
        f"there is no C++ compiler; else C (or {engines.VARIABLE})",
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of training on several devices or in several processes."""
    add = parser.add_argument
    add(
        "--devices",
        type=positive_int,
        metavar="N",
        help="split each minibatch over N devices of each process (1; JAX only)",
    )
    add("--coordinator", metavar="HOST:PORT", help="where the first of several processes listens")
    add("--num-processes", type=positive_int, metavar="N", help="that train together")
    add("--process-id", type=natural, metavar="I", help="which of them this is, from 0")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Add --precision, for training."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=None,
        help="of the factors of matrix products (float32); bf16 rounds them to bfloat16, which is "
        "faster on Intel's processors with AMX or AVX512_BF16, and needs MKL",
    )


def choose_engine(args: argparse.Namespace) -> None:
    """Choose the engine by the options of the three functions above.

    Call it before anything is compiled.
    """
    several = {
        f"--{name.replace('_', '-')}": getattr(args, name, None)
        for name in ("coordinator", "num_processes", "process_id")
    }
    missing = [option for option, value in several.items() if value is None]
    if missing and len(missing) < len(several):
        raise ValueError(
            f"several processes need {', '.join(several)}; not given: " + ", ".join(missing)
        )
    cluster = None
    if not missing:
        cluster = engines.Cluster(args.coordinator, args.num_processes, args.process_id)
    devices, precision = (getattr(args, name, None) for name in ("devices", "precision"))
    engines.choose(args.backend, devices, cluster, precision)


def run(main: Callable[[], int | None], output_is_the_result: bool = True) -> int:
    """Call `main` and return the exit status for `sys.exit`.

    Parameters
    ----------
    main : the command; returns its status, None for 0
    output_is_the_result : whether the command fails if stdout cannot be written; false for
        training, whose result is a file

    Returns
    -------
    What `main` returned; 1 after an error, which `errors.explain` has described on stderr; 130
    after Ctrl-C. Another signal ends the process with 128 and its number, and is named. With the
    environment variable ADVERSARIAL_DEBUG set to anything but 0, the traceback of every error is
    printed as well.
    """
    errors.open_standard_streams()
    errors.loaded_files.clear()
    # A character that the console cannot encode, in the name of a channel, must not end a command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    streams = errors.EscapingStream(sys.stdout), errors.EscapingStream(sys.stderr)
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            with _plain_warnings(), signals.named(errors.program_name()):
                status = main()
        except BrokenPipeError:
            # The reader of stdout has exited (`... | head`): there is nobody to tell.
            _swallow_output()
            return 1
        except KeyboardInterrupt as error:
            errors.explain(error)
            engines.leave("interrupted", errors.INTERRUPTED)
            return errors.INTERRUPTED
        except SystemExit as stop:  # a signal, or a mistake in the options
            engines.leave("terminated", stop.code if isinstance(stop.code, int) else 1)
            raise
        except Exception as problem:
            cause = engines.blame(problem)
            errors.explain(cause, main)
            engines.leave(errors.describe(cause).partition("\n")[0], 1)
            return 1
        try:
            sys.stdout.flush()
        except OSError as error:
            _swallow_output()
            if output_is_the_result:
                if not isinstance(error, BrokenPipeError):
                    errors.explain(error)
                return 1
        return 0 if status is None else int(status)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Within this block, warnings take one line, without the line of code that gave them."""
    show = warnings.showwarning
    warnings.showwarning = lambda message, *rest, **named: errors.say(f"warning: {message}")
    try:
        yield
    finally:
        warnings.showwarning = show


def _swallow_output() -> None:
    """Discard what is left to be written to stdout, which Python would report when it exits."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def blaming(path: str) -> Iterator[None]:
    """Within this block, errors of a model are reported as errors of the file `path`."""
    try:
        yield
    except NoGenerator as error:
        raise NoGenerator(f"{path}: {error}") from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError) as error:
        raise ValueError(
            f"{path}: holds a model that does not work ({type(error).__name__}: {error})"
        ) from error


def progress_bar(total: int, what: str, unit: str) -> tqdm:
    """A progress bar on stderr, removed when it is closed; nothing if stderr is no terminal."""
    return tqdm(total=total, desc=what, unit=unit, file=sys.stderr, disable=None, leave=False)


def add_allow_module(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads a model file or a YAML file."""
    parser.add_argument(
        "--allow-module",
        action="extend",
        default=[],
        metavar="NAME[,NAME]",
        type=modules,
        help="let the file use this module of yours, on Python's search path or beside the file",
    )
    parser.add_argument(
        "--trust-paths",
        action=TrustPaths,
        help="let a model file read the files that it names, wherever they are",
    )
    parser.add_argument(
        "--allow-env",
        action=AllowVariable,
        metavar="NAME",
        help="let the file use the value of this environment variable, as ${NAME}",
    )


def modules(text: str) -> list[str]:
    """For argparse: the names of modules, separated by commas; their code is the user's own.

    >>> modules("layers,data.rings")
    ['layers', 'data.rings']
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
            stem = os.path.splitext(os.path.basename(name))[0]
            meant = f": write {stem}" if stem.isidentifier() else ""
            raise argparse.ArgumentTypeError(f"{name!r} is no name of a Python module{meant}")
    return [errors.users_module(name) for name in names]


class AllowVariable(argparse.Action):
    """The action of `--allow-env`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        if not values.strip():
            parser.error(f"{option}: is empty")
        allow_variables([values])


class TrustPaths(argparse.Action):
    """The action of `--trust-paths`."""

    def __init__(self, option_strings: Any, dest: Any, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)
        trust_paths(False)  # what an earlier command of this process was told

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        trust_paths(True)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite, for every command that writes files; `output_path` takes its value."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that are there already"
    )


def add_picture(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options of every command that draws; `out` describes the path without --out."""
    parser.add_argument("--out", metavar="IMAGE", help=f"picture to write ({out})")
    add_overwrite(parser)
    parser.add_argument(
        "--show", action="store_true", help="open a window, too, where there is a display"
    )


def output_path(
    given: str | None,
    beside: str,
    ending: str,
    overwrite: bool = False,
    reads: Iterable[str | None] = (),
) -> str:
    """The path of the file that a command writes, checked before anything is computed.

    All commands have one rule: an existing file is replaced with --overwrite only. A picture whose
    name the command chose is the exception: it is drawn anew, as a window would be.

    Parameters
    ----------
    given : str or None
        The path that the user gave.
    beside, ending : str
        Without it, the path is that of the file `beside`, its own ending replaced by `ending`.
    overwrite : bool
        Whether --overwrite was given.
    reads : paths, optional
        What else the command reads, beside the file `beside`: such a file is never replaced.

    Raises
    ------
    FileExistsError
        If the file exists and may not be replaced.
    FileNotFoundError
        If the folder is that of `beside`, and does not exist.
    ValueError
        Where the folder does not exist, or the path is no regular file. Symbolic links are not
        followed: the folder may come from a stranger.
    """
    path = given or os.path.splitext(beside)[0] + ending
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        is_beside = folder == os.path.dirname(beside)
        if is_beside and not os.path.exists(shipped.source_of(beside)):
            modelfile.raise_cannot_open(beside)
        raise ValueError(f"cannot write {path}: there is no folder {folder}")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        outputs.claim(path)
        _check_writable(path)
        return path
    if stat.S_ISLNK(found.st_mode):
        raise ValueError(
            f"cannot write {path!r}: it is a symbolic link, which is not followed; remove it, or "
            "name another file"
        )
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"cannot write {path!r}: it is not a regular file; name another")
    for read in (beside, *reads):
        if read:
            _refuse_input(path, read)
    is_redrawn = given is None and ending.endswith(outputs.PICTURES)
    outputs.claim(path, overwrite or is_redrawn)
    _check_writable(path)
    return path


def _check_writable(path: str) -> None:
    """ValueError unless a file can be made beside `path`, and renamed to it."""
    try:
        atomic_write.check_writable(path, "it")
    except OSError as error:  # of the file, the folder or the disk
        raise ValueError(f"cannot write {path}: {error}; name a file in another folder") from error


def _refuse_input(path: str, read: str) -> None:
    """ValueError if the file `path`, to be written, is the file `read`, which would be lost."""
    with contextlib.suppress(OSError):
        if os.path.samefile(path, read):
            raise ValueError(f"cannot write {path}: the command reads this file; name another")


def positive_int(text: str) -> int:
    """For argparse: a whole number of at least 1."""
    return _checked(int(text), lambda n: n >= 1, "must be at least 1")


def natural(text: str) -> int:
    """For argparse: a whole number of at least 0."""
    return _checked(int(text), lambda n: n >= 0, "must not be negative")


def seed(text: str) -> int:
    """For argparse: a whole number from 0 to 2^32 - 1, as NumPy takes it."""
    return _checked(int(text), lambda n: 0 <= n < 1 << 32, "must be from 0 to 4294967295")


def positive_number(text: str) -> float:
    """For argparse: a finite number above 0."""
    return _checked(float(text), lambda x: 0 < x < math.inf, "must be positive and finite")


# What argparse calls the type in "invalid ... value".
positive_int.__name__ = natural.__name__ = seed.__name__ = "whole number"
positive_number.__name__ = "number"


def _checked(value: Number, fits: Callable[[Number], bool], wish: str) -> Number:
    if not fits(value):
        raise argparse.ArgumentTypeError(f"{wish}, got {value}")
    return value
