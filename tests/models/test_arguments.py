"""Each argument of a model or layer is described, in its class, a base, or a group of arguments."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import pytest

import adversarial.models
from adversarial.models import mlp
from adversarial.models.constraints import NormConstraint
from adversarial.models.initialization import WeightInit
from adversarial.models.mlp import Linear
from adversarial.models.model import Model

_PARAMETERS = re.compile(r"Parameters\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", re.DOTALL)


def described(cls):
    """The names in the sections "Parameters" of the docstrings of a class and its bases."""
    texts = [inspect.cleandoc(vars(base).get("__doc__") or "") for base in cls.__mro__]
    sections = [found[1] for text in texts for found in _PARAMETERS.finditer(text)]
    lines = [line for section in sections for line in section.splitlines() if line[:1].strip()]
    return {name.strip() for line in lines for name in line.partition(" :")[0].split(",")}


def classes():
    for info in pkgutil.walk_packages(adversarial.models.__path__, "adversarial.models."):
        module = importlib.import_module(info.name)
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Model) and cls.__module__ == info.name:
                yield cls


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__qualname__)
def test_every_argument_is_described(cls):
    known = described(cls) | described(WeightInit) | described(NormConstraint)
    missing = [name for name in inspect.signature(cls).parameters if name not in known]
    assert missing == []
    own = cls.__doc__ or ""
    assert own.strip()
    assert _PARAMETERS.search(inspect.cleandoc(own)) or not inspect.signature(cls).parameters, (
        "the docstring lacks a section Parameters, with a line for **kwargs that names the base "
        "class whose help has the others"
    )


@pytest.mark.parametrize("cls", [each for each in classes() if issubclass(each, Linear)])
def test_every_dense_layer_can_be_named_without_its_module(cls):
    assert getattr(mlp, cls.__name__, None) is cls and cls.__name__ in mlp.__all__, (
        f"add {cls.__name__} to __all__ of its module, and import that in models/mlp/__init__.py"
    )


def test_the_check_can_fail():
    class Undescribed(Model):
        """A model.

        Parameters
        ----------
        told, also_told : int
            Of these.

        Attributes
        ----------
        untold : int
        """

    assert described(Undescribed) - described(Model) == {"told", "also_told"}
