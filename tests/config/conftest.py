"""Classes that a user's YAML might name, in a module of their own."""

from __future__ import annotations

import sys
import types

SOURCE = """
import math
import os
import os as adversarial
import numpy as np

made = []

class Box:
    def __init__(self, **contents):
        self.__dict__.update(contents)
        made.append(self)

class Base:
    def __init__(self, layer_name, irange=None):
        self.layer_name, self.irange = layer_name, irange

class Maxout(Base):
    def __init__(self, num_units, num_pieces=2, **kwargs):
        super().__init__(**kwargs)
        if num_units < 1:
            raise ValueError(f"num_units must be positive,\\n  not {num_units}")
        self.num_units = num_units

class Handed(Maxout):
    def __init__(self, *args, steps=1, **kwargs):
        super().__init__(*args, **kwargs)

class Bare:
    pass

class Small:
    __slots__ = ("x",)
    def __init__(self, *, x):
        self.x = x

class Failing:
    def __init__(self, kind):
        raise {"os": OSError, "key": KeyError, "empty": ValueError}[kind](*[] if kind == "empty"
                                                                        else ["the words"])

class Pretender:
    pass
Pretender.__module__ = "adversarial.models.mlp"

class Impostor:
    pass
Impostor.__module__ = "adversarial.monitor"
Impostor.__qualname__ = Impostor.__name__ = "Monitor"

class _Hidden:
    pass

def add(a, b=1):
    return [a, b]

sqrt = math.sqrt
instance = Bare()
"""
_module = types.ModuleType("yaml_test_things")
exec(SOURCE, _module.__dict__)
sys.modules[_module.__name__] = _module
