"""Records the file and line of the YAML that describes an object, for error messages.

`config.proxy` calls `note` for each object that it makes; `preflight` and constructors call `of`.
"""

from __future__ import annotations

import weakref
from typing import Any

# id of an object -> (weak reference, place). The reference detects that an id has been reused.
_places: dict[int, tuple[weakref.ref, str]] = {}


def note(made: Any, place: str) -> None:
    """Record that the YAML at `place` ("gan.yaml, line 3") describes the object `made`."""
    key = id(made)
    try:
        reference = weakref.ref(made, lambda _: _places.pop(key, None))
    except TypeError:  # numbers and text have no weak references
        return
    _places[key] = reference, place


def of(made: Any) -> str:
    """ " (gan.yaml, line 3)", to append to a name; "" if `made` is not from a YAML file."""
    reference, place = _places.get(id(made), (None, ""))
    return f" ({place})" if reference is not None and reference() is made else ""
