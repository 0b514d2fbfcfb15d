"""--precision bf16: factors of dense products are rounded to bfloat16, and nothing else is.

The same numbers are computed by float32 products on any machine, and by MKL where it can.
"""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend import engines
from adversarial.backend.toolchain import blas, config, products
from adversarial.scripts import cli, train

bfloat16 = pytest.importorskip("ml_dtypes", reason="ml_dtypes rounds independently").bfloat16


@pytest.fixture(scope="module", autouse=True)
def c_engine():
    """The C engine, and the one of before for the tests of other modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "_chosen", None)
        engines.choose("c")
        yield


@pytest.fixture(scope="module", params=[products.EMULATED, "bf16"])
def rounding(request):
    try:
        products.use(request.param)
    except ValueError as error:
        pytest.skip(str(error).partition("\n")[0])
    yield request.param
    products.use("float32")


@pytest.fixture(scope="module")
def product(rounding):
    x, y = at.fmatrices("xy")
    return backend.function([x, y], at.dot(x, y))


def rounded(x):
    return x.astype(bfloat16).astype("float64")


def close(found, x, y):
    """Whether `found` is the exact product x y, up to sums in float32."""
    bound = 1e-5 * (abs(x) @ abs(y) + 1e-6)
    return (abs(found - x @ y) <= bound).all()


sizes = st.integers(40, 300)


@settings(max_examples=40)
@given(
    n=sizes,
    k=st.integers(700, 900),
    m=sizes,
    orders=st.tuples(*[st.sampled_from("CF")] * 2),
    scale=st.sampled_from([1e-15, 1.0, 1e15]),
    seed=st.integers(0, 999),
)
def test_factors_are_rounded_and_sums_are_not(product, n, k, m, orders, scale, seed):
    rng = np.random.RandomState(seed)
    x, y = (
        np.asarray(scale * rng.randn(*shape), "float32", order)
        for shape, order in zip(((n, k), (k, m)), orders)
    )
    found = product(x, y).astype("float64") / scale**2
    assert close(found, rounded(x) / scale, rounded(y) / scale)
    assert not close(found, x.astype("float64") / scale, y.astype("float64") / scale)


def test_the_update_of_a_matrix(rounding):
    """b z + a x y in the place of z, by slices of rows and of columns, and views as factors."""
    z, x, y = at.fmatrices("zxy")
    place = aesara.In(z, mutable=True, borrow=True)
    update = backend.function([place, x, y], np.float32(0.5) * z - np.float32(0.1) * at.dot(x, y))
    rng = np.random.RandomState(0)
    for n, m in (100, 700), (700, 100):
        x, y = rng.randn(2 * n, 200).astype("f")[::2], rng.randn(200, m).astype("f")
        z = rng.randn(n, m).astype("f")
        wanted = 0.5 * z - 0.1 * rounded(x) @ rounded(y)
        assert np.allclose(update(z.copy(), x, y), wanted, rtol=0, atol=2e-5)


def test_ties_and_what_is_not_finite(product):
    """Ties go to the even number, NaN stays NaN whatever its bits, and 3.4e38 becomes infinite."""
    eighth = 2.0**-8  # half of the distance of two numbers from 1 on
    nan = np.array([0x7F800001, 0xFFFFFFFF], "uint32").view("float32")
    entries = [1 + eighth, 1 + 3 * eighth, -1 - eighth, 1 + 1.01 * eighth, 3.4e38, *nan, np.inf]
    wanted = [1.0, 1 + 4 * eighth, -1.0, 1 + 2 * eighth, np.inf, np.nan, np.nan, np.inf]
    n = 300
    for place, (entry, value) in enumerate(zip(entries, wanted)):
        # One entry of a dense factor times 1, and all others times 0.
        x, y = np.ones((n, n), "float32"), np.zeros((n, n), "float32")
        x[0, place] = entry
        y[place] = 1
        y[y == 0] = 1e-30  # not zeros, which are skipped
        found = product(x, y)[0]
        assert np.allclose(found, value, rtol=0, atol=1e-6, equal_nan=True), entry


def test_zeros_are_skipped_exactly(product):
    rng = np.random.RandomState(1)
    x, y = rng.randn(200, 300).astype("f"), rng.randn(300, 400).astype("f")
    x *= rng.uniform(size=x.shape) < 0.05
    assert close(product(x, y), x.astype("float64"), y.astype("float64"))


def test_products_of_few_rows_are_exact(product):
    """Rounding their weights would take longer than multiplying them."""
    rng = np.random.RandomState(5)
    x, y = rng.randn(20, 800).astype("f"), rng.randn(800, 900).astype("f")
    for a, b in (x, y), (y.T, x.T):
        assert close(product(a, b), a.astype("float64"), b.astype("float64"))


def test_small_products_and_float64_are_exact(product):
    rng = np.random.RandomState(2)
    x, y = rng.randn(100, 80), rng.randn(80, 100)
    assert close(product(*(v.astype("f") for v in (x, y))), *(v.astype("f") for v in (x, y)))
    a, b = at.dmatrices("ab")
    x, y = rng.randn(200, 300), rng.randn(300, 200)
    found = backend.function([a, b], at.dot(a, b))(x, y)
    assert np.allclose(found, x @ y, rtol=1e-12, atol=1e-12)


def test_convolutions_and_their_gradients(rounding):
    images, kernels = at.ftensor4("images"), at.ftensor4("kernels")
    maps = backend.conv2d(images, kernels, border_mode="half")
    weights = at.ftensor4("weights")
    gradients = aesara.grad((maps * weights).sum(), [images, kernels])
    found = backend.function([images, kernels, weights], [maps, *gradients])
    rng = np.random.RandomState(3)
    shapes = (2, 16, 24, 24), (32, 16, 5, 5), (2, 32, 24, 24)
    values = [rng.randn(*shape).astype("f") for shape in shapes]
    near = [v.astype(bfloat16).astype("f") for v in values]
    mine = found(*values)
    products.use("float32")
    try:
        exact = backend.function([images, kernels, weights], [maps, *gradients])
        for got, of_near, of_all in zip(mine, exact(*near), exact(*values)):
            assert np.allclose(got, of_near, rtol=0, atol=2e-3)
            assert not np.allclose(got, of_all, rtol=0, atol=2e-3)
    finally:
        products.use(rounding)


def test_a_cached_graph_is_of_one_precision(product):
    """The same graph compiled with the other precision is another function."""
    x, y = at.fmatrices("xy")
    rng = np.random.RandomState(4)
    values = rng.randn(100, 300).astype("f"), rng.randn(300, 100).astype("f")
    was = products.current()
    products.use("float32")
    try:
        exact = backend.function([x, y], at.dot(x, y))
    finally:
        products.use(was)
    assert close(exact(*values), *(v.astype("float64") for v in values))
    assert close(product(*values), *map(rounded, values))


# What is refused


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """machine(vendor, flags, BLAS): what the program sees."""
    products.use("float32")

    def machine(vendor, flags, name):
        (tmp_path / "cpuinfo").write_text(f"vendor_id\t: {vendor}\nflags\t\t: {flags}\n")
        monkeypatch.setattr(blas, "PROCESSOR", str(tmp_path / "cpuinfo"))
        setup = config.Setup(blas.Blas(name=name), frozenset(), "g++")
        monkeypatch.setattr(config, "configure", lambda: setup)
        monkeypatch.setattr(blas.Blas, "multiplies_bf16", name == "MKL")

    yield machine
    products.use("float32")


@pytest.mark.parametrize(
    "vendor, flags, name, reason",
    [
        ("AuthenticAMD", "avx2 avx512_bf16", "MKL", "an Intel processor"),
        ("GenuineIntel", "avx2 avx512f", "MKL", "an Intel processor with AMX"),
        ("GenuineIntel", "avx512_bf16", "OpenBLAS", "needs MKL, and in use is OpenBLAS"),
    ],
)
def test_a_machine_without_fast_products(machine, vendor, flags, name, reason):
    machine(vendor, flags, name)
    with pytest.raises(ValueError, match=reason):
        products.use("bf16")
    assert products.current() == "float32"


def test_an_old_mkl(machine, monkeypatch):
    machine("GenuineIntel", "amx_bf16", "MKL")
    monkeypatch.setattr(blas.Blas, "multiplies_bf16", False)
    with pytest.raises(ValueError, match="needs a newer MKL than .*\\n.*pip install --upgrade mkl"):
        products.use("bf16")


@pytest.mark.parametrize("flags", ["avx512_bf16", "avx2 amx_tile amx_bf16"])
def test_a_machine_that_can(machine, flags):
    machine("GenuineIntel", flags, "MKL")
    engines.choose("c", precision="bf16")
    assert "bf16 products" in engines.describe()
    engines.choose("c")
    assert "bf16" not in engines.describe()
    with pytest.raises(ValueError, match="several devices"):
        engines.choose("c", devices=2, precision="bf16")
    assert products.current() == "float32"


def test_another_engine_or_precision():
    with pytest.raises(ValueError, match="--precision bf16 needs the C engine: --backend c"):
        engines.ENGINES["jax"].multiply_in("bf16")
    with pytest.raises(ValueError, match="must be one of float32, bf16, not 'float16'"):
        products.use("float16")


def test_the_option(machine, monkeypatch, tmp_path, capfd):
    """The command says at once, in one line and what to do, that it cannot."""
    machine("GenuineIntel", "amx_bf16", "OpenBLAS")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("1")
    assert cli.run(lambda: train.main(["a.yaml", "--precision", "bf16", "--backend", "c"])) == 1
    first, second = capfd.readouterr().err.splitlines()
    assert "--precision bf16 needs MKL" in first and "pip install" in second
