"""All implementations that benchmarks/step.py times make the same step."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from aesara.graph.basic import ancestors
from time_bounds import LONGEST

from adversarial import AdversaryCost2, AdversaryPair, Generator, backend
from adversarial.backend.ops.random_draw import Draw
from adversarial.backend.toolchain.config import configure
from adversarial.config import yaml_parse
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.schedules import ExponentialDecay
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import step as command  # noqa: E402
from benchmarks.experiments import EXPERIMENTS, Experiment, Layer, Product  # noqa: E402
from benchmarks.implementations import IMPLEMENTATIONS, floor, ours  # noqa: E402
from benchmarks.interleaved import Unavailable, Worker  # noqa: E402

BATCH, STEPS = 5, 3
DENSE = ("mnist", "cifar10_fully_connected")


class Played:
    """Steps of the package's algorithm on a small model: random draws, losses, parameters."""

    def __init__(self, experiment: Experiment) -> None:
        rng = np.random.RandomState(0)
        self.x = rng.uniform(size=(BATCH, int(np.prod(experiment.image)))).astype("float32")
        model = _pair(experiment)
        for param in model.get_params():
            param.set_value(rng.normal(size=param.get_value().shape).astype("float32") / 2)
        algorithm = _algorithm(experiment)
        made = []
        objectives = algorithm.cost.get_samples_and_objectives

        def remember(*args):
            made.append(objectives(*args))
            return made[-1]

        algorithm.cost.get_samples_and_objectives = remember
        algorithm.setup(model, DenseDesignMatrix(X=self.x))
        _, d, g, _ = made[0]
        below = list(ancestors([d, g]))
        (indices,) = [v for v in below if v.name == "indices"]
        draws = sorted(
            (v for v in below if v.owner and isinstance(v.owner.op, Draw)),
            key=lambda v: v.owner.op.stream,
        )
        of_noise = model.generator.theano_rng.state
        noise = [v for v in draws if v.owner.inputs[0] is of_noise]
        masks = [v for v in draws if v.owner.inputs[0] is not of_noise]
        # Without advancing the streams, so that the next step draws the same numbers.
        look = backend.function(
            [indices], [d, g, *noise, *masks], mode="FAST_COMPILE", no_default_updates=True
        )
        networks = (model.generator.mlp, model.discriminator)
        self.before = _values(networks)
        self.losses, self.noise, self.masks = [], [], []
        rows = np.arange(BATCH)
        for _ in range(STEPS):
            d, g, z, *masks = look(rows)
            n = len(experiment.include)
            self.losses.append((float(d), float(g)))
            self.noise.append(z)
            self.masks.append((masks[:n], masks[n:]))  # of data, of samples
            algorithm._on_minibatch(rows)
            for callback in algorithm.update_callbacks:
                callback(algorithm)
        self.after = _values(networks)


def _pair(experiment: Experiment) -> AdversaryPair:
    kinds = {"rectifier": RectifiedLinear, "sigmoid": Sigmoid, "linear": Linear}

    def layer(i: int, x: Layer):
        if x.kind == "maxout":
            return Maxout(f"h{i}", x.units, x.pieces, irange=x.irange)
        return kinds[x.kind](layer_name=f"h{i}", dim=x.units, irange=x.irange)

    def network(layers: tuple, nvis: int) -> MLP:
        return MLP([layer(i, x) for i, x in enumerate(layers)], nvis=nvis)

    generator = Generator(network(experiment.generator, experiment.noise_dim), experiment.noise)
    return AdversaryPair(
        generator, network(experiment.discriminator, int(np.prod(experiment.image)))
    )


def _algorithm(experiment: Experiment) -> SGD:
    names = [f"h{i}" for i in range(len(experiment.include))]
    cost = AdversaryCost2(
        scale_grads=0,
        discriminator_input_include_probs=dict(zip(names, experiment.include)),
        discriminator_input_scales={n: 1 / p for n, p in zip(names, experiment.include)},
    )
    return SGD(
        experiment.learning_rate,
        cost=cost,
        batch_size=BATCH,
        learning_rule=Momentum(experiment.momentum),
        update_callbacks=ExponentialDecay(experiment.decay_factor, experiment.min_lr),
        theano_function_mode="FAST_COMPILE",
    )


def _values(networks) -> tuple[list, list]:
    return tuple([(x.W.get_value(), x.b.get_value()) for x in net.layers] for net in networks)


@pytest.fixture(scope="module", params=DENSE)
def played(request) -> tuple[Experiment, Played]:
    small = EXPERIMENTS[request.param].resized(BATCH, width=0.02)
    *hidden, top = small.generator
    # The learning rate decays fast, so that its effect on velocities is visible.
    small = dataclasses.replace(
        small,
        image=(1, 4, 4),
        noise_dim=3,
        decay_factor=1.5,
        generator=(*hidden, dataclasses.replace(top, units=16)),
    )
    return small, Played(small)


def _check(played: Played, losses: list, after: tuple) -> None:
    np.testing.assert_allclose(losses, played.losses, rtol=1e-5, atol=1e-6)
    for network, expected, before in zip(after, played.after, played.before):
        for pair, wanted, old in zip(network, expected, before):
            for value, want, start in zip(pair, wanted, old):
                assert np.abs(want - start).max() > 1e-4  # it has moved
                np.testing.assert_allclose(value, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("module", ["pytorch", "pytorch_compiled"])
def test_pytorch_makes_our_steps(played, module):
    torch = pytest.importorskip("torch")
    from benchmarks.implementations import pytorch, pytorch_compiled

    experiment, mine = played
    if module == "pytorch":
        game = pytorch.Game(experiment, mine.before)
    else:  # the same function that is timed, but not waiting for a compiler
        game = pytorch_compiled.Game(experiment, mine.before, compiled=False)
    losses = []
    for z, (real, fake) in zip(mine.noise, mine.masks):
        masks = [torch.tensor(np.concatenate(pair)) for pair in zip(real, fake)]

        def drop(i, h, masks=masks):
            return h * masks[i] / experiment.include[i]

        losses.append([float(x) for x in game.step(torch.tensor(mine.x), torch.tensor(z), drop)])
    after = [
        [[p.detach().numpy() for p in pair] for pair in network]
        for network in (game.generator, game.discriminator)
    ]
    _check(mine, losses, after)


def test_bfloat16_rounds_our_first_step(played):
    torch = pytest.importorskip("torch")
    from benchmarks.implementations import pytorch_bf16

    experiment, mine = played
    game = pytorch_bf16.Game(experiment, mine.before)
    masks = [torch.tensor(np.concatenate(pair)) for pair in zip(*mine.masks[0])]
    found = game.step(
        torch.tensor(mine.x),
        torch.tensor(mine.noise[0]),
        lambda i, h: h * masks[i] / experiment.include[i],
    )
    # bfloat16 has eight bits: products differ, by some hundredths.
    wanted = np.array(mine.losses[0])
    error = np.abs(np.array([float(x) for x in found]) - wanted) / wanted
    assert 1e-6 < error.max() < 0.05
    assert all(p.dtype == torch.float32 for p in game.params)
    for network, before in zip((game.generator, game.discriminator), mine.before):
        for pair, old in zip(network, before):
            assert all((p.detach().numpy() != o).any() for p, o in zip(pair, old))


def test_jax_makes_our_steps(played):
    pytest.importorskip("jax")
    from benchmarks.implementations import jax_jit

    experiment, mine = played
    state = jax_jit.initial_state(experiment, mine.before)
    losses = []
    for z, both in zip(mine.noise, mine.masks):
        real, fake = (
            lambda i, h, masks=masks: h * masks[i] / experiment.include[i] for masks in both
        )
        state, found = jax_jit.step(experiment, state, mine.x, z, real, fake)
        losses.append([float(x) for x in found])
    _check(mine, losses, state["players"])


@pytest.mark.parametrize("name", DENSE)
def test_the_yaml_describes_the_same_experiment(name):
    experiment = EXPERIMENTS[name]
    train = yaml_parse.load_path(ROOT / experiment.yaml, instantiate=False).keywords
    pair, algorithm = train["model"].keywords, train["algorithm"].keywords
    generator = pair["generator"].keywords
    assert generator["noise"] == experiment.noise
    networks = {"G": generator["mlp"].keywords, "D": pair["discriminator"].keywords}
    assert networks["G"]["nvis"] == experiment.noise_dim
    assert networks["D"]["nvis"] == np.prod(experiment.image)
    for layers, key in ((experiment.generator, "G"), (experiment.discriminator, "D")):
        proxies = networks[key]["layers"]
        assert len(proxies) == len(layers)
        for layer, proxy in zip(layers, proxies):
            kind = {"RectifiedLinear": "rectifier"}.get(proxy.name, proxy.name.lower())
            found = proxy.keywords
            assert (kind, found.get("dim", found.get("num_units"))) == (layer.kind, layer.units)
            assert found.get("num_pieces", 1) == layer.pieces
            assert found["irange"] == layer.irange
    cost = algorithm["cost"].keywords
    first = networks["D"]["layers"][0].keywords["layer_name"]
    assert cost["discriminator_input_include_probs"] == {first: experiment.include[0]}
    assert cost["discriminator_default_input_include_prob"] == experiment.include[1]
    assert algorithm["batch_size"] == experiment.batch
    assert algorithm["learning_rate"] == experiment.learning_rate
    assert algorithm["learning_rule"].keywords["init_momentum"] == experiment.momentum


def test_edited_yaml_has_other_sizes_and_no_monitoring():
    experiment = EXPERIMENTS["mnist"].resized(batch=7, width=0.25)
    text = ours.edit((ROOT / experiment.yaml).read_text(), experiment)
    train = yaml_parse.load(text, instantiate=False).keywords
    assert "save_path" not in train
    algorithm, pair = train["algorithm"].keywords, train["model"].keywords
    assert algorithm["batch_size"] == 7
    assert "monitoring_dataset" not in algorithm
    generator = pair["generator"].keywords["mlp"].keywords["layers"]
    assert [x.keywords["dim"] for x in generator] == [300, 300, 784]
    judge = pair["discriminator"].keywords["layers"]
    assert [x.keywords.get("num_units", 1) for x in judge] == [60, 60, 1]
    marginals = generator[-1].keywords["init_bias"].keywords["dataset"]
    assert marginals is train["dataset"]  # still one object


def test_products_of_a_step():
    # G forward, gradients of its weights and of the inputs of its upper two layers; D on twice as
    # many rows, gradients of its weights and inputs, of the lowest layer's on samples only.
    m, g0, g1, g2 = 100, 100 * 1200, 1200 * 1200, 1200 * 784
    d0, d1, d2 = 784 * 1200, 240 * 1200, 240
    forward = m * (g0 + g1 + g2) + 2 * m * (d0 + d1 + d2)
    back = m * (g1 + g2) + m * d0 + 2 * m * (d1 + d2)
    assert EXPERIMENTS["mnist"].operations == 2 * (2 * forward + back)


def test_sizes_of_the_convolutional_experiment():
    experiment = EXPERIMENTS["cifar10_convolutional"]
    below = experiment.discriminator_inputs()
    assert below == [(3, 32, 32), (32, 16, 16), (32, 7, 7), (192, 5, 5), (500,)]
    top, shape = experiment.generator[-1], experiment.generator_inputs()[-1]
    assert top.output_shape(shape) == (3, 32, 32)
    with pytest.raises(ValueError, match="dense"):
        experiment.resized(width=2.0)


@pytest.mark.parametrize("peer", ["pytorch", "jax_jit"])
def test_convolutional_networks_against_windows(peer):
    torch = pytest.importorskip("torch")
    experiment = dataclasses.replace(
        EXPERIMENTS["cifar10_convolutional"].resized(batch=2),
        generator=(
            Layer("rectifier", 6, 0.5),
            Layer("sigmoid", 8000, 0.5),
            Layer("deconv", 3, 0.5, kernel=5, stride=3),
        ),
    )
    generator, discriminator = experiment.initial_parameters()
    rng = np.random.RandomState(0)
    z = rng.normal(size=(2, 100)).astype("float32")
    from benchmarks.implementations import pytorch

    def expected():
        """The same outputs by PyTorch's modules, one window at a time."""
        h = torch.tensor(z)
        for (W, b), act in zip(generator[:2], (torch.relu, torch.sigmoid)):
            h = act(h @ torch.tensor(W) + torch.tensor(b))
        W, b = generator[2]
        maps, image = h.reshape(2, 80, 10, 10), torch.tensor(b).repeat(2, 1, 1, 1)
        for i in range(10):
            for j in range(10):
                patch = torch.einsum("nc,cokl->nokl", maps[:, :, i, j], torch.tensor(W))
                image[:, :, 3 * i : 3 * i + 5, 3 * j : 3 * j + 5] += patch
        h = image
        for (W, _), x in zip(discriminator[:3], experiment.discriminator):
            h = torch.nn.functional.conv2d(h, torch.tensor(W), padding=x.pad)
            h = torch.maximum(h[:, 0::2], h[:, 1::2])
            size = -(-(h.shape[-1] - x.pool) // x.stride) + 1
            starts = [k * x.stride for k in range(size)]
            h = torch.stack(
                [
                    torch.stack(
                        [h[:, :, i : i + x.pool, j : j + x.pool].amax((2, 3)) for j in starts], -1
                    )
                    for i in starts
                ],
                -2,
            )
        h = h.flatten(1) @ torch.tensor(discriminator[3][0])
        h = h.view(2, 500, 5).amax(2) @ torch.tensor(discriminator[4][0])
        return image.flatten(1).numpy(), h.numpy()

    if peer == "pytorch":
        tensors = [[tuple(map(torch.tensor, p)) for p in n] for n in (generator, discriminator)]
        images = pytorch.generate(experiment, tensors[0], torch.tensor(z))
        logits = pytorch.discriminator_logits(experiment, tensors[1], images, lambda i, h: h)
        images, logits = images.numpy(), logits.numpy()
    else:
        pytest.importorskip("jax")
        from benchmarks.implementations import jax_jit

        images = jax_jit.generate(experiment, generator, z)
        logits = jax_jit.discriminator_logits(experiment, discriminator, images, lambda i, h: h)
    want_images, want_logits = expected()
    np.testing.assert_allclose(images, want_images, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits, want_logits, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_floor_multiplies(transpose_a, transpose_b):
    blas = configure().blas
    if not blas.library:
        pytest.skip("no BLAS to call")
    product = Product(3, 4, 5, transpose_a, transpose_b)
    arrays = floor._Arrays()
    floor.load_sgemm(blas.library, blas.prefix)(*floor.arguments(product, arrays))
    a = arrays[("in", 5, 3) if transpose_a else ("in", 3, 5)]
    b = arrays[("in", 4, 5) if transpose_b else ("in", 5, 4)]
    want = (a.T if transpose_a else a) @ (b.T if transpose_b else b)
    np.testing.assert_allclose(arrays["out", 3, 4], want, rtol=1e-5)


CHILD = """
import sys, time
from benchmarks.interleaved import StepTimer
timer = StepTimer(versions='test')
print('not for the parent')
while True:
    time.sleep(.005)
    timer()
"""


def _worker(code: str) -> Worker:
    return Worker("child", [sys.executable, "-c", code], dict(os.environ), ROOT)


def test_a_worker_is_stopped_between_its_turns():
    worker = _worker(CHILD)
    try:
        assert worker.facts["versions"] == "test"
        worker.turn(4)
        worker.turn(2)
        state = Path(f"/proc/{worker._process.pid}/stat")
        if state.exists():
            deadline = time.monotonic() + LONGEST
            while state.read_text().rpartition(")")[2].split()[0] not in "Tt":  # stopped
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        worker.close()
    assert len(worker.times) == 2
    assert all(0.005 <= seconds < 5 for seconds in worker.times)
    assert worker.peak_mib > 1


@pytest.mark.parametrize(
    "code, reason",
    [
        (
            "from benchmarks.interleaved import *; send(claim_stdout(), unavailable='no luck')",
            "no luck",
        ),
        ("import sys; sys.exit(3)", "status 3"),
    ],
)
def test_a_worker_that_cannot_run(code, reason):
    with pytest.raises(Unavailable, match=reason):
        _worker(code)


def test_a_worker_that_dies_between_its_turns():
    worker = _worker(CHILD)
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(Unavailable, match="^child has ended with status -9"):
        worker.turn(1)
    worker.close()


def test_a_missing_yaml_file_is_reported():
    experiment = dataclasses.replace(EXPERIMENTS["mnist"], yaml="yaml/none.yaml")
    with pytest.raises(Unavailable, match="yaml/none.yaml"):
        ours.load(experiment)


def test_trained_parameters_are_copied(played, tmp_path):
    experiment, _ = played
    trained, own = _pair(experiment), _pair(experiment)
    path = tmp_path / "trained.pkl"
    serial.save(path, trained)
    train = types.SimpleNamespace(model=own)
    ours.begin_trained(train, dataclasses.replace(experiment, trained=str(path)))
    for mine, theirs in zip(own.get_params(), trained.get_params()):
        np.testing.assert_array_equal(mine.get_value(), theirs.get_value())
    smaller = types.SimpleNamespace(model=_pair(experiment.resized(BATCH, width=0.5)))
    for bad, file, message in ((smaller, path, "not a model of"), (train, "none.pkl", "none.pkl")):
        with pytest.raises(Unavailable, match=message):
            ours.begin_trained(bad, dataclasses.replace(experiment, trained=str(file)))


def test_ratios_are_medians_over_rounds():
    def worker(name, times):
        return types.SimpleNamespace(name=name, times=times, cpu=times, peak_mib=1.0, gpu_mib=0.0)

    # In each round ours takes half of torch's time, although the machine's speed changes.
    workers = [
        worker("ours", [1.0, 4.0, 2.0]),
        worker("torch", [2.0, 8.0, 4.0]),
        worker("jax", [5.0, 9.0, 5.0]),
        worker("floor", [0.5, 1.0, 1.0]),
    ]
    lines = command.table(workers, EXPERIMENTS["mnist"]).splitlines()
    rows = {cells[1]: cells for cells in ([c.strip() for c in x.split("|")] for x in lines[2:])}
    assert rows["ours, C"][2] == "2000.00"
    assert rows["ours, C"][4:6] == ["0.500", "2.000"]
    assert rows["PyTorch eager"][4] == "1.000"
    assert set(command.TITLES) == set(IMPLEMENTATIONS)


@pytest.mark.parametrize(
    "bad", [["--rounds", "0"], ["--width", "-1"], ["--batch", "0"], ["--steps", "0"]]
)
def test_arguments_out_of_range(bad):
    with pytest.raises(SystemExit):
        command.parse(bad)
