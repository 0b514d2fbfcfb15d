"""Programs of whole models against the package: the paper's experiments and single layers."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import export_test_things
import numpy as np
import pytest
from export_test_things import (
    CONVOLUTIONS,
    DENSE,
    EXPERIMENTS,
    IMAGES,
    pair,
    tfd_model,
    untrained,
    verdicts,
)

import adversarial  # noqa: F401
from adversarial import backend
from adversarial.backend import function
from adversarial.evaluation.sampling import samples_at
from adversarial.export import Untranslatable, discriminator_program, generator_program
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator, IntrinsicDropoutGenerator
from adversarial.models.mlp import (
    MLP,
    ConvElemwise,
    Layer,
    Linear,
    Sigmoid,
    SpaceConverter,
    Tanh,
    TanhConvNonlinearity,
)
from adversarial.models.noise import Clusterize, NoiseCat
from adversarial.space import Conv2DSpace, VectorSpace, format_data

RNG = np.random.default_rng(5)


def check(model, tolerance=1e-5, batch=7):
    """Both programs of a pair against the package."""
    G, D = generator_program(model), discriminator_program(model)
    z = G.inputs[0].draw(batch, RNG)
    samples = G.run({"z": z})["samples"]
    np.testing.assert_allclose(samples, samples_at(model, z), rtol=tolerance, atol=tolerance)
    rows = RNG.random((batch, D.inputs[0].shape[1])).astype("float32")
    found = D.run({"x": rows})["probability"]
    np.testing.assert_allclose(found, verdicts(model, rows), rtol=tolerance, atol=tolerance)
    for program in (G, D):
        json.dumps(program.describe())
        results = {node.output for node in program.nodes}
        used = {name for node in program.nodes for name in node.inputs}
        assert set(program.constants) <= used <= results | set(program.constants) | {"x", "z"}
        assert set(program.values) == used | {value.name for value in program.outputs}
    return G, D


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_experiments_of_the_paper_in_full_width(name, fast_compile):
    test_the_experiments_of_the_paper(name, fast_compile, narrow=False)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_experiments_of_the_paper(name, fast_compile, narrow=True):
    model = untrained(name, narrow)
    if name == "mnist_inpainting":
        D = discriminator_program(model)
        rows = RNG.random((3, 784)).astype("float32")
        found = D.run({"x": rows})["probability"]
        np.testing.assert_allclose(found, verdicts(model, rows), atol=1e-5)
        G = generator_program(model)
        space = model.generator.get_input_space()
        x = space.make_theano_batch()
        painted = function([x], model.generator.mlp.fprop(x))(
            format_data(rows, VectorSpace(784), space)
        )
        np.testing.assert_allclose(G.run({"images": rows})["samples"], painted, atol=1e-5)
        return
    G, D = check(model, batch=3)
    sizes = {"mnist": (28, 28, 1), "tfd": (48, 48, 1), "cifar": (32, 32, 3)}
    size = next((shape for data, shape in sizes.items() if name.startswith(data)), None)
    image = size and dict(zip(("rows", "cols", "channels"), size))
    for program in (G, D):
        assert program.metadata["image"] == image
    assert D.metadata["range"] == [0, 1]
    assert G.metadata["range"] == ([0, 1] if name.startswith(("mnist", "tfd")) else None)
    noise = G.inputs[0].noise
    assert noise["distribution"] == {"gaussian": "normal"}.get(
        model.generator.noise, model.generator.noise
    )
    if model.generator.noise == "uniform":
        assert noise["low"] == -noise["high"] == pytest.approx(-np.sqrt(3))
    layers = [layer.layer_name for layer in model.generator.mlp.layers]
    assert {node.layer for node in G.nodes} <= {*layers, ""}


def test_layers_and_parameters_with_the_names_of_outputs(fast_compile):
    def network(name, parameter, top):
        layers = [Tanh(dim=4, layer_name=name, irange=1.0), top(layer_name="y", dim=1, irange=1.0)]
        made = MLP(layers, nvis=1)
        layers[1].b.name = parameter
        return made

    G, D = network("samples", "probability", Linear), network("probability", "samples", Sigmoid)
    G.layers[1].W.name = "samples"
    G, D = check(AdversaryPair(Generator(G), D))
    assert G.metadata["range"] is None and D.metadata["range"] == [0, 1]


def test_the_generator_of_faces_with_layers_of_another_file(tmp_path, fast_compile):
    G, _ = check(tfd_model(tmp_path), batch=3)
    layers = dict.fromkeys(node.layer for node in G.nodes if node.layer)
    assert list(layers) == ["h0", "h1", "h0_pretrained", "h1_pretrained", "y"]


def test_parameters_have_the_names_and_values_of_the_model(fast_compile):
    model = untrained("mnist_quick")
    for program, network in (
        (generator_program(model), model.generator.mlp),
        (discriminator_program(model), model.discriminator),
    ):
        for param in network.get_params():
            np.testing.assert_array_equal(program.constants[param.name], param.get_value())
    assert "h0" in [node.output for node in program.nodes]


@pytest.mark.parametrize("name", DENSE)
def test_dense_layers(name, fast_compile):
    check(pair(DENSE[name]))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_layers_of_images(name, fast_compile):
    check(pair(CONVOLUTIONS[name], images=IMAGES), batch=2)


def test_flipped_kernels_of_old_files(fast_compile):
    def layers():
        return [ConvElemwise(4, (3, 2), "h0", TanhConvNonlinearity(), irange=0.3)]

    model = pair(layers, images=IMAGES)
    for network in (model.generator.mlp, model.discriminator):
        network.layers[0].filter_flip = True
    G, _ = check(model, batch=2)
    kernels = model.generator.mlp.layers[0].W.get_value()
    np.testing.assert_array_equal(G.constants["h0_W_flipped"], kernels[:, :, ::-1, ::-1])


def test_every_layer_of_the_package_is_tested_here():
    from adversarial.models import mlp

    here = inspect.getsource(export_test_things) + Path(__file__).read_text(encoding="utf-8")
    # Bases, and layers whose computation is that of a tested one.
    same = {"ConvLinear", "CompositeLayer", "FlattenerLayer", "Sum", "Dense", "Layer"}
    layers = [
        name
        for name in mlp.__all__
        if isinstance(getattr(mlp, name), type) and issubclass(getattr(mlp, name), Layer)
    ]
    assert [name for name in layers if name not in here and name not in same] == []


def test_noise_in_layers_is_an_input():
    mlp = MLP(
        [
            NoiseCat(new_dim=4, std=0.5, layer_name="n"),
            Clusterize(scale=0.25, layer_name="c"),
            Tanh(dim=3, layer_name="y", irange=1.0),
        ],
        nvis=6,
    )
    program = generator_program(Generator(mlp, noise="spherical"))
    found = {declared.name: (declared.shape, declared.noise) for declared in program.inputs}
    assert found == {
        "z": (("batch", 6), {"distribution": "spherical"}),
        "n_noise": (("batch", 4), {"distribution": "normal", "mean": 0, "std": 0.5}),
        "c_noise": (("batch", 10), {"distribution": "binomial", "p": 0.5}),
    }
    z, n, c = (declared.draw(5, RNG) for declared in program.inputs)
    np.testing.assert_allclose((z**2).sum(axis=1), 1, rtol=1e-5)
    W, b = (param.get_value() for param in mlp.get_params())
    expected = np.tanh((np.concatenate([z, n], axis=1) + 0.25 * (2 * c - 1)) @ W + b)
    found = program.run({"z": z, "n_noise": n, "c_noise": c})["samples"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_dropout_is_off_unless_it_is_part_of_the_generator():
    def network():
        return MLP([Linear(4, "h0", irange=1.0), Linear(2, "y", irange=1.0)], nvis=3)

    assert [i.name for i in generator_program(Generator(network())).inputs] == ["z"]
    program = generator_program(IntrinsicDropoutGenerator(0.5, 2.0, mlp=network()))
    assert [i.name for i in program.inputs] == ["z", "h0_noise", "y_noise"]
    mask = np.array([[1, 0, 1]], "float32")
    ones = np.ones((1, 4), "float32")
    z = np.array([[1, 2, 3]], "float32")
    W0, b0, W1, b1 = (program.constants[name] for name in ("h0_W", "h0_b", "y_W", "y_b"))
    found = program.run({"z": z, "h0_noise": mask, "y_noise": ones})["samples"]
    np.testing.assert_allclose(found, 2 * (2 * z * mask @ W0 + b0) @ W1 + b1, rtol=1e-5)


def test_conditional_players_have_an_input_of_classes(fast_compile):
    from adversarial.models.mlp import CompositeLayer, FlattenerLayer
    from sandbox.conditional import ConditionalGenerator, ConditionalMLP, ConditionalPair

    def layers(out, top):
        parts = [Linear(5, "a", irange=1.0), Linear(5, "b", irange=1.0)]
        both = CompositeLayer("h0", parts, {0: [0], 1: [1]})
        return [FlattenerLayer(both), top(dim=out, layer_name="y", irange=1.0)]

    G = ConditionalMLP(layers(4, Tanh), nvis=3, n_classes=2)
    D = ConditionalMLP(layers(1, Sigmoid), nvis=4, n_classes=2)
    model = ConditionalPair(ConditionalGenerator(G), D)
    program, judge = generator_program(model), discriminator_program(model)
    assert [(i.name, i.shape) for i in program.inputs] == [
        ("classes", ("batch", 2)), ("z", ("batch", 3))]  # fmt: skip
    z, c = RNG.normal(size=(6, 3)).astype("float32"), np.array([0, 1, 1, 0, 1, 0])
    hot = np.eye(2, dtype="float32")[c]
    found = program.run({"z": z, "classes": hot})["samples"]
    np.testing.assert_allclose(
        found, samples_at(model.generator.given_classes(c), z), rtol=1e-5, atol=1e-6
    )
    given = model.discriminator.given(backend.shared(hot))
    x = given.get_input_space().make_theano_batch()
    np.testing.assert_allclose(
        judge.run({"x": found, "classes": hot})["probability"],
        function([x], given.fprop(x))(found),
        rtol=1e-5,
    )


class Swish(Linear):
    """A user's own layer."""

    def _activate(self, z):
        return z / (1 + np.e ** (-z))


class Sorted(Layer):
    def set_input_space(self, space):
        self.input_space = self.output_space = space
        self._params = []

    def fprop(self, state_below):
        return state_below.sort(axis=1)


def test_a_layer_of_a_users_own_needs_no_line_of_export(fast_compile):
    G, _ = check(pair(lambda: [Swish(6, "mine", irange=1.0)]))
    assert {node.layer for node in G.nodes} == {"mine"}


def test_a_layer_that_cannot_be_exported_is_named():
    model = pair(lambda: [Linear(6, "h0", irange=1.0), Sorted("mine")])
    with pytest.raises(Untranslatable, match=r"layer 'mine': cannot be exported: the Op SortOp"):
        generator_program(model)


def test_a_reshaping_generator(fast_compile):
    space = Conv2DSpace((3, 2), num_channels=2, axes=("c", 0, 1, "b"))
    G = MLP([Linear(12, "h0", irange=1.0), SpaceConverter("images", space)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=12)
    model = AdversaryPair(Generator(G, noise="gaussian"), D)
    program, _ = check(model)
    assert program.metadata["image"] is None  # Two channels.


def test_what_has_no_players_is_refused():
    G = MLP([Linear(12, "h0", irange=1.0)], nvis=3)
    with pytest.raises(ValueError, match="class MLP has no generator"):
        generator_program(G)
    with pytest.raises(ValueError, match="a Generator has no discriminator to export"):
        discriminator_program(Generator(G))


def test_wrong_inputs_of_a_program_are_named():
    program = generator_program(Generator(MLP([Linear(12, "h0", irange=1.0)], nvis=3)))
    with pytest.raises(ValueError, match=r"generator takes the inputs \['z'\], not \['x'\]"):
        program.run({"x": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"'z' has the shape \(2, 4\), but \(batch, 3\)"):
        program.run({"z": np.zeros((2, 4))})
    with pytest.raises(ValueError, match=r"'z' has the shape \(3,\)"):
        program.run({"z": np.zeros(3)})


def test_importing_programs_imports_no_library_of_an_extra():
    import subprocess

    code = (
        "import sys, adversarial.export; print([m for m in ('onnx', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
