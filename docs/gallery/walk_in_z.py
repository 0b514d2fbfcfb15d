# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Walking in z
#
# A *generator* G is a network that turns a list of random numbers $z$ into an image $G(z)$. This
# notebook takes a trained generator of handwritten digits and moves $z$ by hand. What happens to
# the digit on the way? Nothing is trained here, so all of it takes about 15 seconds.
#
# The generator is the one of `pretrained/mnist_table1.pkl`, so the notebook needs a checkout of the
# repository (`pip install -e .`). Its $z$ has 100 numbers, each between
# $-\sqrt{3}$ and $\sqrt{3}$.

# %%
import base64
import io
from pathlib import Path

import numpy as np
from IPython.display import HTML

import adversarial
from adversarial import draw_noise, samples_at
from adversarial.evaluation.features import DIGITS
from adversarial.viewer import animation
from adversarial.viewer.inline import Samples
from adversarial.viewer.samples import view_of
from sandbox.classifier import Classifier

checkout = Path(adversarial.__file__).parents[1]
model = adversarial.load(str(checkout / "pretrained" / "mnist_table1.pkl"))
view = view_of(model)


def pictures(z):
    """G(z) for each row of z, as an array that a notebook shows as images, ten in a row."""
    return Samples.of(samples_at(model, z.astype("float32")), view)


# %% tags=["parameters"]
STEPS = 12  # from one digit to the next
MANY = 2000  # samples where we count

# %%
z = draw_noise(model, 30, seed=0)
pictures(z)

# %% [markdown]
# **Figure A.** *Thirty random points z, and the digit that G makes of each. They are not
# selected.*
#
# ## From one digit to another
#
# Take two of the points, $a$ and $b$. The points $(1 - t)\,a + t\,b$, for $t$ from 0 to 1, are on
# the straight line between them. Figure 3 of the paper shows such lines.

# %%
starts, ends = draw_noise(model, 8, seed=1), draw_noise(model, 8, seed=2)
t = np.linspace(0, 1, 10)[:, None]
lines = np.concatenate([(1 - t) * a + t * b for a, b in zip(starts, ends)])
pictures(lines)

# %% [markdown]
# **Figure B.** *Each row is a walk. Most images on the way are digits, too: the change from one
# digit to the next takes two or three steps, and the images before and after it are clear. If G
# had learned the training images by heart, the middle of a row would be two digits on top of each
# other.*
#
# ## Compared with a walk between pixels
#
# For the same two digits, we can also mix the *images*: $(1 - t)\,G(a) + t\,G(b)$.

# %%
a, b = starts[1], ends[1]
first, last = samples_at(model, np.stack([a, b]))
mixed = (1 - t) * first + t * last
Samples.of(np.concatenate([pictures(lines[10:20]), mixed]).astype("float32"), view)

# %% [markdown]
# **Figure C.** *Above: a walk in z. Below: the same digits, mixed pixel by pixel. Below, one digit
# fades out and the other fades in. Above, one turns into the other.*
#
# ## A plane
#
# Four digits in the corners make a square: each place in it is a mixture of the four points $z$.

# %%
corners = draw_noise(model, 4, seed=5)
u = np.linspace(0, 1, 10)
plane = [
    (1 - v) * (1 - h) * corners[0] + (1 - v) * h * corners[1]
    + v * (1 - h) * corners[2] + v * h * corners[3]
    for v in u
    for h in u
]  # fmt: skip
pictures(np.array(plane))

# %% [markdown]
# **Figure D.** *The corners are four random points. The others lie between them. Neighbours look
# alike: G is continuous, so a small step in z is a small change of the image. Each digit has an
# area of its own, and where areas meet, images are blurred.*
#
# ## Which directions matter?
#
# z has 100 directions. For a small step in direction $d$, the image changes by about $J d$, where
# $J$ is the matrix of the derivatives of all 784 pixels with respect to all 100 numbers. Its
# *singular vectors* are directions at right angles to each other, sorted by how much the image
# changes. We measure $J$ by small steps.

# %%
point, size = z[0], 0.01
moved = samples_at(model, (point + size * np.eye(100)).astype("float32"))
J = (moved - samples_at(model, point[None])) / size  # (100, 784): a row for each number of z
directions, strengths, _ = np.linalg.svd(J, full_matrices=False)
print("change of the image in the strongest direction:", f"{strengths[0]:.2g}")
print("in the 50th:", f"{strengths[49]:.1g}")
away = np.linspace(-3, 3, 10)[:, None]
pictures(np.concatenate([point + away * directions[:, i] for i in (0, 1, 2, 50)]))

# %% [markdown]
# **Figure E.** *Each row is a walk through the same 9, which is between the fifth and the sixth
# image. The first three rows go in the three strongest directions: the 9 leans over, or becomes a
# 1, 4 or 7. The last row goes just as far in a weak direction, and nothing happens. Although z has
# 100 numbers, only some combinations of them matter for a given digit.*
#
# ## Out of bounds
#
# In training, no number of $z$ was ever outside $\pm\sqrt{3}$. What does G do with a $z$ that is
# too long? We multiply the same ten points by 0, 0.5, 1, 2 and 4.

# %%
factors = (0, 0.5, 1, 2, 4)
pictures(np.concatenate([factor * z[:10] for factor in factors]))

# %% [markdown]
# **Figure F.** *One row for each factor. In the first row z is 0, and all images are the same
# stroke. The third row is as trained. In the last rows, greys disappear: pixels are black or
# white, and edges are ragged. G was never trained at these points.*
#
# We can also count. A classifier of digits, which comes with the package, says for each sample how
# sure it is of its class.

# %%
classifier = Classifier(adversarial.load(DIGITS))
many = draw_noise(model, MANY, seed=3)
for factor in factors[1:]:
    sure = classifier.probabilities(samples_at(model, factor * many)).max(axis=1) > 0.9
    print(f"z times {factor}: the classifier is sure of {100 * sure.mean():.0f} % of the samples")

# %% [markdown]
# The classifier is not less sure of the ragged digits: it was trained on real digits only, and a
# hard edge does not trouble it. So a sure classifier does not mean a good sample.
#
# ## The walk as an animation
#
# Each image walks from one random point to the next, through four of them, and back to the first.

# %%
frames = list(animation.walk_frames(model, rows=3, cols=8, steps=STEPS, seed=0, scale=2))
stream = io.BytesIO()
frames[0].save(stream, format="GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
code = base64.b64encode(stream.getvalue()).decode()
HTML(f'<img src="data:image/gif;base64,{code}" alt="24 digits that turn into other digits">')

# %% [markdown]
# **Figure G.** *24 walks at once. The same in one command:* `python show_samples.py
# pretrained/mnist_table1.pkl --interpolate --rows 3 --cols 8 --out walk.gif`.
#
# ## To try
#
# - Walk through z yourself, with a pad and sliders: [the explorer](../EXPLORE.md) is a page that
#   runs this generator in your browser.
# - Replace the straight line of Figure B by a jump: change only the first 50 numbers of $z$ from
#   $a$ to $b$. Is half of $b$ half of the digit?
