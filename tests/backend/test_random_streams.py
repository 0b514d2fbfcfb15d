"""The numbers: Philox against its published answers, C against NumPy, statistics against theory."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import zlib

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from scipy import stats

from adversarial import backend
from adversarial.backend.ops import philox
from adversarial.backend.ops.random_draw import Draw

SEED = (2014, 6, 10)


def streams(purpose="test"):
    return backend.RandomStreams(SEED, purpose)


def philox_by_hand(counter, key):
    """As in the paper's Figure, on Python's integers."""
    x, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [(b >> 32) ^ x[1] ^ k0, b & (2**32 - 1), (a >> 32) ^ x[3] ^ k1, a & (2**32 - 1)]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x


def in_numpy(variable, state):
    """What NumPy makes of the draw `variable` at `state`."""
    node = variable.owner
    values = [state] + [aesara.get_scalar_constant_value(x) if x.ndim == 0 else x.data
                        for x in node.inputs[1:]]  # fmt: skip
    cell = [None]
    node.op.perform(node, values, [cell])
    return cell[0]


# Random123's kat_vectors: philox4x32 10.
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([2**32 - 1] * 4, [2**32 - 1] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_published_answers(counter, key, answer):
    expected = [int(word, 16) for word in answer.split()]
    assert philox_by_hand(counter, key) == expected
    got = philox.blocks(np.array(counter, "uint32")[:, None], np.array(key, "uint32"))
    assert got[:, 0].tolist() == expected


def test_compiled_words_are_philoxs():
    random = streams()
    random.uniform(1)  # takes stream 0
    draw = random.uniform(1000)
    state = random.state.get_value()
    state[2:] = [7, 9]
    random.state.set_value(state)
    values = backend.function([], draw)()
    for i in (0, 15, 16, 63, 64, 999):
        block, word = 16 * (i // 64) + i % 16, i // 16 % 4
        by_hand = philox_by_hand([block, 1, 7, 9], [int(k) for k in state[:2]])[word]
        assert values[i] == (by_hand >> 8) * 2.0**-24


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_c_equals_numpy_bit_by_bit(floatx):
    with aesara.config.change_flags(floatX=floatx):
        random = streams()
        draws = []
        for size in (0, 1, 63, 64, 65, 2049, 40001):
            draws += [random.uniform(size), random.uniform(size, -3.0, 0.7), random.normal(size),
                      random.normal(size, 5.0, 0.3), random.binomial(size),
                      random.binomial(size, 0.8)]  # fmt: skip
        draws += [random.normal((3, 5, 7)), random.binomial(()), random.binomial((2, 70000))]
        run = backend.function([], draws)
        state = random.state.get_value()
        for draw, value in zip(draws, run()):
            assert value.dtype == floatx
            expected = in_numpy(draw, state)
            assert expected.dtype == floatx
            np.testing.assert_array_equal(value, expected, err_msg=str(draw.owner.op))
        assert sum(type(node.op) is Draw for node in run.maker.fgraph.apply_nodes) == len(draws)


SCRIPT = """
import zlib
from adversarial import backend
random = backend.RandomStreams({seed}, "threads")
draws = [random.uniform(100000), random.normal(100000), random.binomial((1500, 1500))]
run = backend.function([], draws)
print({threads}, [zlib.crc32(value.tobytes()) for value in run()])
"""


def test_the_number_of_threads_does_not_matter():
    random = streams("threads")
    state = random.state.get_value()
    draws = [random.uniform(100000), random.normal(100000), random.binomial((1500, 1500))]
    expected = [zlib.crc32(in_numpy(draw, state).tobytes()) for draw in draws]
    for threads in ("1", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        script = SCRIPT.format(seed=SEED, threads=threads)
        output = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True,
            check=True, cwd=os.path.dirname(os.path.dirname(backend.__path__[0])),
        ).stdout  # fmt: skip
        assert output == f"{threads} {expected}\n"


def test_statistics_are_those_of_theory():
    random = streams()
    n = 400000
    uniform, normal, coin, mask, moved = backend.function([], [
        random.uniform(n), random.normal(n), random.binomial(n), random.binomial(n, 0.8),
        random.normal(n, -2.0, 0.5),
    ])()  # fmt: skip
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert stats.kstest(normal, "norm").pvalue > 1e-3
    assert stats.kstest(moved, "norm", (-2.0, 0.5)).pvalue > 1e-3
    assert 0 <= uniform.min() < uniform.max() < 1
    assert np.abs(normal).max() > 4
    assert abs(stats.skew(normal)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(normal)) < 4 * np.sqrt(24 / n)
    for values, p in ((coin, 0.5), (mask, 0.8)):
        assert set(np.unique(values)) == {0, 1}
        assert stats.binomtest(int(values.sum()), n, p).pvalue > 1e-3
    for values in (uniform, normal, coin, mask):
        for lag in (1, 2, 16, 32, 64, 2048):
            assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 4.5 / np.sqrt(n)
    # Radius and angle of a pair of normals are independent of one another.
    pairs = normal.reshape(-1, 2, 16)
    assert abs(np.corrcoef((pairs**2).swapaxes(0, 1).reshape(2, -1))[0, 1]) < 4.5 / np.sqrt(n / 2)


def test_streams_steps_purposes_and_seeds_are_independent():
    n = 100000
    random, other = streams(), streams("other")
    run = backend.function([], [random.normal(n), random.normal(n), other.normal(n)])
    draws = [*run(), *run()]
    for seed in (0, 1, (1,), (1, 0), (0, 1)):
        state = backend.RandomStreams(seed).state.get_value()
        draws.append(philox.normal(state, 0, n))
    correlations = np.corrcoef(draws) - np.eye(len(draws))
    correlations[7, 8] = correlations[8, 7] = 0
    assert np.array_equal(draws[7], draws[8])  # a seed, and a sequence of that one
    assert np.abs(correlations).max() < 4.5 / np.sqrt(n)


def test_each_run_moves_the_step_on_and_the_state_repeats_it():
    random = streams()
    run = backend.function([], [random.uniform(5), random.binomial(5)])
    state = random.state.get_value()
    first, second = run(), run()
    assert not np.array_equal(first[0], second[0])
    assert random.state.get_value().tolist() == [state[0], state[1], 2, 0]
    random.state.set_value(state)
    np.testing.assert_array_equal(run(), first)
    state[2:] = [2**32 - 1, 4]
    for mode in (None, "FAST_COMPILE"):
        random.state.set_value(state)
        backend.function([], random.uniform(1), mode=mode)()
        assert random.state.get_value()[2:].tolist() == [0, 5]


def test_a_restored_object_repeats_the_graph_built_again():
    def build(random):
        return backend.function([], [random.uniform(3), random.normal(3)], mode="FAST_COMPILE")

    random = streams()
    run = build(random)
    run()
    saved = random.__getstate__()
    assert {key: type(value) for key, value in saved.items()} == {"state": np.ndarray}
    again = copy.copy(random)
    assert again.state is not random.state
    for got, expected in zip(build(again)(), run()):
        np.testing.assert_array_equal(got, expected)
    assert again.state.get_value().tolist() == random.state.get_value().tolist()


def test_sizes_may_be_symbolic_and_static_shapes_are_kept():
    random, x, n = streams(), at.matrix("x"), at.lscalar("n")
    assert random.uniform((3, 4)).type.shape == (3, 4)
    assert random.normal(at.as_tensor_variable(np.array([3, 4]))).type.shape == (3, 4)
    draws = [random.uniform(x.shape), random.normal((n, 4)), random.binomial(n, 0.3)]
    assert draws[1].type.shape == (None, 4)
    run = backend.function([x, n], [*draws, draws[0].shape])
    a, b, c, shape = run(np.zeros((2, 7), backend.floatX), 5)
    assert (a.shape, b.shape, c.shape, tuple(shape)) == ((2, 7), (5, 4), (5,), (2, 7))
    only_shape = backend.function([x], random.uniform(x.shape).shape)
    assert not any(type(node.op) is Draw for node in only_shape.maker.fgraph.apply_nodes)
    with pytest.raises(ValueError, match="axis of length -1|shape"):
        run(np.zeros((2, 7), backend.floatX), -1)


def test_symbolic_parameters():
    random, p, mean, std = streams(), at.scalar("p"), at.vector("mean"), at.scalar("std")
    mask, normal = random.binomial(100000, p), random.normal((50000, 2), mean, std)
    uniform = random.uniform(1000, std, 2 * std)
    of_mean, of_std = aesara.grad(normal.sum(), [mean, std])
    run = backend.function([p, mean, std], [mask, normal, uniform, of_mean, of_std])
    values = run(0.3, np.array([1, -1], backend.floatX), 0.1)
    assert stats.binomtest(int(values[0].sum()), 100000, 0.3).pvalue > 1e-3
    np.testing.assert_allclose(values[1].mean(0), [1, -1], atol=0.002)
    assert 0.1 <= values[2].min() and values[2].max() <= 0.2
    assert all(value.dtype == backend.floatX for value in values)
    np.testing.assert_allclose(values[3], [50000, 50000])
    np.testing.assert_allclose(values[4], ((values[1] - [1, -1]) / 0.1).sum(), rtol=1e-2)
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"p must be in \[0, 1\]"):
            run(wrong, np.zeros(2, backend.floatX), 1.0)


def test_binomial_is_certain_at_the_ends_and_uniform_stays_below_high():
    random = streams()
    never, always, narrow = backend.function(
        [], [random.binomial(9999, 0), random.binomial(9999, 1.0), random.uniform(99999, 1, 2)]
    )()
    assert never.sum() == 0 and always.sum() == 9999
    assert narrow.min() >= 1 and narrow.max() < 2
    state = np.zeros(4, "uint32")
    assert in_numpy(random.uniform(50000, 1, 1 + 2.0**-22), state).max() < 1 + 2.0**-22


def test_draws_carry_no_gradient():
    random, x = streams(), at.scalar("x")
    cost = (x * random.uniform(10)).sum()
    slope = backend.function([x], [aesara.grad(cost, x), cost], mode="FAST_COMPILE")(2.0)
    np.testing.assert_allclose(slope[0] * 2, slope[1], rtol=1e-5)
    with pytest.raises(aesara.gradient.DisconnectedInputError):
        aesara.grad(random.binomial(10, x).sum(), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: backend.RandomStreams(-1), "non-negative integers, not -1"),
        (lambda r: backend.RandomStreams("a"), "not 'a'"),
        (lambda r: backend.RandomStreams(1.5), "non-negative integers, not 1.5"),
        (lambda r: backend.RandomStreams(None), "non-negative integers, not None"),
        (lambda r: r.binomial(3, n=2), "not n=2"),
        (lambda r: r.binomial(3, 1.5), "p=1.5"),
        (lambda r: r.uniform(3, 1.0, 0.0), "low=1.0, high=0.0"),
        (lambda r: r.normal(3, 0.0, -1.0), "std=-1.0"),
        (lambda r: r.normal((3, -1)), r"\(3, -1\)"),
        (lambda r: r.normal(at.lvector("size")), "number of axes must be known"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(streams())
