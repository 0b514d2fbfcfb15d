from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from adversarial.utils import cli


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize("returned, status", [(None, 0), (0, 0), (3, 3), (True, 1)])
def test_status_is_what_main_returned(returned, status):
    assert cli.run(lambda: returned) == status


@pytest.mark.parametrize(
    "error, line",
    [
        (ValueError("sigma must be positive, got -1"), "error: sigma must be positive, got -1"),
        (TypeError("two\n  lines\n"), "error: two lines"),
        (FileNotFoundError(2, "No such file or directory", "a.pkl"),
         "error: a.pkl: No such file or directory"),
        (OSError("bare"), "error: bare"),
        (ImportError("no tqdm"), "error: no tqdm"),
        (MemoryError(), "error: out of memory"),
        (ValueError(), "error: ValueError"),
    ],
)
def test_user_error_is_one_line_and_status_1(error, line, capsys, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    assert cli.run(raising(error)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{cli.program_name()}: {line}\n"


def test_a_bug_is_one_line_that_names_its_type(capsys, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    assert cli.run(raising(KeyError("x"))) == 1
    err = capsys.readouterr().err
    assert "KeyError" in err and "ADVERSARIAL_DEBUG" in err and err.count("\n") == 1


def test_long_messages_are_cut():
    assert len(cli.describe(ValueError("x" * 5000))) == cli.LONGEST_LINE


def test_debug_variable_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.setenv("ADVERSARIAL_DEBUG", "1")
    assert cli.run(raising(ValueError("bad"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and err.endswith("error: bad\n")


def test_interrupt_is_130(capsys):
    assert cli.run(raising(KeyboardInterrupt())) == 130
    assert "interrupted" in capsys.readouterr().err


def test_usage_errors_pass_through():
    with pytest.raises(SystemExit) as caught:
        cli.run(raising(SystemExit(2)))
    assert caught.value.code == 2


def test_a_reader_that_left_is_no_traceback():
    code = (
        "import sys; from adversarial.utils import cli\n"
        "def main():\n"
        "    for i in range(200000): print(i)\n"
        "sys.exit(cli.run(main))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 1


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (cli.positive_int, {"3": 3, "1": 1}, ["0", "-2", "2.5", "x"]),
        (cli.natural, {"0": 0, "7": 7}, ["-1", "nan", ""]),
        (cli.positive_number, {".5": 0.5, "1e-3": 1e-3}, ["0", "-1", "nan", "inf", "x"]),
    ],
)
def test_argument_types(kind, good, bad, capsys):
    parser = argparse.ArgumentParser(prog="command")
    parser.add_argument("--value", type=kind)
    for text, value in good.items():
        assert parser.parse_args([f"--value={text}"]).value == value
    for text in bad:
        with pytest.raises(SystemExit) as caught:
            parser.parse_args([f"--value={text}"])
        assert caught.value.code == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("command: error: argument --value: ")
        assert "lambda" not in last and "_" not in last


def test_progress_bar_is_silent_off_a_terminal(capsys):
    with cli.progress_bar(10, "drawing", "sample") as bar:
        bar.update(10)
    assert capsys.readouterr() == ("", "")


def test_pictures_lie_beside_what_they_show(tmp_path):
    beside = str(tmp_path / "a.v2.pkl")
    assert cli.picture_path(None, beside, "_x.png") == str(tmp_path / "a.v2_x.png")
    assert cli.picture_path("here.png", beside, "_x.png") == "here.png"
    with pytest.raises(ValueError, match="cannot write .*a.png: there is no folder .*no"):
        cli.picture_path(str(tmp_path / "no" / "a.png"), beside, "_x.png")


def test_pictures_replace_regular_files_only(tmp_path):
    beside = str(tmp_path / "a.pkl")
    picture = tmp_path / "a_x.png"
    picture.write_text("a picture")
    assert cli.picture_path(None, beside, "_x.png") == str(picture)
    (tmp_path / "precious").write_text("precious")
    for target in (tmp_path / "precious", tmp_path / "new", "/dev/null"):
        picture.unlink()
        picture.symlink_to(target)
        for given in (None, str(picture)):
            with pytest.raises(ValueError, match="a_x.png': it is a symbolic link"):
                cli.picture_path(given, beside, "_x.png")
    picture.unlink()
    os.mkfifo(picture)
    with pytest.raises(ValueError, match="a_x.png': it is not a regular file"):
        cli.picture_path(None, beside, "_x.png")
    with pytest.raises(OSError, match="too long"):
        cli.picture_path(str(tmp_path / ("x" * 300 + ".png")), beside, "_x.png")


def test_options_that_commands_share():
    parser = argparse.ArgumentParser()
    cli.add_picture(parser, "beside it")
    cli.add_allow_module(parser)
    args = parser.parse_args(["--allow-module", "a", "--allow-module", "b", "--show"])
    assert (args.out, args.show, args.allow_module) == (None, True, ["a", "b"])
    assert "beside it" in parser.format_help()
