"""Model files changed within, their checksums right: it is the file that commands call wrong.

Each change is made in the model or in the training that the file holds. A command either succeeds
or ends with an error whose first line names the file. It does not say that this program has a bug.
The long version (`-m slow`) tries HOSTILE_EXAMPLES files, by default 1,200.
"""

from __future__ import annotations

import copy
import io
import os
import random

import hostile_corpus as corpus
import pytest

from adversarial.modelfile import container

LONG = int(os.environ.get("HOSTILE_EXAMPLES", "1200"))
YAML = corpus.GOOD.replace(
    """    extensions: [
""",
    """    extensions: [
        !obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
            channel_name: train_objective, store_best_model: 1 },
        !obj:adversarial.train_extensions.polyak.PolyakAveraging { start: 0 },
        !obj:adversarial.train_extensions.learning_rate.MonitorBasedLRAdjuster {
            channel_name: train_objective },
""",
).replace("max_epochs: 1", "max_epochs: 3")
DATA = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.ones { shape: [5, 12] } }"""
ODD = [
    None,
    True,
    False,
    -1,
    0,
    1,
    7,
    10**30,
    -0.5,
    1.5,
    1e308,
    "",
    "x",
    "h0",
    {"float": "nan"},
    {"float": "inf"},
    {"float": "-inf"},
    {"bytes": "AAAA"},
    {"dtype": "float64"},
    {"type": "float32"},
]
COMMANDS = {
    "show_samples": ["forged.pkl", "--rows", "1", "--cols", "2"],
    "parzen_ll": ["forged.pkl", "-n", "4", "-s", "1", "--dataset", "data.yaml"],
    "train": ["--resume", "forged.pkl", "--quiet"],
}


@pytest.fixture
def graphs(command_that_trains, tmp_path, monkeypatch):
    """The (document, arrays) of the model, and of the training, in a file saved by train.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(YAML)
    ended = command_that_trains("train", "good.yaml", "--quiet", "--max-epochs", "2")
    assert ended.status == 0, ended.error
    (tmp_path / "good.yaml").unlink()
    (tmp_path / "data.yaml").write_text(DATA)
    data = (tmp_path / "good.pkl").read_bytes()
    return [
        container.read(io.BytesIO(data), graph) for graph in (container.GRAPH, container.TRAINING)
    ]


def places(nodes):
    """(container, key) of every value in the nodes of a graph."""
    for node in nodes:
        value = node.get("v")
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, list) and len(item) == 2:
                    yield item, 1
                else:
                    yield value, index
        elif "v" in node:
            yield node, "v"


def change(rng, document, arrays):
    """Change one thing of a graph."""
    nodes = document["nodes"]
    kind = rng.random()
    if kind < 0.6:
        # Most values are records of channels: not many of these.
        some = nodes if kind < 0.1 else [node for node in nodes if len(node.get("v") or "") > 8]
        owner, key = rng.choice(list(places(some)))
        owner[key] = rng.choice([*ODD, [rng.randrange(len(nodes))], [rng.randrange(len(nodes))]])
    elif kind < 0.7:
        objects = [node for node in nodes if node["t"] == "object"]
        if objects:
            rng.choice(objects)["c"] = rng.choice(objects)["c"]
    elif kind < 0.8:
        owner = rng.choice(
            [node for node in nodes if isinstance(node.get("v"), list) and node["v"]]
        )
        owner["v"].pop(rng.randrange(len(owner["v"])))
    elif kind < 0.9 and arrays:
        place = rng.randrange(len(arrays))
        array = arrays[place].copy()
        arrays[place] = rng.choice([array[:0], array[..., None], array.astype("f8"), array.ravel()])
    else:
        inline = [node for node in nodes if isinstance(node.get("a"), list)]
        if inline:
            node, other = rng.choice(inline), rng.choice(inline)
            node["a"] = rng.choice(
                [other["a"], ["<f4", [1], "AADAfw=="], ["<f4", [], "AACAfw=="], ["<i8", [0], ""]]
            )


def forged(rng, graphs):
    changed = [(copy.deepcopy(document), list(arrays)) for document, arrays in graphs]
    for _ in range(rng.randint(1, 3)):
        change(rng, *rng.choice(changed))
    stream = io.BytesIO()
    container.write(stream, *changed[0], training=changed[1])
    return stream.getvalue()


def blame(command, graphs, folder, seeds):
    """How many commands succeeded; fails unless the others named the file, and nothing else."""
    succeeded = 0
    for seed in seeds:
        for script, arguments in COMMANDS.items():
            for left in folder.glob("*forged*"):
                left.unlink()
            (folder / "forged.pkl").write_bytes(forged(random.Random(seed), graphs))
            ended = command(script, *arguments)
            if ended.status in (0, 75):
                succeeded += 1
                continue
            lines = [line for line in ended.error.splitlines() if ": error: " in line]
            assert ended.status == 1 and len(lines) == 1, (seed, script, ended.error)
            assert "forged.pkl" in lines[0], (seed, script, ended.error)
            assert "bug" not in ended.error and "Traceback" not in ended.error, (seed, script)
    return succeeded


def test_it_is_the_file(command_that_trains, graphs, tmp_path):
    assert blame(command_that_trains, graphs, tmp_path, range(6)) > 0


@pytest.mark.slow
def test_it_is_the_file_again(command_that_trains, graphs, tmp_path):
    blame(command_that_trains, graphs, tmp_path, range(6, LONG))
