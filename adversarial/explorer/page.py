"""Puts the page together: the template, its style and scripts, and a model.

The page needs nothing but itself: its Content-Security-Policy forbids every connection, and allows
only the style and the script that are here, by their digests. So text of a model file that found a
way into the HTML could not run, either.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
from importlib import resources
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.compatibility import image_shape
from adversarial.evaluation.sampling import generator_of
from adversarial.explorer.packing import Packer
from adversarial.export import discriminator_program, generator_program
from adversarial.export.program import Program
from adversarial.files.atomic_write import atomic_write
from adversarial.viewer.samples import view_of

logger = logging.getLogger(__name__)

# In this order: each uses names of those before it.
SCRIPTS = (
    "program.js",
    "arrays.js",
    "convolution.js",
    "weights.js",
    "latent.js",
    "drawing.js",
    "players.js",
    "elements.js",
    "explore.js",
    "gallery.js",
    "walk.js",
    "page.js",
)
# Samples of vectors are taken for square images from this size on, if nothing is known about them.
_LEAST_IMAGE = 64
_JUDGED = 100  # samples by which the page decides how to draw them


def write_page(model: Any, path: str, title: str, half: bool = True, seed: int = 0) -> int:
    """Write the page of a model; returns its size in bytes.

    Parameters
    ----------
    model : AdversaryPair or Generator
    path : str
    title : str
        What the page calls the model.
    half : bool
        Round large weights to float16.
    seed : int
        Of the samples that the page begins with.

    Raises
    ------
    ValueError
        Where G takes more than noise and a class, or its samples are not finite.
    """
    text = page(model, title, half, seed).encode("utf-8")
    with atomic_write(path) as stream:
        stream.write(text)
    return len(text)


def page(model: Any, title: str, half: bool = True, seed: int = 0) -> str:
    """The HTML of the page; the arguments are those of `write_page`."""
    description, weights = describe(model, title, half, seed)
    files = resources.files(__package__)
    read = {name: (files / name).read_text(encoding="utf-8") for name in (*SCRIPTS, "page.css")}
    script = "\n".join(read[name] for name in SCRIPTS)
    style = read["page.css"]
    return _filled(
        (files / "page.html").read_text(encoding="utf-8"),
        policy=html.escape(policy(script, style)),
        title=html.escape(title),
        style=style,
        script=script,
        model=json_for_html(description),
        weights=base64.b64encode(weights).decode("ascii"),
    )


def policy(script: str, style: str) -> str:
    """The Content-Security-Policy: nothing is loaded, and only these two run."""
    allowed = (
        f"{kind}-src {_digest(text)}" for kind, text in (("script", script), ("style", style))
    )
    return "; ".join(
        ["default-src 'none'", *allowed, "img-src data:", "base-uri 'none'", "form-action 'none'"]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_for_html(value: Any) -> str:
    """JSON that can stand in a <script> element, whatever text is in it.

    Examples
    --------
    >>> json_for_html("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _filled(template: str, **values: str) -> str:
    """`template` with each {{name}} replaced, in one pass: values may hold braces, too."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)


def describe(model: Any, title: str, half: bool, seed: int) -> tuple[dict[str, Any], bytes]:
    """What the page reads: its JSON, and the bytes of the constants."""
    generator = generator_program(model)
    inputs = {declared.name: declared for declared in generator.inputs}
    if "z" not in inputs:
        raise ValueError(
            "the generator completes images that it is given; the page draws samples from noise "
            "alone (show_samples.py --inpaint draws completed images)"
        )
    classes = inputs["classes"].shape[1] if "classes" in inputs else None
    view = view_for(model, _samples(generator, classes))
    discriminator = _verdict_program(model)
    packer = Packer(half)
    described = {
        "title": title,
        "seed": seed,
        "classes": classes,
        "view": view,
        "generator": packer.program(generator),
        "discriminator": discriminator and packer.program(discriminator),
    }
    return described, bytes(packer.data)


def _samples(program: Program, classes: Any) -> np.ndarray:
    """Some samples of a generator, of all classes."""
    rng = np.random.default_rng(0)
    inputs = {one.name: one.draw(_JUDGED, rng) for one in program.inputs if one.noise}
    if classes is not None:
        inputs["classes"] = np.eye(classes)[np.arange(_JUDGED) % classes]
    samples = program.run(inputs)["samples"]
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinite values: the model has diverged")
    return samples


def _verdict_program(model: Any) -> Optional[Program]:
    """The program of D, if the model has one that gives a probability."""
    if getattr(model, "discriminator", None) is None:
        return None
    program = discriminator_program(model)
    gives = program.outputs[0].name == "probability" and program.metadata["range"] == [0.0, 1.0]
    if not gives:
        logger.warning("the page shows no verdicts of D: its output is no probability")
    return program if gives else None


def view_for(model: Any, samples: np.ndarray) -> dict[str, Any]:
    """How the page draws samples; `drawing.js` has the meaning."""
    dimension = samples.shape[1]
    generator = generator_of(model)
    known = image_shape(generator.get_output_space()) or image_shape(model)
    if known is None and dimension < _LEAST_IMAGE:
        return {"kind": "points" if dimension <= 2 else "bars"}
    try:
        shape = view_of(model).shape
    except ValueError:  # no images, or of two channels
        return {"kind": "points" if dimension <= 2 else "bars"}
    # `viewer.samples.to_unit` decides the same by all samples of a picture.
    signed, peak = bool(samples.min() < 0), max(1.0, float(samples.max()))
    return {"kind": "image", "shape": list(shape), "signed": signed, "peak": peak}
