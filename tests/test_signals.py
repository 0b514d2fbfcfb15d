from __future__ import annotations

import signal
import threading

import pytest

from adversarial.signals import Interrupted, StopRequest


@pytest.mark.parametrize("signum", StopRequest.SIGNALS)
def test_a_signal_is_kept_until_asked_for(signum, capfd):
    before = signal.signal(signum, signal.SIG_DFL)  # whatever this process was started with
    signal.signal(signum, before if before is not signal.SIG_IGN else signal.SIG_DFL)
    before = signal.getsignal(signum)
    with StopRequest() as stop:
        stop.check()
        signal.raise_signal(signum)
        with pytest.raises(Interrupted, match=f"stopped by {signum.name}") as interrupted:
            stop.check()
    assert interrupted.value.signum == signum == stop.signum
    assert signal.getsignal(signum) is before
    assert "stopping after this minibatch" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_under_nohup_a_lost_terminal_is_no_matter():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            stop.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_second_signal_is_left_to_the_system(monkeypatch):
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        raised = []
        monkeypatch.setattr(signal, "raise_signal", raised.append)
        stop._on_signal(signal.SIGTERM, None)
        assert raised == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_handlers_come_back_after_an_error():
    before = [signal.getsignal(s) for s in StopRequest.SIGNALS]
    with pytest.raises(ZeroDivisionError), StopRequest():
        raise ZeroDivisionError
    assert [signal.getsignal(s) for s in StopRequest.SIGNALS] == before


def test_other_threads_change_nothing():
    before, inside = signal.getsignal(signal.SIGINT), []

    def work():
        with StopRequest() as stop:
            inside.append(signal.getsignal(signal.SIGINT))
            stop.check()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
