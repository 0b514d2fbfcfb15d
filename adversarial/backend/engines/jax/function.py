"""Calls of compiled functions, between which shared variables stay on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional

import jax
import jax.numpy as jnp
import numpy as np
from aesara.compile.function import types
from aesara.link.basic import Container

from adversarial.backend import fork
from adversarial.backend.engines.jax import devices

# How many minibatches to hand over at once, where Python would be slower than the device.
AT_ONCE = {"cpu": 1}
AT_ONCE_ELSEWHERE = 32


class Resident(Container):
    """The value of a shared variable that a function on JAX has used.

    Either on the device, in `array`, or else on the host, in `storage` as ever.  Reading it makes
    a copy for the host; setting it has the next function that needs it bring it to the device.
    """

    array: Optional[jax.Array] = None

    @classmethod
    def of(cls, container: Container) -> Resident:
        """`container` itself, which from now on knows of devices."""
        if type(container) is Container:
            container.__class__ = cls
        return container

    def get(self) -> Any:
        if waiting.changes(self):
            waiting.run()
        if self.array is None:
            return self.storage[0]
        fork.check_jax()
        return devices.fetch(self.array).astype(self.type.dtype)

    def set(self, value: Any) -> None:
        if waiting.depends_on(self):
            waiting.run()
        Container.__set__(self, value)
        self.array = None

    data = value = property(get, set)

    def on_device(self) -> jax.Array:
        if self.array is None:
            self.move(devices.put(self.storage[0]))
        return self.array

    def move(self, array: jax.Array) -> None:
        self.array = array
        # Nobody is to compute with an old value; `_call_elsewhere` brings the new one.
        self.storage[0] = None

    def to_host(self) -> None:
        self.storage[0], self.array = self.get(), None

    def __deepcopy__(self, memo: dict) -> Container:
        self.to_host()
        return super().__deepcopy__(memo)


class Function(types.Function):
    """A compiled function: one program of XLA for all of the graph, updates included.

    `vm` is the pure function of the graph's inputs.  Arrays that it updates are donated, so that
    the new ones take their place.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inputs, fgraph = self.maker.inputs, self.maker.fgraph
        self.types = [variable.type for variable in fgraph.inputs]
        shared = {i: Resident.of(spec.value) for i, spec in enumerate(inputs) if spec.shared}
        updated = [i for i, spec in enumerate(inputs) if spec.update is not None]
        strangers = [inputs[i].variable for i in updated if i not in shared]
        if strangers:
            raise NotImplementedError(f"on JAX only shared variables are updated, not {strangers}")
        self.updated = updated
        self.fixed = [i for i in shared if i not in updated]
        # Small numbers, such as a learning rate, stay on the host: they are set at every step.
        self.numbers = [i for i in self.fixed if self.types[i].ndim == 0]
        self.arrays = [i for i in self.fixed if self.types[i].ndim > 0]
        self.given = [i for i in range(len(inputs)) if i not in shared]
        self.shared = shared
        # A call that moves a state, and tells nothing but numbers by name, can wait for more.
        outputs = fgraph.outputs[: len(self.outputs)]
        waits = updated and (not outputs or self.output_keys is not None)
        self.many: Optional[int] = None
        if waits and not any(variable.ndim for variable in outputs):
            self.many = AT_ONCE.get(devices.platform(), AT_ONCE_ELSEWHERE)
        self._single = jax.jit(self._step, donate_argnums=0)
        self._several = jax.jit(self._steps, donate_argnums=0)
        self._begun: Optional[jax.Array] = None

    # What is traced

    def _step(self, state: Sequence, arrays: Sequence, small: Sequence) -> tuple:
        """(the new state, the outputs for the host, something to wait for)."""
        places = [*self.updated, *self.arrays, *self.numbers, *self.given]
        values = dict(zip(places, [*state, *arrays, *map(devices.split, small)]))
        found = self.vm(*(values[i] for i in range(len(values)))) or ()
        n = len(self.outputs)
        new = [
            devices.whole(jnp.asarray(value).astype(old.dtype))
            for value, old in zip(found[n:], state)
        ]
        begun = new[0].reshape(-1)[:1] if new else None
        return new, _pack(found[:n], self.maker.fgraph.outputs), begun

    def _steps(self, state: Sequence, arrays: Sequence, small: Sequence) -> tuple:
        """Several steps; `small` and the outputs have one more axis, in front."""

        def one(state: Sequence, small: Sequence) -> tuple[Sequence, Any]:
            new, outputs, _ = self._step(state, arrays, small)
            return new, outputs

        state, outputs = jax.lax.scan(one, list(state), list(small))
        return state, outputs, state[0].reshape(-1)[:1]

    # What is called

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fork.check_jax()
        small = [self.shared[i].get() for i in self.numbers] + self._arguments(args, kwargs)
        if self.many is not None:
            call = waiting.add(self, small)
            return call if self.outputs else []
        waiting.run()
        outputs = self.unpack(self.run(self._single, small))
        if self.unpack_single:
            return outputs[0]
        return dict(zip(self.output_keys, outputs)) if self.output_keys else outputs

    def make(self, calls: Sequence[Call]) -> None:
        """Make calls that waited, in one program where there are as many as it is made for."""
        if len(calls) > 1 and len(calls) == self.many:
            small = [np.stack(values) for values in zip(*(call.small for call in calls))]
            arrays, scalars = jax.device_get(self.run(self._several, small))
            for i, call in enumerate(calls):
                call.fill(self, ([], {kind: values[i] for kind, values in scalars.items()}))
        else:
            for call in calls:
                call.fill(self, self.run(self._single, call.small))

    def _arguments(self, args: Sequence, kwargs: dict) -> list[np.ndarray]:
        """The given inputs, checked and converted as Aesara does it."""
        cells = [self.input_storage[i] for i in self.given]
        names = [self.maker.inputs[i].name for i in self.given]
        if len(args) > len(cells):
            raise TypeError(
                f"{self.name or 'the function'} takes {len(cells)} arguments, "
                f"but {len(args)} were given"
            )
        found = dict(enumerate(args))
        for name, value in kwargs.items():
            if name not in names:
                raise TypeError(f"{self.name or 'the function'} has no argument {name!r}")
            found[names.index(name)] = value
        values = []
        for i, (cell, place) in enumerate(zip(cells, self.given)):
            value = found.get(i, self.defaults[place][2])
            if value is None:
                raise TypeError(f"argument {names[i] or i} is missing")
            values.append(
                cell.type.filter(value, strict=cell.strict, allow_downcast=cell.allow_downcast)
            )
        return values

    def run(self, program: Callable, small: Sequence) -> Any:
        """Have the device begin `program`, once it is done with the one before the last."""
        state = [self.shared[i].on_device() for i in self.updated]
        arrays = [self.shared[i].on_device() for i in self.arrays]
        try:
            new, outputs, begun = program(state, arrays, small)
        except RuntimeError as error:
            if "RESOURCE_EXHAUSTED" in str(error):
                raise MemoryError(str(error).partition("\n")[0]) from error
            raise
        for i, array in zip(self.updated, new):
            self.shared[i].move(array)
        # Never many at once, so that Ctrl-C and progress bars are about what is being computed.
        jax.block_until_ready(self._begun)
        self._begun = begun
        return outputs

    def unpack(self, packed: tuple[list, dict]) -> list[np.ndarray]:
        """The outputs as NumPy arrays of the graph's own types, in one transfer."""
        arrays, scalars = jax.device_get(packed)
        arrays, scalars = iter(arrays), {kind: iter(found) for kind, found in scalars.items()}
        return [
            np.asarray(
                next(scalars[np.dtype(variable.dtype).kind] if not variable.ndim else arrays)
            ).astype(variable.dtype)
            for variable in self.maker.fgraph.outputs[: len(self.outputs)]
        ]


def _pack(outputs: Sequence, variables: Sequence) -> tuple[list, dict[str, jax.Array]]:
    """The arrays among `outputs`, and the scalars of each kind as one vector, fetched at once."""
    arrays, scalars = [], {}
    for value, variable in zip(map(jnp.asarray, outputs), variables):
        if variable.ndim:
            arrays.append(devices.whole(value))
        else:
            scalars.setdefault(np.dtype(variable.dtype).kind, []).append(value)
    return arrays, {kind: devices.whole(jnp.stack(found)) for kind, found in scalars.items()}


class Call(Mapping):
    """A call that may not have been made yet, and its outputs by name; reading one makes it."""

    def __init__(self, small: Sequence) -> None:
        # Copies, since arguments may be overwritten by then.
        self.small = [np.array(value) for value in small]
        self.outputs: Optional[dict[str, np.ndarray]] = None

    @property
    def is_made(self) -> bool:
        return self.outputs is not None

    def fill(self, function: Function, packed: tuple) -> None:
        self.outputs = dict(zip(function.output_keys or (), function.unpack(packed)))

    def _found(self) -> dict[str, np.ndarray]:
        if not self.is_made:
            waiting.run()
        return self.outputs

    def __getitem__(self, name: str) -> np.ndarray:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


class Waiting:
    """Calls of one function that move a state: they wait to be made several at once.

    Whoever looks at what they change or tell, or sets what they use, has them made first; so does
    the call of another function.  Numbers are noted at each call, so these may be set in between.
    """

    def __init__(self) -> None:
        self.function: Optional[Function] = None
        self.calls: list[Call] = []

    def add(self, function: Function, small: Sequence) -> Call:
        call = Call(small)
        shapes = [value.shape for value in call.small]
        if function is not self.function or shapes != [v.shape for v in self.calls[0].small]:
            self.run()
        self.function = function
        self.calls.append(call)
        if len(self.calls) >= function.many:
            self.run()
        return call

    def run(self) -> None:
        """Make the calls that wait."""
        function, calls = self.function, self.calls
        self.function, self.calls = None, []
        if function is not None:
            function.make(calls)

    def changes(self, container: Container) -> bool:
        """Whether a waiting call will change its value."""
        return self.function is not None and any(
            self.function.shared[i] is container for i in self.function.updated
        )

    def depends_on(self, container: Container) -> bool:
        """Whether a waiting call changes or will read its value."""
        return self.changes(container) or (
            self.function is not None
            and any(self.function.shared[i] is container for i in self.function.arrays)
        )


waiting = Waiting()

_aesaras_call = types.Function.__call__


def _call_elsewhere(self: types.Function, *args: Any, **kwargs: Any) -> Any:
    """Call a function that Aesara compiled for another engine, say a user's own.

    It finds the values of shared variables in their storage on the host, and puts new ones there;
    the next function on JAX that needs these brings them to the device.
    """
    # Not `input_storage`, whose cells are others around the same storage.
    cells = [spec.value for spec in self.maker.inputs if type(spec.value) is Resident]
    if cells:
        waiting.run()
        for cell in cells:
            cell.to_host()
    return _aesaras_call(self, *args, **kwargs)


# `Function`, above, has a call of its own.
types.Function.__call__ = _call_elsewhere
