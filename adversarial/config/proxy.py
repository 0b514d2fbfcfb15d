"""Calls that a YAML file describes (`Proxy`), and what makes objects of them (`make_objects`).

`tags` builds a tree of lists, dicts and proxies; `make_objects` calls each proxy once, its
arguments first, so that an anchor and its aliases are one object:

    !obj:A { x: &b !obj:B {}, y: *b }    ->    A(x=b, y=b) with one b = B()
"""

from __future__ import annotations

import contextlib
import re
from collections import namedtuple
from collections.abc import Collection, Iterator
from typing import Any

from adversarial.config import arrays
from adversarial.config.arguments import in_plain_words
from adversarial.config.nodes import YamlError
from adversarial.files import inputs
from adversarial.utils import origin
from adversarial.utils.budget import Budget, spend, trusted

# Constructors raise these for arguments that they refuse. The message says what is wrong.
_BAD_VALUES = (ValueError, TypeError)
# Others that an argument can cause; the message alone says too little, so the type is named, too.
_UNFORESEEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
)

_READ = -1

# Nanoseconds, for a call and what belongs to it: a layer, an extension, a criterion.
_PER_CALL = 1_000_000
# Whose functions are called on the account of the YAML file; others are the user's own.
_OURS = ("adversarial", "sandbox", "numpy", "builtins")

BaseProxy = namedtuple("BaseProxy", "callable positionals keywords yaml_src")


class Proxy(BaseProxy):
    """A call that a YAML file describes. Equal only to itself, as each makes its own object.

    Attributes
    ----------
    callable : class or function
    positionals : tuple, empty
    keywords : dict of arguments, which may be or contain other proxies
    yaml_src : str
        The YAML of this call alone.
    name, where : str
        The name of the callable as written, and 'FILE line N', for messages.
    budget : Budget, optional
        That of the YAML file. Without one the call is Python code's, and may take what it likes.
    """

    __hash__ = object.__hash__
    name = ""
    where = ""
    budget: Budget | None = None

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


def do_not_recurse(value: Any) -> Any:
    """`value` itself; as a `Proxy`'s callable, `make_objects` calls no proxy inside the value."""
    return value


def make_objects(tree: Any, made: dict[int, Any] | None = None) -> Any:
    """`tree` with each `Proxy` in its lists and dicts replaced by the object that it makes.

    Parameters
    ----------
    tree : plain values, lists, dicts and proxies
    made : dict, optional
        What has been made before, by the id of the part of the tree that describes it.

    Raises
    ------
    YamlError
        Where a callable refuses its arguments; it names the file and the line.

    Examples
    --------
    >>> one = Proxy(set, (), {}, "")
    >>> first, second = make_objects([one, one])
    >>> first is second
    True
    """
    made = {} if made is None else made
    if not isinstance(tree, (Proxy, list, dict)):
        return tree
    # The digests of the files that each object is made of, under a key that is no object's id.
    read = made.setdefault(_READ, {})
    if id(tree) in made:
        inputs.note(read.get(id(tree), ()))
    else:
        if isinstance(tree, Proxy):
            with inputs.noting() as read[id(tree)]:
                made[id(tree)] = _call(tree, made)
            _note_inputs(made[id(tree)], read[id(tree)])
        elif isinstance(tree, list):
            made[id(tree)] = [make_objects(item, made) for item in tree]
        else:
            made[id(tree)] = {key: make_objects(item, made) for key, item in tree.items()}
    return made[id(tree)]


def _call(proxy: Proxy, made: dict[int, Any]) -> Any:
    if proxy.callable is do_not_recurse:
        return proxy.keywords["value"]
    positionals = [make_objects(value, made) for value in proxy.positionals]
    keywords = {key: make_objects(value, made) for key, value in proxy.keywords.items()}
    try:
        with _account(proxy, keywords):
            result = proxy.callable(*positionals, **keywords)
    except YamlError:
        raise
    except (*_BAD_VALUES, *_UNFORESEEN) as error:
        # What is wrong is one line; a line that begins with a capital letter is advice.
        wrong, *advice = re.split(r"\n(?=[A-Z])", str(error).strip())
        wrong = in_plain_words(" ".join(wrong.split()))
        words = "\n".join([wrong, *(" ".join(line.split()) for line in advice)])
        if not isinstance(error, _BAD_VALUES) or not words:
            words = f"{type(error).__name__}: {words}"
        raise YamlError(f"{proxy.where}: {proxy.name}: {words}") from error
    if not isinstance(result, type):
        origin.note(result, proxy.where)
        try:
            result.yaml_src = proxy.yaml_src
        except (AttributeError, TypeError):
            pass  # arrays, numbers and the like take no attributes
    return result


def _note_inputs(result: Any, digests: Collection[str]) -> None:
    """Keep with a data set of which model files it was made; see `inputs`."""
    if digests and hasattr(result, "iterator"):
        with contextlib.suppress(AttributeError, TypeError):
            result.yaml_inputs = sorted(digests)


@contextlib.contextmanager
def _account(proxy: Proxy, keywords: dict[str, Any]) -> Iterator[None]:
    """Within this block, whatever is made is taken from the budget of the proxy's file."""
    module = getattr(proxy.callable, "__module__", None) or ""
    if proxy.budget is None or module.partition(".")[0] not in _OURS:
        with trusted():
            yield
        return
    with proxy.budget.call():
        spend(f"{proxy.name}: one object more", time=_PER_CALL)
        arrays.spend_for(proxy.callable, keywords)
        yield
