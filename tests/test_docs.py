"""Commands and links in the documents: options and files exist, links lead somewhere.

The commands are only parsed, not run. They are found in Markdown files, in comments of YAML files
and in docstrings of commands.
"""

from __future__ import annotations

import argparse
import importlib
import re
import runpy
import shlex
import sys
from urllib.parse import urlsplit

import pytest
from pages import PAGES, ROOT, blocks

SOURCES = sorted(
    path
    for folder in ("yaml", "sandbox", "benchmarks", "adversarial/scripts")
    for pattern in ("**/*.yaml", "**/*.py")
    for path in (ROOT / folder).glob(pattern)
) + [ROOT / name for name in ("train.py", "show_samples.py", "parzen_ll.py")]
# Modules that are not commands of this project.
NOT_OURS = ("pip", "pytest", "mypy", "ruff", "build", "venv", "pre_commit", "sphinx")
# What stands for a value of the reader's own.
PLACEHOLDERS = {
    "--model MODEL": "--model mnist",
    "[MODEL]": "",
    "[EPOCHS]": "",
    "{experiment,baseline}": "experiment",
}


class Parsed(Exception):
    """Ends a command once its arguments are parsed."""


def commands_in(path):
    """The commands in a file, as the shell would have them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        scripts = [block for language, block in blocks(path) if language == "sh"]
        lines = "\n".join(scripts).replace("\\\n", " ").splitlines()
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    else:
        prose = "\n".join(re.findall(r"#(.*)", text)) if path.suffix == ".yaml" else text
        lines = re.findall(r"^(?: {4}|# |)(python (?:-m )?[\w./].*)$", text, re.MULTILINE)
    found = [line for line in lines if "python " in line]
    found += re.findall(r"`(python (?:-m )?[\w./][^`]*)`", prose)
    for line in found:
        for old, new in PLACEHOLDERS.items():
            line = line.replace(old, new)
        # Loops, subshells and several commands on a line; comments go.
        for part in re.split(r"&&|;|\||[()]", re.sub(r"\s#.*", "", line)):
            match = re.match(r"\s*(?:do |\w+=\S+ )*python (.*)", part, re.DOTALL)
            if match and "..." not in part and "scripts.NAME" not in part:
                yield " ".join(match[1].split())


def all_commands():
    found = {}
    for path in PAGES + SOURCES:
        for command in commands_in(path):
            found.setdefault(command, path.relative_to(ROOT))
    return [pytest.param(command, path, id=command[:60]) for command, path in found.items()]


def written_by_a_command(name):
    """Whether some page redirects output to the file."""
    return any(re.search(rf"> {re.escape(name)}\b", page.read_text()) for page in PAGES)


@pytest.mark.parametrize("command, page", all_commands())
def test_command(command, page, monkeypatch):
    words = shlex.split(command.partition(">")[0])
    for word in words:
        if re.fullmatch(r"(yaml|sandbox|tests|docs|benchmarks)/[^$]*\.(yaml|py|csv)", word):
            assert list(ROOT.glob(word)) or written_by_a_command(word), f"{page}: no {word}"
    if words[0] == "-m" and words[1] in NOT_OURS:
        if words[1] == "pytest":
            paths = [word.partition("::")[0] for word in words[2:] if word.startswith("tests/")]
            assert all((ROOT / path).exists() for path in paths), page
        return
    # N, B, W and the variables of loops stand for numbers.
    words = ["1" if re.fullmatch(r"[A-Z]|\$\w+", word) else word for word in words]
    own = words[2:] if words[0] == "-m" else words[1:]
    if not own:  # a mention: without arguments there may be nothing to parse
        name = words[1].replace(".", "/") + ".py" if words[0] == "-m" else words[0]
        package = ROOT / words[-1].replace(".", "/") / "__main__.py"
        assert (ROOT / name).exists() or package.exists(), page
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_only(self, *args, **kwargs):
        parse(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.setattr(sys, "argv", [words[0], *own])
    try:
        with pytest.raises(Parsed):
            if words[0] == "-m":
                importlib.import_module(words[1]).main()
            else:
                runpy.run_path(str(ROOT / words[0]))["main"]()
    except SystemExit as ended:
        if ended.code:  # none of --help
            pytest.fail(f"{page}: the arguments of this command are refused: python {command}")


def anchors(path):
    """The names that a page's headings have in links to them, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.*)", path.read_text(encoding="utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def check_address(link):
    """An address on the web is well formed; whether it is there depends on the network."""
    parts = urlsplit(link)
    assert parts.scheme in ("http", "https") and parts.port is None, link
    assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.hostname or ""), link
    assert link.isascii() and not re.search(r"[\s<>\"`]", link), link


@pytest.mark.parametrize("link", ["https://arxiv", "htps://arxiv.org", "https://a.org/a b"])
def test_a_bad_address_is_found(link):
    with pytest.raises(AssertionError):
        check_address(link)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            check_address(link)
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# These name files of 2014, and files that have been renamed.
PAGES_OF_THE_PAST = ("DIFFERENCES.md", "CHANGELOG.md")
# Files that the reader writes.
OF_THE_READER = ("mine.py", "mine.yaml", "ops/name.py", "ops/name.h")
OF_THE_READER += ("mnist_numpy.py", "mnist_table1_numpy.py", "my_layers.py", "job.sh", "seeds.sh")
OF_THE_READER += ("small.yaml", "maxout_2014.yaml", "mnist/", "cifar10/", "faces/TFD/")
FOLDERS = ("adversarial", "benchmarks", "docs", "sandbox", "tests", "yaml")
PATHS = [f"/{path.relative_to(ROOT)}" for name in FOLDERS for path in (ROOT / name).rglob("*")]
PATHS += [f"/{path.name}" for path in ROOT.iterdir()]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    if page.name in PAGES_OF_THE_PAST:
        return
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./-]+\.(?:py|yaml|h|sh|txt)|[\w/-]+/)`", text):
        found = any(path.endswith(f"/{name.rstrip('/')}") for path in PATHS)
        assert found or name in OF_THE_READER, name
