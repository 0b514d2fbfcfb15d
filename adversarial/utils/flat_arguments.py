"""Groups of arguments that are one object in the code, and separate arguments for callers.

YAML files of 2014 give `irange` or `sparse_init` to a layer. In the code these are fields of one
`WeightInit`. Two helpers connect the two forms:

    @dataclass(frozen=True)
    class WeightInit:
        irange: Optional[float] = None
        sparse_init: Optional[int] = None

    class Affine(Layer):
        weight_init = FlatAttributes(WeightInit)

        @flat_arguments(weight_init=WeightInit)
        def __init__(self, layer_name: str, *, weight_init: WeightInit) -> None:
            self.weight_init = weight_init

`Affine("h0", irange=0.05)` and `Affine("h0", weight_init=WeightInit(irange=0.05))` are the same
layer. The signature of `__init__` lists `irange` and `sparse_init`, so that the arguments in a YAML
file are checked against it. `layer.irange` is a plain attribute, which may be set, and is saved in
model files: so files do not depend on which arguments form a group.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, Generic, TypeVar, overload

G = TypeVar("G")


def flat_arguments(**groups: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__` with groups of arguments, whose fields callers give separately.

    Parameters
    ----------
    **groups : dataclass
        By the name of the keyword-only argument of `__init__` that takes an instance of it.

    Raises
    ------
    TypeError
        From the decorated `__init__`, for a call with a group and one of its fields.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Size:
    ...     rows: int
    ...     columns: int = 1
    >>> class Picture:
    ...     @flat_arguments(size=Size)
    ...     def __init__(self, name, *, size):
    ...         self.size = size
    >>> Picture("cat", rows=3).size
    Size(rows=3, columns=1)
    >>> inspect.signature(Picture)
    <Signature (name, *, rows: 'int', columns: 'int' = 1)>
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            for name, group in groups.items():
                names = [field.name for field in fields(group)]
                given = {field: kwargs.pop(field) for field in names if field in kwargs}
                if name not in kwargs:
                    kwargs[name] = group(**given)
                elif given:
                    also = ", ".join(given)
                    raise TypeError(
                        f"{type(self).__name__} got {name} and also a part of it: {also}"
                    )
            init(self, *args, **kwargs)

        signature = inspect.signature(init)
        parameters = [
            flat
            for parameter in signature.parameters.values()
            for flat in (
                _parameters(groups[parameter.name]) if parameter.name in groups else [parameter]
            )
        ]
        vars(__init__).update(
            __signature__=signature.replace(parameters=parameters),
            argument_groups=tuple(groups.values()),
        )
        return __init__

    return decorate


def _parameters(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(group)
    ]


class FlatAttributes(Generic[G]):
    """An attribute that is a group, whose fields are attributes of the owner.

    Reading it makes a new group from the owner's current attributes. If the owner lacks a field, as
    in a model file from before the field was introduced, the field has its default.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Size:
    ...     rows: int
    ...     columns: int = 1
    >>> class Picture:
    ...     size = FlatAttributes(Size)
    >>> cat = Picture()
    >>> cat.size = Size(3, 4)
    >>> cat.rows = 5
    >>> cat.size, vars(cat)
    (Size(rows=5, columns=4), {'rows': 5, 'columns': 4})
    """

    def __init__(self, group: Callable[..., G]) -> None:
        self.group = group
        dataclass: Any = group
        self.names = [field.name for field in fields(dataclass)]

    @overload
    def __get__(self, owner: None, cls: Any = None) -> FlatAttributes[G]: ...

    @overload
    def __get__(self, owner: Any, cls: Any = None) -> G: ...

    def __get__(self, owner: Any, cls: Any = None) -> FlatAttributes[G] | G:
        if owner is None:
            return self
        return self.group(
            **{name: getattr(owner, name) for name in self.names if hasattr(owner, name)}
        )

    def __set__(self, owner: Any, value: G) -> None:
        vars(owner).update(vars(value))
