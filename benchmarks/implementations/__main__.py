"""A worker process for one implementation; `benchmarks/step.py` starts it."""

from __future__ import annotations

import argparse
import importlib

from benchmarks.experiments import EXPERIMENTS
from benchmarks.implementations import IMPLEMENTATIONS
from benchmarks.interleaved import (
    DEVICES,
    PRECISIONS,
    Unavailable,
    claim_stdout,
    die_with_parent,
    send,
    use_cpus,
    use_device,
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=IMPLEMENTATIONS)
    parser.add_argument("--model", choices=EXPERIMENTS, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--width", type=float, required=True)
    parser.add_argument("--trained")
    parser.add_argument("--cpus", type=int, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--device", choices=DEVICES, required=True)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    args = parser.parse_args()
    die_with_parent()
    out = claim_stdout()
    use_cpus(args.cpus)
    use_device(args.device, args.precision)
    experiment = EXPERIMENTS[args.model].resized(args.batch, args.width, args.trained)
    try:
        implementation = importlib.import_module(
            f"benchmarks.implementations.{IMPLEMENTATIONS[args.name]}"
        )
        implementation.run(experiment, args.data, args.cpus)
    except ModuleNotFoundError as error:
        send(out, unavailable=f"{error.name} is not installed")
    except Unavailable as reason:
        send(out, unavailable=str(reason))


if __name__ == "__main__":
    main()
