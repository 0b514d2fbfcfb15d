"""Where in a YAML file an object was described: for messages that name two parts of an experiment.

`config.yaml_parse` notes the place of each object that it makes; `preflight` asks for it.
"""

from __future__ import annotations

import weakref
from typing import Any

# id of an object -> (reference to it, its place). An id is used again once its object is gone.
_places: dict[int, tuple[weakref.ref, str]] = {}


def note(made: Any, place: str) -> None:
    """Keep in mind that `made` was described at `place` ("gan.yaml, line 3")."""
    key = id(made)
    try:
        reference = weakref.ref(made, lambda _: _places.pop(key, None))
    except TypeError:  # numbers, text
        return
    _places[key] = reference, place


def of(made: Any) -> str:
    """ " (gan.yaml, line 3)", to put behind a name; "" where no YAML described `made`."""
    reference, place = _places.get(id(made), (None, ""))
    return f" ({place})" if reference is not None and reference() is made else ""
