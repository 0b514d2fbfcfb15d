"""Signatures of constructors that pass most of their arguments to a base class, as `**kwargs`.

`positional_order` lets callers give these arguments by position, in the order of 2014.
`FullSignature` shows all arguments in `help`, and `merged_parameters` lists them to check the
arguments in a YAML file.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, NamedTuple


def positional_order(
    *names: str, fixed: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__(self, own=..., **kwargs)`: its positional arguments are `names`.

    Without it, callers can give only the class's own arguments by position. With it, the arguments
    of `Cost(1, 0.1)` are the first two of `names`. The decorated function receives keyword
    arguments only.

    Parameters
    ----------
    *names : str
        Names of arguments of the class or of its bases. One text may have several, separated by
        blanks.
    fixed : collection of str
        Arguments of a base class that this class sets itself, so that callers must not give them.

    Raises
    ------
    TypeError
        From the decorated `__init__`: for too many arguments, for an argument that is given twice,
        and for a fixed one.

    Examples
    --------
    >>> class Rectangle:
    ...     def __init__(self, rows, columns):
    ...         self.shape = rows, columns
    >>> class Row(Rectangle):
    ...     @positional_order("columns label", fixed=["rows"])
    ...     def __init__(self, *, label="", **kwargs):
    ...         super().__init__(rows=1, **kwargs)
    >>> Row(3, "first").shape
    (1, 3)
    >>> Row(3, rows=2)
    Traceback (most recent call last):
    TypeError: Row got an unexpected keyword argument 'rows'
    """
    order = " ".join(names).split()

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            cls = type(self).__name__
            if len(args) > len(order):
                raise TypeError(f"{cls} takes at most {len(order)} arguments, not {len(args)}")
            for name, value in zip(order, args):
                if name in kwargs:
                    raise TypeError(f"{cls} got multiple values for argument {name!r}")
                kwargs[name] = value
            for name in fixed:
                if name in kwargs:
                    raise TypeError(f"{cls} got an unexpected keyword argument {name!r}")
            init(self, **kwargs)

        vars(__init__).update(positional_order=order, fixed_arguments=tuple(fixed))
        return __init__

    return decorate


def order_of(target: Any) -> list[str]:
    """The names of the positional arguments of `target`, a class or a function, in order."""
    if not isinstance(target, type):
        return _positional(inspect.signature(target))
    order: list[str] = []
    for init in _constructors(target):
        declared = getattr(init, "positional_order", None)
        if declared is not None:
            return [*order, *declared]
        signature = inspect.signature(init)
        order += _positional(signature)[1:]
        if all(p.kind is not p.VAR_POSITIONAL for p in signature.parameters.values()):
            break
    return order


class FullSignature:
    """An attribute `__signature__` for a class, from its constructor and those of its bases.

    `help` and editors show it.

    Examples
    --------
    >>> class Rectangle:
    ...     __signature__ = FullSignature()
    ...     def __init__(self, rows, columns=1):
    ...         self.shape = rows, columns
    >>> class Picture(Rectangle):
    ...     def __init__(self, name="", **kwargs):
    ...         super().__init__(**kwargs)
    >>> inspect.signature(Picture)
    <Signature (name='', *, rows, columns=1)>
    """

    def __get__(self, owner: Any, cls: type) -> inspect.Signature:
        merged = merged_parameters(cls)
        found = dict(merged.parameters)
        order = [found.pop(name) for name in order_of(cls) if name in found]
        by_position = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in order]
        by_name = [p.replace(kind=p.KEYWORD_ONLY) for p in found.values()]
        return inspect.Signature([*by_position, *by_name, *merged.rest])


class Merged(NamedTuple):
    """The arguments of a constructor, and of the base constructors that get its `**kwargs`.

    Attributes
    ----------
    parameters : dict of str to inspect.Parameter, in the order of `positional_order` if declared
    required : names of the arguments that a caller must give
    rest : the `**kwargs` of the last base, if it has some
    """

    parameters: dict[str, inspect.Parameter]
    required: tuple[str, ...]
    rest: tuple[inspect.Parameter, ...]


@functools.lru_cache(maxsize=1024)  # a YAML file may name a class ten thousand times
def merged_parameters(target: Any) -> Merged:
    """All arguments that `target`, a class or a function, accepts by keyword.

    Raises
    ------
    ValueError, TypeError
        For C code, which has no signature.

    Examples
    --------
    >>> def layer(dim, irange=None, **kwargs): ...
    >>> list(merged_parameters(layer).parameters), merged_parameters(layer).required
    (['dim', 'irange'], ('dim',))
    """
    found: dict[str, inspect.Parameter] = {}
    fixed: set[str] = set()
    required: list[str] = []
    rest: tuple[inspect.Parameter, ...] = ()
    passes_all = True
    functions = _constructors(target)
    for function in functions:
        parameters = list(inspect.signature(function).parameters.values())
        if isinstance(target, type):
            parameters = parameters[1:]
        for parameter in parameters:
            name = parameter.name
            if parameter.kind in _BY_NAME and name not in found and name not in fixed:
                found[name] = parameter
                if passes_all and parameter.default is parameter.empty:
                    required.append(name)
        fixed.update(getattr(function, "fixed_arguments", ()))
        # A class may itself give the arguments that its base requires, so they are required of the
        # caller only if the class passes all its arguments on (*args).
        passes_all = passes_all and any(p.kind is p.VAR_POSITIONAL for p in parameters)
        rest = tuple(p for p in parameters if p.kind is p.VAR_KEYWORD)
        if not rest:
            break
    declared = any(hasattr(function, "positional_order") for function in functions)
    first = [name for name in order_of(target) if name in found] if declared else []
    return Merged({name: found[name] for name in [*first, *found]}, tuple(required), rest)


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _constructors(target: Any) -> list[Any]:
    if not isinstance(target, type):
        return [target]
    own = [vars(base)["__init__"] for base in target.__mro__[:-1] if "__init__" in vars(base)]
    if not own and target.__new__ is not object.__new__:
        return [target.__new__]
    return own or [_takes_nothing]


def _takes_nothing(self: Any) -> None:
    """Used in place of `__init__` for a class that does not define one."""


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]
