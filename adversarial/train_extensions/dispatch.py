"""How `adversarial.train.Train` calls its extensions: participants first, observers last.

A *participant* takes part in training: it changes the learning rate, or saves the best model. It is
called right after each monitoring, and its errors end the training. An *observer* (a class with
`only_watches`: a table, a picture) is called last, when the model file is written, and its errors
during training are warnings: no table is worth a trained model.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from typing import Any

from adversarial import backend
from adversarial.signals import STOPS, Interrupted
from adversarial.utils import errors, origin

log = logging.getLogger(__name__)


def is_observer(extension: Any) -> bool:
    """Whether training is the same without `extension`."""
    return bool(getattr(extension, "only_watches", False))


def set_up(extensions: Iterable[Any], *parts: Any) -> None:
    """Call `setup(*parts)` of each extension; `parts` are the model, the data and the algorithm.

    Errors of observers end this as well: there is no trained model yet that could be lost.
    """
    for extension in extensions:
        call(extension, "setup", *parts)


def call(extension: Any, method: str, *parts: Any) -> None:
    """Call `method(*parts)` of an extension; messages about its errors name it and its place."""
    try:
        getattr(extension, method)(*parts)
    except (StopIteration, *STOPS):
        raise
    except Exception as error:
        name = f"{type(extension).__name__}{origin.of(extension)}"
        errors.add_place(error, f"the extension {name}, in {method}")
        raise


def call_participants_on_monitor(extensions: Iterable[Any], *parts: Any) -> bool:
    """Call `on_monitor(*parts)` of the participants; False if one of them raised StopIteration.

    As in Pylearn2, the others are called all the same.
    """
    continues = True
    for extension in extensions:
        if is_observer(extension):
            continue
        try:
            call(extension, "on_monitor", *parts)
        except StopIteration:
            log.info("%s ends the training", type(extension).__name__)
            continues = False
    return continues


def call_participants_on_save(extensions: Iterable[Any], *parts: Any) -> None:
    """Call `on_save(*parts)` of the participants that have it."""
    for extension in extensions:
        if not is_observer(extension) and hasattr(extension, "on_save"):
            call(extension, "on_save", *parts)


def call_observers(extensions: Iterable[Any], method: str, *parts: Any) -> None:
    """Call `method` ("on_monitor" or "on_save") of the observers that have it.

    An error becomes a warning.
    """
    for extension in extensions:
        if not is_observer(extension) or not hasattr(extension, method):
            continue
        try:
            getattr(extension, method)(*parts)
        except Interrupted:
            raise
        except Exception as error:
            if isinstance(backend.blame(error), backend.PeerLost):
                raise  # the training cannot go on
            warn_of_fault(f"{type(extension).__name__}.{method}{origin.of(extension)}", error)


def warn_of_fault(where: str, error: Exception) -> None:
    """Log a warning that an observer failed, with the traceback."""
    kind = "".join(traceback.format_exception_only(type(error), error)).strip()
    log.warning(
        "%s failed (%s); the training goes on, and so does the saving of its model\n%s",
        where,
        kind,
        "".join(traceback.format_tb(error.__traceback__)).rstrip(),
    )
