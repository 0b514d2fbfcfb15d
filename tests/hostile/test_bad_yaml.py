"""train.py on bad YAML: one line that names the culprit, and no file is changed."""

from __future__ import annotations

import hostile_corpus as corpus
import pytest


@pytest.mark.parametrize("name", corpus.YAML)
def test_a_bad_yaml(name, command, unchanged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, culprit = corpus.YAML[name]
    path = tmp_path / "bad.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    unchanged()
    ended = command("train", path)
    unchanged()
    ended.names("train.py: error: ", culprit)
    if not name.startswith(("a missing model", "a folder", "a device")):
        assert "bad.yaml" in ended.error


def test_the_good_one(command, tmp_path):
    (tmp_path / "good.yaml").write_text(corpus.GOOD)
    assert command("train", tmp_path / "good.yaml", "--quiet").status == 0
