"""The data that a model is scored on: its own test set, or what `--dataset` names."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.compatibility import check_compatible
from adversarial.evaluation.parzen_protocol import Split, load_split, split_of
from adversarial.evaluation.sampling import sample_space
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import dataset_in, examples_of, training_set


class EvaluationData:
    """The data that a model is scored on.

    Parameters
    ----------
    model : AdversaryPair or Generator
    path : str
        The model's file, for messages.
    given : str, optional
        'mnist', 'tfd' or a YAML file; without it, the data set that the model was trained on.
    allow_modules : names of modules whose classes a file may use

    Attributes
    ----------
    name : str
        For people.
    dataset
        A data set, whose validation and test sets are used, or a name of DATASETS.
    own
        The data set that the model was trained on, if it is known.
    own_rows : (n, dimension) array, optional
        Its examples.
    own_missing : str
        Why it is not known; '' if it is.
    has_folds : bool

    Raises
    ------
    ValueError
        Where the data set is unknown, or the model's samples have another width.
    """

    def __init__(
        self, model: Any, path: str, given: str | None, allow_modules: Collection[str] = ()
    ) -> None:
        self._model, self._path = model, path
        self._is_checked = False
        with cli.blaming(path):
            self._width = sample_space(model).get_total_dimension()
        if given in parzen_protocol.DATASETS:
            parzen_protocol.check_dimension(given, self._width, path)
        self.own: Any = None
        self.own_rows: Any = None
        self.own_missing = ""
        try:
            own = training_set(model, allow_modules, path)
            self.own, self.own_rows = own, examples_of(own)
        except (ValueError, TypeError, OSError, ImportError) as error:
            self.own_missing = str(error) if path in str(error) else f"{path}: {error}"
            if given is None:
                raise ValueError(
                    f"{self.own_missing}\n"
                    "--dataset names what to score on: mnist, tfd or a YAML file"
                ) from error
        self.dataset: Any = given
        self.name = str(given)
        if given is None or (
            given in parzen_protocol.DATASETS and parzen_protocol.is_named(given, self.own)
        ):
            self.dataset = self.own
            names = [
                name
                for name in parzen_protocol.DATASETS
                if parzen_protocol.is_named(name, self.own)
            ]
            self.name = (*names, type(self.own).__name__)[0]
        elif given not in parzen_protocol.DATASETS:
            self.dataset = dataset_in(given, allow_modules)
        self.has_folds = parzen_protocol.has_folds(self.dataset)

    def split(self, fold: int = 0, limit_size: int = 1000, score_valid: bool = False) -> Split:
        """The examples of a fold, 0 for data without folds; see `parzen_protocol.split_of`.

        Raises
        ------
        ValueError
            Where the data lacks a set, or differs from samples in shape or scale.
        """
        if isinstance(self.dataset, str):
            split = load_split(self.dataset, self._width, fold, limit_size, score_valid)
        else:
            itself = self.dataset is not self.own
            split = split_of(self.dataset, fold, limit_size, score_valid, itself=itself)
            if limit_size and not hasattr(self.dataset, "get_valid_set"):
                print(
                    f"note: {self.name} has no validation set: its first {len(split.valid)} test "
                    "examples choose sigma, and only the others are scored",
                    file=sys.stderr,
                )
        if not self._is_checked:
            # Once: the folds of a data set have one shape and scale.
            with cli.blaming(self._path):
                check_compatible(
                    self._model, self._path, split.scored, self.dataset, self.name, self.own_rows
                )
            self._is_checked = True
        return split
