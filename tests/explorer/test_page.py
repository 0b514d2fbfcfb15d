"""The page as text: what is in it, what its policy allows, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources

import numpy as np
import pytest
from explorer_models import colour_pair, make_pair

from adversarial import Generator
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.explorer.page import page, view_for
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("fast_compile")
HOSTILE = "</script><script>alert(1)</script><!-- {{weights}} &amp;\u2028'\""


def element(text, name):
    return re.search(rf'<script type="[\w/]+" id="{name}">(.*?)</script>', text, re.DOTALL)[1]


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_policy_allows_this_style_and_script_only():
    text = page(make_pair(), "small")
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.search("<script>(.*?)</script>", text, re.DOTALL)[1]
    policy = html.unescape(re.search('Security-Policy" content="(.*?)"', text)[1])
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src {digest(script)}",
        f"style-src {digest(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    # Before anything that it must hold for.
    assert text.index("Security-Policy") < min(text.index("<style"), text.index("<script"))


def test_the_page_names_no_address():
    assert not re.search(r"https?:|//\w+\.\w|@import|\burl\(", page(make_pair(), "small"))


def test_hostile_names_stay_text():
    # A layer's name may have no line breaks; the title may.
    name = HOSTILE.replace("\u2028", "")
    pair = make_pair([Sigmoid(dim=64, layer_name=name, irange=1.0)])
    text = page(pair, HOSTILE)
    assert text.count("<script") == 3 and text.count("</script>") == 3 and "<!--" not in text
    model = json.loads(element(text, "model"))
    assert model["title"] == HOSTILE
    assert f"<title>{html.escape(HOSTILE)}</title>" in text
    assert len(base64.b64decode(element(text, "weights"))) < 10_000


def test_a_generator_alone_has_no_verdicts():
    text = page(make_pair().generator, "alone")
    assert json.loads(element(text, "model"))["discriminator"] is None


def test_an_output_that_is_no_probability_is_no_verdict(caplog):
    D = MLP([Linear(dim=1, layer_name="y", irange=1.0)], nvis=64)
    text = page(make_pair(D=D), "linear")
    assert json.loads(element(text, "model"))["discriminator"] is None
    assert "no verdicts of D" in caplog.text


def test_a_model_that_has_diverged_is_refused():
    pair = make_pair()
    pair.generator.mlp.layers[-1].b.set_value(np.full(64, np.nan, "float32"))
    with pytest.raises(ValueError, match="the model has diverged"):
        page(pair, "diverged")


def test_a_generator_that_completes_images_is_refused():
    images = Conv2DSpace((4, 4), num_channels=1, axes=("b", 0, 1, "c"))
    G = MLP([Sigmoid(dim=8, layer_name="y", irange=1.0)], input_space=images)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], input_space=images)
    pair = type(make_pair())(Generator(G), D)
    with pytest.raises(ValueError, match="--inpaint"):
        page(pair, "inpainting")


def view(top, dim, converter=None, **options):
    pair = make_pair(
        [top(dim=dim, layer_name="y", irange=1.0, **options)],
        MLP([Sigmoid(dim=1, layer_name="d", irange=1.0)], nvis=dim),
    )
    if converter:
        pair.view_converter = DefaultViewConverter(converter)
    return lambda samples: view_for(pair, np.asarray(samples, "float32").reshape(-1, dim))


def test_how_samples_are_drawn():
    grey = {"kind": "image", "shape": [8, 8, 1], "signed": False, "peak": 1.0}
    assert view(Sigmoid, 64)(np.full(64, 0.5)) == grey
    bytes_ = view(RectifiedLinear, 64)(np.linspace(0, 255, 64))
    assert bytes_ == {**grey, "peak": 255.0}
    assert view(Linear, 64)(np.linspace(-2, 1, 64)) == {**grey, "signed": True}
    colour = view(Sigmoid, 24 * 20 * 3, (24, 20, 3))(np.zeros(24 * 20 * 3))
    assert colour["shape"] == [24, 20, 3]
    assert view(Sigmoid, 16, (4, 4, 1))(np.zeros(16))["shape"] == [4, 4, 1]
    assert view(Linear, 16)(np.zeros(16)) == {"kind": "bars"}  # measurements, most likely
    assert view(Linear, 70)(np.zeros(70)) == {"kind": "bars"}
    assert view(Linear, 2)(np.zeros(2)) == view(Linear, 1)(np.zeros(1)) == {"kind": "points"}


def test_images_of_the_generators_own_space():
    samples = np.zeros((1, 11 * 8 * 3))
    assert view_for(colour_pair(), samples)["shape"] == [11, 8, 3]


def test_samples_can_be_sorted_while_the_first_are_drawn(node):
    """Of a large model this takes seconds, in which a click, or another colour theme, redraws."""
    files = resources.files("adversarial.explorer")
    gallery = (files / "gallery.js").read_text(encoding="utf-8")
    page = """
        const element = { addEventListener() {}, replaceChildren() { this.filled = true; } };
        globalThis.byId = () => element;
        const players = { discriminator: null, noise: { draw: () => [0] }, points: () => [] };
        const made = new Gallery({ players, random: null, klass: null, shelf: { refresh() {} } });
        made.fill();
        console.log(JSON.stringify(element.filled));
    """
    assert node(gallery + page) is True
