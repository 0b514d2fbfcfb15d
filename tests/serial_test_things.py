"""Classes for the tests of model files, in a module that can be found by name."""

import numpy

from adversarial import backend
from adversarial.modelfile import Persistent


class Thing(Persistent):
    initialised = 0

    def __init__(self, **attributes):
        Thing.initialised += 1
        self.__dict__.update(attributes)


class WithState(Thing):
    def __getstate__(self):
        return {"kept": self.kept}

    def __setstate__(self, state):
        self.kept = state["kept"]
        self.dropped = "rebuilt"


class Keyed(Thing):
    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


class Marked:
    persistent = True


class Plain:
    pass


class Slotted(Persistent):
    __slots__ = ("x",)


class Outer:
    class Inner(Persistent):
        pass


def model():
    W = backend.shared(numpy.arange(300, dtype="float32").reshape(30, 10), name="W")
    records = [float(i) for i in range(50)]
    return Thing(W=W, alias=W, records=records, name="model", mark=(1, 2))


def is_model(back):
    new, old = back.__dict__, model().__dict__
    return (
        type(back) is Thing
        and back.alias is back.W
        and numpy.array_equal(back.W.get_value(), old["W"].get_value())
        and all(new[key] == old[key] for key in ("records", "name", "mark"))
    )
