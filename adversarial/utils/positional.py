"""Constructors that hand most of their arguments on to a base class, as `**kwargs`.

`positional_order` gives them the positional arguments of 2014, and `FullSignature` shows all that
they accept.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, NamedTuple


def positional_order(
    *names: str, fixed: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__(self, own=..., **kwargs)`: positional arguments are `names`.

    Without it, only the class's own arguments can be given by position. With it, `Cost(1, 0.1)`
    means what the order of `names` says, and the decorated function receives names only.

    Parameters
    ----------
    *names : str
        Names of arguments, the class's own or a base's. One text may hold several, separated by
        blanks.
    fixed : collection of str
        Arguments of a base class which this class sets itself, so that callers may not.

    Raises
    ------
    TypeError
        From the decorated `__init__`, as Python does: for too many arguments, for one given twice,
        for a fixed one.

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
    """The names of the arguments that `target`, a class or a function, takes by position."""
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
    """The arguments of a constructor and of those of the bases that it hands `**kwargs` on to.

    Attributes
    ----------
    parameters : by name; if `positional_order` declares an order, in that order
    required : names of those that a caller must give
    rest : the `**kwargs` of the last base, if it has any
    """

    parameters: dict[str, inspect.Parameter]
    required: tuple[str, ...]
    rest: tuple[inspect.Parameter, ...]


def merged_parameters(target: Any) -> Merged:
    """What `target`, a class or a function, accepts by name.

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
        # The class itself may give what its base requires, unless it passes all arguments on.
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
    """Stands for the constructor of a class that defines none."""


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]
