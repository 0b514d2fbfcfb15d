# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own images
#
# This notebook trains on a folder of image files. To have one that everybody can try, it first
# draws some thousand small pictures of circles, squares, triangles and crosses. Replace the folder
# by yours.
#
# The method is the paper's: a *generator* G makes images from random numbers $z$, a
# *discriminator* D estimates the probability that an image is real, and both are trained against
# each other. [The paper in one notebook](paper.py) explains the game.

# %%
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import DisplayHandle, display
from PIL import Image, ImageDraw, ImageFilter

from adversarial import (
    MLP,
    SGD,
    AdversaryCost2,
    AdversaryPair,
    Generator,
    Maxout,
    Momentum,
    Train,
    init_sigmoid_bias_from_marginals,
)
from adversarial.datasets.image_folder import ImageFolder
from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.models.mlp import RectifiedLinear, Sigmoid
from adversarial.viewer.inline import Samples
from adversarial.viewer.samples import View, example_sheet

# %% tags=["parameters"]
IMAGES = 4000
EPOCHS = 120  # passes through the images

# %% [markdown]
# ## A folder of images
#
# The pictures have 16 x 16 grey pixels. Size and place are random, near the middle. Edges are
# soft: with hard edges, D can reject the first samples by single pixels, and the training takes
# longer. They are PNG files in one subfolder for each kind, as many data sets are.

# %%
KINDS = ("circle", "square", "triangle", "cross")
rng = np.random.RandomState(0)
folder = Path(tempfile.mkdtemp()) / "shapes"


def draw(kind):
    """A picture of 16 x 16 pixels, drawn four times as large, with soft edges."""
    picture = Image.new("L", (64, 64))
    pen = ImageDraw.Draw(picture)
    r = rng.uniform(14, 24)
    x, y = rng.uniform(26, 38, size=2)
    if kind == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), outline=255, width=8)
    elif kind == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), outline=255, width=8)
    elif kind == "triangle":
        pen.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=255)
    else:
        pen.line((x - r, y - r, x + r, y + r), fill=255, width=10)
        pen.line((x - r, y + r, x + r, y - r), fill=255, width=10)
    return picture.filter(ImageFilter.GaussianBlur(3)).resize((16, 16), Image.BOX)


for kind in KINDS:
    (folder / kind).mkdir(parents=True)
for i in range(IMAGES):
    kind = KINDS[i % len(KINDS)]
    draw(kind).save(folder / kind / f"{i}.png")

# %% [markdown]
# ## Read them
#
# `ImageFolder` reads a folder of PNG, JPEG or other files. `size` resizes images that differ. Some
# are kept for validation and for a test, and take no part in the training. Look at what was read
# before you train: colours, size and range are easy to get wrong.

# %%
images = ImageFolder(str(folder), size=[16, 16], channels=1)
print(
    f"{len(images.X)} images of {images.view_shape()} for the training, kinds: {images.class_names}"
)
print(f"values from {images.X.min()} to {images.X.max()}")

example_sheet(images, rows=4, cols=20).save(folder.parent / "examples.png", scale=2)
display(Image.open(folder.parent / "examples.png"))

# %% [markdown]
# **Figure A.** *Eighty training images, chosen at random.*
#
# ## Two networks of the right size
#
# Three numbers depend on the data: the last layer of G has one unit for each pixel, D takes as
# many numbers, and the values of G lie in the range of the data. `Sigmoid` makes values from 0 to
# 1, which is the range of grey images here. The other sizes are a choice. Small images need small
# networks.

# %%
pixels = images.X.shape[1]
generator = Generator(
    MLP(
        [
            RectifiedLinear(layer_name="h0", dim=300, irange=0.05),
            RectifiedLinear(layer_name="h1", dim=300, irange=0.05),
            Sigmoid(
                layer_name="y",
                dim=pixels,
                irange=0.05,
                init_bias=init_sigmoid_bias_from_marginals(images),
            ),
        ],
        nvis=50,  # numbers in z
    ),
    noise="uniform",
)
discriminator = MLP(
    [
        Maxout("h0", num_units=80, num_pieces=5, irange=0.01),
        Maxout("h1", num_units=80, num_pieces=5, irange=0.01),
        Sigmoid(layer_name="y", dim=1, irange=0.01),
    ],
    nvis=pixels,
)
model = AdversaryPair(generator, discriminator)

# %% [markdown]
# ## Train
#
# The cost is the game with dropout in D, as in the paper's experiments: half of the inputs of a
# layer of D are set to 0 at random, a fifth of the pixels.

# %%
cost = AdversaryCost2(
    scale_grads=0,
    discriminator_default_input_include_prob=0.5,
    discriminator_default_input_scale=2.0,
    discriminator_input_include_probs={"h0": 0.8},
    discriminator_input_scales={"h0": 1.25},
)
algorithm = SGD(batch_size=50, learning_rate=0.1, learning_rule=Momentum(0.7), cost=cost)
experiment = Train(images, model, algorithm)

film = [model.sample(20)]
screen = DisplayHandle()
screen.display(film[0])
for _ in range(6):
    experiment.main_loop(max_epochs=max(1, EPOCHS // 6))
    film.append(model.sample(20))
    screen.update(film[-1])

# %% [markdown]
# **Figure B.** *Twenty samples after the training.* And the way there:

# %%
Samples.of(np.concatenate([rows[:10] for rows in film]), View((16, 16, 1)))

# %% [markdown]
# **Figure C.** *One row for each moment, always of the same ten points z. The first row is the
# mean image. Then D wins for a while. Then the kinds appear, one after the other.*
#
# ## Are they new?
#
# A generator that repeats training images would also give good samples. So look for the training
# image that is nearest to each sample.

# %%
samples = model.sample(10, seed=1)
nearest = images.X[nearest_neighbors(images.X, np.asarray(samples))]
Samples.of(np.concatenate([samples, nearest]), View((16, 16, 1)))

# %% [markdown]
# **Figure D.** *Above: ten samples. Below each: the nearest training image. They have the same
# shape, but not the same place and size: the samples are no copies.*
#
# ## The same as commands
#
# For your own folder, one command writes an experiment file with a comment for each choice, and
# another trains it:
#
#     python -m adversarial.scripts.new_experiment pictures/ --out pictures.yaml
#     python train.py pictures.yaml
#
# [Your own data](../DATA.md) has the other kinds of files: arrays, tables, HDF5.
#
# ## To try
#
# - Colour: give `outline` and `fill` three numbers, `Image.new` the mode "RGB", and `ImageFolder`
#   `channels=3`.
# - Fewer images: `IMAGES = 200`. Compare Figure D.
# - Leave the crosses out of the training. Does G ever make one?
