"""The C modules of a graph, compiled side by side instead of one after another."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
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
    get_lib_extension,
    get_module_hash,
    std_include_dirs,
)
from aesara.link.c.op import COp
from aesara.link.vm import VMLinker

from adversarial.backend import compiler

# Reading the headers once costs as much as two modules do.
_WORTH_A_HEADER = 4
# A g++ takes some 200 MB.
_MOST_AT_ONCE = 16


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

    Aesara calls g++ for one operation, waits, and goes on to the next; and nearly half of each
    call goes into reading the same headers.  Here the first module that is missing starts as many
    compilers as there are processors on it and on what else will be missing, from headers
    compiled beforehand.  Sources, flags and the cache of modules stay Aesara's.
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

    def for_headers(self) -> tuple:
        """The arguments that matter to headers: not those that say what to link."""
        return tuple(arg for arg in self.preargs if not arg.startswith(("-Wl,", "-L", "-l")))


class _Build:
    """The compilations of one graph; none, while all its modules are in the cache."""

    def __init__(self, nodes: Sequence[Apply]) -> None:
        self.nodes = nodes
        self.built: Optional[dict[tuple, Future]] = None
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
            library = shutil.copy2(future.result(), location)
            Path(location, "mod.cpp").write_text(src_code)
            Path(location, "__init__.py").touch()
            return dlimport(library)
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
        pool = ThreadPoolExecutor(min(_processors(), _MOST_AT_ONCE))
        self.cleanup.callback(pool.shutdown, cancel_futures=True)
        alike = defaultdict(list)
        for job in jobs.values():
            alike[job.for_headers()].append(job)
        headers = {
            preargs: pool.submit(_precompile, together, folder / f"headers{i}")
            for i, (preargs, together) in enumerate(alike.items())
            if len(together) >= _WORTH_A_HEADER and compiler.supports_openmp(aesara.config.cxx)
        }
        built = {}
        for i, (identity, job) in enumerate(jobs.items()):
            header = headers.get(job.for_headers())
            built[identity] = pool.submit(self.build, job, folder / str(i), header)
        return built

    def build(self, job: _Job, folder: Path, header: Optional[Future]) -> Path:
        """Compile `job` in `folder`; where the library is."""
        folder.mkdir()
        preargs = list(job.preargs)
        if header is not None and header.exception() is None:
            preargs += ["-include", str(header.result())]
        self.aesaras(
            job.module_name, job.src_code, str(folder), preargs=preargs, py_module=False, **job.rest
        )
        return folder / f"{job.module_name}.{get_lib_extension()}"


def _precompile(jobs: Sequence[_Job], folder: Path) -> Path:
    """Compile the headers that most of `jobs`, of equal flags, include; GCC only.

    Returns the path to include.  GCC reads the source's own ``#include`` lines again, which find
    everything defined; where it deems the compiled form unfit it reads the plain one.
    """
    counts = Counter()
    for job in jobs:
        lines = re.findall(r"^#include [<\"].*[>\"]", job.src_code, re.MULTILINE)
        counts.update(list(dict.fromkeys(lines)))
    common = [line for line, count in counts.items() if 2 * count > len(jobs)]
    folder.mkdir()
    header = folder / "headers.h"
    header.write_text("".join(f"{line}\n" for line in common))
    include_dirs = dict.fromkeys(
        path for job in jobs for path in [*job.rest["include_dirs"], *std_include_dirs()] if path
    )
    subprocess.run(
        [aesara.config.cxx, "-g", "-fPIC", *jobs[0].preargs, *(f"-I{d}" for d in include_dirs),
         "-fvisibility=hidden", "-x", "c++-header", str(header), "-o", f"{header}.gch"],
        check=True, capture_output=True,
    )
    return header


def _processors() -> int:
    """How many compilers to run at once."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        available = os.cpu_count() or 1
    # A container's share of the processors, as `config` found it, or what the user set.
    share = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(share)) if share.isdigit() else available)
