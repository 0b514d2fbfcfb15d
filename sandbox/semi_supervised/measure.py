"""Test errors of classifiers with 100 and 1,000 labels of MNIST, on features of D and without.

    python -m sandbox.semi_supervised.measure sandbox/semi_supervised/experiment_pair.pkl

Of several pairs, trained with several seeds, it prints means and their standard errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
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
from sandbox.classifier import Classifier
from sandbox.replicates import shown, to_json
from sandbox.semi_supervised import (
    CLASSES,
    FewLabels,
    begin_again,
    freeze_below_head,
    recapitate,
    shuffle_below_head,
)

# As the second phase of experiment.yaml.
STEPS = 1000
BATCH = 100
RATE = 0.1


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Test errors of classifiers with few labels of MNIST: D, or the inferer, of "
        "each model with a new head, the same network from scratch, and nearest neighbours."
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="model files (.pkl) of pairs; the labels for "
        "the first are chosen by seed 0, for the second by 1, and so on",
    )
    add(
        "--labels",
        type=cli.positive_int,
        action="append",
        metavar="N",
        help="how many, as many of each class (100 and 1000)",
    )
    add("--seed", type=cli.natural, default=0, help="for the labels of the first model (0)")
    add(
        "--steps",
        type=cli.positive_int,
        default=STEPS,
        help=f"minibatches of {BATCH} to train each network for ({STEPS})",
    )
    add("--valid", action="store_true", help="errors on the validation set, not the test set")
    add("--json", action="store_true", help="print the errors as JSON")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def head() -> Softmax:
    return Softmax(n_classes=CLASSES, layer_name="class", irange=0.005)


def descent(network: MLP, epochs: int) -> SGD:
    """How each network is trained: with the dropout of D in the game."""
    lowest = network.layers[0].layer_name
    return SGD(
        batch_size=BATCH,
        learning_rate=RATE,
        learning_rule=Momentum(0.5),
        cost=Dropout(0.5, {lowest: 0.8}, 2.0, {lowest: 1.25}),
        termination_criterion=EpochCounter(epochs),
    )


def train(network: MLP, labelled: FewLabels, steps: int) -> MLP:
    """`network` itself, trained on `labelled` for so many minibatches, to the end of an epoch."""
    batches = -(-len(labelled.X) // BATCH)
    epochs = -(-steps // batches)
    Train(labelled, network, descent(network, epochs)).main_loop()
    return network


def networks(model: AdversaryPair, seed: int) -> Iterator[tuple[str, Callable[[], MLP]]]:
    """(what it is, a way to make it) of each network to train."""
    if not isinstance(model, AdversaryPair):
        raise ValueError(f"a {type(model).__name__} has no discriminator to learn from")
    for name, trained in (("D", model.discriminator), ("inferer", model.inferer)):
        if trained is None:
            continue

        def recapitated(trained=trained) -> MLP:
            return recapitate(modelfile.clone_via_serialize(trained), head())

        yield f"{name}, all layers", recapitated
        yield f"{name}, head alone", lambda make=recapitated: freeze_below_head(make())
        yield f"{name}, from scratch", lambda make=recapitated: begin_again(make(), seed)
        yield f"{name}, shuffled", lambda make=recapitated: shuffle_below_head(make(), seed)


def measure(
    model: AdversaryPair, count: int, test: MNIST, seed: int = 0, steps: int = STEPS
) -> dict[str, float]:
    """Share of `test` that each classifier gets wrong, from `count` labels that `seed` chooses."""
    labelled = FewLabels(count, seed)

    def error(classes: np.ndarray) -> float:
        return float((classes != test.y.ravel()).mean())

    errors = {}
    for name, make in networks(model, seed):
        errors[name] = error(Classifier(train(make(), labelled, steps)).classes(test.X))
    neighbours = nearest_neighbors(labelled.X, test.X)
    errors["nearest neighbour on pixels"] = error(labelled.y.ravel()[neighbours])
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
        print(f"{count} labels: share of {len(test.X):,} digits that are classified wrongly")
        found = [result["errors"] for result in results if result["labels"] == count]
        for name in found[0]:
            print(f"  {name:30s} {shown([errors[name] for errors in found])}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
