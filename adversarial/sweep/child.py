"""The process of one run: a command of `scripts/`, which ends if the worker that started it dies.

`worker` starts this file. Standard input is a pipe from the worker, through which nothing is sent:
when the worker dies, by whatever signal, the operating system closes the pipe. Then the run saves
and stops as by SIGTERM, and its files are free for another worker. So no run outlives its worker.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

# Statuses beside those of train.py (docs/RELIABILITY.md), which the worker must tell apart.
DIVERGED = 3
TAKEN = 4  # another process writes the run's files
# Seconds from the end of the worker to the end of a run that does not react to SIGTERM.
PATIENCE = 600.0


def main() -> int:
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    program, *arguments = sys.argv[1:]
    sys.argv = [f"{program}.py", *arguments]
    from adversarial.files.lock import Held
    from adversarial.scripts import cli
    from adversarial.training_algorithms.training_algorithm import TrainingDiverged

    special: list[int] = []

    def command() -> int | None:
        try:
            if program == "evaluate":
                from adversarial.scripts import evaluate

                evaluate.main(arguments)
                return 0
            from adversarial.scripts import train

            return train.main(arguments)
        except TrainingDiverged:
            special.append(DIVERGED)
            raise
        except Held:
            special.append(TAKEN)
            raise

    status = cli.run(command, output_is_the_result=False)
    return special[0] if special else status


def _end_with_the_worker() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    # Python has put the folder of this file first, whose modules are not those of these names.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.exit(main())
