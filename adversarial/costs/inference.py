"""The objective of the inferer: to predict z from G(z) (paper, section 7, extension 2).

`AdversaryCost` calls `objective` for an `AdversaryPair` that has an inferer. Only the inferer
learns from it: samples and target are constants in it, so neither D nor G follows its gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aesara.gradient import disconnected_grad

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.mlp import MLP
from adversarial.space import Space
from adversarial.utils import origin


class Target(NamedTuple):
    """What the inferer predicts.

    Attributes
    ----------
    name : str
        For messages.
    value : symbolic
        A batch in `space`.
    space : Space

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> target = Target("z", None, VectorSpace(100))
    >>> target.space.get_total_dimension()  # how many numbers the inferer has to put out
    100
    """

    name: str
    value: Any
    space: Space


def layer_target(model: AdversaryPair, states: list, layer: int) -> Target:
    """The output of G's layer number `layer`; `states` are those of all layers but the top one.

    ValueError if there is no such layer.
    """
    if not -len(states) <= layer < len(states):
        raise ValueError(
            f"infer_layer is {layer}, but the generator has {len(states)} layers below its top one"
        )
    space = model.generator.mlp.layers[:-1][layer].get_output_space()
    return Target(f"infer_layer {layer}", states[layer], space)


def objective(
    model: AdversaryPair, inferer: MLP, samples: Any, target: Target, dropout: dict[str, Any]
) -> Any:
    """The loss of the inferer's top layer, between its output for `samples` and the target.

    Parameters
    ----------
    model : AdversaryPair
    inferer : MLP
    samples : symbolic
        A batch in the pair's input space.
    target : Target
    dropout : dict
        Keyword arguments of `MLP.dropout_fprop`.

    Returns
    -------
    symbolic scalar

    Raises
    ------
    ValueError
        If the inferer takes another number of values than a sample has, or predicts another
        number than the target has.
    """
    _check_sizes(model, inferer, target)
    value = target.space.format_as(target.value, inferer.get_output_space())
    seen = model.as_inferer_input(inferer, samples)
    predicted = inferer.dropout_fprop(disconnected_grad(seen), **dropout)
    return inferer.layers[-1].cost(disconnected_grad(value), predicted)


def _check_sizes(model: AdversaryPair, inferer: MLP, target: Target) -> None:
    name = f"the inferer{origin.of(inferer)}"
    taken = inferer.get_input_space().get_total_dimension()
    given = inferer.get_output_space().get_total_dimension()
    sample = model.get_input_space().get_total_dimension()
    wanted = target.space.get_total_dimension()
    if taken != sample:
        raise ValueError(f"{name} takes {taken} numbers, but a sample has {sample}")
    if given != wanted:
        whose = f"the generator{origin.of(model.generator)}"
        raise ValueError(
            f"{name} predicts {given} numbers, but {target.name} of {whose} has {wanted} (cannot "
            f"format {target.space} as {inferer.get_output_space()}: points of {wanted} "
            f"numbers against {given})"
        )
