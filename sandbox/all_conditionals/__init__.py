"""p(x_S | the other pixels) for any set S of pixels, by one network (paper, section 7, item 3)."""

from sandbox.all_conditionals.cost import AllConditionalsCost
from sandbox.all_conditionals.masks import RandomMasks
from sandbox.all_conditionals.model import Completer, ConditionalsPair

__all__ = ["AllConditionalsCost", "Completer", "ConditionalsPair", "RandomMasks"]
