"""What every command of this package shares: options, and how an error becomes an exit status.

A command's ``main`` raises as library code does; `run` has `errors` describe it on stderr, and
returns an exit status. Usage errors are argparse's (status 2), in one line.
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
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from tqdm import tqdm

from adversarial import signals
from adversarial.backend import engines
from adversarial.files.opening import trust_paths
from adversarial.utils import errors
from adversarial.utils.errors import describe as describe
from adversarial.utils.errors import program_name as program_name
from adversarial.utils.string_utils import allow_variables


def _renew_bar_lock() -> None:
    # tqdm's own lock is shared with forked processes: one that is killed while it writes would keep
    # it for ever, and all others would wait.
    tqdm.set_lock(threading.RLock())


_renew_bar_lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_bar_lock)


class Parser(argparse.ArgumentParser):
    """argparse's, but what is wrong with the arguments takes one line."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        line = errors.printable(errors.cropped(line))
        self.exit(2, f"{self.prog}: error: {line} (--help lists the arguments)\n")


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """--backend, which every command has that compiles."""
    parser.add_argument(
        "--backend",
        choices=engines.NAMES,
        default=None,
        help=f"what graphs are compiled to; auto: C, unless JAX sees a GPU (or {engines.VARIABLE})",
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """What only training can share: --devices, and the places of several processes."""
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


def choose_engine(args: argparse.Namespace) -> None:
    """Have the backend compute as the options say; before anything is compiled."""
    several = {
        f"--{name.replace('_', '-')}": getattr(args, name, None)
        for name in ("coordinator", "num_processes", "process_id")
    }
    missing = [option for option, value in several.items() if value is None]
    if missing and len(missing) < len(several):
        raise ValueError(
            f"several processes need {', '.join(several)}; not given: " + ", ".join(missing)
        )
    cluster = None if missing else engines.Cluster(*several.values())
    engines.choose(args.backend, getattr(args, "devices", None), cluster)


def run(main: Callable[[], int | None], output_is_the_result: bool = True) -> int:
    """Call `main` and return the exit status for `sys.exit`.

    Parameters
    ----------
    main : the command; returns its status, None for 0
    output_is_the_result : whether a command whose stdout cannot be written has failed; not one
        that trains, whose result is a file

    Returns
    -------
    What `main` returned; 1 after an error, which `errors.explain` has described on stderr; 130
    after Ctrl-C. Another signal ends the process with 128 and its number, and is named. With the
    environment variable ADVERSARIAL_DEBUG set to anything but 0, the traceback of every error is
    printed as well.
    """
    errors.open_standard_streams()
    errors.loaded_files.clear()
    # What the console's encoding lacks (a channel named by the user) must not end a command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    streams = errors.EscapingStream(sys.stdout), errors.EscapingStream(sys.stderr)
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            with signals.named(errors.program_name()):
                status = main()
        except BrokenPipeError:
            # The reader of our output has gone (`... | head`). Nothing is left to say.
            _swallow_output()
            return 1
        except KeyboardInterrupt as error:
            errors.explain(error)
            return errors.INTERRUPTED
        except Exception as error:
            errors.explain(error, main)
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


def _swallow_output() -> None:
    """Discard what is still to be written to stdout: Python would complain while it closes it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def blaming(path: str) -> Iterator[None]:
    """Within this block it is the file's fault if what was loaded from it does not work."""
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError) as error:
        raise ValueError(
            f"{path}: holds a model that does not work ({type(error).__name__}: {error})"
        ) from error


def progress_bar(total: int, what: str, unit: str) -> tqdm:
    """A bar on stderr that vanishes when closed; nothing at all where stderr is no terminal."""
    return tqdm(total=total, desc=what, unit=unit, file=sys.stderr, disable=None, leave=False)


def add_allow_module(parser: argparse.ArgumentParser) -> None:
    """The option of every command that reads a model file or a YAML file."""
    parser.add_argument(
        "--allow-module",
        action="append",
        default=[],
        metavar="NAME",
        type=errors.users_module,
        help="let the file use classes of this module",
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


class AllowVariable(argparse.Action):
    """The action of `--allow-env`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        allow_variables([values])


class TrustPaths(argparse.Action):
    """The action of `--trust-paths`."""

    def __init__(self, option_strings: Any, dest: Any, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)
        trust_paths(False)  # what an earlier command of this process was told

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        trust_paths(True)


def add_picture(parser: argparse.ArgumentParser, out: str) -> None:
    """The options of every command that draws; `out` says where the picture goes without --out."""
    parser.add_argument("--out", metavar="IMAGE", help=f"picture to write ({out})")
    parser.add_argument(
        "--show", action="store_true", help="open a window, too, where there is a display"
    )


def picture_path(given: str | None, beside: str, ending: str) -> str:
    """Where the picture goes: `given`, or the file `beside` with `ending` for its own.

    ValueError where there is no such folder, or where something else than a file lies there: to be
    told before anything is computed. The folder may come from elsewhere, so a symbolic link in it
    is not followed.
    """
    path = given or os.path.splitext(beside)[0] + ending
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"cannot write {path}: there is no folder {folder}")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return path
    if stat.S_ISLNK(found.st_mode):
        raise ValueError(
            f"cannot write {path!r}: it is a symbolic link, which is not followed; remove it, or "
            "name another file"
        )
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"cannot write {path!r}: it is not a regular file; name another")
    return path


def positive_int(text: str) -> int:
    """For argparse: a whole number of at least 1."""
    return _checked(int(text), lambda n: n >= 1, "must be at least 1")


def natural(text: str) -> int:
    """For argparse: a whole number of at least 0."""
    return _checked(int(text), lambda n: n >= 0, "must not be negative")


def positive_number(text: str) -> float:
    """For argparse: a finite number above 0."""
    return _checked(float(text), lambda x: 0 < x < math.inf, "must be positive and finite")


# What argparse calls the type in "invalid ... value".
positive_int.__name__ = natural.__name__ = "whole number"
positive_number.__name__ = "number"


def _checked(value: float, fits: Callable[[float], bool], wish: str) -> float:
    if not fits(value):
        raise argparse.ArgumentTypeError(f"{wish}, got {value:g}")
    return value
