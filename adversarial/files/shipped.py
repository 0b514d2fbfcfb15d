"""Finds the experiments of the package by name: `adversarial-train mnist.yaml` in any folder.

A wheel has the files of the folder `yaml/` in `adversarial/experiments/`, where setup.py puts them;
in a checkout they are in `yaml/`, beside the package. Commands that take a YAML file open
`source_of(path)` in place of `path`. All else stays as if the file were at `path`: the names in
messages, `${PYLEARN2_TRAIN_DIR}`, and where the run writes its files.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

from adversarial.utils.own_modules import ROOT
from adversarial.utils.own_modules import SANDBOX as SANDBOX_NAME

log = logging.getLogger(__name__)

# Of an installed package, and of a checkout.
FOLDERS = (Path(ROOT, "adversarial", "experiments"), Path(ROOT, "yaml"))
# The folder from which `sandbox` is imported.
SANDBOX = Path(ROOT, SANDBOX_NAME)


def experiments() -> dict[str, Path]:
    """The experiments that come with the package: name -> file.

    Examples
    --------
    >>> [name for name in experiments() if name.startswith("mnist_")]
    ['mnist_inpainting.yaml', 'mnist_quick.yaml', 'mnist_table1.yaml']
    """
    folder = next((each for each in FOLDERS if any(each.glob("*.yaml"))), FOLDERS[0])
    files = [(path, folder) for path in sorted(folder.glob("**/*.yaml"))]
    files += [(path, SANDBOX.parent) for path in sorted(SANDBOX.glob("*/*.yaml"))]
    # `sandbox/variants.py` explains the files that are no experiments.
    return {
        path.relative_to(start).as_posix(): path
        for path, start in files
        if path.name != "variants.yaml"
    }


def source_of(path: str | os.PathLike[str]) -> str:
    """The file to read for the YAML file `path`: itself, or the experiment of that name.

    A file that exists comes first. A log message says where an experiment is taken from.

    Raises
    ------
    FileNotFoundError
        If there is neither, and `path` looks like an experiment's name with another folder.

    Examples
    --------
    >>> source_of("mnist.yaml").endswith("mnist.yaml")
    True
    """
    path = os.fspath(path)
    if os.path.lexists(path) or not path.endswith(".yaml"):
        return path
    known = experiments()
    source = known.get(os.path.normpath(path).replace(os.sep, "/"))
    if source is not None:
        log.info("%s is the experiment that comes with the package: %s", path, source)
        return str(source)
    name = os.path.basename(path)
    if name in known:
        raise FileNotFoundError(
            errno.ENOENT,
            f"No such file; the name {name} alone stands for the experiment that comes with the "
            "package",
            path,
        )
    return path
