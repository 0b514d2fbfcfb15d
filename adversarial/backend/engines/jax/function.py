"""Compiled functions on JAX, whose shared variables stay on the device between calls.

`mode.JaxMode` compiles to `Function` instead of Aesara's class of that name. Calls that only update
shared variables go through a `Queue`, so that a GPU runs several steps in one program.
"""

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

# The most calls in the queue, by platform. On a GPU a step can take less time than Python needs to
# start it, so several are run in one program; on a CPU the queue would only delay the results.
QUEUE_LENGTHS = {"cpu": 1}
QUEUE_LENGTH = 32


class DeviceContainer(Container):
    """The container of a shared variable's value, after a function on JAX has used the variable.

    The value is either on the device, in `array`, or on the host, in `storage`. `get` copies it to
    the host. After `set`, the next function that uses the variable copies the value to the device.
    """

    array: Optional[jax.Array] = None

    @classmethod
    def of(cls, container: Container) -> DeviceContainer:
        """Turn `container` itself into a `DeviceContainer`."""
        if type(container) is Container:
            container.__class__ = cls
        return container

    def get(self) -> Any:
        if queue.changes(self):
            queue.run()
        if self.array is None:
            return self.storage[0]
        fork.check_jax()
        return devices.fetch(self.array).astype(self.type.dtype)

    def set(self, value: Any) -> None:
        if queue.depends_on(self):
            queue.run()
        Container.__set__(self, value)
        self.array = None

    data = value = property(get, set)

    def on_device(self) -> jax.Array:
        if self.array is None:
            self.move(devices.put(self.storage[0]))
        return self.array

    def move(self, array: jax.Array) -> None:
        self.array = array
        # The value on the host is outdated; `_call_on_host` copies the new one to the host.
        self.storage[0] = None

    def to_host(self) -> None:
        self.storage[0], self.array = self.get(), None

    def __deepcopy__(self, memo: dict) -> Container:
        self.to_host()
        return super().__deepcopy__(memo)


class Function(types.Function):
    """A compiled function: one XLA program for the whole graph, updates included.

    `vm` is the pure function of the graph's inputs. The old values of updated variables are
    donated: XLA writes the new values into their memory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inputs, fgraph = self.maker.inputs, self.maker.fgraph
        self.types = [variable.type for variable in fgraph.inputs]
        shared = {i: DeviceContainer.of(spec.value) for i, spec in enumerate(inputs) if spec.shared}
        updated = [i for i, spec in enumerate(inputs) if spec.update is not None]
        not_shared = [inputs[i].variable for i in updated if i not in shared]
        if not_shared:
            raise NotImplementedError(f"JAX can update shared variables only, not {not_shared}")
        self.updated = updated
        self.fixed = [i for i in shared if i not in updated]
        # Scalars, such as a learning rate, stay on the host: schedules set them at every step.
        self.numbers = [i for i in self.fixed if self.types[i].ndim == 0]
        self.arrays = [i for i in self.fixed if self.types[i].ndim > 0]
        self.given = [i for i in range(len(inputs)) if i not in shared]
        self.shared = shared
        # A call can be queued if it updates variables and returns nothing, or named scalars only.
        outputs = fgraph.outputs[: len(self.outputs)]
        queues = updated and (not outputs or self.output_keys is not None)
        self.queue_length: Optional[int] = None
        if queues and not any(variable.ndim for variable in outputs):
            self.queue_length = QUEUE_LENGTHS.get(devices.platform(), QUEUE_LENGTH)
        self._single = jax.jit(self._step, donate_argnums=0)
        self._several = jax.jit(self._steps, donate_argnums=0)
        self._begun: Optional[jax.Array] = None

    # Traced by JAX

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
        """Several steps in one program; `small` and the outputs have a leading axis of steps."""

        def one(state: Sequence, small: Sequence) -> tuple[Sequence, Any]:
            new, outputs, _ = self._step(state, arrays, small)
            return new, outputs

        state, outputs = jax.lax.scan(one, list(state), list(small))
        return state, outputs, state[0].reshape(-1)[:1]

    # Called from Python

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fork.check_jax()
        small = [self.shared[i].get() for i in self.numbers] + self._arguments(args, kwargs)
        if self.queue_length is not None:
            call = queue.add(self, small)
            return call if self.outputs else []
        queue.run()
        outputs = self.unpack(self.run(self._single, small))
        if self.unpack_single:
            return outputs[0]
        return dict(zip(self.output_keys, outputs)) if self.output_keys else outputs

    def run_calls(self, calls: Sequence[Call]) -> None:
        """Run queued calls, in one program if there are `queue_length` of them."""
        if len(calls) > 1 and len(calls) == self.queue_length:
            small = [np.stack(values) for values in zip(*(call.small for call in calls))]
            arrays, scalars = jax.device_get(self.run(self._several, small))
            for i, call in enumerate(calls):
                call.fill(self, ([], {kind: values[i] for kind, values in scalars.items()}))
        else:
            for call in calls:
                call.fill(self, self.run(self._single, call.small))

    def _arguments(self, args: Sequence, kwargs: dict) -> list[np.ndarray]:
        """The arguments of a call, checked and converted as Aesara does."""
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
        """Start `program` on the device, after the program before the last has ended."""
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
        # Python is at most two programs ahead of the device: more would delay Ctrl-C, and progress
        # bars would show steps that have not run.
        jax.block_until_ready(self._begun)
        self._begun = begun
        return outputs

    def unpack(self, packed: tuple[list, dict]) -> list[np.ndarray]:
        """The outputs as NumPy arrays of the graph's types, with one transfer from the device."""
        arrays, scalars = jax.device_get(packed)
        arrays, scalars = iter(arrays), {kind: iter(found) for kind, found in scalars.items()}
        return [
            np.asarray(
                next(scalars[np.dtype(variable.dtype).kind] if not variable.ndim else arrays)
            ).astype(variable.dtype)
            for variable in self.maker.fgraph.outputs[: len(self.outputs)]
        ]


def _pack(outputs: Sequence, variables: Sequence) -> tuple[list, dict[str, jax.Array]]:
    """(the arrays of `outputs`, the scalars of each dtype kind as one vector).

    One vector is one transfer to the host, however many scalars there are.
    """
    arrays: list = []
    scalars: dict[str, list] = {}
    for value, variable in zip(map(jnp.asarray, outputs), variables):
        if variable.ndim:
            arrays.append(devices.whole(value))
        else:
            scalars.setdefault(np.dtype(variable.dtype).kind, []).append(value)
    return arrays, {kind: devices.whole(jnp.stack(found)) for kind, found in scalars.items()}


class Call(Mapping):
    """The outputs, by name, of a call that may still be queued. Reading one runs the queue."""

    def __init__(self, small: Sequence) -> None:
        # Copies, since the caller may overwrite the arguments before the queue runs.
        self.small = [np.array(value) for value in small]
        self.outputs: Optional[dict[str, np.ndarray]] = None

    @property
    def is_made(self) -> bool:
        return self.outputs is not None

    def fill(self, function: Function, packed: tuple) -> None:
        self.outputs = dict(zip(function.output_keys or (), function.unpack(packed)))

    def _found(self) -> dict[str, np.ndarray]:
        if self.outputs is None:
            queue.run()
        assert self.outputs is not None
        return self.outputs

    def __getitem__(self, name: str) -> np.ndarray:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


class Queue:
    """Queued calls of one function that updates shared variables, to run in one program.

    The queue runs when it is full, when something reads an updated variable or an output, when
    something sets a variable that a queued call uses, and when another function is called. Scalars
    such as a learning rate are copied at each call, so they may be set in between.
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
        if len(self.calls) >= (function.queue_length or 1):
            self.run()
        return call

    def run(self) -> None:
        """Run the queued calls."""
        function, calls = self.function, self.calls
        self.function, self.calls = None, []
        if function is not None:
            function.run_calls(calls)

    def changes(self, container: Container) -> bool:
        """Whether a queued call will change the value in `container`."""
        return self.function is not None and any(
            self.function.shared[i] is container for i in self.function.updated
        )

    def depends_on(self, container: Container) -> bool:
        """Whether a queued call will change or read the value in `container`."""
        return self.changes(container) or (
            self.function is not None
            and any(self.function.shared[i] is container for i in self.function.arrays)
        )


queue = Queue()

_aesaras_call = types.Function.__call__


def _call_on_host(self: types.Function, *args: Any, **kwargs: Any) -> Any:
    """Call a function that was compiled without this engine, such as by `aesara.function`.

    Such a function reads and writes shared variables in the host's memory. So their values are
    copied to the host first; the next function on JAX copies them back to the device.
    """
    # `input_storage` has other containers of the same storage, so take those of the inputs.
    cells = [spec.value for spec in self.maker.inputs if type(spec.value) is DeviceContainer]
    if cells:
        queue.run()
        for cell in cells:
            cell.to_host()
    return _aesaras_call(self, *args, **kwargs)


# `Function` overrides `__call__`, so this changes only functions of other engines.
types.Function.__call__ = _call_on_host
