"""Programs against Aesara: expressions of all kinds, and the errors of those without a rule."""

from __future__ import annotations

import adversarial  # noqa: F401

# isort: split
import aesara.tensor as at
import numpy as np
import pytest
from aesara.tensor import special
from export_test_things import ARRAY, IMAGE_FUNCTIONS, SCALAR, program_of

from adversarial import backend
from adversarial.export.check import difference
from adversarial.export.translate import Untranslatable

RNG = np.random.default_rng(1)


def check(expression, evaluate, names=("x",), shape=(6,), tolerance=1e-5):
    program, variables, output = program_of(expression, names, shape)
    for batch in (1, 2, 7):
        values = [(4 * RNG.random((batch, *shape)) - 2).astype("float32") for _ in names]
        expected = evaluate(output, dict(zip(variables, values)))
        found = program.run(dict(zip(names, values)))["y"]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        assert found.shape == expected.shape
        assert found.dtype.kind == expected.dtype.kind
    return program


@pytest.mark.parametrize("name", SCALAR)
def test_a_function_of_numbers_is_that_of_aesara(name, evaluate):
    check(SCALAR[name], evaluate)


@pytest.mark.parametrize("name", ARRAY)
def test_a_function_of_arrays_is_that_of_aesara(name, evaluate):
    check(ARRAY[name], evaluate)


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_a_function_of_images_is_that_of_aesara(name, evaluate):
    kernels = backend.shared(RNG.normal(size=(4, 4, 3, 2)).astype("float32"), "W")
    check(lambda x: IMAGE_FUNCTIONS[name](x, kernels), evaluate, shape=(4, 7, 6), tolerance=1e-4)


def test_two_inputs_have_one_batch(evaluate):
    check(lambda x, c: at.concatenate([x, c[at.arange(x.shape[0]) % c.shape[0]]], axis=1),
          evaluate, names=("x", "c"))  # fmt: skip


def test_what_depends_on_shapes_only_is_no_operation():
    program, _, _ = program_of(lambda x: x.mean(axis=1) * x.shape[1:].prod().astype("float32"))
    assert [node.op for node in program.nodes] == ["ReduceSum", "Div", "Mul"]
    assert [float(value) for value in program.constants.values()] == [6]


def test_operations_that_no_output_needs_are_left_out():
    program, _, _ = program_of(lambda x: at.zeros_like(at.exp(x)) + at.tanh(x))
    assert "Exp" not in [node.op for node in program.nodes]


@pytest.mark.parametrize(
    "factor",
    [lambda size: 1 / at.minimum(size, 2), lambda size: size % 2, lambda size: at.lt(size, 7)],
)
def test_the_check_finds_a_dependence_on_the_batch_size_that_became_a_constant(
    factor, fast_compile
):
    program, _, _ = program_of(lambda x: x * at.cast(factor(x.shape[0]), "float32"))
    assert "Shape" not in [node.op for node in program.nodes]
    assert difference(program, program.run) > 0.1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda x: at.sort(x, axis=1), "layer 'h0': cannot be exported: the Op SortOp"),
        (lambda x: at.gammaln(x), "layer 'h0': .* the scalar Op GammaLn"),
        (lambda x: x.reshape((at.cast(x.sum(), "int64"), -1)), "shape of a reshape depends on dat"),
        (lambda x: x[:, : at.cast(x.sum(), "int64")], "end of a slice depends on data"),
        (lambda x: x[(x > 0).nonzero()], "has no translation|only an index"),
        (lambda x: x[: x.shape[0] // 2], "the end of a slice depends on the batch size"),
        (lambda x: special.softmax(x, axis=None), "over all axes"),
        (lambda x: at.cumprod(x, axis=1), "only sums along one axis"),
        (lambda x: at.bitwise_and(at.cast(x, "int64"), 3), "AND is translated for booleans only"),
        (lambda x: x + at.fscalar("alone"), "it needs alone, which is no input"),
    ],
)
def test_what_has_no_translation_is_an_error_that_names_it(expression, message):
    with pytest.raises(Untranslatable, match=message):
        program_of(expression)
