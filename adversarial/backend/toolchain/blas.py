"""Chooses the BLAS library that compiled code is linked to, and the flags that link it.

Matrix products are most of the work of training. Aesara by itself calls NumPy's bundled BLAS and
copies arrays for each call, so that a step of the paper's MNIST model takes about four times as
long. `config.configure` calls `find`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import dataclasses
import glob
import hashlib
import importlib.metadata
import os
import platform
import re
import sys
import tempfile

# The Fortran routines that Aesara's C code calls, and OpenBLAS's functions for its thread count.
_ROUTINES = tuple(
    kind + routine + "_"
    for kind in "sd"
    for routine in ("gemm", "gemv", "ger", "dot", "scal", "axpy", "copy", "swap", "nrm2", "asum")
) + ("openblas_set_num_threads", "openblas_get_num_threads")

# A symbol that only this implementation exports; the reference BLAS, which is slow, has none.
_SIGNATURES = {
    "OpenBLAS": "openblas_get_config",
    "MKL": "MKL_Get_Max_Threads",
    "BLIS": "bli_info_get_version_str",
    "Accelerate": "appleblas_sgeadd",
}


@dataclasses.dataclass(frozen=True)
class Blas:
    """A BLAS and the flags that link it.

    Parameters
    ----------
    name : name of the implementation, for messages
    ldflags : value of Aesara's ``blas__ldflags``; empty for NumPy's bundled BLAS
    library : path of the shared library, for ``ctypes``; empty if unknown
    version : empty if unknown
    prefix : prefix of its symbols' names
    environment : variables to set, unless the user has set them
    slow : whether to warn that it is slow
    reentrant : whether several threads may call it at once, each call on one thread
    callers : number of threads that call OpenBLAS at once, after `for_callers` has set its own
        number of threads to 1
    """

    name: str
    ldflags: str = ""
    library: str = ""
    version: str = ""
    prefix: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    slow: bool = False
    reentrant: bool = False
    callers: int | None = None

    def for_callers(self) -> Blas:
        """This BLAS, set up for OpenMP threads that call it at once, each for a slice of a product.

        OpenBLAS would start threads of its own in each of these calls, so its number of threads is
        set to 1. The copy of OpenBLAS in scipy-openblas32 is used by this program only. MKL
        detects by itself that it is called from a parallel region.
        """
        if not self.reentrant or self.name != "OpenBLAS":
            return self
        callers = self.threads()
        self.set_threads(1)
        return dataclasses.replace(self, callers=callers)

    def set_threads(self, count: int) -> None:
        """Set the number of threads that OpenBLAS uses for a product."""
        getattr(ctypes.CDLL(self.library), self.prefix + "openblas_set_num_threads")(count)

    def threads(self) -> int | None:
        """Number of threads that compute a product; None if unknown."""
        if self.callers is not None:
            return self.callers
        asks = {"MKL": "MKL_Get_Max_Threads", "OpenBLAS": self.prefix + "openblas_get_num_threads"}
        if not self.library or self.name not in asks:
            return None
        try:
            return int(getattr(ctypes.CDLL(self.library), asks[self.name])())
        except (OSError, AttributeError):
            return None

    @property
    def multiplies_bf16(self) -> bool:
        """Whether it has a product of bfloat16 matrices with a float32 result."""
        return self.name == "MKL" and hasattr(ctypes.CDLL(self.library), "cblas_gemm_bf16bf16f32")

    def describe(self) -> str:
        """Short text such as ``MKL 2026.2 (2 threads)``."""
        threads = self.threads()
        text = f"{self.name} {self.version}".strip()
        if threads is None:
            return text
        return f"{text} ({threads} thread{'s' if threads != 1 else ''})"


def describe() -> str:
    """The BLAS that compiled functions use, such as ``MKL 2026.2 (2 threads)``."""
    from adversarial.backend.toolchain.config import configure

    return configure().blas.describe()


PROCESSOR = "/proc/cpuinfo"

NUMPY = Blas(name="NumPy's bundled BLAS", slow=True)

SLOW = (
    "No fast BLAS found: matrix products go through NumPy's bundled one, and training takes "
    "about four times as long. Install one: pip install scipy-openblas32."
)


def find() -> Blas:
    """The fastest BLAS that is installed.

    The order on Intel's processors is MKL, scipy-openblas32, the system's BLAS, NumPy's. On other
    processors OpenBLAS is faster than MKL (docs/PERFORMANCE.md), so these two are exchanged.
    """
    looks = (_mkl, _scipy_openblas) if of_intel() else (_scipy_openblas, _mkl)
    for look in (*looks, _system):
        found = look()
        if found is not None:
            return found
    return NUMPY


def from_user(ldflags: str) -> Blas:
    """The BLAS of the linker flags that the user set; no warning is given for it."""
    return Blas(name=f"BLAS set by blas__ldflags={ldflags!r}", ldflags=ldflags)


def of_intel() -> bool:
    """Whether Linux says that Intel made the processor."""
    return "GenuineIntel" in _about_processor()


def instructions() -> set[str]:
    """Linux's names of the processor's extensions, such as ``avx2``; empty on other systems."""
    found = re.search(r"^flags\s*:(.*)", _about_processor(), re.MULTILINE)
    return set(found[1].split()) if found else set()


def _about_processor() -> str:
    try:
        with open(PROCESSOR) as about:
            return about.read()
    except OSError:
        return ""


def _mkl() -> Blas | None:
    runs = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "AMD64")
    # Aesara passes 32-bit integers, and MKL's ILP64 interface reads 64 bits.
    if not runs or "ILP64" in os.environ.get("MKL_INTERFACE_LAYER", "").upper():
        return None
    library, version = _file_of("mkl", r"libmkl_rt\.so(\.\d+)*")
    if not library:
        # The metadata of conda's package, and of pip's --target, do not list the library.
        there = glob.glob(os.path.join(sys.prefix, "lib", "libmkl_rt.so*"))
        library = min(there, default="")
    if not library or not _loads(library):
        return None
    return Blas(
        name="MKL",
        ldflags=_link(library),
        library=library,
        version=".".join(version.split(".")[:2]),
        # The compiled code uses GCC's OpenMP; with another OpenMP, MKL would start a second pool.
        environment=(("MKL_THREADING_LAYER", "GNU"),),
        reentrant=True,
    )


def _scipy_openblas() -> Blas | None:
    library, version = _file_of(
        "scipy-openblas32", r"(libscipy_openblas[^/]*\.(so|dylib)|libscipy_openblas\.lib)"
    )
    if not library or not _loads(library):
        return None
    renames = " ".join(f"-D{routine}=scipy_{routine}" for routine in _ROUTINES)
    return Blas(
        name="OpenBLAS",
        ldflags=f"{_link(library)} {renames}",
        library=library,
        version=".".join(version.split(".")[:3]),
        prefix="scipy_",
        reentrant=True,
    )


def _system() -> Blas | None:
    if sys.platform == "darwin":
        return Blas(name="Accelerate", ldflags="-Wl,-framework,Accelerate")
    for short in ("openblas", "mkl_rt", "blis", "blas", "cblas"):
        soname = ctypes.util.find_library(short)
        if not soname or not _loads(soname):
            continue
        library = ctypes.CDLL(soname)
        name = next((n for n, symbol in _SIGNATURES.items() if hasattr(library, symbol)), None)
        # Without `name` it may be the reference BLAS, which is slower than NumPy's. Some builds
        # do not export the Fortran routines.
        if name and hasattr(library, "sgemm_"):
            path = _path_of_loaded(soname)
            return Blas(name=name, ldflags=_link(path), library=path, version="of the system")
    return None


def _file_of(distribution: str, pattern: str) -> tuple[str, str]:
    """Path of the installed distribution's file whose name matches, and its version."""
    try:
        found = importlib.metadata.distribution(distribution)
        files = found.files or ()
    except importlib.metadata.PackageNotFoundError:
        return "", ""
    for file in files:
        if re.fullmatch(pattern, file.name):
            path = os.path.realpath(str(found.locate_file(file)))
            if os.path.exists(path):
                return path, found.version
    return "", ""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _path_of_loaded(soname: str) -> str:
    """Full path of a library that this process has loaded; `soname` if it is not found."""
    target = os.path.basename(soname)
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
    except OSError:
        return soname
    for path in sorted(paths):
        beside = os.path.join(os.path.dirname(path), target)
        if os.path.exists(beside) and os.path.realpath(beside) == os.path.realpath(path):
            return beside
    return soname


def _link(library: str) -> str:
    """Flags that link the shared library at path `library` and find it again when run."""
    folder, file = os.path.split(library)
    if sys.platform.startswith("linux"):
        name = f"-l:{file}"
    else:
        name = "-l" + re.sub(r"^lib|\.(dylib|so|lib|dll)$", "", file)
    if not folder:
        return name
    folder = _plain(folder)
    # -Wl,-L, since Aesara searches the folder of -L for lib*.so, and warns if it finds none.
    return f"-Wl,-L{folder},-rpath,{folder} {name}"


def _is_writable(folder: str) -> bool:
    if not os.path.isabs(folder):  # expanduser leaves ~ if the user has no home folder
        return False
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _plain(folder: str) -> str:
    """`folder`, or a symbolic link to it if Aesara would split its path as flags."""
    awkward = re.compile(r"""[\s,"'#\\]""")
    if not awkward.search(folder):
        return folder
    mark = hashlib.sha256(folder.encode()).hexdigest()[:12]
    bases = (os.path.join(os.path.expanduser("~"), ".aesara"), tempfile.gettempdir(), "/tmp")
    base = next((base for base in bases if not awkward.search(base) and _is_writable(base)), "")
    if not base:
        raise ValueError(
            f"the BLAS in {folder!r} cannot be linked to: Aesara splits its path at spaces and "
            "quotes. Install in a folder without these."
        )
    # The user's number, not name: in a container a number may have no name.
    link = os.path.join(base, f"blas-{getattr(os, 'getuid', int)()}-{mark}")
    try:
        os.symlink(folder, link)
    except FileExistsError:
        # An earlier run made the link; check that another user did not.
        if os.readlink(link) != folder:
            raise ValueError(f"{link} should be a link to {folder}; remove it") from None
    return link
