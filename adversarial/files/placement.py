"""Where a run writes the files that its YAML file names: `train.py --out FOLDER`, and `--seed N`.

A YAML file says where its files are written, usually beside itself. `--out` puts them into a folder
of the run instead, and a replicate (`--seed 3`) adds `_seed3` to their names:

    yaml/mnist.pkl            without options
    yaml/mnist_seed3.pkl      --seed 3
    runs/a/mnist.pkl          --out runs/a, with any seed

`outputs.placed` makes a `Placement` hold for all files that are written; `run.Run` makes it.
"""

from __future__ import annotations

import os
from typing import Optional

# Endings of the files that `train.py` writes beside a model file, in place of ".pkl".
TABLE, PICTURE, DIVERGED = ".monitor.csv", ".png", ".diverged.pkl"


class Placement:
    """The paths at which files are written, for the paths that a YAML file says.

    Parameters
    ----------
    source : str
        The folder of the YAML file.
    folder : str, optional
        The folder of the run (`--out`); None: the files stay where the YAML file says.
    suffix : str
        What is added to each name, before its ending.
    distinct : set of str, optional
        Paths that get no suffix, since the YAML file has put the seed into them (`${SEED}`).

    Examples
    --------
    >>> Placement("yaml", "runs/a").place("yaml/mnist.pkl")
    'runs/a/mnist.pkl'
    >>> Placement("yaml", suffix="_seed3").place("yaml/mnist.monitor.csv")
    'yaml/mnist_seed3.monitor.csv'
    """

    def __init__(
        self,
        source: str,
        folder: Optional[str] = None,
        suffix: str = "",
        distinct: Optional[set[str]] = None,
    ) -> None:
        self.source = source
        self.folder = folder
        self.suffix = suffix
        self.distinct = set() if distinct is None else distinct
        # Paths that are results of `place`, which stay as they are if they are given again.
        self._final: set[str] = set()

    def keep(self, path: str) -> None:
        """Use `path` as it is from now on: it is where a file of this run is written."""
        self._final.add(path)

    def is_final(self, path: str) -> bool:
        """Whether `path` is where a file of this run is written."""
        return path in self._final

    def place(self, path: str) -> str:
        """Where the file is written that the YAML file calls `path`."""
        if path in self._final:
            return path
        found = path if path in self.distinct else self._with_suffix(path)
        if self.folder is not None:
            found = self._in_folder(found, self.folder)
        self.keep(found)
        return found

    def _with_suffix(self, path: str) -> str:
        folder, name = os.path.split(path)
        ending = next((end for end in (TABLE, DIVERGED) if name.endswith(end)), "")
        ending = ending or os.path.splitext(name)[1]
        return os.path.join(folder, name[: len(name) - len(ending)] + self.suffix + ending)

    def _in_folder(self, path: str, folder: str) -> str:
        places = [os.path.realpath(each) for each in (folder, self.source)]
        target = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        # If one of the folders is inside the other, the inner one counts.
        for place in sorted(places, key=len, reverse=True):
            if os.path.commonpath([place, target]) == place:
                if place == places[0]:
                    return path
                return os.path.join(folder, os.path.relpath(target, place))
        return path if os.path.isabs(path) else os.path.join(folder, path)
