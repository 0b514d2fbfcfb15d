"""A graph that was rewritten before comes back as it became; one that differs does not."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import aesara
import aesara.scalar as aes
import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import Mode, get_default_mode, get_mode, optdb
from aesara.graph.basic import Apply
from aesara.graph.destroyhandler import DestroyHandler
from aesara.graph.op import Op
from aesara.graph.rewriting.basic import node_rewriter, out2in
from aesara.graph.rewriting.db import RewriteDatabaseQuery
from aesara.tensor.elemwise import Elemwise

from adversarial import backend
from adversarial.backend.toolchain import graph_cache, integrity


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to keep graphs in."""
    original = graph_cache._path

    def path(query, fgraph):
        found = original(query, fgraph)
        return found and tmp_path / found.name

    monkeypatch.setattr(graph_cache, "_path", path)
    return tmp_path


@pytest.fixture
def rewritten(monkeypatch):
    """The graphs that were rewritten, rather than remembered."""
    graphs = []
    original = graph_cache._store
    monkeypatch.setattr(
        graph_cache, "_store", lambda path, graph: (graphs.append(graph), original(path, graph))
    )
    return graphs


def network(scale=2.0, mode=None):
    """Outputs and updates of a network with random draws, constants and an inplace update."""
    rng = np.random.RandomState(0)
    W, b = backend.shared(rng.randn(70, 80)), backend.shared(rng.randn(80))
    streams = backend.RandomStreams(3, "kept")
    x = at.fmatrix("x")
    mask = streams.binomial(size=x.shape, p=0.5)
    y = backend.maxout(at.dot(x * mask * scale, W) + b, 5)
    gradients = at.grad(at.square(y).sum(), [W, b])
    updates = [(p, p - 0.01 * g) for p, g in zip((W, b), gradients)]
    return backend.function([x], [y.sum(axis=1), *gradients], updates=updates, mode=mode), (W, b)


X = np.random.RandomState(1).randn(6, 70).astype("f")


def trained(steps=3, **kw):
    function, params = network(**kw)
    outputs = [function(X) for _ in range(steps)]
    return [*(a for step in outputs for a in step), *(p.get_value() for p in params)]


def shape(function):
    return [str(node.op) for node in function.maker.fgraph.toposort()]


def test_the_same_to_the_bit_and_rewritten_once(folder, rewritten):
    first = trained()
    assert len(rewritten) == len(list(folder.iterdir())) == 1
    again = trained()
    assert len(rewritten) == 1
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    made, recalled = network()[0], network()[0]
    assert shape(made) == shape(recalled)


def test_what_is_overwritten_is_read_before(folder, rewritten):
    network()
    function = network()[0]
    assert len(rewritten) == 1
    fgraph = function.maker.fgraph
    assert any(node.op.destroy_map for node in fgraph.apply_nodes)
    assert any(isinstance(feature, DestroyHandler) for feature in fgraph._features)


def test_another_process_finds_it(tmp_path):
    script = (
        "import numpy as np; from adversarial import backend; import aesara.tensor as at\n"
        "from adversarial.backend.toolchain import graph_cache\n"
        "made = []; store = graph_cache._store\n"
        "graph_cache._store = lambda *a: (made.append(1), store(*a))\n"
        "x = at.fmatrix('x'); W = backend.shared(np.ones((3, 4)))\n"
        "y = backend.rectify(at.dot(x, W) * 1.5)\n"
        "f = backend.function([x], [y, at.grad(y.sum(), W)], mode='FAST_COMPILE')\n"
        "print(len(made), f(np.ones((2, 3), 'f'))[0].sum())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=Path(__file__).parents[3],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "AESARA_FLAGS": f"base_compiledir={tmp_path}",
            },
        ).stdout
        for seed in "12"
    ]
    assert said == ["1 36.0\n", "0 36.0\n"]


@pytest.mark.parametrize(
    "change",
    ["constant", "type", "mode", "options", "update", "order"],
)
def test_what_differs_is_rewritten_itself(change, folder, rewritten):
    def make(changed):
        x = at.TensorType("float32", (None, 3 if changed == "type" else None))("x")
        y = at.exp(x) * (2.5 if changed == "constant" else 1.5)
        p = backend.shared(np.zeros(3))
        outputs = [y, y.sum()]
        mode = get_default_mode().excluding("fusion") if changed == "mode" else None
        flags = {"on_opt_error": "raise"} if changed == "options" else {}
        with aesara.config.change_flags(**flags):
            return backend.function(
                [x],
                outputs[::-1] if changed == "order" else outputs,
                updates=[(p, p + y.sum())] if changed == "update" else None,
                mode=mode,
            )

    make(None)
    make(None)
    assert len(rewritten) == 1
    make(change)
    assert len(rewritten) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:40],
        lambda content: content[:-1],
        lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
    ],
)
def test_a_damaged_file_is_made_again(damage, folder, rewritten):
    first = trained()
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(RuntimeWarning, match="damaged"):
        again = trained()
    assert len(rewritten) == 2
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    network()
    assert len(rewritten) == 2


def test_a_file_under_anothers_name_is_made_again(folder, rewritten):
    network(scale=3.0)
    (other,) = folder.iterdir()
    first = trained()
    (path,) = set(folder.iterdir()) - {other}
    path.write_bytes(other.read_bytes())
    with pytest.warns(RuntimeWarning, match="damaged"):
        again = trained()
    assert len(rewritten) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, again))


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(graph_cache, "_path", lambda *args: tmp_path / "missing" / "x.graph")
    assert len(trained()) == 11


class Theirs(Op):
    """An operation of somebody else's, which may change from one start to the next."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] + 1


def test_others_operations_are_not_kept(folder, rewritten):
    x = at.fmatrix()
    for _ in range(2):
        function = backend.function([x], Theirs()(x) * 2)
        assert function(np.ones((1, 1), "f")) == 4
    assert not list(folder.iterdir())


def test_others_rewrites_are_heeded(folder, rewritten):
    """One registered after a graph was kept is applied to it."""

    @node_rewriter([Elemwise])
    def exp_is_sin(fgraph, node):
        return [at.sin(node.inputs[0])] if node.op == at.exp else None

    x = at.fvector()
    one = np.ones(1, "f")
    assert backend.function([x], at.exp(x))(one) == pytest.approx(np.e)
    optdb.register("exp_is_sin", out2in(exp_is_sin), "fast_run", position=3)
    try:
        assert backend.function([x], at.exp(x))(one) == pytest.approx(np.sin(1))
    finally:
        optdb.__db__["exp_is_sin"].clear()
        del optdb.__db__["exp_is_sin"], optdb.__position__["exp_is_sin"]
        optdb.__db__["fast_run"] = type(optdb.__db__["fast_run"])(
            r for r in optdb.__db__["fast_run"] if getattr(r, "name", "") != "exp_is_sin"
        )


def test_what_was_long_not_asked_for_goes(folder, rewritten):
    old, new = folder / "old.graph", folder / "new.graph"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    network()
    assert not old.exists() and new.exists()


def test_modes_of_their_own_kind_are_left_alone():
    assert graph_cache.caching_mode("DebugMode") == "DebugMode"
    given = Mode("py", get_mode("FAST_COMPILE").optimizer)
    assert graph_cache.caching_mode(given) is given
    assert isinstance(graph_cache.caching_mode(None), Mode)
    query = RewriteDatabaseQuery(["fast_run"], extra_rewrites=[(object(), 1)])
    assert graph_cache._path(query, None) is None


def rewrite_file(path, change):
    answer = pickle.dumps(change(pickle.loads(path.read_bytes()[32:])), protocol=4)
    path.write_bytes(integrity.digest(path.name.encode(), answer) + answer)


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: (graph[0], graph[1], [10**6]),
        lambda graph: (graph[0], graph[1], [0] * len(graph[2])),
        lambda graph: (graph[0], [(None, [0], [])], graph[2]),
        lambda graph: (5, graph[1], graph[2]),
    ],
)
def test_what_fits_no_graph_is_made_again(folder, rewritten, change):
    first = trained()
    (path,) = folder.iterdir()
    rewrite_file(path, change)
    with pytest.warns(
        RuntimeWarning, match="rewritten graph in the folder of compiled code"
    ) as said:
        again = trained()
    assert len(rewritten) == 2 and len(said) == 1 and str(folder) in str(said[0].message)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    network()
    assert len(rewritten) == 2


def in_place(op):
    return Elemwise(op, {0: 0})


@pytest.mark.parametrize(
    "operations",
    [
        # Both write over the same array.
        lambda t: [
            (Elemwise(aes.exp), [0], [t]),
            (in_place(aes.sin), [1], [t]),
            (in_place(aes.cos), [1], [t]),
        ],
        # They write over the caller's.
        lambda t: [
            (in_place(aes.exp), [0], [t]),
            (Elemwise(aes.sin), [1], [t]),
            (Elemwise(aes.cos), [1], [t]),
        ],
    ],
)
def test_what_would_overwrite_itself_is_made_again(folder, rewritten, operations):
    x = at.fvector()
    outputs = [at.sin(at.exp(x)), at.cos(at.exp(x))]
    first = backend.function([x], outputs, mode="FAST_COMPILE")
    (path,) = folder.iterdir()
    rewrite_file(path, lambda graph: ([], operations(x.type), [2, 3]))
    with pytest.warns(RuntimeWarning, match="InconsistencyError"):
        again = backend.function([x], outputs, mode="FAST_COMPILE")
    assert len(rewritten) == 2 and shape(first) == shape(again)
    value = np.ones(2, "f")
    np.testing.assert_array_equal(first(value), again(value))
    assert (value == 1).all()


def test_it_is_said_once(folder, rewritten):
    for scale in (3.0, 4.0):
        network(scale)
    for path in folder.iterdir():
        path.write_bytes(b"damaged")
    with pytest.warns(RuntimeWarning) as said:
        for scale in (3.0, 4.0):
            network(scale)
    assert len(said) == 1 and len(rewritten) == 4
