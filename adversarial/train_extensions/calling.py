"""How a training calls its extensions: those that take part in it, and those that only watch.

`adversarial.train.Train` calls these functions.  An extension that takes part (it changes the
learning rate, or saves the best model) is called first, and its errors end the training.  One with
`only_watches` (a table, a picture) is called last, once the model file is written, and its errors
during training are warnings: what it does is never worth a trained model.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from typing import Any

from adversarial.signals import Interrupted

log = logging.getLogger(__name__)


def only_watches(extension: Any) -> bool:
    """Whether training is the same without `extension`."""
    return bool(getattr(extension, "only_watches", False))


def set_up(extensions: Iterable[Any], *parts: Any) -> None:
    """Call `setup(*parts)` of each; `parts` are the model, the dataset and the algorithm.

    Errors end it, of those that only watch, too: nothing has been trained yet that could be lost.
    """
    for extension in extensions:
        extension.setup(*parts)


def ask_participants(extensions: Iterable[Any], *parts: Any) -> bool:
    """Call `on_monitor(*parts)` of those that take part; False if one of them raised StopIteration.

    The others are called all the same, as in Pylearn2.
    """
    go_on = True
    for extension in extensions:
        if only_watches(extension):
            continue
        try:
            extension.on_monitor(*parts)
        except StopIteration:
            log.info("%s ends the training", type(extension).__name__)
            go_on = False
    return go_on


def tell_participants_of_save(extensions: Iterable[Any], *parts: Any) -> None:
    """Call `on_save(*parts)` of those that take part."""
    for extension in extensions:
        if not only_watches(extension):
            getattr(extension, "on_save", _nothing)(*parts)


def tell_watchers(extensions: Iterable[Any], method: str, *parts: Any) -> None:
    """Call `method` ("on_monitor" or "on_save") of those that only watch."""
    for extension in extensions:
        if only_watches(extension):
            _call_watcher(extension, method, parts)


def _call_watcher(extension: Any, method: str, parts: tuple) -> None:
    try:
        getattr(extension, method)(*parts)
    except Interrupted:
        raise
    except Exception as error:
        warn_of(f"{type(extension).__name__}.{method}", error)


def warn_of(where: str, error: Exception) -> None:
    """Warn of a fault in something that only watches, with the place in the code."""
    kind = "".join(traceback.format_exception_only(type(error), error)).strip()
    log.warning(
        "%s failed (%s); the training goes on, and so does the saving of its model\n%s",
        where,
        kind,
        "".join(traceback.format_tb(error.__traceback__)).rstrip(),
    )


def _nothing(*parts: Any) -> None:
    """What an extension without `on_save` does at a save."""
