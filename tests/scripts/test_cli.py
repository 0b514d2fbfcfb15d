from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import warnings

import pytest

from adversarial.files.atomic_write import atomic_write
from adversarial.scripts import cli
from adversarial.utils import errors


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
        (TypeError("two\n  lines\n"), "error: two\n  lines"),
        (
            FileNotFoundError(2, "No such file or directory", "a.pkl"),
            "error: a.pkl: No such file or directory",
        ),
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


def test_a_warning_is_one_line_without_code(capsys):
    def main():
        warnings.warn("one image in two files\x1b[2J", UserWarning, stacklevel=1)

    shown = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.run(main) == 0
    assert capsys.readouterr().err == "warning: one image in two files\\x1b[2J\n"
    assert warnings.showwarning is shown


def test_a_bug_shows_where_it_happened(capsys, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    # An error in a library that no code of a user's asked for.
    assert cli.run(lambda: json.JSONDecoder.decode(None, "1")) == 1
    first, *rest = capsys.readouterr().err.splitlines()
    assert "unexpected AttributeError: 'NoneType' object" in first
    assert "bug" in rest[0] and any("decoder.py" in line for line in rest)


MODULE = """
def build(size):
    return {}[size]

def check(size):
    raise ValueError("size must be even\\nsay, 4")
"""


@pytest.mark.parametrize(
    "function, line, first",
    [("build", 3, "unexpected KeyError: 3"), ("check", 6, "error: size must be even")],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_fault_in_the_users_module_shows_file_and_line(
    function, line, first, wrapped, tmp_path, monkeypatch, capsys
):
    (tmp_path / f"mine_{function}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, f"mine_{function}", raising=False)
    called = getattr(importlib.import_module(f"mine_{function}"), function)

    def main():
        try:
            called(3)
        except (KeyError, ValueError) as error:
            if wrapped:
                raise ValueError("a.yaml line 2: Mine: it fails") from error
            raise

    assert cli.run(main) == 1
    lines = capsys.readouterr().err.splitlines()
    assert ("a.yaml line 2: Mine: it fails" if wrapped else first) in lines[0]
    assert f'  File "{tmp_path}/mine_{function}.py", line {line}, in {function}' in lines
    assert "bug" not in "".join(lines)


def test_installed_modules_that_a_user_allows_are_the_users(monkeypatch, capsys):
    monkeypatch.setattr(errors, "users_modules", set())
    for blamed in (False, True):
        if blamed:
            parser = argparse.ArgumentParser()
            cli.add_allow_module(parser)
            parser.parse_args(["--allow-module", "json.decoder"])
        cli.run(lambda: json.JSONDecoder.decode(None, "1"))
        assert ("bug" not in capsys.readouterr().err) is blamed


def test_a_remedy_is_never_cropped(capsys):
    hint = "Put train-images-idx3-ubyte into /data/mnist."
    for before, most in ("many words " * 60, 800), ("x" * 90_000, 600), ("x " * 90_000, 11_000):
        assert cli.run(raising(ValueError(before + "\n" + hint))) == 1
        err = capsys.readouterr().err
        assert err.endswith(hint + "\n") and len(err) < most


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\x9b31m", "\\x9b31m"),
        ("\x07 tab\t", "\\x07 tab\t"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u00e9", "\u00e9"),
    ],
)
def test_control_sequences_are_written_out(text, shown, capsys):
    def main():
        print(text)
        raise ValueError("in " + text)

    assert cli.run(main) == 1
    out, err = capsys.readouterr()
    assert out == shown + "\n"
    assert err == f"{cli.program_name()}: error: in {shown.rstrip()}\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed(closed, tmp_path):
    """Its number is not given to the next file, which would receive what is said."""
    number = {"stdout": 1, "stderr": 2}[closed]
    code = (
        "import os, sys; from adversarial.scripts import cli\n"
        "def main():\n"
        "    opened = os.open('model', os.O_CREAT | os.O_WRONLY)\n"
        f"    print('said', file=sys.{closed}); os.write({number}, b'said')\n"
        "    return 0 if opened > 2 else 1\n"
        "sys.exit(cli.run(main))"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {number}>&-', sys.executable, "-c", code],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "model").read_bytes() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has /dev/full")
@pytest.mark.parametrize("matters", [True, False])
def test_output_that_cannot_be_written(matters):
    code = (
        "import sys; from adversarial.scripts import cli\n"
        f"sys.exit(cli.run(lambda: print('a table'), output_is_the_result={matters}))"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), PYTHONUNBUFFERED=""),
        )
    assert done.returncode == matters
    assert ("No space left" in done.stderr) is matters and done.stderr.count("\n") == matters


def test_debug_variable_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.setenv("ADVERSARIAL_DEBUG", "1")
    assert cli.run(raising(ValueError("bad"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and err.splitlines()[0].endswith("error: bad")


def test_interrupt_is_130(capsys):
    assert cli.run(raising(KeyboardInterrupt())) == 130
    assert "interrupted" in capsys.readouterr().err


def test_ctrl_c_while_packages_are_imported(tmp_path):
    # Imported after Aesara, which has an excepthook of its own.
    (tmp_path / "threadpoolctl.py").write_text("raise KeyboardInterrupt")
    program = os.path.join(os.path.dirname(__file__), "..", "..", "parzen_ll.py")
    done = subprocess.run(
        [sys.executable, program, "model.pkl"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode != 0
    assert done.stderr == "parzen_ll.py: interrupted\n"


def test_usage_errors_pass_through():
    with pytest.raises(SystemExit) as caught:
        cli.run(raising(SystemExit(2)))
    assert caught.value.code == 2


def test_a_reader_that_left_is_no_traceback():
    code = (
        "import sys; from adversarial.scripts import cli\n"
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
        (cli.positive_int, {"3": 3, "1": 1}, ["0", "-2", "2.5", "x", f"-1{'0' * 400}"]),
        (cli.natural, {"0": 0, "7": 7}, ["-1", "nan", ""]),
        (cli.seed, {"4294967295": 4294967295}, ["-1", "4294967296", f"1{'0' * 400}"]),
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


def test_a_number_that_is_refused_is_shown_exactly():
    with pytest.raises(argparse.ArgumentTypeError, match="to 4294967295, got 4294967296$"):
        cli.seed("4294967296")
    with pytest.raises(argparse.ArgumentTypeError, match="positive and finite, got -0.5$"):
        cli.positive_number("-.5")


def test_progress_bar_is_silent_off_a_terminal(capsys):
    with cli.progress_bar(10, "drawing", "sample") as bar:
        bar.update(10)
    assert capsys.readouterr() == ("", "")


def test_pictures_lie_beside_what_they_show(tmp_path):
    beside = str(tmp_path / "a.v2.pkl")
    assert cli.output_path(None, beside, "_x.png") == str(tmp_path / "a.v2_x.png")
    assert cli.output_path("here.png", beside, "_x.png") == "here.png"
    with pytest.raises(ValueError, match="cannot write .*a.png: there is no folder .*no"):
        cli.output_path(str(tmp_path / "no" / "a.png"), beside, "_x.png")


@pytest.mark.parametrize("given", [None, "no/a_x.png"])
def test_a_missing_folder_of_what_is_read_is_named_as_such(given):
    with pytest.raises(FileNotFoundError, match="cannot open no/a.pkl: there is no folder"):
        cli.output_path(given, "no/a.pkl", "_x.png")
    with pytest.raises(FileNotFoundError, match="the name mnist.yaml alone stands for"):
        cli.output_path(given, "no/mnist.yaml", "_x.png")


def test_pictures_replace_regular_files_only(tmp_path):
    beside = str(tmp_path / "a.pkl")
    picture = tmp_path / "a_x.png"
    picture.write_text("a picture")
    assert cli.output_path(None, beside, "_x.png") == str(picture)
    for given, ending in ((str(picture), "_x.png"), (None, "_x.npy")):
        (tmp_path / "a_x.npy").touch()
        with pytest.raises(FileExistsError, match="exists already: --overwrite replaces it"):
            cli.output_path(given, beside, ending)
        cli.output_path(given, beside, ending, overwrite=True)
    (tmp_path / "precious").write_text("precious")
    for target in (tmp_path / "precious", tmp_path / "new", "/dev/null"):
        picture.unlink()
        picture.symlink_to(target)
        for given in (None, str(picture)):
            with pytest.raises(ValueError, match="a_x.png': it is a symbolic link"):
                cli.output_path(given, beside, "_x.png")
    picture.unlink()
    os.mkfifo(picture)
    with pytest.raises(ValueError, match="a_x.png': it is not a regular file"):
        cli.output_path(None, beside, "_x.png")
    with pytest.raises(OSError, match="too long"):
        cli.output_path(str(tmp_path / ("x" * 300 + ".png")), beside, "_x.png")


def test_a_file_that_is_made_meanwhile_is_not_replaced(tmp_path):
    out = tmp_path / "a.npy"
    cli.output_path(str(out), "model.pkl", "")
    out.write_text("somebody's")
    with pytest.raises(FileExistsError, match="a.npy exists already"):
        with atomic_write(out):
            pass
    assert out.read_text() == "somebody's"
    cli.output_path(str(out), "model.pkl", "", overwrite=True)
    for content in (b"1", b"2"):
        with atomic_write(out) as stream:
            stream.write(content)
    assert out.read_bytes() == b"2"


def test_the_home_folder_is_known_in_all_options(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    parser = cli.Parser()
    parser.add_argument("model")
    parser.add_argument("--out")
    parser.add_argument("--set")
    for words in (["~/m.pkl", "--out=~/x"], ["~/m.pkl", "--out", "~/x"]):
        args = parser.parse_args([*words, "--set", "a=~"])
        assert (args.model, args.out, args.set) == ("/home/me/m.pkl", "/home/me/x", "a=~")
    args = parser.parse_args(["./~/m.pkl", "--out=a~", "--set=~nobody-of-this-name/x"])
    assert (args.model, args.out, args.set) == ("./~/m.pkl", "a~", "~nobody-of-this-name/x")


def test_options_that_commands_share():
    parser = argparse.ArgumentParser()
    cli.add_picture(parser, "beside it")
    cli.add_allow_module(parser)
    args = parser.parse_args(["--allow-module", "a", "--allow-module", "b", "--show"])
    assert (args.out, args.show, args.allow_module) == (None, True, ["a", "b"])
    assert "beside it" in parser.format_help()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_ends_every_command_by_its_name(signum, capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["show_samples.py"])
    before = signal.getsignal(signum)
    signal.signal(signum, signal.SIG_DFL)  # a shell may ignore some
    try:
        with pytest.raises(SystemExit) as ended:
            cli.run(lambda: signal.raise_signal(signum))
        assert signal.getsignal(signum) is signal.SIG_DFL
    finally:
        signal.signal(signum, before)
    assert ended.value.code == 128 + signum
    assert capfd.readouterr().err == f"show_samples.py: terminated by {signum.name}\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_killed_child_keeps_no_lock_of_the_bars():
    """Neither from its parent, nor in it where the parent's other threads were writing."""
    from tqdm import tqdm

    with tqdm.get_lock():
        child = os.fork()
        if child == 0:
            tqdm.get_lock().acquire()
            os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert tqdm.get_lock().acquire(blocking=False)
    tqdm.get_lock().release()


def test_what_aesara_says_of_its_graph_is_left_out(capsys):
    """Of a model file that was changed within; the first line names it."""

    def fails():
        errors.loaded_files["forged.pkl"] = None
        raise ValueError("shapes (2,4) and (0,12)\nApply node that caused the error: Dot\nHINT: x")

    assert cli.run(fails) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "debug" not in lines[0].lower().replace("adversarial_debug", "")
    assert "forged.pkl: what it holds cannot be used (ValueError: shapes (2,4) and" in lines[0]


def test_a_path_in_a_later_line_does_not_name_the_file(capsys):
    def fails():
        errors.loaded_files["forged.pkl"] = None
        raise ValueError("is of another width\nMake forged.pkl again.")

    assert cli.run(fails) == 1
    assert "error: forged.pkl: is of another width\n" in capsys.readouterr().err


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0c", "\x1e", "\r"])
def test_a_separator_of_lines_in_a_name_does_not_divide_the_message(separator):
    said = errors.describe(ValueError(f"no channel `a{separator}b`\nadvice"))
    escaped = separator.encode("unicode_escape").decode()
    assert said == f"no channel `a{escaped}b`\nadvice"


def test_an_empty_message_is_the_name_of_the_type():
    assert errors.describe(ValueError(" \n")) == "ValueError"
