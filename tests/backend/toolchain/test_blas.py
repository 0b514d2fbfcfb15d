"""Which BLAS is found, and that compiled products go through it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import warnings

import aesara
import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend
from adversarial.backend.engines import c
from adversarial.backend.toolchain import blas

ROOT = os.path.dirname(os.path.dirname(backend.__path__[0]))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty place to install to, the only one searched; every library there loads."""
    folder = tmp_path / "env" / "lib" / "python3" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "conda"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(blas.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(blas, "_loads", os.path.exists)
    monkeypatch.setattr(blas, "_system", lambda: None)
    monkeypatch.setattr(blas, "PROCESSOR", str(tmp_path / "cpuinfo"))
    (tmp_path / "cpuinfo").write_text("vendor_id\t: GenuineIntel\n")
    monkeypatch.delenv("MKL_INTERFACE_LAYER", raising=False)
    return folder


def install(site, name, version, file):
    """What pip leaves behind: a record, and the file it names."""
    path = site / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    about = site / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text(f"{file},,\n{about.name}/METADATA,,\n{about.name}/RECORD,,\n")
    return os.path.realpath(path)


def install_both(site):
    mkl = install(site, "mkl", "2026.2.0", "../../libmkl_rt.so.3")
    openblas = install(
        site, "scipy-openblas32", "0.3.29.0.1", "scipy_openblas32/lib/libscipy_openblas.so"
    )
    return mkl, openblas


def test_mkl_comes_first_on_processors_of_intel(site):
    path, _ = install_both(site)
    found = blas.find()
    folder = os.path.dirname(path)
    assert (found.name, found.version, found.library) == ("MKL", "2026.2", path)
    assert found.ldflags == f"-Wl,-L{folder},-rpath,{folder} -l:libmkl_rt.so.3"
    assert found.environment == (("MKL_THREADING_LAYER", "GNU"),)


@pytest.mark.parametrize("about", ["vendor_id\t: AuthenticAMD\n", None])
def test_openblas_comes_first_on_others(site, tmp_path, about):
    install_both(site)
    os.remove(blas.PROCESSOR)
    if about is not None:
        (tmp_path / "cpuinfo").write_text(about)
    assert blas.find().name == "OpenBLAS"


def test_mkl_where_there_is_no_openblas(site):
    install(site, "mkl", "2026.2.0", "../../libmkl_rt.so.3")
    os.remove(blas.PROCESSOR)
    assert blas.find().name == "MKL"


def test_openblas_where_mkl_does_not_run(site, monkeypatch):
    _, path = install_both(site)
    monkeypatch.setattr(blas.platform, "machine", lambda: "aarch64")
    found = blas.find()
    assert (found.name, found.version, found.library) == ("OpenBLAS", "0.3.29", path)
    assert "-l:libscipy_openblas.so" in found.ldflags
    for routine in ("sgemm_", "dgemm_", "sgemv_", "sger_", "sdot_", "openblas_set_num_threads"):
        assert f"-D{routine}=scipy_{routine}" in found.ldflags.split()


def test_openblas_where_the_user_wants_64_bit_integers_of_mkl(site, monkeypatch):
    install_both(site)
    monkeypatch.setenv("MKL_INTERFACE_LAYER", "GNU,ILP64")
    assert blas.find().name == "OpenBLAS"


def test_mkl_of_conda_has_no_record(site):
    folder = os.path.join(sys.prefix, "lib")
    os.makedirs(folder)
    open(os.path.join(folder, "libmkl_rt.so.2"), "w").close()
    found = blas.find()
    assert (found.name, found.ldflags.split()[-1]) == ("MKL", "-l:libmkl_rt.so.2")


def test_a_record_without_the_file_is_passed_over(site):
    # As `pip install --target` leaves it.
    os.remove(install(site, "mkl", "2026.2.0", "../../libmkl_rt.so.3"))
    assert blas.find() is blas.NUMPY


def test_a_library_that_does_not_load_is_passed_over(site, monkeypatch):
    install_both(site)
    monkeypatch.setattr(blas, "_loads", lambda library: False)
    assert blas.find() is blas.NUMPY


def test_the_systems_then_numpys(site, monkeypatch):
    system = blas.Blas(name="BLIS", ldflags="-lblis")
    monkeypatch.setattr(blas, "_system", lambda: system)
    assert blas.find() is system
    monkeypatch.setattr(blas, "_system", lambda: None)
    assert blas.find() is blas.NUMPY and blas.NUMPY.slow


class Library:
    def __init__(self, *symbols):
        self.__dict__.update(dict.fromkeys(symbols))


@pytest.mark.parametrize(
    ("symbols", "name"),
    [
        (("sgemm_", "openblas_get_config"), "OpenBLAS"),
        (("sgemm_", "bli_info_get_version_str"), "BLIS"),
        (("sgemm_",), None),  # the reference BLAS: slower than NumPy's
        (("cblas_sgemm", "openblas_get_config"), None),
    ],
)
def test_a_system_blas_must_be_a_fast_one(monkeypatch, symbols, name):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        blas.ctypes.util, "find_library", lambda short: "libblas.so.3" if short == "blas" else None
    )
    monkeypatch.setattr(blas.ctypes, "CDLL", lambda path: Library(*symbols))
    found = blas._system()
    assert (found and found.name) == name
    if found:
        assert found.ldflags == "-l:libblas.so.3"


def test_a_folder_with_a_space_is_reached_by_a_link(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "my project"
    folder.mkdir()
    flags = blas._link(str(folder / "libx.so.1"))
    link = flags.split("-rpath,")[1].split()[0]
    assert len(flags.split()) == 2 and os.path.samefile(link, folder)
    assert blas._link(str(folder / "libx.so.1")) == flags
    os.remove(link)
    os.symlink(tmp_path, link)
    with pytest.raises(ValueError, match="remove it"):
        blas._link(str(folder / "libx.so.1"))


def test_numpys_is_warned_about_once(monkeypatch):
    setup = backend.configure()
    slow = dataclasses.replace(setup, blas=blas.NUMPY)
    monkeypatch.setattr(c.config, "configure", lambda: slow)
    c._check_machine.cache_clear()
    x = at.scalar()
    with pytest.warns(RuntimeWarning, match="four times as long. Install one: pip install") as seen:
        backend.function([x], x)
        backend.function([x], x)
    assert len(seen) == 1 and seen[0].filename == __file__
    c._check_machine.cache_clear()


def test_flags_of_the_user_are_not_warned_about():
    found = blas.from_user("")
    assert found.ldflags == "" and not found.slow
    assert blas.from_user("-lfoo").describe() == "BLAS set by blas__ldflags='-lfoo'"


PRODUCTS = """
import importlib.util, re, subprocess, sys
import numpy as np
# Importing the package looks for a BLAS, so what it is to find is settled before.
spec = importlib.util.spec_from_file_location(
    "adversarial.backend.toolchain.blas", "adversarial/backend/toolchain/blas.py")
sys.modules[spec.name] = blas = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blas)
blas.find = getattr(blas, sys.argv[1])
from adversarial import backend
import aesara, aesara.tensor as at
x, g, v = at.matrix(), at.matrix(), at.vector()
w = backend.shared(np.random.default_rng(0).standard_normal((300, 400)))
f = backend.function([x, g, v], [x.dot(w), w.dot(v)], updates=[(w, w - x.T.dot(g))])
ops = [node.op for node in f.maker.fgraph.apply_nodes]
names = {type(op).__name__ for op in ops}
assert {"SparseDot22", "SparseGemm"} <= names, names
numbers = [np.random.default_rng(1).standard_normal(s).astype(backend.floatX)
           for s in ((200, 300), (200, 400), (400,))]
before = w.get_value()
for got, expected in zip(f(*numbers), (numbers[0] @ before, before @ numbers[2])):
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
np.testing.assert_allclose(w.get_value(), before - numbers[0].T @ numbers[1], rtol=1e-3, atol=1e-4)
modules = {m.__file__ for n, m in sys.modules.items() if "compiledir" in (getattr(m, "__file__", "") or "")}
linked = [subprocess.run(["readelf", "-d", file], capture_output=True, text=True).stdout for file in modules]
print(blas.describe(), "|", sorted(set(re.findall(r"NEEDED.*\\[(lib(?:mkl_rt|scipy_openblas).*?)\\]", "".join(linked)))))
"""  # noqa: E501


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF files")
@pytest.mark.parametrize(
    ("finder", "name", "needed"),
    [("_mkl", "MKL", "libmkl_rt"), ("_scipy_openblas", "OpenBLAS", "libscipy_openblas")],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_products_are_linked_to_it(finder, name, needed, threads):
    if "blas__ldflags" in backend.configure().user_flags or getattr(blas, finder)() is None:
        pytest.skip(f"{name} is not installed, or not to be used")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    for variable in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.pop(variable, None)
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTS, finder],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    described, _, libraries = done.stdout.partition("|")
    plural = "" if threads == 1 else "s"
    assert described.startswith(name) and described.strip().endswith(f"({threads} thread{plural})")
    assert needed in libraries


def test_describe_is_of_the_blas_in_use():
    setup = backend.configure()
    assert blas.describe() == setup.blas.describe()
    assert setup.blas.ldflags == aesara.config.blas__ldflags
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = at.matrix()
        np.testing.assert_allclose(
            backend.function([x], x.dot(x))(np.eye(3, dtype=backend.floatX)), np.eye(3)
        )
