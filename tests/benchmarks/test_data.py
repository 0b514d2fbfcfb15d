"""Which CIFAR-10 the benchmarks train on."""

from __future__ import annotations

import pytest

from benchmarks import data


@pytest.mark.parametrize("exists", [True, False])
def test_cifar10_is_looked_for_in_the_data_path(tmp_path, monkeypatch, exists):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    if exists:
        (tmp_path / "cifar10" / "cifar-10-batches-py").mkdir(parents=True)
    assert data._has_cifar10(dict(data.os.environ)) == exists


def test_an_error_is_not_taken_for_a_missing_data_set(monkeypatch):
    monkeypatch.setattr(data, "_FIND_CIFAR10", "raise ValueError")
    with pytest.raises(SystemExit, match="could not look"):
        data._has_cifar10({})
