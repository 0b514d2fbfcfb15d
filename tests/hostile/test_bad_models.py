"""show_samples.py and parzen_ll.py on bad model files; `!pkl:` of them."""

from __future__ import annotations

import io
import json
import zipfile

import hostile_corpus as corpus
import numpy as np
import pytest

from adversarial.modelfile import container
from adversarial.utils import serial

MODELS = corpus.models()
GOOD = corpus.model_file()


@pytest.mark.parametrize("script", ["show_samples", "parzen_ll", "train"])
@pytest.mark.parametrize("name", MODELS)
def test_a_bad_model_file(script, name, command, unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, culprit = MODELS[name]
    path = tmp_path / "bad.pkl"
    path.write_bytes(data)
    (tmp_path / "loads.yaml").write_text("!pkl: bad.pkl")
    unchanged()
    arguments = {"train": ["loads.yaml"], "parzen_ll": [path, "--dataset", "mnist"]}
    ended = command(script, *arguments.get(script, [path]))
    unchanged()
    if name == "not a model":
        culprit = "not a Train" if script == "train" else "has no generator"
        ended.names(culprit)
    else:
        ended.names(f"{script}.py: error: ", "bad.pkl", culprit)


def boundaries():
    """Where a part of the file begins or ends, and one byte to each side."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        edges = {0, len(GOOD), archive.start_dir}
        for info in archive.infolist():
            start = info.header_offset
            edges |= {start, start + 30, start + 30 + len(info.filename)}
    return sorted({edge + step for edge in edges for step in (-1, 0, 1)} & set(range(len(GOOD))))


def test_truncated_at_every_boundary(command, unchanged, tmp_path):
    tried = boundaries()
    assert len(tried) > 50
    path = tmp_path / "bad.pkl"
    for length in tried[::7]:  # as files; the others in memory
        path.write_bytes(GOOD[:length])
        command("show_samples", path).names("show_samples.py: error: ", str(path))
    assert [file.name for file in tmp_path.iterdir()] == ["bad.pkl"]
    for length in tried:
        with pytest.raises(serial.BadFile):
            serial.from_string(GOOD[:length])


def test_random_flips():
    rng = np.random.RandomState(0)
    refused = 0
    for _ in range(300):
        data = bytearray(GOOD)
        for place in rng.randint(len(GOOD), size=rng.randint(1, 4)):
            data[place] ^= 1 << rng.randint(8)
        try:
            serial.from_string(bytes(data))
        except serial.BadFile as error:
            refused += 1
            assert "\n" not in str(error)
    # What is not summed says nothing of the model: dates and the like in the archive's headers.
    assert refused > 200


def test_forged_with_good_checksums(command, tmp_path):
    """Values of the graph replaced at random: the file loads or is refused, and drawing says so."""
    document, arrays = container.read(io.BytesIO(GOOD))
    rng = np.random.RandomState(1)
    odd = [None, -1, 10**30, "", "x", [0], [10**9], {"float": "nan"}, {"x": 1}, 0.5, True]
    path = tmp_path / "forged.pkl"
    ended = []
    for _ in range(40):
        forged = json.loads(json.dumps(document))
        nodes = [node for node in forged["nodes"] if isinstance(node.get("v"), list) and node["v"]]
        node = nodes[rng.randint(len(nodes))]
        entry = node["v"][rng.randint(len(node["v"]))]
        if isinstance(entry, list) and len(entry) == 2:
            entry[1] = odd[rng.randint(len(odd))]
        else:
            node["v"][0] = odd[rng.randint(len(odd))]
        path.write_bytes(corpus.forged(forged, arrays))
        result = command("show_samples", path, "--rows", "1", "--cols", "2")
        if result.status:
            result.names("show_samples.py: error: ", str(path))
        ended.append(result.status)
    assert 0 in ended and 1 in ended
