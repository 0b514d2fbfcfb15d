"""The search for the MNIST score of Table 1: variants of the recipe, scored by one procedure."""
