"""Sphinx extension: equations as MathML, which browsers show by themselves.

MathJax, Sphinx's default, is loaded from the network by each reader of a page. Docutils translates
the equations while the site is built, so pages need neither a network nor scripts.
"""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def _visit(as_block: bool):
    def visit(self, node):
        try:
            self.body.append(tex2mathml(node.astext(), as_block=as_block))
        except MathError as error:
            LOGGER.warning("$%s$ is not shown: %s", node.astext(), error, location=node)
        raise nodes.SkipNode

    return visit


def setup(app):
    app.add_html_math_renderer("mathml", (_visit(False), None), (_visit(True), None))
    return {"parallel_read_safe": True}
