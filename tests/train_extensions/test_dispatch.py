"""What is said where an extension fails: which one, where it is described, in which method."""

from __future__ import annotations

import pytest

from adversarial.signals import Interrupted
from adversarial.train_extensions import TrainExtension, dispatch
from adversarial.utils import errors, origin


class Fails(TrainExtension):
    def __init__(self, method, error):
        setattr(self, method, self._fail)
        self._error = error

    def _fail(self, *parts):
        raise self._error


CALLS = {
    "setup": dispatch.set_up,
    "on_monitor": dispatch.call_participants_on_monitor,
    "on_save": dispatch.call_participants_on_save,
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(TypeError, ["not a number"]), (KeyError, ["radius"]), (OSError, [28, "No space", "a.npy"])],
)
def test_the_message_names_extension_place_and_method(method, kind, arguments):
    error = kind(*arguments)
    extension = Fails(method, error)
    origin.note(extension, "gan.yaml line 3")
    alone = errors.describe(error)
    with pytest.raises(kind) as caught:
        CALLS[method]([extension], None, None, None)
    assert caught.value is error  # its type and traceback are unchanged
    assert errors.describe(error) == f"the extension Fails (gan.yaml line 3), in {method}: {alone}"


def test_an_extension_of_a_users_own_may_lack_on_save(caplog):
    class Participant:
        def on_monitor(self, model, dataset, algorithm):
            pass

    class Observer(Participant):
        only_watches = True

    dispatch.call_participants_on_save([Participant()], None, None, None)
    dispatch.call_observers([Observer()], "on_save", None, None, None)
    assert not caplog.text


def test_what_ends_a_training_is_no_error():
    stops = [Fails("on_monitor", StopIteration())]
    assert not dispatch.call_participants_on_monitor(stops, None, None, None)
    with pytest.raises(Interrupted) as caught:
        dispatch.set_up([Fails("setup", Interrupted(15))], None, None, None)
    assert errors.describe(caught.value) == "stopped by SIGTERM"
