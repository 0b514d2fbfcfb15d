"""The command explore; the page itself is tested in tests/explorer."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from adversarial.explorer import packing
from adversarial.scripts import explore
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")


def test_a_page_beside_the_model(command, model, capsys):
    assert command(model) == 0
    path = model.with_name("faces.v2_explore.html")
    out, err = capsys.readouterr()
    size = path.stat().st_size / 1e6
    assert (out, err) == (f"wrote {path}, {size:.1f} MB\n", "")
    assert "<title>faces.v2</title>" in path.read_text(encoding="utf-8")


def test_an_existing_page_is_kept(command, refused, model, tmp_path):
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert "exists already: --overwrite replaces it" in refused(model, "--out", out)
    assert out.read_text() == "mine"
    assert command(model, "--out", out, "--overwrite") == 0
    assert out.read_text().startswith("<!doctype html>")


def test_the_page_is_named_as_one(refused, model, tmp_path):
    out = tmp_path / "page.png"
    assert "the name of a page ends in .html" in refused(model, "--out", out)
    assert not out.exists()


def test_the_same_options_make_the_same_page(command, model, tmp_path):
    pages = []
    for i, options in enumerate([(), (), ("--seed", 3)]):
        out = tmp_path / f"{i}.html"
        assert command(model, "--out", out, *options) == 0
        pages.append(out.read_bytes())
    assert pages[0] == pages[1] and pages[2] != pages[0]


def test_float32_is_twice_as_large(command, model, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "SMALL", 0)
    sizes = []
    for i, options in enumerate([(), ("--float32",)]):
        out = tmp_path / f"{i}.html"
        assert command(model, "--out", out, *options) == 0
        sizes.append(len(re.search(b'id="weights">(.*?)<', out.read_bytes())[1]))
    assert 1.9 * sizes[0] < sizes[1] <= 2 * sizes[0]


def test_a_large_page_is_a_warning(command, model, monkeypatch, capsys):
    monkeypatch.setattr(explore, "LARGE_MEGABYTES", 0.01)
    assert command(model) == 0
    assert "phones may not open it" in capsys.readouterr().err


def test_refusals(refused, model, tmp_path):
    assert "no folder" in refused(model, "--out", tmp_path / "missing" / "page.html")
    link = tmp_path / "link.html"
    os.symlink(tmp_path / "elsewhere", link)
    assert "symbolic link" in refused(model, "--out", link, "--overwrite")
    assert "nothing.pkl" in refused(tmp_path / "nothing.pkl")


def test_a_model_without_a_generator(refused, pair, tmp_path):
    path = tmp_path / "d.pkl"
    serial.save(path, pair.discriminator)
    assert "no generator" in refused(path)


def test_a_model_that_has_diverged(refused, pair, tmp_path):
    pair.generator.mlp.layers[0].b.set_value(np.full(36, np.nan, "float32"))
    path = tmp_path / "nan.pkl"
    serial.save(path, pair)
    assert "has diverged" in refused(path)


def test_it_needs_no_compiler(model, tmp_path):
    # A graph is translated, not compiled, so the page is there in a second.
    out = tmp_path / "page.html"
    code = (
        "import adversarial, aesara, sys\n"
        "from adversarial import backend\n"
        "def compiled(*args, **kwargs): raise AssertionError('compiled')\n"
        "aesara.function = backend.function = compiled\n"
        "from adversarial.scripts import explore\n"
        "explore.main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), "--out", str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.exists()
