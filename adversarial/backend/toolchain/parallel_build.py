"""The C modules of a graph, compiled together and side by side instead of one after another."""

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

# A g++ takes some 200 MB.
_MOST_AT_ONCE = 16
# Libraries for each compiler to build: few read their headers less often, many end together.
_SHARES = 3
_INCLUDE = re.compile(r"^#include [<\"].*[>\"]", re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)


def with_parallel_build(mode: Any) -> Any:
    """The mode `mode` (a `Mode`, its name, or None for the default), with `ParallelLinker`.

    Only where it would use Aesara's own virtual machine with C code; other modes stay as they are.
    """
    found = get_mode(mode)
    linker = found.linker
    # Modes with other linkers, or that wrap this one to look into it, do something of their own.
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
    """Aesara's virtual machine, with all modules that a graph lacks built at once.

    Aesara calls g++ for one operation, waits, and goes on to the next; and most of each call goes
    into reading the same headers.  Here the first module that is missing starts as many compilers
    as there are processors on it and on what else will be missing, several modules to a library.
    Sources, flags and the cache of modules stay Aesara's.
    """

    def make_all(self, *args: Any, **kwargs: Any) -> Any:
        with _Build(self.schedule(self.fgraph)).replacing_aesaras():
            return super().make_all(*args, **kwargs)


class _Job:
    """A module to build: its source, and the arguments Aesara would compile it with."""

    def __init__(self, module_name: str, src_code: str, preargs: Sequence[str], **rest: Any):
        self.module_name = module_name
        self.src_code = src_code
        self.preargs = list(preargs)
        self.rest = rest

    @classmethod
    def of(cls, node: Apply) -> Optional[_Job]:
        """For `node`; None when it has no C code, or its module is in the cache."""
        if not isinstance(node.op, COp):
            return None
        try:
            node.op.prepare_node(node, storage_map=None, compute_map=None, impl="c")
            linker = CLinker().accept(FunctionGraph(node.inputs, node.outputs), no_recycling=[])
            cache, key = get_module_cache(), linker.cmodule_key()
            if key in cache.entry_from_key:
                return None
            module = linker.get_dynamic_module()
            # Operations that differ may have the same source.
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
            # Whatever it is, Aesara meets it again in a moment and knows what to say or do.
            return None

    def identity(self) -> tuple:
        return self.src_code, tuple(self.preargs)

    def all_but_source(self) -> tuple:
        """The arguments that modules of one library have in common."""
        return tuple(self.preargs), tuple((key, *self.rest[key]) for key in sorted(self.rest))


class _Build:
    """The compilations of one graph; none, while all its modules are in the cache."""

    def __init__(self, nodes: Sequence[Apply]) -> None:
        self.nodes = nodes
        self.built: Optional[dict[tuple, Future]] = None
        self.placed: dict[Path, Path] = {}
        self.cleanup = contextlib.ExitStack()

    @contextlib.contextmanager
    def replacing_aesaras(self) -> Iterator[None]:
        """Take the place of the one function by which Aesara compiles."""
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
        """What Aesara calls for a module that its cache lacks; see `GCC_compiler.compile_str`."""
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
        """Have all modules that the cache lacks compiled; returns before they are."""
        # A source may serve several nodes.
        jobs = {job.identity(): job for job in map(_Job.of, self.nodes) if job is not None}
        if len(jobs) < 2:
            return {}
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        compilers = min(_processors(), _MOST_AT_ONCE)
        pool = ThreadPoolExecutor(compilers)
        # When something else than the end of the work ends this, nobody waits for the compilers.
        self.cleanup.callback(pool.shutdown, cancel_futures=True)
        compilers_at_work = _Compilers()
        self.cleanup.callback(compilers_at_work.kill)
        built: dict[tuple, Future] = {}
        for i, together in enumerate(_shared_out(jobs.values(), compilers * _SHARES)):
            library = pool.submit(_compile, together, folder / str(i), compilers_at_work)
            built.update((job.identity(), library) for job in together)
        return built

    def place(self, library: Path, target: Path) -> None:
        """Have `target` be `library`, which is loaded once for all targets if these are links."""
        first = self.placed.setdefault(library, target)
        if first is not target:
            with contextlib.suppress(OSError):  # the file system may have no links
                os.link(first, target)
                return
        shutil.copy2(library, target)


def _shared_out(jobs: Iterable[_Job], parts: int) -> list[list[_Job]]:
    """What to compile together: lists of `jobs`, about `parts` of them, the longest sources first.

    Only jobs that are alike but for their sources come together.
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
    """The compilers that run: `kill` ends them, and lets none begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def run(self, command: Sequence[str]) -> None:
        """Run `command` to its end; CalledProcessError where that is a failure."""
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
    """Compile `jobs` in `folder` to one library, as Aesara would each of them; where it is.

    Not by Aesara's function, which prints what g++ says and keeps the source when it fails: it
    also fails when Ctrl-C ends it.
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
    """The sources of `jobs` as one: below the headers of all, each in a namespace of its own.

    The function by which Python finds a module is C, whose names namespaces leave alone.  Macros
    know no namespaces either, and end with the source that defines them.
    """
    lines = list(dict.fromkeys(line for job in jobs for line in _INCLUDE.findall(job.src_code)))
    for job in jobs:
        lines += [f"namespace of_{job.module_name} {{", _INCLUDE.sub("", job.src_code), "}"]
        lines += [f"#undef {macro}" for macro in dict.fromkeys(_DEFINE.findall(job.src_code))]
    return "\n".join(lines)


def _processors() -> int:
    """How many compilers to run at once."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        available = os.cpu_count() or 1
    # A container's share of the processors, as `config` found it, or what the user set.
    share = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(share)) if share.isdigit() else available)
