"""Compiles the C modules of a graph in parallel, several modules to a library.

`engines.c` puts `ParallelLinker` into its mode. Aesara compiles one module after another, and most
of the time goes into reading the same headers for each.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import aesara
from aesara.compile.mode import Mode, get_mode
from aesara.graph.basic import Apply
from aesara.graph.fg import FunctionGraph
from aesara.link.c.basic import CLinker, get_module_cache
from aesara.link.c.cmodule import (
    GCC_compiler,
    dlimport,
    get_gcc_shared_library_arg,
    get_lib_extension,
    get_module_hash,
    std_include_dirs,
    std_lib_dirs,
    std_libs,
)
from aesara.link.c.op import COp
from aesara.link.vm import VMLinker

from adversarial.utils.processors import available_processors

# The maximum number of compilers that run at once: a g++ process takes about 200 MB.
_MOST_AT_ONCE = 16
# Libraries per compiler. With fewer, headers are read less often; with more, the load is balanced.
_SHARES = 3
_INCLUDE = re.compile(r"^#include [<\"].*[>\"]", re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)


def with_parallel_build(mode: Any) -> Any:
    """`mode` (a `Mode`, its name, or None: the default), with `ParallelLinker`.

    A mode that does not use Aesara's virtual machine with C code is returned unchanged.
    """
    found = get_mode(mode)
    linker = found.linker
    # Other linkers, and mode classes such as DebugMode, which wraps this linker, stay unchanged.
    if type(found) is not Mode or type(linker) is not VMLinker or not linker.c_thunks:
        return mode
    parallel = ParallelLinker(
        allow_gc=linker.allow_gc,
        use_cloop=linker.use_cloop,
        callback=linker.callback,
        callback_input=linker.callback_input,
        lazy=linker.lazy,
        schedule=linker._scheduler,
        c_thunks=linker.c_thunks,
        allow_partial_eval=linker.allow_partial_eval,
    )
    return Mode(parallel, found.provided_optimizer, found.optdb)


class ParallelLinker(VMLinker):
    """Aesara's virtual machine linker, which compiles all missing modules of a graph in parallel.

    The first module that is not in Aesara's cache starts the compilation of all missing modules,
    with one compiler per processor. Sources, flags and the cache of modules are Aesara's.
    """

    def make_all(self, *args: Any, **kwargs: Any) -> Any:
        with _Build(self.schedule(self.fgraph)).replacing_aesaras():
            return super().make_all(*args, **kwargs)


class _Job:
    """A module to compile: its source, and the arguments of Aesara's `compile_str`."""

    def __init__(self, module_name: str, src_code: str, preargs: Sequence[str], **rest: Any):
        self.module_name = module_name
        self.src_code = src_code
        self.preargs = list(preargs)
        self.rest = rest

    @classmethod
    def of(cls, node: Apply) -> Optional[_Job]:
        """The job of `node`; None if it has no C code, or its module is in the cache."""
        if not isinstance(node.op, COp):
            return None
        try:
            node.op.prepare_node(node, storage_map=None, compute_map=None, impl="c")
            linker = CLinker().accept(FunctionGraph(node.inputs, node.outputs), no_recycling=[])
            cache, key = get_module_cache(), linker.cmodule_key()
            if key in cache.entry_from_key:
                return None
            module = linker.get_dynamic_module()
            # Another Op with the same source may have been compiled.
            if get_module_hash(module.code(), key) in cache.module_hash_to_key_data:
                return None
            return cls(
                src_code=module.code(),
                module_name=module.code_hash,
                preargs=linker.compile_args(),
                include_dirs=linker.header_dirs(),
                lib_dirs=linker.lib_dirs(),
                libs=linker.libraries(),
            )
        except Exception:
            # Aesara compiles this node itself, and reports or handles the error.
            return None

    def identity(self) -> tuple:
        return self.src_code, tuple(self.preargs)

    def all_but_source(self) -> tuple:
        """The compiler arguments; modules that share a library must have the same."""
        return tuple(self.preargs), tuple((key, *self.rest[key]) for key in sorted(self.rest))


class _Build:
    """The compilations of one graph; they start at the first module that is not in the cache."""

    def __init__(self, nodes: Sequence[Apply]) -> None:
        self.nodes = nodes
        self.built: Optional[dict[tuple, Future]] = None
        self.placed: dict[Path, Path] = {}
        self.cleanup = contextlib.ExitStack()

    @contextlib.contextmanager
    def replacing_aesaras(self) -> Iterator[None]:
        """Within this block, Aesara calls `self.compile_str` instead of its own function."""
        self.aesaras = GCC_compiler.compile_str
        GCC_compiler.compile_str = staticmethod(self.compile_str)
        try:
            with self.cleanup:
                yield
        finally:
            GCC_compiler.compile_str = staticmethod(self.aesaras)

    def compile_str(
        self,
        module_name: str,
        src_code: str,
        location: str,
        preargs: Optional[Sequence[str]] = None,
        py_module: bool = True,
        **rest: Any,
    ) -> Any:
        """Compile and load a module that is not cached; as `GCC_compiler.compile_str`."""
        if self.built is None:
            self.built = self.start() if aesara.config.cxx else {}
        job = _Job(module_name, src_code, preargs or (), **rest)
        future = self.built.pop(job.identity(), None)
        if future is not None and py_module and future.exception() is None:
            library = Path(location, f"{module_name}.{get_lib_extension()}")
            self.place(future.result(), library)
            Path(location, "mod.cpp").write_text(src_code)
            Path(location, "__init__.py").touch()
            return dlimport(str(library))
        return self.aesaras(
            module_name, src_code, location, preargs=preargs, py_module=py_module, **rest
        )

    def start(self) -> dict[tuple, Future]:
        """Start the compilation of all modules that are not in the cache; do not wait for it."""
        # Several nodes may have the same source.
        jobs = {job.identity(): job for job in map(_Job.of, self.nodes) if job is not None}
        if len(jobs) < 2:
            return {}
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        compilers = min(available_processors(), _MOST_AT_ONCE)
        pool = ThreadPoolExecutor(compilers)
        # On an error or Ctrl-C, do not wait for compilers that are still running.
        self.cleanup.callback(pool.shutdown, cancel_futures=True)
        compilers_at_work = _Compilers()
        self.cleanup.callback(compilers_at_work.kill)
        built: dict[tuple, Future] = {}
        for i, together in enumerate(_grouped(jobs.values(), compilers * _SHARES)):
            library = pool.submit(_compile, together, folder / str(i), compilers_at_work)
            built.update((job.identity(), library) for job in together)
        return built

    def place(self, library: Path, target: Path) -> None:
        """Put `library` at `target`. If targets are hard links, the library is loaded only once."""
        first = self.placed.setdefault(library, target)
        if first is not target:
            with contextlib.suppress(OSError):  # the file system may not support hard links
                os.link(first, target)
                return
        shutil.copy2(library, target)


def _grouped(jobs: Iterable[_Job], parts: int) -> list[list[_Job]]:
    """Groups of jobs to compile together, about `parts` of them, the longest sources first.

    The jobs of a group have the same compiler arguments.
    """
    jobs = sorted(jobs, key=lambda job: len(job.src_code), reverse=True)
    most = math.ceil(len(jobs) / parts)
    alike = defaultdict(list)
    for job in jobs:
        alike[job.all_but_source()].append(job)
    shares = []
    for group in alike.values():
        count = math.ceil(len(group) / most)
        shares += [group[i::count] for i in range(count)]
    return sorted(shares, key=lambda share: sum(len(job.src_code) for job in share), reverse=True)


class _Compilers:
    """The running compilers. After `kill`, `run` starts no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def run(self, command: Sequence[str]) -> None:
        """Run `command`; CalledProcessError if it fails or `kill` has been called."""
        with self._lock:
            if self._ended:
                raise subprocess.CalledProcessError(-signal.SIGTERM, command)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name == "posix",  # g++ has children of its own
            )
            self._running.add(process)
        try:
            _, errors = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)

    def kill(self) -> None:
        with self._lock:
            self._ended = True
            for process in self._running:
                with contextlib.suppress(OSError):
                    if os.name == "posix":
                        os.killpg(process.pid, signal.SIGKILL)
                    else:
                        process.kill()


def _compile(jobs: Sequence[_Job], folder: Path, compilers: _Compilers) -> Path:
    """Compile `jobs` in `folder` to one library, with Aesara's arguments, and return its path.

    Does not call Aesara's function: on a failure, also by Ctrl-C, that prints the output of g++
    and keeps the source file.
    """
    folder.mkdir()
    source, library = folder / "mod.cpp", folder / f"mod.{get_lib_extension()}"
    source.write_text(_one_source(jobs))
    preargs, rest = jobs[0].preargs, jobs[0].rest
    libs, lib_dirs = [*rest["libs"], *std_libs()], [*rest["lib_dirs"], *std_lib_dirs()]
    compilers.run(
        [
            aesara.config.cxx,
            get_gcc_shared_library_arg(),
            "-g",
            *preargs,
            *(f"-I{path}" for path in [*rest["include_dirs"], *std_include_dirs()] if path),
            *(f"-L{path}" for path in lib_dirs if path),
            "-fvisibility=hidden",
            "-o",
            str(library),
            str(source),
            *GCC_compiler.linking_patch(lib_dirs, libs),
        ]
    )
    return library


def _one_source(jobs: Sequence[_Job]) -> str:
    """One source: the headers of all `jobs`, then each job's source in its own namespace.

    Each module's init function is ``extern "C"``, so a namespace does not change its name. Macros
    ignore namespaces, so each source ends with #undef for the macros that it defines.
    """
    lines = list(dict.fromkeys(line for job in jobs for line in _INCLUDE.findall(job.src_code)))
    for job in jobs:
        lines += [f"namespace of_{job.module_name} {{", _INCLUDE.sub("", job.src_code), "}"]
        lines += [f"#undef {macro}" for macro in dict.fromkeys(_DEFINE.findall(job.src_code))]
    return "\n".join(lines)
