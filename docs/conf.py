"""Settings of the documentation site.

    python -m pip install -e ".[docs,plot]"
    python -m sphinx -c docs -W --keep-going -D nb_execution_mode=cache . build/site

The source folder is the root of the repository, so a page is the Markdown file that a reader of
the repository sees, with the same links. `_ext` holds the parts that are made from the code.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import adversarial  # noqa: E402

project = "Generative adversarial nets"
author = "The adversarial authors"
version = release = adversarial.__version__
copyright = author

root_doc = "README"
include_patterns = [
    "*.md",
    "adversarial/backend/README.md",
    "benchmarks/README.md",
    "docs/**.md",
    "docs/gallery/*.py",
    "pretrained/README.md",
    "sandbox/README.md",
]
extensions = ["myst_nb", "mathml", "generated", "explorer", "notebooks", "cells"]

myst_enable_extensions = ["deflist", "dollarmath"]
# Links to headings, as in the repository: page.md#a-heading.
myst_heading_anchors = 4
# Notebooks are Python files. `-D nb_execution_mode=cache` runs those whose code is new; else their
# text and code are shown without outputs, and each page says so.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "off"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
# What several calls of print wrote is one block.
nb_merge_streams = True

# Options keep their two hyphens.
smartquotes = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
# The address of the site itself leads to the first page.
html_extra_path = ["_static/index.html"]
html_show_copyright = False
