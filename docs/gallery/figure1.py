# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 1 as an animation
#
# Figure 1 of the [paper](https://arxiv.org/abs/1406.2661) shows a game between two networks on a
# line. This notebook plays the same game and draws it after each epoch. It takes about a minute.
#
# There are two players:
#
# - **The generator G** takes a random number $z$ and returns a number $x = G(z)$, a *sample*. If
#   many samples are drawn, they have some density on the line. The paper calls it $p_g$.
# - **The discriminator D** takes a number $x$ and returns $D(x)$, between 0 and 1. It is D's
#   estimate of the probability that $x$ is data and was not made by G.
#
# The data have a density, too: $p_\text{data}$. D is trained to tell data from samples. G is
# trained to make samples that D takes for data. On a line, everything can be drawn: both densities
# and D.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.animation import FuncAnimation

from adversarial import (
    MLP,
    AdversaryCost2,
    AdversaryPair,
    ExponentialDecay,
    Generator,
    Momentum,
    Train,
)
from adversarial.datasets.mixture import GaussianMixture
from adversarial.models.mlp import Linear, Sigmoid, Tanh
from adversarial.training_algorithms.k_steps import SGD
from adversarial.viewer.game import moment_of

# %% tags=["parameters"]
EPOCHS = 40  # passes through the data
EXAMPLES = 20000

# %% [markdown]
# ## The data
#
# The data are near 0. Their density is a bump that is made of seven Gaussians, so we know it
# exactly. That is the advantage of this example: G and D see examples only, but we can compare
# them with the truth.

# %%
data = GaussianMixture(
    means=[-0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6],
    deviations=[0.15] * 7,
    weights=[1, 2, 3, 4, 3, 2, 1],
    num_examples=EXAMPLES,
)
line = np.linspace(-2, 2, 401)

figure, axes = plt.subplots(figsize=(6, 2.5))
axes.hist(data.X[:, 0], bins=120, density=True, color="lightgrey")
axes.plot(line, data.density(line), "k:")
axes.set_xlabel("x")
plt.show()

# %% [markdown]
# **Figure A.** *The grey bars count the examples. The dotted line is their density. G must learn
# this shape.*
#
# ## The players
#
# Both are small networks. The noise $z$ is one number, uniform between $-\sqrt{3}$ and $\sqrt{3}$.
# So G must bend a flat density into a bump. `slow` makes G learn 167 times more slowly than D: the
# reason comes below.

# %%
slow = {"W_lr_scale": 0.006, "b_lr_scale": 0.006}
hidden = Tanh(layer_name="h0", dim=50, irange=1.5, init_bias=np.linspace(-4.0, 4.0, 50), **slow)
top = Linear(layer_name="y", dim=1, irange=0.2, init_bias=0.7, **slow)
generator = Generator(MLP([hidden, top], nvis=1), noise="uniform")

discriminator = MLP(
    [
        Tanh(layer_name="h0", dim=100, irange=3.0, init_bias=np.linspace(-6.0, 6.0, 100)),
        Tanh(layer_name="h1", dim=100, irange=0.1),
        Sigmoid(layer_name="y", dim=1, irange=0.1),
    ],
    nvis=1,
)
model = AdversaryPair(generator, discriminator)

# %% [markdown]
# ## The game
#
# This is Algorithm 1 of the paper. It repeats two steps:
#
# 1. *k times*, here 10 times: draw a minibatch of data and a minibatch of samples, and change D so
#    that it tells them apart better.
# 2. *Once*: draw samples, and change G so that D gives them higher values.
#
# D takes more steps than G, and learns faster. So D is always close to the best possible answer to
# the present G. Proposition 1 of the paper says what the best answer is:
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)}$$
#
# Where there are more data than samples, $D^*$ is above 1/2. Where there are more samples than
# data, it is below 1/2. If G has won, both densities are equal, and $D^*$ is 1/2 everywhere.

# %%
algorithm = SGD(
    discriminator_steps=10,
    batch_size=200,
    learning_rate=0.1,
    learning_rule=Momentum(0.9),
    update_callbacks=ExponentialDecay(decay_factor=1.0002, min_lr=0.001),
    cost=AdversaryCost2(scale_grads=0),
)
game = Train(data, model, algorithm)

# %% [markdown]
# The next cell trains. It stops after some of the epochs and keeps a *moment* of the game:
# $p_\text{data}$, $p_g$ and $D$ at the points of the line, and pairs of $z$ and $G(z)$. G changes
# most at the beginning, so most of the moments are from there.

# %%
epochs = [0, *np.unique(np.geomspace(1, EPOCHS, 36).round().astype(int))]
moments = [moment_of(model, data.density, line, title="epoch 0")]
for before, now in zip(epochs, epochs[1:]):
    game.main_loop(max_epochs=int(now - before))
    moments.append(moment_of(model, data.density, line, title=f"epoch {now}"))

# %% [markdown]
# ## The animation
#
# The upper part has the curves. The lower part has arrows from $z$ to $G(z)$, as in the paper's
# figure. The values of $z$ have equal distances, so where arrows come together, $p_g$ is high.

# %%
figure, (above, below) = plt.subplots(
    2, 1, figsize=(6, 4.8), sharex=True, height_ratios=(3, 1), layout="constrained"
)
above.plot(line, data.density(line), "k:", label="$p_{data}$, the data")
(made,) = above.plot([], [], "g-", label="$p_g$, the samples")
(best,) = above.plot([], [], color="lightskyblue", linewidth=4, label="$D^*$, the best D")
(judge,) = above.plot([], [], "b--", label="$D$")
above.axhline(0.5, color="lightgrey", linewidth=0.8, zorder=0)
above.set_ylim(0, 1.6)
above.legend(loc="upper right", fontsize="small")
below.set(xlim=(-2, 2), ylim=(0, 1), yticks=[0, 1], yticklabels=["z", "x = G(z)"])
arrows = below.quiver(
    *np.zeros((4, len(moments[0].arrows))), angles="xy", scale_units="xy", scale=1, width=0.003
)


def show(moment):
    above.set_title(moment.title)
    made.set_data(line, moment.p_g)
    best.set_data(line, moment.optimum)
    judge.set_data(line, moment.D)
    z, x = moment.arrows.T
    arrows.set_offsets(np.column_stack([z, np.zeros_like(z)]))
    arrows.set_UVC(x - z, np.ones_like(z))


animation = FuncAnimation(figure, show, moments, interval=400)
plt.close(figure)  # else the first picture would be shown, too
HTML(animation.to_jshtml())

# %% [markdown]
# **Figure B.** *Press the play button, or move the slider. Watch three things. (1) D, the dashed
# line, finds the light blue line of the best D within a few epochs. (2) G's samples, the green
# line, move to where D is high. (3) At the end the green line is close to the dotted one, and D is
# nearly flat at 1/2 where the data are: there it cannot tell data from samples.*
#
# ## How close does the game come?
#
# Theorem 1 of the paper says that the game ends with $p_g = p_\text{data}$, if networks and data
# have no limits. Here they have. We measure two distances: that of $D$ from $D^*$, and the area
# between $p_g$ and $p_\text{data}$, which is 0 for equal densities and 2 for densities that do not
# overlap.

# %%
step = line[1] - line[0]
areas = [np.abs(moment.p_g - moment.p_data).sum() * step for moment in moments]
figure, axes = plt.subplots(figsize=(6, 2.8))
axes.plot(epochs, areas, "g-", label="area between $p_g$ and $p_{data}$")
axes.plot(epochs, [moment.distance for moment in moments], "b--", label="distance of D from $D^*$")
axes.set(xlabel="epoch", ylim=(0, None), xscale="symlog")
axes.legend()
plt.show()
print(f"area: {areas[0]:.2f} at the beginning, {areas[-1]:.2f} at the end")

# %% [markdown]
# **Figure C.** *Both distances fall, and then stay a little above 0. D never equals $D^*$, since
# it follows a G that moves. And $p_g$ ends abruptly where the bump of the data has thin tails,
# because $z$ is bounded.*
#
# ## To try
#
# - Give G the same learning rate as D: leave out `**slow`. D cannot follow, and the game swings.
# - Set `discriminator_steps=1`.
# - Leave out the decay of the learning rate, `update_callbacks`.
# - Two bumps: `means=[-0.8, 0.4], deviations=[0.5, 0.3], weights=[1, 1]`. Does G find both?
#
# The command `python train.py yaml/figure1.yaml` trains such a game from a YAML file.
