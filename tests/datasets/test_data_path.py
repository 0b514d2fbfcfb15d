from __future__ import annotations

import pytest

from adversarial.datasets.data_path import (
    cache_dir,
    data_path_hint,
    data_paths,
    find_in_data_path,
)


def test_data_paths_are_searched_in_order(tmp_path, monkeypatch):
    first, second = tmp_path / "a", tmp_path / "b"
    for root in (first, second):
        (root / "mnist").mkdir(parents=True)
    (second / "mnist" / "x").touch()
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(first))
    monkeypatch.setenv("ADVERSARIAL_DATA_PATH", str(second))
    assert find_in_data_path("mnist/x", "mnist/x.gz") == second / "mnist" / "x"
    (first / "mnist" / "x.gz").touch()
    assert find_in_data_path("mnist/x", "mnist/x.gz") == first / "mnist" / "x.gz"
    assert find_in_data_path("mnist/") == first / "mnist"
    assert find_in_data_path("mnist/y") is None
    for outside in "", "/", "/mnist", "mnist//x", "../mnist/":
        with pytest.raises(ValueError, match="does not name a file below a data path"):
            find_in_data_path(outside)
    assert data_path_hint() == f"{first}, {second}"
    monkeypatch.delenv("PYLEARN2_DATA_PATH")
    monkeypatch.delenv("ADVERSARIAL_DATA_PATH")
    assert data_paths() == [] and "are not set" in data_path_hint()


def test_the_cache_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("ADVERSARIAL_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("ADVERSARIAL_CACHE")
    assert cache_dir().name == "adversarial"
