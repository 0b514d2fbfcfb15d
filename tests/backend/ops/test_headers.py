"""The kernels' headers by themselves: each compiles alone, without a warning."""

from __future__ import annotations

import shlex
import subprocess
import sysconfig

import aesara
import numpy as np
import pytest

from adversarial.backend.ops import c_op

HEADERS = sorted(path.name for path in c_op.FOLDER.glob("*.h"))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("threads", [[], ["-fopenmp"]])
def test_a_header_compiles_alone(header, threads):
    if not aesara.config.cxx:
        pytest.skip("there is no C++ compiler")
    includes = [c_op.FOLDER, np.get_include(), sysconfig.get_paths()["include"]]
    subprocess.run(
        [*shlex.split(aesara.config.cxx), "-x", "c++", "-fsyntax-only", "-Wall",
         "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-function",
         "-Wno-unused-variable", "-Wno-cpp", *threads,
         *(f"-I{folder}" for folder in includes), "-"],
        input=f'#include "{header}"\n', text=True, check=True,
    )  # fmt: skip


def test_a_compiled_module_is_known_by_its_headers(monkeypatch, tmp_path):
    """Also by those that its header includes: a change makes Aesara compile it anew."""
    for header in HEADERS:
        (tmp_path / header).write_text((c_op.FOLDER / header).read_text())
    monkeypatch.setattr(c_op, "FOLDER", tmp_path)
    before = {header: c_op.digest.__wrapped__(header) for header in HEADERS}
    c_op.digest.cache_clear()
    (tmp_path / "arrays.h").write_text((tmp_path / "arrays.h").read_text() + "// changed\n")
    after = {header: c_op.digest(header) for header in HEADERS}
    c_op.digest.cache_clear()
    assert before["bias_activation.h"] != after["bias_activation.h"]
    assert before["philox.h"] == after["philox.h"]
