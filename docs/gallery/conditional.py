# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Conditional digits
#
# The paper's generator G makes some digit from random numbers $z$; you cannot ask it for a 7. The
# first extension in the paper's section 7 changes that: both players get the class $c$ as a second
# input. Then $G(z, c)$ draws a digit of class $c$, and $D(x, c)$ judges whether $x$ is a real
# digit of class $c$. This notebook trains such a pair, in about two minutes.
#
# If G and D are new to you, begin with [The paper in one notebook](paper.py).

# %%
import matplotlib.pyplot as plt
import numpy as np

import adversarial
from adversarial import MNIST, SGD, Maxout, Train, init_sigmoid_bias_from_marginals
from adversarial.evaluation import features
from adversarial.models.mlp import RectifiedLinear, Sigmoid
from adversarial.training_algorithms.learning_rule import RMSProp
from adversarial.viewer.inline import Samples
from adversarial.viewer.samples import View
from sandbox.classifier import Classifier
from sandbox.conditional import (
    ConditionalAdversaryCost,
    ConditionalGenerator,
    ConditionalMLP,
    ConditionalPair,
)
from sandbox.conditional.sampling import class_sheet, samples_by_class

# %% tags=["parameters"]
EPOCHS = 12  # passes through the training digits
MANY = 200  # samples of each class that are checked
DIGITS = 50000

# %% [markdown]
# ## Two networks with a second input
#
# A class is given as ten numbers: a 1 at its place, and 0 elsewhere (a *one-hot* vector). The
# first layer of a `ConditionalMLP` takes it beside its other input. All else is as without
# classes.
#
# The networks are small, so that they learn fast. D's learning rate is a quarter of G's
# (`lr_scale`): if D is too far ahead, G gets no useful gradient.

# %%
data = MNIST("train", stop=DIGITS)
valid = MNIST("train", start=50000)
slower = {"W_lr_scale": 0.25, "b_lr_scale": 0.25}

generator = ConditionalGenerator(
    ConditionalMLP(
        [
            RectifiedLinear(layer_name="h0", dim=300, irange=0.05),
            RectifiedLinear(layer_name="h1", dim=300, irange=0.05),
            Sigmoid(
                layer_name="y",
                dim=784,
                irange=0.05,
                init_bias=init_sigmoid_bias_from_marginals(data),
            ),
        ],
        nvis=100,
        n_classes=10,
    ),
    noise="uniform",
)
discriminator = ConditionalMLP(
    [
        Maxout("h0", num_units=80, num_pieces=4, irange=0.005, **slower),
        Maxout("h1", num_units=80, num_pieces=4, irange=0.005, **slower),
        Sigmoid(layer_name="y", dim=1, irange=0.005, **slower),
    ],
    nvis=784,
    n_classes=10,
)
model = ConditionalPair(generator, discriminator)

# %% [markdown]
# ## The game, with a third kind of image
#
# In the paper's game D learns to accept data and to reject samples. With classes, it should also
# reject a real 3 that is shown as a 5. Otherwise D looks at the quality of the image only, and G
# learns nothing about classes for a long time. So D gets a third term, with weight 0.25, for real
# digits with the class of another digit ([Reed et al., 2016](https://arxiv.org/abs/1605.05396)):
#
# $$\log D(x, c) + \log(1 - D(G(z, c), c)) + 0.25 \log(1 - D(x, c'))$$

# %%
cost = ConditionalAdversaryCost(
    scale_grads=0,
    mismatch=0.25,
    discriminator_default_input_include_prob=0.5,  # dropout in D, as in the paper
    discriminator_default_input_scale=2.0,
    discriminator_input_include_probs={"h0": 0.8},
    discriminator_input_scales={"h0": 1.25},
)
algorithm = SGD(batch_size=100, learning_rate=0.0005, learning_rule=RMSProp(0.99), cost=cost)
experiment = Train(data, model, algorithm)

# %% [markdown]
# ## Training
#
# After each epoch we draw ten digits, one of each class, from the same $z$, and ask a classifier
# how many samples of each class it recognizes. The classifier comes with the package and has seen
# real digits only.

# %%
classifier = Classifier(adversarial.load(features.DIGITS))
wanted = np.repeat(np.arange(10), MANY)
film, right = [], []


def look():
    samples = samples_by_class(generator, MANY)  # (classes, MANY, 784)
    film.append(samples[:, 0])
    correct = classifier.classes(samples.reshape(-1, 784)) == wanted
    right.append(correct.reshape(10, MANY).mean(axis=1))


look()
for _ in range(EPOCHS):
    experiment.main_loop(max_epochs=1)
    look()

Samples.of(np.concatenate(film[::2]), View((28, 28, 1)))

# %% [markdown]
# **Figure A.** *One row for every second epoch, the first before the training. The columns are the
# classes 0 to 9. At first all images are the mean digit, then all are the same blot. From about
# the fifth epoch on, each column is a digit of its own.*

# %%
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(right, color="lightgrey")
axes.plot(np.mean(right, axis=1), "k", label="mean")
axes.axhline(0.1, color="grey", linestyle=":", label="by chance")
axes.set(xlabel="epoch", ylabel="share recognized", ylim=(0, 1))
axes.legend()
plt.show()
print(f"recognized at the end: {100 * np.mean(right[-1]):.0f} %")

# %% [markdown]
# **Figure B.** *The share of samples that the classifier takes for the class that was asked for.
# Each grey line is a class.*
#
# ## Style and class
#
# z and c are separate inputs. What does z say, if not the class?

# %%
sheet = class_sheet(model, classes=range(10), cols=10, same_z=True)
Samples.of(sheet.images.reshape(100, 784).astype("float32"), View((28, 28, 1)))

# %% [markdown]
# **Figure C.** *Each row is a class, each column a z. Within a column the digits share a style:
# how much they lean, and how thick the strokes are.*
#
# ## How much variety?
#
# Being recognized is not enough: G could draw the same 3 each time. We compare the *spread* of the
# samples of a class, that is their root mean square distance from the mean of the class, with the
# spread of real digits.

# %%
samples = samples_by_class(generator, MANY)


def spread(rows):
    return np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean())


of_digits = [spread(valid.X[valid.y[:, 0] == c]) for c in range(10)]
of_samples = [spread(samples[c]) for c in range(10)]
share = np.divide(of_samples, of_digits)
print("spread of samples / spread of digits")
print("   ".join(f"{c}: {value:.2f}" for c, value in enumerate(share)))

# %% [markdown]
# Numbers below 1 mean that G writes a digit in fewer ways than people do. This is *mode collapse*,
# a typical weakness of this game: nothing in G's objective asks for variety. Larger networks and a
# longer training help: [Conditional nets](../sandbox/conditional.md) reaches 95 % recognized with
# the full spread, in ten minutes.
#
# ## To try
#
# - Set `mismatch=0`. How many digits are recognized?
# - Ask for a class between two: give `generator.given(...)` a row with 0.5 at two places.
