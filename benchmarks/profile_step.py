"""Profile of the compiled training step: the most expensive nodes, by Aesara's profiler.

`benchmarks/step.py --profile` calls `report`.
"""

from __future__ import annotations

from typing import Any

from benchmarks.experiments import Experiment

WARM_UP = 3
SHOWN = 80


class _Enough(Exception):
    """Ends training after the profiled steps."""


def report(experiment: Experiment, steps: int) -> None:
    """Train for `steps` minibatches and print the most expensive kinds of node, and nodes."""
    from benchmarks.implementations import ours

    train = ours.load(experiment)
    from aesara import config
    from aesara.compile import profiling

    with config.change_flags(profile=True):
        train.setup()
    ours.begin_trained(train, experiment)
    profiling._atexit_print_list.clear()  # else Aesara prints its own report at exit
    stats = train.algorithm._step.profile
    left, call_before = WARM_UP + steps, 0.0
    before: dict[Any, float] = {}

    def count(algorithm: Any) -> None:
        nonlocal left, call_before
        left -= 1
        if left == steps:
            before.update(stats.apply_time)
            call_before = stats.fct_call_time
        if left <= 0:
            raise _Enough

    train.algorithm.update_callbacks.append(count)
    try:
        while True:
            train.algorithm.train(dataset=train.dataset)
    except _Enough:
        pass
    seconds = {
        node: (spent - before.get((graph, node), 0.0)) / steps
        for (graph, node), spent in stats.apply_time.items()
    }
    show(experiment, seconds, (stats.fct_call_time - call_before) / steps)


def show(experiment: Experiment, seconds: dict[Any, float], call: float) -> None:
    """Print the table; `seconds` is per node and step, `call` per step in total."""
    total = sum(seconds.values())
    print(
        f"{experiment.name}, batch {experiment.batch}: {call * 1e3:.2f} ms per step, of which "
        f"{total * 1e3:.2f} ms in {len(seconds)} nodes (profiling adds a little)\n"
    )
    kinds: dict[str, list[float]] = {}
    for node, spent in seconds.items():
        kinds.setdefault(type(node.op).__name__, []).append(spent)
    print("    ms   share  nodes  kind")
    for kind, times in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        print(f"{sum(times) * 1e3:6.2f}  {sum(times) / total:6.1%}  {len(times):5d}  {kind}")
    print("\n    ms   share  node")
    for node, spent in sorted(seconds.items(), key=lambda item: -item[1])[:SHOWN]:
        inputs = ", ".join(_shape(x) for x in node.inputs)
        outputs = ", ".join(_shape(x) for x in node.outputs)
        print(
            f"{spent * 1e3:6.2f}  {spent / total:6.1%}  {_short(str(node.op))} "
            f"[{inputs} -> {outputs}]"
        )


def _shape(variable: Any) -> str:
    name = f"{variable.name} " if variable.name else ""
    shape = getattr(variable.type, "shape", ())
    return name + ("x".join("?" if n is None else str(n) for n in shape) or "scalar")


def _short(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "..."
