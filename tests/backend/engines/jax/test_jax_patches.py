"""Each repair of Aesara's JAX linker: right with it, and wrong or refused without it."""

from __future__ import annotations

import warnings

import aesara
import aesara.tensor as at
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from aesara.graph.fg import FunctionGraph  # noqa: E402
from aesara.link.jax.dispatch import (  # noqa: E402
    basic,
    elemwise,
    jax_funcify,
    nlinalg,
    scalar,
    shape,
    subtensor,
    tensor_basic,
)
from aesara.raise_op import Assert  # noqa: E402
from aesara.scalar import Cast  # noqa: E402
from aesara.tensor.basic import MakeVector, Split  # noqa: E402
from aesara.tensor.elemwise import CAReduce  # noqa: E402
from aesara.tensor.math import Argmax, MaxAndArgmax  # noqa: E402
from aesara.tensor.nnet.basic import SoftmaxWithBias, softmax_with_bias  # noqa: E402
from aesara.tensor.shape import Reshape, SpecifyShape  # noqa: E402
from aesara.tensor.special import log_softmax  # noqa: E402
from aesara.tensor.subtensor import (  # noqa: E402
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    IncSubtensor,
    Subtensor,
)

from adversarial.backend import function, shared  # noqa: E402
from adversarial.backend.engines.jax import patches  # noqa: E402
from adversarial.backend.engines.jax.function import DeviceContainer  # noqa: E402

X = np.random.RandomState(0).normal(size=(4, 6)).astype("float32")


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


def computed_reshape(x):
    return x.reshape(x.shape * np.array([3, 2]) // np.array([2, 3]), ndim=2), X.reshape(6, 4)


def partly_specified(x):
    return at.specify_shape(x, (None, 6)) * 2, X * 2


def refused(x):
    return Assert("too narrow")(x, at.ge(x.shape[1], 7)), None


def counted(x):
    positive = at.gt(x, 0).sum()
    return at.stack([x.shape[0], positive]), np.array([4, (X > 0).sum()])


def widened(x):
    return at.cast(x.sum(axis=0), "float64"), X.sum(axis=0, dtype="float64")


def summed(x):
    return x.sum(axis=(0, 1)), X.sum(dtype="float64")


def best(x):
    return sum(at.max_and_argmax(x, axis=1)), X.max(axis=1) + X.argmax(axis=1)


def best_place(x):
    return at.argmax(x, axis=1), X.argmax(axis=1)


def split(x):
    return at.split(x, [2, 3, 1], 3, axis=1)[1], X[:, 2:5]


def sliced(x):
    return x[x.shape[0] // 2 :, at.argmax(x[0])], X[2:, X[0].argmax()]


def softmax(x):
    e = np.exp(X + X[0])
    return softmax_with_bias(x, x[0]), e / e.sum(axis=1, keepdims=True)


# Into what no input changes, and NumPy therefore holds while JAX traces.
ZEROS = at.as_tensor(np.zeros((4, 6), "float32"))


def written(x):
    return at.set_subtensor(ZEROS[1:3], x[:2]), np.pad(X[:2], [(1, 1), (0, 0)])


def rows_added(x):
    expected = np.zeros_like(X)
    expected[[3, 0]] = X[:2]
    return at.inc_subtensor(ZEROS[at.as_tensor([3, 0])], x[:2]), expected


def places_added(x):
    expected = np.zeros_like(X)
    expected[[3, 0], [1, 5]] = X[0, :2]
    places = at.as_tensor([3, 0]), at.as_tensor([1, 5])
    return at.inc_subtensor(ZEROS[places], x[0, :2]), expected


CASES = [
    (Reshape, shape.jax_funcify_Reshape, computed_reshape),
    (SpecifyShape, shape.jax_funcify_SpecifyShape, partly_specified),
    (Assert, basic.jax_funcify_CheckAndRaise, refused),
    (MakeVector, tensor_basic.jax_funcify_MakeVector, counted),
    (Cast, scalar.jax_funcify_Cast, widened),
    (CAReduce, elemwise.jax_funcify_CAReduce, summed),
    (MaxAndArgmax, nlinalg.jax_funcify_MaxAndArgmax, best),
    (Argmax, jax_funcify.dispatch(object), best_place),
    (Split, jax_funcify.dispatch(object), split),
    (SoftmaxWithBias, jax_funcify.dispatch(object), softmax),
    (Subtensor, subtensor.jax_funcify_Subtensor, sliced),
    (IncSubtensor, subtensor.jax_funcify_IncSubtensor, written),
    (AdvancedIncSubtensor1, subtensor.jax_funcify_IncSubtensor, rows_added),
    (AdvancedIncSubtensor, subtensor.jax_funcify_AdvancedIncSubtensor, places_added),
]


def holds(make):
    """Whether the graph's value is right, and nothing is warned of."""
    x = at.fmatrix("x")
    graph, expected = make(x)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = function([x], graph)(X)
    except AssertionError as error:
        return expected is None and str(error) == "too narrow"
    except Exception:
        return False
    return expected is not None and np.allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize("op, aesaras, make", CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_a_repair_is_right_and_needed(op, aesaras, make):
    assert holds(make)
    ours = jax_funcify.dispatch(op)
    jax_funcify.register(op)(aesaras)
    try:
        assert not holds(make)
    finally:
        jax_funcify.register(op)(ours)
    assert jax_funcify.dispatch(op) is ours


def test_shapes_are_computed_while_the_graph_is_traced(monkeypatch):
    x = at.fmatrix("x")
    n = at.cast(at.ceil(x.shape[0] / 3), "int64")  # 2
    graph = at.zeros((n, x.shape[1])) + at.arange(x.shape[1] + n - n)
    np.testing.assert_array_equal(function([x], graph)(X), np.tile(np.arange(6), (2, 1)))
    # Without: what has gone through jax.numpy is unknown there.
    monkeypatch.setattr(patches, "_perform", lambda node, inputs: None)
    with pytest.raises(Exception, match="[Cc]oncrete|constant|[Tt]rac"):
        function([x], graph)(X)


def column_mean(x):
    gradient = np.zeros_like(X)
    gradient[:, 1] = 1 / len(X)
    return at.grad(x[:, 1].mean(), x), gradient


def corner_and_row(x):
    gradient = np.zeros_like(X)
    gradient[-1, 2] = 1
    gradient[0] += 3
    return at.grad(x[-1, 2] + 3 * x[0].sum(), x), gradient


def class_loss(x):
    softmax = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    gradient = (softmax - np.eye(6)[0]) / len(X)
    return at.grad(-log_softmax(x, axis=-1)[:, 0].mean(), x), gradient


def set_in_zeros(x):
    expected = np.zeros_like(X)
    expected[2] = 7
    return at.set_subtensor(at.zeros_like(x)[2], 7.0), expected


@pytest.mark.parametrize("make", [column_mean, corner_and_row, class_loss, set_in_zeros])
def test_a_part_of_what_is_known_can_be_changed(make):
    """The gradient of a sum over a part of x is ones, added to that part of zeros: both known."""
    assert holds(make)


def test_values_of_shared_variables_are_no_constants_of_the_program():
    x, big = at.lvector("x"), shared(np.arange(1e5).reshape(1000, 100))
    run = function([x], big[x])
    jaxpr = str(jax.make_jaxpr(run.vm)(jax.numpy.zeros(3, "int32"), big.get_value()))
    assert run([3]).tolist() == [list(range(300, 400))]
    assert len(jaxpr) < 2000
    # Without: Aesara makes an array of what a variable holds, for each that it finds held.
    made = []

    def spy(value, **kwargs):
        made.append(np.shape(value))
        return value

    storage = {v: [np.zeros((1000, 100), "float32")] for v in run.maker.fgraph.inputs}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "jax_typify", spy)
        basic.jax_funcify_FunctionGraph(run.maker.fgraph, storage_map=storage)
    assert (1000, 100) in made
    assert jax_funcify.dispatch(FunctionGraph) is patches.convert_graph


def test_the_linker_leaves_values_on_the_device():
    """Aesara's own call would put NumPy arrays in their place."""
    total = shared(np.zeros(3))
    run = function([], updates=[(total, total + 1)])
    run()
    assert type(total.container) is DeviceContainer and isinstance(total.container.array, jax.Array)
    plain = aesara.shared(np.zeros(3, "float32"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aesara.function([], updates=[(plain, plain + 1)], mode="JAX")()
    assert not isinstance(plain.container.storage[0], jax.Array)
