"""Checks of a resumed run: have its data, YAML file or environment variables changed since?

`Run` calls these functions before anything is compiled. `checkpoint.other_machine` compares the
machine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from adversarial import checkpoint
from adversarial.config.nodes import read_text
from adversarial.datasets.fingerprint import describe_difference, fingerprint
from adversarial.files.opening import open_regular
from adversarial.train import Train

log = logging.getLogger(__name__)


def check_description(about: Any, path: str) -> None:
    """Raise ValueError unless `about`, in the file `path`, has the form that `Run.make` writes."""
    kinds: dict[str, Any] = {"yaml": str, "yaml_path": str, "seed": (int, type(None)), "phase": int}
    if (
        not isinstance(about, dict)
        or not _is_valid_placement(about)
        or not all(isinstance(about.get(name), kind) for name, kind in kinds.items())
        # Files of an earlier version hold the values of environment variables.
        or not isinstance(about.get("environ", {}), dict)
        or not all(
            isinstance(word, str) for pair in about.get("environ", {}).items() for word in pair
        )
    ):
        raise ValueError(f"{path} holds no valid description of its experiment")


def _is_valid_placement(about: Mapping[str, Any]) -> bool:
    """Whether settings, folder and names have the form that `Run.make` writes, if they are there.

    The folder of the run is that of the model file or above it. A file may be forged, so what is
    written there is still checked (`files.outputs`).
    """
    settings, out = about.get("settings", []), about.get("out")
    return (
        isinstance(settings, list)
        and all(isinstance(setting, str) for setting in settings)
        and isinstance(about.get("adds_seed", False), bool)
        and (out is None or (isinstance(out, str) and set(out.split("/")) <= {".", ".."}))
    )


def warn_of_edits(path: str, text: str, name: str) -> None:
    """Warn if the YAML file `path` was edited since the model file `name` was saved with `text`."""
    # The path comes from the model file, which may be forged: read only YAML files.
    if os.path.splitext(path)[1].lower() not in (".yaml", ".yml"):
        return
    try:
        with open_regular(path) as stream:
            lines = read_text(stream, path).splitlines()
    except (OSError, ValueError):
        return
    before = text.splitlines()
    number = next(
        (i for i, (a, b) in enumerate(zip(lines, before)) if a != b),
        min(len(lines), len(before)),
    )
    if lines != before:
        log.warning(
            "%s was edited, from line %d on, since %s was saved: the training goes on as it "
            "was begun. To go on by the edited file: --resume %s --config %s",
            path,
            number + 1,
            name,
            name,
            path,
        )


def warn_of_variables(saved: checkpoint.Saved, now: Mapping[str, str], path: str) -> None:
    """Warn if an environment variable that the user allowed has changed since the save.

    `now` has the current digests of the values, by name.
    """
    before = (saved.experiment or {}).get("values")
    found = [
        name
        for name in now
        if isinstance(before, dict) and before.get(name) not in (None, now[name])
    ]
    if found:
        log.warning(
            "%s, which %s uses, changed since %s was saved: the numbers of the training go on "
            "as they were saved, so what was changed is used in part or not at all. To go on "
            "with other values, give the variables those they had and write the others into a "
            "copy of the YAML file: --resume %s --config COPY.yaml",
            " and ".join(f"${{{name}}}" for name in found),
            path,
            saved.name,
            saved.name,
        )


def fingerprints(train: Train) -> dict[str, dict[str, Any]]:
    """The fingerprint of the training set, and those of the other monitored sets by name."""
    sets = getattr(train.algorithm, "monitoring_dataset", None)
    if not isinstance(sets, dict):
        sets = {}
    others = {
        str(name): fingerprint(data) for name, data in sets.items() if data is not train.dataset
    }
    return {"train": fingerprint(train.dataset), "monitored": others}


def compare_data(
    saved: checkpoint.Saved, now: Mapping[str, Any], path: str, is_edited: bool, why: str = ""
) -> None:
    """Raise ValueError if the training set has changed since the save.

    If a monitored set has changed, warn that its channels continue with other data.

    Parameters
    ----------
    saved : Saved
    now : dict
        The result of `fingerprints`.
    path : str
        The YAML file, for messages.
    is_edited : bool
        Whether the YAML file was edited; then a changed training set is a warning only.
    why : str
        A line for the message on what may have changed the training set.
    """
    before = (saved.experiment or {}).get("data")
    if not isinstance(before, dict):  # an earlier version's
        return
    name = saved.name
    monitored = before.get("monitored")
    for label, data in now["monitored"].items():
        was = monitored.get(label) if isinstance(monitored, dict) else None
        found = describe_difference(was, data) if isinstance(was, dict) else None
        if found is not None:
            log.warning(
                "the monitored set %s has %s, since %s was saved: its channels go on "
                "with other data",
                label,
                found,
                name,
            )
    was = before.get("train")
    found = describe_difference(was, now["train"]) if isinstance(was, dict) else None
    if found is None:
        return
    what = f"the training set has {found}"
    if not is_edited:
        raise ValueError(
            f"{name} cannot go on: {what}, since it was saved\n{why}"
            f"Bring back the data it was trained on; or go on with these, as another "
            f"experiment: --resume {name} --config {path}"
        )
    log.warning("%s; the training of %s goes on with them", what, name)
