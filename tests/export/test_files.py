"""Exported files, read by the libraries that they are for, against the package."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from export_test_things import (
    ARRAY,
    CONVOLUTIONS,
    DENSE,
    EXPERIMENTS,
    IMAGE_FUNCTIONS,
    IMAGES,
    RNG,
    ROOT,
    SCALAR,
    pair,
    program_of,
    tfd_model,
    untrained,
    verdicts,
)

from adversarial import backend, modelfile
from adversarial.evaluation.sampling import samples_at
from adversarial.export import discriminator_program, generator_program
from adversarial.export.check import difference, example_inputs
from adversarial.export.numpy_file import to_module
from adversarial.export.onnx_file import to_onnx
from adversarial.export.safetensors_file import tensors_of
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid, Tanh
from adversarial.models.noise import NoiseCat
from adversarial.scripts import cli, export


def by_onnx(program):
    """A function that runs the program by onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    session = onnxruntime.InferenceSession(
        to_onnx(program).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in program.outputs]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs))))


def close(found, expected, tolerance=1e-5):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_onnx_computes_the_experiments_of_the_paper(name, fast_compile):
    model = untrained(name)
    G, D = generator_program(model), discriminator_program(model)
    for batch in (1, 3):
        inputs = example_inputs(G, batch)
        samples = by_onnx(G)(inputs)["samples"]
        if name != "mnist_inpainting":
            close(samples, samples_at(model, inputs["z"]))
        rows = example_inputs(D, batch)["x"]
        close(by_onnx(D)({"x": rows})["probability"], verdicts(model, rows))
        assert len(samples) == batch


def test_onnx_computes_the_generator_of_faces(tmp_path, fast_compile):
    model = tfd_model(tmp_path)
    for program in (generator_program(model), discriminator_program(model)):
        assert difference(program, by_onnx(program)) < 1e-5


@pytest.mark.parametrize("name", [*DENSE, *CONVOLUTIONS])
def test_onnx_computes_every_layer(name, fast_compile):
    images = IMAGES if name in CONVOLUTIONS and name not in DENSE else None
    model = pair({**CONVOLUTIONS, **DENSE}[name], images=images)
    for program in (generator_program(model), discriminator_program(model)):
        assert difference(program, by_onnx(program)) < 1e-5


@pytest.mark.parametrize("name", [*SCALAR, *ARRAY, *IMAGE_FUNCTIONS])
def test_onnx_and_the_numpy_file_compute_what_the_program_does(name, tmp_path):
    pytest.importorskip("onnxruntime")
    if name in IMAGE_FUNCTIONS:
        kernels = backend.shared(RNG.normal(size=(4, 4, 3, 2)).astype("float32"), "W")
        program, _, _ = program_of(lambda x: IMAGE_FUNCTIONS[name](x, kernels), shape=(4, 7, 6))
    else:
        program, _, _ = program_of({**SCALAR, **ARRAY}[name])
    shape = (3, *program.inputs[0].shape[1:])
    x = (4 * RNG.random(shape) - 2).astype("float32")
    expected = program.run({"x": x})["y"]
    found = by_onnx(program)({"x": x})["y"]
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    text, weights = to_module([program], "m.py", "m.npz", "nothing", "0")
    (tmp_path / "m.npz").write_bytes(weights)
    scope = {"__name__": "m", "__file__": str(tmp_path / "m.py")}
    exec(text, scope)
    np.testing.assert_array_equal(scope["test"](x), expected)


def test_what_onnx_says_about_a_model():
    onnx = pytest.importorskip("onnx")
    model = to_onnx(generator_program(untrained("mnist_quick")))
    onnx.checker.check_model(model)
    (z,) = model.graph.input
    assert [axis.dim_param or axis.dim_value for axis in z.type.tensor_type.shape.dim] == [
        "batch", 100]  # fmt: skip
    about = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    assert about["inputs"][0]["noise"]["distribution"] == "uniform"
    assert about["metadata"]["image"] == {"rows": 28, "cols": 28, "channels": 1}
    assert {node.doc_string for node in model.graph.node} == {"h0", "h1", "y"}


NO_PACKAGE = """
import sys
for name in ("adversarial", "aesara", "scipy", "onnx", "torch"):
    sys.modules[name] = None  # Importing it fails.
sys.path.insert(0, {folder!r})
import numpy as np
import m_numpy as gan
z = np.load({z!r})
samples = gan.generator(z)
np.savez({out!r}, samples=samples, verdicts=gan.discriminator(samples))
"""


@pytest.mark.parametrize("name", ["mnist_quick", "cifar10_convolutional"])
def test_the_numpy_file_needs_numpy_only(name, tmp_path, fast_compile, capsys):
    model = untrained(name)
    modelfile.save(tmp_path / "m.pkl", model)
    export.main([str(tmp_path / "m.pkl"), "--format", "numpy"])
    assert "generator by NumPy differs from the model by at most" in capsys.readouterr().out
    z = generator_program(model).inputs[0].draw(4, RNG)
    np.save(tmp_path / "z.npy", z)
    code = NO_PACKAGE.format(
        folder=str(tmp_path), z=str(tmp_path / "z.npy"), out=str(tmp_path / "out.npz")
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "out.npz")
    expected = samples_at(model, z)
    close(found["samples"], expected)
    close(found["verdicts"], verdicts(model, expected))
    subprocess.run([sys.executable, "-I", "m_numpy.py", "3", "drawn.npy"], check=True, cwd=tmp_path)
    drawn = np.load(tmp_path / "drawn.npy")
    assert drawn.shape == (3, expected.shape[1]) and drawn.std() > 0


def test_a_hostile_layer_name_is_no_code_of_the_numpy_file(tmp_path):
    evil = 'h0\n    raise SystemExit("evil")\n"""\nraise SystemExit("evil")'
    layer = 'h0"""; raise SystemExit("evil") #'  # names with line breaks are refused
    mlp = MLP([NoiseCat(2, 1.0, layer), Linear(4, "sigmoid", irange=1.0)], nvis=3)
    mlp.add_layers([Tanh(dim=2, layer_name="np", irange=1.0)])
    program = generator_program(Generator(mlp, noise="spherical"))
    text, weights = to_module([program], "m.py", "m.npz", evil, "0")
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    (tmp_path / "m.npz").write_bytes(weights)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import m; print(m.np.pi)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout[:4]) == (0, "3.14"), done.stderr
    subprocess.run([sys.executable, "-I", "m.py", "3", "x.npy"], check=True, cwd=tmp_path)
    assert np.load(tmp_path / "x.npy").shape == (3, 2)


def test_safetensors_have_the_names_and_shapes_of_pytorch():
    model = pair(DENSE["a network in a network"])
    found = {n: a.shape for n, a in tensors_of([generator_program(model)]).items()}
    assert found == {
        "generator.h0.a.weight": (4, 6),
        "generator.h0.a.bias": (4,),
        "generator.h0.b.weight": (6, 4),
        "generator.h0.b.bias": (6,),
    }
    model = untrained("cifar10_convolutional")
    programs = [generator_program(model), discriminator_program(model)]
    found = {n: a.shape for n, a in tensors_of(programs).items()}
    assert found["discriminator.dh0.weight"] == (64, 3, 8, 8)
    assert found["generator.gh0.weight"][1] == 100
    deconv = next(name for name, shape in found.items() if len(shape) == 4 and "gen" in name)
    assert found[deconv] == (80, 3, 5, 5)


def test_pytorch_computes_the_convolutional_layers_from_safetensors(fast_compile):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    model = pair(CONVOLUTIONS["elementwise"], images=IMAGES)
    program = discriminator_program(model)
    t = {n: torch.tensor(a) for n, a in tensors_of([program]).items()}
    x = RNG.random((5, 90)).astype("float32")
    images = torch.tensor(x).reshape(5, 3, 6, 5)
    maps = functional.conv2d(images, t["discriminator.h0.weight"], t["discriminator.h0.bias"])
    # The dense layer takes images with the axes ('b', 0, 1, 'c').
    flat = torch.tanh(maps).permute(0, 2, 3, 1).reshape(5, -1)
    logits = functional.linear(flat, t["discriminator.top.weight"], t["discriminator.top.bias"])
    close(torch.sigmoid(logits).numpy(), verdicts(model, x))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with the files of all formats of a model like `yaml/mnist_table1.yaml`."""
    folder = tmp_path_factory.mktemp("exported")
    path = folder / "mnist_table1.pkl"
    modelfile.save(path, untrained("mnist_table1", narrow=False))
    for kind in export.ENDINGS:
        if kind in ("onnx", "safetensors"):
            pytest.importorskip(kind)
        export.main([str(path), "--format", kind])
    return folder


def test_the_code_of_the_guide(exported, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(exported)
    monkeypatch.syspath_prepend(str(exported))
    guide = (ROOT / "docs" / "EXPORT.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 4
    scope: dict = {}
    exec(blocks[0], scope)
    model = modelfile.load("mnist_table1.pkl")
    z = scope["z"].numpy()
    assert np.abs(z).max() > 1.7
    close(scope["images"].numpy().reshape(16, 784), samples_at(model, z))
    exec(blocks[1], scope)
    z = scope["z"]
    expected = samples_at(model, z)
    close(scope["samples"], expected)
    close(scope["probability"], verdicts(model, expected))
    scope["z_of_onnx"] = z
    exec(blocks[2], scope)
    close(scope["samples"], samples_at(model, scope["z"]))
    exec(blocks[3], scope)
    close(scope["samples"], samples_at(model, scope["z"]))


def test_a_float16_file_is_a_model_file_of_half_the_size(exported):
    whole, half = exported / "mnist_table1.pkl", exported / "mnist_table1_float16.pkl"
    assert 0.49 < os.path.getsize(half) / os.path.getsize(whole) < 0.52
    before, after = modelfile.load(whole), modelfile.load(half)
    for one, other in zip(before.get_params(), after.get_params()):
        assert other.get_value().dtype == np.float32 and other.name == one.name
        np.testing.assert_array_equal(
            other.get_value(), one.get_value().astype("float16").astype("float32")
        )


def test_numbers_too_large_for_float16_are_named(tmp_path):
    model = untrained("mnist_quick")
    bias = model.generator.mlp.layers[0].b
    bias.set_value(np.full_like(bias.get_value(), 1e5))
    with pytest.raises(TypeError, match=r"\.b has numbers above 65504, the greatest of float16"):
        modelfile.save(tmp_path / "m.pkl", model, half=True)
    assert not list(tmp_path.iterdir())


def test_the_files_of_the_command(tmp_path, capsys, fast_compile):
    path = tmp_path / "m.pkl"
    modelfile.save(path, pair(DENSE["linear"]))
    pytest.importorskip("safetensors")
    export.main([str(path)])
    export.main([str(path), "--out", str(tmp_path / "weights.safetensors")])
    export.main([str(path), "--out", str(tmp_path / "W.SafeTensors")])
    export.main([str(path), "--format", "float16", "--out", str(tmp_path / "other")])
    out = capsys.readouterr().out
    assert "generator.h0.weight  6x6" in out and "rounding changed 100 samples by at most" in out
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "W.SafeTensors", "m.pkl", "m.safetensors", "other_float16.pkl",
        "weights.safetensors"]  # fmt: skip


@pytest.mark.parametrize("out", ["gan.onnx", "gan.py", "gan.NPZ"])
def test_the_ending_of_a_format_of_several_files_is_no_part_of_their_names(
    out, folder, fast_compile, capsys
):
    kind = "onnx" if out.endswith("onnx") else "numpy"
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    export.main(["m.pkl", "--format", kind, "--out", out])
    assert {"m.pkl", *(f"gan{ending}" for ending in export.ENDINGS[kind])} == set(os.listdir())


def test_a_module_has_a_name_that_can_be_imported(folder, fast_compile, capsys):
    modelfile.save("my-model.v2.pkl", pair(DENSE["linear"]))
    export.main(["my-model.v2.pkl", "--format", "numpy"])
    assert sorted(os.listdir()) == ["my-model.v2.pkl", "my_model_v2_numpy.npz",
                                    "my_model_v2_numpy.py"]  # fmt: skip


@pytest.mark.parametrize("kind", ["numpy", "onnx"])
def test_models_with_more_inputs_than_z(kind, folder, fast_compile, capsys):
    pytest.importorskip("onnxruntime")
    mlp = MLP([NoiseCat(2, 1.0, "n"), Tanh(dim=4, layer_name="y", irange=1.0)], nvis=3)
    modelfile.save("noisy.pkl", Generator(mlp))
    modelfile.save("painter.pkl", untrained("mnist_inpainting"))
    for name in ("noisy", "painter"):
        export.main([f"{name}.pkl", "--format", kind])
    assert capsys.readouterr().out.count("differs from the model by at most") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--format", "float16", "--out", "m.pkl"],
            "m.pkl: the command reads this file; name another",
        ),
        (["--format", "onnx", "--out", "none/x"], "there is no folder none"),
        (["--out", "none/"], "--out none/: names no file"),
        (["--out", "x.onnx"], ".onnx is the ending of another format: add --format onnx"),
        (["--out", "x.PY"], ".py is the ending of another format: add --format numpy"),
    ],
)
def test_what_cannot_be_written(arguments, message, folder, capsys):
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    assert cli.run(lambda: export.main(["m.pkl", *arguments])) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["safetensors", "onnx", "numpy", "float16"])
def test_what_exists_is_replaced_with_overwrite_only(kind, folder, capsys):
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    argv = ["m.pkl", "--format", kind]
    for ending in export.ENDINGS[kind]:
        Path(f"m{ending}").write_text("mine")
        assert cli.run(lambda: export.main(argv)) == 1
        assert f"m{ending} exists already: --overwrite" in capsys.readouterr().err
        assert Path(f"m{ending}").read_text() == "mine"
        Path(f"m{ending}").unlink()
    export.main(argv)
    export.main([*argv, "--overwrite"])


def test_each_player_has_its_own_noise(folder, capsys, fast_compile):
    def layers(width):
        return [NoiseCat(width, 1.0, "n"), Sigmoid(dim=1, layer_name="y", irange=1.0)]

    G, D = MLP(layers(2), nvis=3), MLP(layers(5), nvis=1)
    modelfile.save("m.pkl", AdversaryPair(Generator(G), D))
    export.main(["m.pkl", "--format", "numpy"])
    module: dict = {"__file__": "m_numpy.py", "__name__": "m_numpy"}
    exec(Path("m_numpy.py").read_text(), module)
    rng = np.random.default_rng(0)
    assert module["draw_n_noise"](7, rng).shape == (7, 2)
    assert module["draw_n_noise_discriminator"](7, rng).shape == (7, 5)
    samples = module["generator"](module["draw_z"](7, rng), module["draw_n_noise"](7, rng))
    noise = module["draw_n_noise_discriminator"](7, rng)
    assert module["discriminator"](samples, noise).shape == (7, 1)
    # D with the noise of G needs no function of its own.
    D = MLP(layers(2), nvis=1)
    modelfile.save("m.pkl", AdversaryPair(Generator(G), D))
    export.main(["m.pkl", "--format", "numpy", "--overwrite"])
    assert Path("m_numpy.py").read_text().count("def draw_n_noise") == 1


def test_only_a_module_that_is_a_program_says_so():
    noisy = generator_program(pair(DENSE["linear"]))
    painter = generator_program(untrained("mnist_inpainting"))
    for program, is_program in ((noisy, True), (painter, False)):
        text, _ = to_module([program], "m.py", "m.npz", "m.pkl", "0")
        assert ("__main__" in text) == ("Run as a program" in text) == is_program


def contents():
    return {path.name: path.read_bytes() for path in Path().iterdir()}


@pytest.mark.parametrize("kind", ["onnx", "numpy"])
def test_on_a_full_disk_all_files_stay_as_they_were(kind, folder, capsys, monkeypatch):
    pytest.importorskip("onnx")
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    argv = ["m.pkl", "--format", kind, "--overwrite"]
    export.main(argv)
    modelfile.save("m.pkl", pair(DENSE["maxout"]))
    before, real, synced = contents(), os.fsync, []

    def full(handle):
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert cli.run(lambda: export.main(argv)) == 1
    assert os.strerror(errno.ENOSPC) in capsys.readouterr().err
    assert contents() == before


def test_a_file_that_appears_while_the_model_is_exported_is_kept(folder, capsys, monkeypatch):
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    real = export._runner

    def late(*arguments):
        Path("m_numpy.py").write_text("mine")
        return real(*arguments)

    monkeypatch.setattr(export, "_runner", late)
    assert cli.run(lambda: export.main(["m.pkl", "--format", "numpy"])) == 1
    assert "m_numpy.py exists already: --overwrite" in capsys.readouterr().err
    assert Path("m_numpy.py").read_text() == "mine" and not Path("m_numpy.npz").exists()


def test_a_module_refuses_the_weights_of_another(folder, capsys):
    for name, layers in (("a", "linear"), ("b", "maxout")):
        modelfile.save(f"{name}.pkl", pair(DENSE[layers]))
        export.main([f"{name}.pkl", "--format", "numpy"])
    os.replace("b_numpy.npz", "a_numpy.npz")
    done = subprocess.run([sys.executable, "a_numpy.py"], capture_output=True, text=True)
    assert "ImportError: a_numpy.npz does not hold the weights of this module" in done.stderr


def test_a_missing_library_is_named(folder, capsys, monkeypatch):
    modelfile.save("m.pkl", pair(DENSE["linear"]))
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for kind in ("onnx", "safetensors"):
        assert cli.run(lambda kind=kind: export.main(["m.pkl", "--format", kind])) == 1
        assert 'pip install -e ".[export]"' in capsys.readouterr().err
    assert sorted(os.listdir()) == ["m.pkl"]


@pytest.mark.parametrize("kind", ["onnx", "numpy"])
def test_what_differs_from_the_model_is_not_written(
    kind, monkeypatch, folder, capsys, fast_compile
):
    """The comparison with the model can fail; what was there stays."""
    pytest.importorskip("onnxruntime")
    modelfile.save("m.pkl", pair(DENSE["tanh"]))
    for ending in export.ENDINGS[kind]:
        Path(f"m{ending}").write_text("good")
    before, real = contents(), export.difference
    monkeypatch.setattr(export, "difference", lambda *arguments: real(*arguments) + 0.01)
    assert cli.run(lambda: export.main(["m.pkl", "--format", kind, "--overwrite"])) == 1
    assert "so nothing is written: a translation of this package must be" in capsys.readouterr().err
    assert contents() == before


def test_a_classifier_is_halved(folder, capsys):
    modelfile.save("m.pkl", MLP([Linear(4, "h0", irange=1.0)], nvis=3))
    export.main(["m.pkl", "--format", "float16"])
    assert "rounding changed parameters by at most" in capsys.readouterr().out
