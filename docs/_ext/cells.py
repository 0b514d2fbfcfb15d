"""Sphinx extension: in the cells of tables, paths may break after each slash.

A path is one word to a browser. Without breaks, a table with paths in two columns is wider than its
page. Copied text has no trace of the breaks.
"""

from __future__ import annotations

import re

CELL = re.compile(r"<td\b.*?</td>", re.DOTALL)
# Sphinx makes a span of each word of inline code.
WORD = re.compile(r'(?<=<span class="pre">)[^<]+')


def with_breaks(body: str) -> str:
    """The HTML of a page with a `<wbr>` after each slash in code in cells.

    >>> with_breaks('<td><span class="pre">docs/a.md</span></td> <span class="pre">b/c</span>')
    '<td><span class="pre">docs/<wbr>a.md</span></td> <span class="pre">b/c</span>'
    """

    def broken(word: re.Match[str]) -> str:
        return re.sub(r"/(?=\w)", "/<wbr>", word[0])

    return CELL.sub(lambda cell: WORD.sub(broken, cell[0]), body)


def _break_paths(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = with_breaks(context["body"])


def setup(app):
    app.connect("html-page-context", _break_paths)
    return {"parallel_read_safe": True}
