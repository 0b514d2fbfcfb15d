# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The paper in one notebook
#
# *Generative Adversarial Nets* ([Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)) trains
# two networks against each other. This notebook goes through the paper from its first equation to
# handwritten digits. Each equation stands directly before the line of code that computes it. All
# of it runs in about a minute on two cores.
#
# You need to know what a neural network is and what gradient descent does. You need not know
# Aesara: it is a library for writing a computation as a *graph* of symbols, from which it makes
# gradients and fast machine code.

# %%
from adversarial import backend  # before Aesara, which it sets up

# isort: split
import aesara.tensor as at
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import DisplayHandle
from PIL import Image

from adversarial import MLP, MNIST, Maxout, init_sigmoid_bias_from_marginals
from adversarial.models.mlp import RectifiedLinear, Sigmoid

# %% tags=["parameters"]
EPOCHS = 8  # passes through the 50,000 training images
HIDDEN = 500  # units of a hidden layer of G; the paper's G has 1200
UNITS = 120  # the same of D; the paper's D has 240

# %% [markdown]
# ## The data
#
# MNIST has images of handwritten digits. An image has 28 x 28 pixels, so it is a list of 784
# numbers between 0 (black) and 1 (white). The call downloads 11 MB if you do not have them yet.

# %%
data = MNIST("train", stop=50000)


def picture(images, columns=20):
    """Images (n, 784) as one picture with so many images in a row."""
    tiles = np.asarray(images).reshape(-1, columns, 28, 28).swapaxes(1, 2)
    grey = Image.fromarray((255 * tiles.reshape(-1, columns * 28)).astype("uint8"))
    return grey.resize((2 * grey.width, 2 * grey.height), Image.NEAREST)


picture(data.X[:40])

# %% [markdown]
# **Figure A.** *The first 40 of 50,000 training images. Our aim is a machine that makes new ones.*
#
# ## Two players (section 3 of the paper)
#
# **The generator G** is a network that maps *noise* $z$ to an image $G(z)$. The noise is a list of
# 100 random numbers. Another $z$ gives another image, and nobody says which image belongs to which
# $z$: G has to find an order by itself. The noise is uniform, here between $-\sqrt{3}$ and
# $\sqrt{3}$, where its variance is 1.
#
# The bias of the last layer is chosen so that the first samples are the mean of all digits. The
# other weights are small random numbers.

# %%
G = MLP(
    [
        RectifiedLinear(layer_name="h0", dim=HIDDEN, irange=0.05),
        RectifiedLinear(layer_name="h1", dim=HIDDEN, irange=0.05),
        Sigmoid(
            layer_name="y",
            dim=784,
            irange=0.05,
            init_bias=init_sigmoid_bias_from_marginals(data),
        ),
    ],
    nvis=100,  # numbers in z
)

# %% [markdown]
# **The discriminator D** is a network that maps an image $x$ to one number $D(x)$ between 0 and 1:
# its estimate of the probability that $x$ is a real digit. Its hidden layers are *maxout* layers:
# each unit is the greatest of five linear functions.

# %%
D = MLP(
    [
        Maxout("h0", num_units=UNITS, num_pieces=5, irange=0.005),
        Maxout("h1", num_units=UNITS, num_pieces=5, irange=0.005),
        Sigmoid(layer_name="y", dim=1, irange=0.005),
    ],
    nvis=784,  # pixels of an image
)

# %% [markdown]
# ## The game (equation 1)
#
# The two play a game about one number $V$. D wants $V$ to be high, G wants it to be low:
#
# $$\min_G \max_D V(D, G) = \mathbb{E}_{x \sim p_\text{data}} [\log D(x)]
#   + \mathbb{E}_{z \sim p_z} [\log(1 - D(G(z)))]$$
#
# The first term is high if D gives real digits values near 1. The second is high if D gives
# samples values near 0. So a high $V$ means that D can tell them apart.
#
# We write this down for a *minibatch* of 100 images. First the symbols: images `x`, noise `z`, and
# samples $G(z)$.

# %%
streams = backend.RandomStreams(2014)
x = at.matrix("x")
z = streams.uniform((100, 100), low=-np.sqrt(3), high=np.sqrt(3))
samples = G.fprop(z)

# %% [markdown]
# D is trained with *dropout*: in each step, half of the inputs of each layer are set to 0 at
# random (of the pixels, a fifth). What is left is scaled up, so that sums stay the same on
# average. This keeps D from relying on single pixels. Without it, D would learn the training
# images by heart.


# %%
def with_dropout(x):
    return D.dropout_fprop(
        x,
        default_input_include_prob=0.5,
        default_input_scale=1 / 0.5,
        input_include_probs={"h0": 0.8},
        input_scales={"h0": 1 / 0.8},
    )


D_of_data = with_dropout(x)
D_of_samples = with_dropout(samples)

# %% [markdown]
# Now the value of the game. A mean over the minibatch stands for each expectation:
#
# $$V = \frac{1}{m} \sum_{i=1}^m \left[ \log D(x^{(i)}) + \log(1 - D(G(z^{(i)}))) \right]$$

# %%
V = at.log(D_of_data).mean() + at.log(1 - D_of_samples).mean()

# %% [markdown]
# D climbs $V$. G should descend it, but at the beginning D rejects all samples: $D(G(z))$ is close
# to 0, where the graph of $\log(1 - D)$ is flat, and a flat graph gives G no direction. The last
# paragraph of section 3 has the remedy, which all its experiments use. G climbs another function
# with the same fixed point, which is steep there:
#
# $$\frac{1}{m} \sum_{i=1}^m \log D(G(z^{(i)}))$$

# %%
objective_of_G = at.log(D_of_samples).mean()

# %% [markdown]
# The next figure shows why. The slope of each curve is what G learns from.

# %%
d = np.linspace(0.001, 0.999, 500)
figure, axes = plt.subplots(figsize=(5, 3))
axes.plot(d, np.log(1 - d), label="log(1 - D), to be descended")
axes.plot(d, -np.log(d), "--", label="-log D, to be descended")
axes.set(xlabel="D(G(z))", ylim=(-4, 6))
axes.legend()
plt.show()

# %% [markdown]
# **Figure B.** *At the left end, where D rejects the samples, the solid line is flat and the
# dashed line is steep. Both fall from left to right, so both lead G to samples that D accepts.*
#
# ## One step of Algorithm 1
#
# The algorithm changes the parameters $\theta_d$ of D by the gradient of $V$, and the parameters
# $\theta_g$ of G by the gradient of G's objective:
#
# $$\theta_d \leftarrow \theta_d + \eta \nabla_{\theta_d} \tfrac{1}{2} V \qquad
#   \theta_g \leftarrow \theta_g + \eta \nabla_{\theta_g} \frac{1}{m} \sum_i \log D(G(z^{(i)}))$$
#
# The *learning rate* $\eta$ is 0.1. Like the authors' code, we take half of $V$ for D, make one
# step of D for one of G ($k = 1$ in Algorithm 1), and use *momentum*: a step is 0.7 of the step
# before, plus the new one.

# %%
updates = []
for objective, player in ((0.5 * V, D), (objective_of_G, G)):
    for parameter in player.get_params():
        step_before = backend.shared(np.zeros_like(parameter.get_value()))
        step = np.float32(0.7) * step_before + np.float32(0.1) * at.grad(objective, parameter)
        updates += [(step_before, step), (parameter, parameter + step)]

train = backend.function([x], [D_of_data.mean(), D_of_samples.mean()], updates=updates)

# %% [markdown]
# That is the whole method. `train(images)` draws noise, plays one step, and returns what D thinks
# of the data and of the samples on average. These are the lines of Algorithm 1:
#
# | Algorithm 1 | this notebook |
# |---|---|
# | sample $m$ noise vectors $z^{(i)}$ | `z = streams.uniform(...)`, new in each step |
# | sample $m$ examples $x^{(i)}$ | `for batch in rng.permutation(...)`, below |
# | D ascends its gradient | `(0.5 * V, D)` in the loop above |
# | G descends its gradient | `(objective_of_G, G)` there; it ascends $\log D(G(z))$ |
#
# One thing differs. Algorithm 1 updates D first, then draws new noise and updates G against the new
# D. Here, as in the authors' code, both players move at once, from the same parameters and with the
# same noise.
#
# ## Training
#
# We show samples of the same 20 points $z$ every 250 steps, in place of the picture before. If you
# run this notebook, you see them change.

# %%
points = at.matrix("points")
draw = backend.function([points], G.fprop(points))
rng = np.random.RandomState(0)
some_z = rng.uniform(-np.sqrt(3), np.sqrt(3), (20, 100)).astype("float32")

film = [draw(some_z)]
verdicts = []
screen = DisplayHandle()
screen.display(picture(film[0]))
for _ in range(EPOCHS):
    for batch in rng.permutation(len(data.X)).reshape(-1, 100):
        verdicts.append(train(data.X[batch]))
        if len(verdicts) % 250 == 0:
            film.append(draw(some_z))
            screen.update(picture(film[-1]))

# %% [markdown]
# **Figure C.** *Twenty samples after the last step.* Here is the film of all moments:

# %%
picture(np.concatenate(film))

# %% [markdown]
# **Figure D.** *Each column is one $z$, each row a moment, 250 steps after the row above it. The
# first row is the mean digit. For some rows all samples are the same blot: D wins. Then strokes
# appear, and the columns become different digits.*
#
# ## Who wins?

# %%
of_data, of_samples = np.array(verdicts).T
smooth = np.ones(50) / 50
figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(np.convolve(of_data, smooth, "valid"), label="mean of D(x), data")
axes.plot(np.convolve(of_samples, smooth, "valid"), "--", label="mean of D(G(z)), samples")
axes.axhline(0.5, color="grey", linewidth=0.8)
axes.set(xlabel="step", ylim=(0, 1))
axes.legend()
plt.show()

# %% [markdown]
# **Figure E.** *Both curves begin at 1/2, where D knows nothing. Soon D gives data almost 1 and
# samples almost 0. Then G catches up, and the curves approach each other again.*
#
# ## What the theory says (section 4)
#
# *Proposition 1.* For a fixed G, the best D is
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)}$$
#
# where $p_\text{data}$ and $p_g$ are the densities of data and samples at $x$.
#
# *Theorem 1.* Against the best D, the value of the game is lowest if and only if $p_g =
# p_\text{data}$. It is then $-\log 4$, and D is 1/2 everywhere: D can only guess.
#
# We can compute how far our game is from there. $V$ is now measured without dropout, on test
# digits that D has never seen.

# %%
test = MNIST("test").X
value = backend.function(
    [x, points], at.log(D.fprop(x)).mean() + at.log(1 - D.fprop(points)).mean()
)
many_z = rng.uniform(-np.sqrt(3), np.sqrt(3), (1000, 100)).astype("float32")
print(f"V = {float(value(test[:1000], draw(many_z))):.2f}; the end of the game is {-np.log(4):.2f}")

# %% [markdown]
# 0 would be a perfect D. Our value lies between the two: the game is not at its end after so few
# minutes.
#
# The theorem assumes networks that can be any function, and a D that is the best answer to each G.
# Neither is true here. [Figure 1 as an animation](figure1.py) shows a game that is small enough to
# check the propositions.
#
# ## From here to the paper's digits
#
# What is above differs from the paper's MNIST experiment in sizes only:
#
# | | here | paper (`yaml/mnist.yaml`) |
# |---|---|---|
# | hidden layers of G | 2 of 500 units | 2 of 1200 units |
# | hidden layers of D | 2 of 120 maxout units | 2 of 240 maxout units |
# | momentum | 0.7 | 0.5, rising to 0.7 in epoch 250 |
# | learning rate | 0.1 | 0.1, divided by 1.000004 after each step |
# | epochs | 8 | hundreds |
#
# The same in one command is `python train.py yaml/mnist.yaml`, and in fifteen lines of Python in
# [Python and notebooks](../PYTHON.md).
#
# ## To try
#
# - Let G descend $V$ itself: `objective_of_G = -at.log(1 - D_of_samples).mean()`. How long does D
#   win?
# - Take the dropout away: use `D.fprop` in place of `with_dropout`.
# - Call `draw` with a point halfway between two rows of `some_z`. Is it a digit? [Walking in
#   z](walk_in_z.py) goes on from there.
