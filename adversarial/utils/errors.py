"""Error messages of the commands: one line for a user's mistake, a traceback for a bug.

`cli.run` calls `explain`. `watch_imports` makes `explain` handle exceptions that are raised before
`cli` is imported. So this module imports only the standard library, and modules that do the same.
"""

from __future__ import annotations

import functools
import os
import re
import site
import sys
import sysconfig
import traceback
from types import FrameType, TracebackType
from typing import Any

from adversarial.utils.string_utils import hide_values

# Exceptions that a user can cause: by a bad value, a damaged file, a missing library, low memory.
USER_ERRORS = (ValueError, TypeError, OSError, ImportError, MemoryError, NotImplementedError)
DEBUG_VARIABLE = "ADVERSARIAL_DEBUG"
INTERRUPTED = 130
# Longer words and messages quote a file. Their middle is removed, since the advice is at the end.
LONGEST_WORD = 400
LONGEST_MESSAGE = 10_000
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ROOT = os.path.dirname(_PACKAGE)
# The attribute in which `add_place` keeps a place.
_PLACE = "_adversarial_place"
# The beginning of Aesara's description of the operation that failed.
_OF_GRAPH = "\nApply node that caused the error"
_COMMANDS = ("train.py", "show_samples.py", "parzen_ll.py")
# The prefix of the names of the installed commands (setup.py).
_INSTALLED = "adversarial-"
# C0 and C1 control characters except tab and newline, the two line separators of Unicode, and
# bidirectional control characters.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""`text` with control characters escaped, so that a terminal does not interpret them.

    Also hides the values of environment variables that the user allowed a file to use.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    text = hide_values(text)
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def cropped(text: str) -> str:
    """`text` with "..." for the middle of too long words, and of the text if it is too long."""
    words = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda match: _ends(match[0], LONGEST_WORD), text)
    return _ends(words, LONGEST_MESSAGE)


def _ends(text: str, length: int) -> str:
    half = length // 2
    return text if len(text) <= length else f"{text[:half]}...{text[3 - half :]}"


def describe(error: BaseException) -> str:
    """The message of `error`, or the name of its type if the message is empty.

    The first line has its white space normalised; the other lines are unchanged.
    """
    place = getattr(error, _PLACE, "")
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        name = " ".join(os.fsdecode(error.filename).split())
        return printable(f"{place}{cropped(name)}: {error.strerror}")
    if isinstance(error, MemoryError):
        said = f"out of memory ({error})" if str(error) else "out of memory"
        return printable(f"{place}{said}")
    # Escape first: a name in the message may hold a character that `split` takes for white space.
    said = printable(cropped(str(error)).replace("\r\n", "\n")).strip()
    first, *lines = said.split("\n")
    first = " ".join(first.split()) or type(error).__name__
    return "\n".join([printable(place) + first, *(line.rstrip() for line in lines)])


def add_place(error: BaseException, place: str) -> None:
    """Let messages about `error` begin with `place`; its type and its traceback stay.

    Examples
    --------
    >>> error = KeyError("radius")
    >>> add_place(error, "the extension Stop (gan.yaml line 3), in on_monitor")
    >>> describe(error)
    "the extension Stop (gan.yaml line 3), in on_monitor: 'radius'"
    """
    if not hasattr(error, _PLACE):
        setattr(error, _PLACE, f"{place}: ")


class EscapingStream:
    """A text stream to a terminal that escapes control characters.

    Carriage returns pass: progress bars need them.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write("\r".join(map(printable, text.split("\r"))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def program_name() -> str:
    """The name of the command, as argparse shows it, with which messages begin."""
    name = sys.argv[0] if sys.argv else ""
    if name == "-m":  # while Python looks for the module
        words = getattr(sys, "orig_argv", [])
        name = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return os.path.basename(name) or "python"


def explain(error: BaseException, command: object = None) -> None:
    """Write a message about `error` to stderr.

    The traceback follows if the error was raised in a module of the user's own, or its type is not
    in USER_ERRORS, which means that it is a bug.

    Parameters
    ----------
    error : the exception that `command` raised
    command : function whose frame is never counted as the user's own code
    """
    if isinstance(error, KeyboardInterrupt):
        say(f"{program_name()}: interrupted")
        return
    theirs, frame = _fault_of_user(error, getattr(command, "__code__", None))
    foreseen = isinstance(error, USER_ERRORS)
    said = describe(error)
    if isinstance(error, RecursionError):
        foreseen, said = True, "too many layers, or objects within objects, for Python's stack"
    if theirs is None and loaded_files:
        # A forged model file may load, and fail only when its model is used: name the file.
        path = printable(cropped(next(reversed(loaded_files))))
        words, of_graph, _ = said.partition(_OF_GRAPH)
        if not foreseen or of_graph:
            foreseen = True
            said = (
                f"{path}: what it holds cannot be used ({type(error).__name__}: "
                f"{' '.join(words.split())}); with {DEBUG_VARIABLE}=1 the traceback is shown"
            )
        elif type(error) in (ValueError, TypeError, MemoryError, RecursionError):
            first = said.partition("\n")[0]
            if not any(loaded in first for loaded in loaded_files):
                said = f"{path}: {said}"
    what = "error" if foreseen else f"unexpected {type(error).__name__}"
    lines = [f"{program_name()}: {what}: {said}"]
    debugging = os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
    if theirs is not None and frame is not None:
        code = frame.tb_frame.f_code
        lines.append(
            f"It happened in {code.co_filename}, line {frame.tb_lineno}, in {code.co_name}:"
        )
    elif not foreseen:
        lines.append("This is a bug of the program. Please report it with what follows:")
    if debugging or (theirs is None and not foreseen):
        lines += traceback.format_exception(type(error), error, error.__traceback__)
    elif theirs is not None:
        lines += traceback.format_exception(type(theirs), theirs, frame, chain=False)
    say(printable("\n".join(line.rstrip() for line in lines)))


def say(text: str) -> None:
    """Print `text` to stderr, if stderr is open."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, AttributeError, ValueError):
        pass


def _fault_of_user(
    error: BaseException, command: object
) -> tuple[BaseException | None, TracebackType | None]:
    """(the exception, its traceback from the user's first frame on); (None, None) if there is none.

    The exception is `error` or one of its causes, whose traceback has a frame in a module of the
    user's own.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        trace = found.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is not command and _is_users(trace.tb_frame):
                return found, trace
            trace = trace.tb_next
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return None, None


def _is_users(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    if not os.path.isfile(path):  # generated code, Cython, or Python's import system
        return False
    if str(frame.f_globals.get("__name__")).partition(".")[0] in users_modules:
        return True
    path = os.path.abspath(path)
    return not any(path.startswith(folder) for folder in _libraries())


# Paths of the model files that the command has loaded, in order; a dict as an ordered set.
loaded_files: dict[str, None] = {}
# Top-level names of modules that the user has allowed a file to use, wherever they are installed.
users_modules: set[str] = set()


def users_module(name: str) -> str:
    """Return `name`, and count that module as the user's own; an argparse `type`."""
    users_modules.add(name.partition(".")[0])
    return name


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Folders (with a final slash) and files with code of Python, of packages and this program."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*getattr(site, "getsitepackages", list)(), os.path.dirname(os.__file__), _PACKAGE}
    paths |= {os.path.join(_ROOT, name) for name in ("sandbox", "benchmarks")}
    folders = [path.rstrip(os.sep) + os.sep for path in paths if path]
    return (
        *folders,
        *map(os.path.realpath, folders),
        *(os.path.join(_ROOT, name) for name in _COMMANDS),
    )


def watch_imports() -> None:
    """If this process runs a command of this program, make `explain` handle uncaught exceptions.

    A command cannot catch exceptions of the imports before its own code runs. In other processes
    this changes nothing.
    """
    if _is_command():
        open_standard_streams()
        sys.excepthook = lambda kind, error, trace: _explain_import(error)


def _explain_import(error: BaseException) -> None:
    explain(error)
    if isinstance(error, ModuleNotFoundError):
        say("Install what the program needs, in its folder: python -m pip install -e .")


def _is_command() -> bool:
    if os.path.basename(sys.argv[0] if sys.argv else "").startswith(_INSTALLED):
        return True
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None:
        words = getattr(sys, "orig_argv", [])
        of_ours = any(word.startswith(("adversarial.", "sandbox.")) for word in words)
        return sys.argv[:1] == ["-m"] and (of_ours or not words)
    path = os.path.realpath(path)
    folders = [os.path.join(_PACKAGE, "scripts"), os.path.join(_ROOT, "sandbox")]
    return path in [os.path.join(_ROOT, name) for name in _COMMANDS] or any(
        path.startswith(os.path.realpath(folder) + os.sep) for folder in folders
    )


def open_standard_streams() -> None:
    """Open os.devnull for each of stdin, stdout and stderr that is closed.

    Otherwise the next file that is opened, such as the model file, would get the descriptor 1 or 2,
    and a C library that prints would write into the file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                while os.open(os.devnull, os.O_RDWR) < number:
                    pass
            stream = open(os.devnull, "w" if number else "r")
            setattr(sys, name, stream)
