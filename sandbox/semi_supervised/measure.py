"""Test errors of classifiers with 100 and 1,000 labels of MNIST, with and without D's features.

    python -m sandbox.semi_supervised.measure sandbox/semi_supervised/experiment_pair.pkl

For several pairs (trained with different seeds) it prints means and standard errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Optional

import numpy as np

from adversarial import modelfile
from adversarial.costs.dropout import Dropout
from adversarial.datasets.mnist import MNIST
from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.mlp import MLP, Softmax
from adversarial.scripts import cli
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils.statistics import format_mean, to_json
from sandbox.classifier import Classifier
from sandbox.data import labels_of
from sandbox.semi_supervised import (
    CLASSES,
    FewLabels,
    freeze_below_head,
    recapitate,
    reinitialize,
    shuffle_below_head,
)

# The same as in the second phase of experiment.yaml.
STEPS = 1000
BATCH = 100
RATE = 0.1


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Test errors of classifiers with few labels of MNIST: D and the inferer of "
        "each model with a new top layer, the same networks from scratch, and nearest neighbours."
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="model files (.pkl) of pairs; the seed of the labels is 0 for the first, 1 for the "
        "second, and so on",
    )
    add(
        "--labels",
        type=cli.positive_int,
        action="append",
        metavar="N",
        help="number of labels, equally many of each class (100 and 1000)",
    )
    add("--seed", type=cli.seed, default=0, help="for the labels of the first model (0)")
    add(
        "--steps",
        type=cli.positive_int,
        default=STEPS,
        help=f"train each network for so many minibatches of {BATCH} ({STEPS})",
    )
    add("--valid", action="store_true", help="use the validation set instead of the test set")
    add("--json", action="store_true", help="print the errors as JSON")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def new_head() -> Softmax:
    """A new top layer."""
    return Softmax(n_classes=CLASSES, layer_name="class", irange=0.005)


def training_algorithm(network: MLP, epochs: int) -> SGD:
    """SGD with the dropout that D has in the game."""
    lowest = network.layers[0].layer_name
    return SGD(
        batch_size=BATCH,
        learning_rate=RATE,
        learning_rule=Momentum(0.5),
        cost=Dropout(0.5, {lowest: 0.8}, 2.0, {lowest: 1.25}),
        termination_criterion=EpochCounter(epochs),
    )


def train(network: MLP, labelled: FewLabels, steps: int) -> MLP:
    """Train `network` for at least `steps` minibatches, in whole epochs; returns `network`."""
    batches = -(-len(labelled.X) // BATCH)
    epochs = -(-steps // batches)
    Train(labelled, network, training_algorithm(network, epochs)).main_loop()
    return network


def networks(model: AdversaryPair, seed: int) -> Iterator[tuple[str, Callable[[], MLP]]]:
    """(name, function that makes it) for each network to train."""
    if not isinstance(model, AdversaryPair):
        raise ValueError(f"a {type(model).__name__} has no discriminator to learn from")
    changes: dict[str, Callable[[MLP], MLP]] = {
        "all layers": lambda network: network,
        "head alone": freeze_below_head,
        "from scratch": lambda network: reinitialize(network, seed),
        "shuffled": lambda network: shuffle_below_head(network, seed),
    }
    for name, trained in (("D", model.discriminator), ("inferer", model.inferer)):
        if trained is not None:
            for what, change in changes.items():
                yield f"{name}, {what}", partial(_changed_copy, trained, change)


def _changed_copy(trained: MLP, change: Callable[[MLP], MLP]) -> MLP:
    return change(recapitate(modelfile.clone_via_serialize(trained), new_head()))


def measure(
    model: AdversaryPair, count: int, test: MNIST, seed: int = 0, steps: int = STEPS
) -> dict[str, float]:
    """Error rate on `test` of each classifier, trained with `count` labels that `seed` chooses."""
    labelled = FewLabels(count, seed)

    def error(classes: np.ndarray) -> float:
        return float((classes != labels_of(test)).mean())

    errors = {}
    for name, make in networks(model, seed):
        errors[name] = error(Classifier(train(make(), labelled, steps)).classes(test.X))
    neighbours = nearest_neighbors(labelled.X, test.X)
    errors["nearest neighbour on pixels"] = error(labels_of(labelled)[neighbours])
    return errors


def main(argv: Optional[Sequence[str]] = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    counts = args.labels or [100, 1000]
    models = [modelfile.load(path, allow_modules=args.allow_module) for path in args.models]
    test = MNIST("train", start=50000, stop=60000) if args.valid else MNIST("test")
    results = []
    for count in counts:
        for number, (path, model) in enumerate(zip(args.models, models)):
            with cli.blaming(path):
                found = measure(model, count, test, args.seed + number, args.steps)
            results.append(
                {"model": path, "labels": count, "seed": args.seed + number, "errors": found}
            )
    if args.json:
        print(to_json(results))
        return
    for count in counts:
        print(f"{count} labels: error rate on {len(test.X):,} digits")
        rates = [result["errors"] for result in results if result["labels"] == count]
        for name in rates[0]:
            print(f"  {name:30s} {format_mean([errors[name] for errors in rates])}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
