"""Trackers: what they log, that they change nothing, and how a resumed training continues a log."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from time_bounds import LONGEST

from adversarial import backend, modelfile
from adversarial.files import outputs
from adversarial.models.mlp import MLP, Linear
from adversarial.monitor import Monitor, MonitorChannel
from adversarial.scripts import train
from adversarial.tracking import mlflow_log
from adversarial.tracking.event_file import EventFile, events_in
from adversarial.tracking.mlflow_log import MLflowLog
from adversarial.tracking.run_file import RunFile
from adversarial.tracking.wandb_log import WandBLog
from adversarial.train_extensions import mlflow as mlflow_module
from adversarial.train_extensions import tensorboard, tracking
from adversarial.train_extensions import wandb as wandb_module
from adversarial.train_extensions.mlflow import MLflow
from adversarial.train_extensions.tensorboard import TensorBoard
from adversarial.train_extensions.tracking import Tracker
from adversarial.train_extensions.wandb import WandB
from adversarial.viewer.inline import samples_of

pytestmark = pytest.mark.usefixtures("fast_compile")

EXPERIMENT = """\
# A small game of grey images of 2 x 2 pixels.
!obj:adversarial.train.Train {
    dataset: &train !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: [[0, 1, 1, 0], [1, 0, 0, 1], [.5, .5, 0, 0], [0, 0, 1, 1]]
    },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 3,
                layers: [!obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 4, irange: 1. }]
            }
        },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 4,
            layers: [!obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: 1. }]
        }
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 2,
        learning_rate: .5,
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        monitoring_dataset: { train: *train }
    },
    extensions: [EXTENSION],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""
TENSORBOARD = """!obj:adversarial.train_extensions.tensorboard.TensorBoard {
        log_dir: "${PYLEARN2_TRAIN_DIR}logs/run" }"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(extension="", name="gan.yaml"):
    Path(name).write_text(EXPERIMENT.replace("EXTENSION", extension))


def run(*argv):
    return train.main([*argv, "--quiet"])


def told(path):
    """The events of a log without their times, by step and tag."""
    found = []
    for event in events_in(path):
        for value in event.summary.value:
            value.ClearField("metadata")
            found.append((event.step, value.tag, value.SerializeToString()))
    return [each for each in found if "seconds" not in each[1]]


def values(path, tag):
    return {
        event.step: value.simple_value
        for event in events_in(path)
        for value in event.summary.value
        if value.tag == tag
    }


LOG = "logs/run/events.tfevents"


def test_tensorboard_gets_all_channels_samples_histograms_and_the_yaml():
    write(TENSORBOARD)
    assert run("gan.yaml", "--max-epochs", "2") == 0
    model = modelfile.load("gan.pkl")
    assert len(model.monitor.channels) > 10
    for name, channel in model.monitor.channels.items():
        logged = values(LOG, name)
        assert list(logged) == [0, 1, 2]
        expected = np.asarray(channel.val_record, dtype="float32")
        np.testing.assert_array_equal(np.float32(list(logged.values())), expected)
    by_tag = {}
    for event in events_in(LOG):
        for value in event.summary.value:
            by_tag.setdefault(value.tag, []).append((event.step, value))
    assert [step for step, _ in by_tag["samples"]] == [0, 1, 2]
    with Image.open(io.BytesIO(by_tag["samples"][-1][1].image.encoded_image_string)) as image:
        shown = np.asarray(image)
    drawn = Image.open(io.BytesIO(samples_of(model, 100)._repr_png_()))
    half = np.asarray(drawn.resize([side // 2 for side in drawn.size], Image.NEAREST))
    np.testing.assert_array_equal(shown[..., :3], half)
    weights = by_tag["generator/y_W"][-1][1].histo
    W = model.generator.mlp.layers[0].get_weights()
    assert weights.num == W.size and sum(weights.bucket) == W.size
    assert weights.min == W.min() and weights.max == W.max()
    assert weights.sum == pytest.approx(W.sum(), rel=1e-5)
    text = by_tag["experiment/text_summary"][0][1].tensor.string_val[0].decode()
    assert [line[4:] for line in text.splitlines()] == Path("gan.yaml").read_text().splitlines()


def test_the_framing_is_that_of_tensorboardx(tmp_path):
    """Its writer's file is read, and what is appended to it can be read as well."""
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(tmp_path / "peer")) as writer:
        writer.add_scalar("a", 0.5, 3)
        writer.add_text("b", "text", 3)
    (file,) = (tmp_path / "peer").iterdir()
    assert values(file, "a") == {3: 0.5}
    log = EventFile(str(tmp_path / "ours"))
    log.rewind(0)
    log.scalars({"a": 0.5}, step=3)
    log.flush()
    theirs, ours = ([e for e in events_in(p) if e.HasField("summary")][0] for p in (file, log.path))
    assert theirs.summary.value[0].simple_value == ours.summary.value[0].simple_value
    assert (tmp_path / "ours").read_bytes()[:12] == file.read_bytes()[:12]  # length, checksum


def test_training_is_the_same_without_it():
    write(TENSORBOARD, "with.yaml")
    write("", "without.yaml")
    for name in ("with", "without"):
        assert run(f"{name}.yaml", "--max-epochs", "3") == 0
    models = [modelfile.load(f"{name}.pkl") for name in ("with", "without")]
    for one, other in zip(*(model.get_params() for model in models)):
        np.testing.assert_array_equal(one.get_value(), other.get_value())
    for name, channel in models[0].monitor.channels.items():
        if "seconds" not in name:
            record = models[1].monitor.channels[name].val_record
            assert list(channel.val_record) == list(record)


def test_a_resumed_training_continues_the_log():
    write(TENSORBOARD)
    assert run("gan.yaml", "--max-epochs", "4") == 0
    whole = told(LOG)
    assert run("gan.yaml", "--max-epochs", "2", "--overwrite") == 0
    assert len({step for step, _, _ in told(LOG)}) == 3
    # What a killed run may leave: an epoch after the last save, and a part of the next.
    log = EventFile(LOG)
    log._pending = []
    log.scalars({"train_objective_d": 7.0}, step=3)
    with open(LOG, "ab") as stream:
        stream.writelines([*log._pending, log._pending[0][:20]])
    assert run("--resume", "gan.pkl", "--max-epochs", "4") == 0
    assert told(LOG) == whole
    assert len({(step, tag) for step, tag, _ in whole}) == len(whole)


def test_a_log_that_was_deleted_has_all_channels_again():
    write(TENSORBOARD)
    assert run("gan.yaml", "--max-epochs", "2") == 0
    os.remove(LOG)
    assert run("--resume", "gan.pkl", "--max-epochs", "3") == 0
    assert list(values(LOG, "train_objective_d")) == [0, 1, 2, 3]
    assert list(values(LOG, "samples")) == [2, 3]


def test_another_log_is_replaced_with_overwrite_only(capsys):
    write(TENSORBOARD)
    Path("logs/run").mkdir(parents=True)
    Path(LOG).write_bytes(b"of the user")
    with pytest.raises(FileExistsError, match="events.tfevents.*--overwrite"):
        run("gan.yaml", "--max-epochs", "1")
    assert Path(LOG).read_bytes() == b"of the user"
    assert run("gan.yaml", "--max-epochs", "1", "--overwrite") == 0
    assert list(values(LOG, "train_objective_d")) == [0, 1]


def test_errors_are_warnings_and_the_log_recovers(caplog, monkeypatch):
    write(TENSORBOARD)
    flush, calls = EventFile.flush, []

    def full_disk(self):
        calls.append(None)
        if len(calls) == 2:
            with open(self.path, "ab") as stream:
                stream.write(self._pending[0][:10])
            raise OSError(28, "No space left on device")
        flush(self)

    monkeypatch.setattr(EventFile, "flush", full_disk)
    with caplog.at_level(logging.WARNING):
        assert train.main(["gan.yaml", "--max-epochs", "3"]) == 0
    assert "TensorBoard.on_monitor (gan.yaml line 25)" in caplog.text
    assert "No space left" in caplog.text
    assert list(values(LOG, "train_objective_d")) == [0, 1, 2, 3]
    assert list(values(LOG, "samples")) == [0, 2, 3]


def test_the_folder_is_that_of_the_replicate_and_of_out():
    write(TENSORBOARD)
    assert run("gan.yaml", "--max-epochs", "1", "--seed", "3") == 0
    assert Path("logs/run_seed3/events.tfevents").exists()
    assert run("gan.yaml", "--max-epochs", "1", "--seed", "4", "--out", "four") == 0
    assert Path("four/logs/run/events.tfevents").exists() and not Path("logs/run").exists()
    text = dict((tag, raw) for _, tag, raw in told("four/logs/run/events.tfevents"))
    assert b"--seed 4" in text["options/text_summary"]


def test_the_option_logs_beside_the_model():
    write()
    assert run("gan.yaml", "--max-epochs", "1", "--seed", "3", "--track", "tensorboard") == 0
    log = "gan_seed3/events.tfevents"
    assert list(values(log, "train_objective_d")) == [0, 1]
    argv = ("--resume", "gan_seed3.pkl", "--max-epochs", "2", "--track", "tensorboard")
    assert run(*argv) == 0
    assert list(values(log, "train_objective_d")) == [0, 1, 2]
    with pytest.raises(SystemExit):
        run("gan.yaml", "--track", "excel")


def test_a_dry_run_writes_no_log():
    write(TENSORBOARD)
    assert run("gan.yaml", "--max-epochs", "0", "--track", "tensorboard") == 0
    assert sorted(path.name for path in Path().iterdir()) == ["gan.yaml"]


@pytest.mark.parametrize("log_dir", ["../elsewhere", "/tmp/elsewhere", "link"])
def test_a_yaml_logs_into_its_own_folder_only(log_dir, tmp_path_factory):
    Path("link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    write(TENSORBOARD.replace("${PYLEARN2_TRAIN_DIR}logs/run", log_dir))
    with pytest.raises(ValueError, match="outside|symbolic link"):
        run("gan.yaml", "--max-epochs", "1")


@pytest.mark.parametrize(
    "extension, where",
    [
        ('wandb.WandB { log_dir: "${PYLEARN2_TRAIN_DIR}log" }', "Weights & Biases"),
        (
            'mlflow.MLflow { log_dir: "${PYLEARN2_TRAIN_DIR}log", tracking_uri: "http://x.test" }',
            "http://x.test",
        ),
    ],
)
def test_a_yaml_sends_nothing_without_permission(extension, where, monkeypatch):
    opened = []
    for cls in (WandB, MLflow):
        monkeypatch.setattr(cls, "_open", lambda self: opened.append(self) or Silent())
    write(f"!obj:adversarial.train_extensions.{extension}")
    with pytest.raises(PermissionError, match=rf"line 25\).*to {where}.*--allow-upload") as refused:
        run("gan.yaml", "--max-epochs", "1")
    assert "gan.yaml" in str(refused.value) and not opened and not Path("gan.pkl").exists()
    assert run("gan.yaml", "--max-epochs", "1", "--allow-upload") == 0
    assert len(opened) == 1
    # The permission ends with the run, and does not come with the model file.
    with pytest.raises(PermissionError):
        run("--resume", "gan.pkl", "--max-epochs", "2")


class Silent:
    """A tool that takes all and keeps nothing."""

    def __getattr__(self, name):
        return lambda *args: None


def test_environment_variables_count_for_the_option_only(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server.test")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert MLflow("log").tracking_uri is None and WandB("log").mode == "online"
    chosen = tracking.tracker("mlflow", "a/gan.pkl")
    assert (chosen.tracking_uri, chosen.experiment) == ("http://server.test", "mine")
    assert chosen.path == "a/gan/mlflow.csv"
    assert tracking.tracker("wandb", "a/gan.pkl").mode == "offline"
    with pytest.raises(ValueError, match="no save_path"):
        tracking.tracker("tensorboard", None)


@pytest.mark.parametrize(
    "module, cls, command",
    [
        (tensorboard, TensorBoard, r'pip install -e "\.\[tensorboard\]"'),
        (wandb_module, WandB, r'pip install -e "\.\[wandb\]"'),
        (mlflow_module, MLflow, r'pip install -e "\.\[mlflow\]"'),
    ],
)
def test_a_missing_library_is_named_with_its_extra(module, cls, command, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"is not installed; run: {command}"):
        cls("log")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: TensorBoard(""), "log_dir of TensorBoard must be a folder's name, not ''"),
        (lambda: TensorBoard(3), "log_dir of TensorBoard must be a folder's name, not 3"),
        (lambda: TensorBoard("a", samples_every=-1), "samples_every of TensorBoard must be"),
        (lambda: TensorBoard("a", histograms_every=1.5), "histograms_every of TensorBoard must be"),
        (lambda: WandB("a", mode="cloud"), "mode of WandB must be one of online, offline"),
        (lambda: WandB("a", project=3), "project of WandB must be a name"),
        (lambda: MLflow("a", tracking_uri=""), "tracking_uri of MLflow must be text"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_some_epochs_only():
    write(TENSORBOARD.replace("log_dir", "samples_every: 2, histograms_every: 0, log_dir"))
    assert run("gan.yaml", "--max-epochs", "3") == 0
    assert list(values(LOG, "samples")) == [0, 2]
    assert list(values(LOG, "train_objective_d")) == [0, 1, 2, 3]
    assert not [tag for _, tag, _ in told(LOG) if tag.startswith("generator/")]


def test_mlflow_gets_the_same(monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    extension = 'mlflow.MLflow { log_dir: "${PYLEARN2_TRAIN_DIR}log" }'
    write(f"!obj:adversarial.train_extensions.{extension}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server.test")  # not the YAML file's to use
    assert run("gan.yaml", "--max-epochs", "2") == 0
    assert run("--resume", "gan.pkl", "--max-epochs", "3") == 0
    client = MlflowClient(Path("log/mlruns").absolute().as_uri())
    identity = RunFile("log/mlflow.csv").read()
    assert client.get_run(identity).info.run_name == "log"
    channels = modelfile.load("gan.pkl").monitor.channels
    for name in ("train_objective_d", "learning_rate"):
        logged = {m.step: m.value for m in client.get_metric_history(identity, name)}
        expected = np.asarray(channels[name].val_record)
        assert len(expected) == 4
        np.testing.assert_allclose([logged[step] for step in range(4)], expected, rtol=1e-6)
        assert len(client.get_metric_history(identity, name)) == 4  # no epoch twice
    (store,) = Path("log/mlruns").glob(f"*/{identity}/artifacts")
    assert (store / "experiment.txt").read_text() == Path("gan.yaml").read_text()
    assert len(list((store / "samples").glob("*.png"))) >= 4
    found = json.loads((store / "histograms/generator/y_W/000003.json").read_text())
    assert sum(found["counts"]) == 12
    # The user's name is not in the run.
    assert {tag: 0 for tag in client.get_run(identity).data.tags} == {"mlflow.runName": 0}


def test_mlflow_is_sent_again_what_failed(monkeypatch, caplog):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    write('!obj:adversarial.train_extensions.mlflow.MLflow { log_dir: "${PYLEARN2_TRAIN_DIR}log" }')
    send, calls = MlflowClient.log_batch, []

    def refuse_one(self, *args, **kwargs):
        calls.append(None)
        if len(calls) == 2:
            raise OSError("refused")
        return send(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", refuse_one)
    with caplog.at_level(logging.WARNING):
        assert train.main(["gan.yaml", "--max-epochs", "3"]) == 0
    assert "refused" in caplog.text
    client = MlflowClient(Path("log/mlruns").absolute().as_uri())
    identity = RunFile("log/mlflow.csv").read()
    history = client.get_metric_history(identity, "train_objective_d")
    assert sorted(metric.step for metric in history) == [0, 1, 2, 3]


def test_names_cannot_lead_out_of_mlflows_folder():
    assert ".." not in mlflow_log._name("../../x") and mlflow_log._name("/x") == "x"


def test_a_yaml_cannot_name_the_logs_themselves():
    from adversarial.config.admission import Refusal, resolve

    for name in ("event_file.EventFile", "wandb_log.WandBLog", "mlflow_log.MLflowLog"):
        with pytest.raises(Refusal):
            resolve(f"adversarial.tracking.{name}")
        module, cls = name.split(".")
        for outer in ("tensorboard", "wandb", "mlflow"):
            with pytest.raises(Refusal):
                resolve(f"adversarial.train_extensions.{outer}.{cls}")


def leveldb_records(raw):
    """The records of a file of wandb: LevelDB's log format, after a header of 7 bytes."""
    position, parts = 7, []
    while position + 7 <= len(raw):
        left = 32768 - position % 32768  # in this block
        if left < 7:
            position += left
            continue
        size, kind = int.from_bytes(raw[position + 4 : position + 6], "little"), raw[position + 6]
        parts.append(raw[position + 7 : position + 7 + size])
        position += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield b"".join(parts)
            parts = []


@pytest.mark.slow
def test_wandb_gets_the_same_offline():
    wandb = pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    extension = 'wandb.WandB { log_dir: "${PYLEARN2_TRAIN_DIR}log", project: gan, mode: offline }'
    write(f"!obj:adversarial.train_extensions.{extension}")
    assert run("gan.yaml", "--max-epochs", "2") == 0
    wandb.teardown()
    (file,) = Path("log/wandb").glob("offline-run-*/*.wandb")
    history, config = {}, {}
    end = time.monotonic() + LONGEST
    # On a busy machine W&B's own process may still be writing.
    while len(history) < 3 and time.monotonic() < end:
        time.sleep(0.1)
        raw = file.read_bytes()
        for data in leveldb_records(raw):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            items = {"/".join(i.nested_key) or i.key: i.value_json for i in record.history.item}
            if items:
                history[int(items["_step"])] = items
            config.update({i.key: i.value_json for i in record.run.config.update})
            config.update({i.key: i.value_json for i in record.config.update})
    assert sorted(history) == [0, 1, 2]
    channel = modelfile.load("gan.pkl").monitor.channels["train_objective_d"].val_record
    logged = [json.loads(history[step]["train_objective_d"]) for step in range(3)]
    np.testing.assert_allclose(logged, channel, rtol=1e-6)
    assert json.loads(config["experiment"]) == Path("gan.yaml").read_text()
    assert os.uname().nodename.encode() + b"\0" not in raw


class Recorded:
    """The part of wandb's interface that is used: the module, which notes the calls."""

    def __init__(self):
        self.calls, self.runs, self.server = [], [], {}
        self.__spec__ = "installed"
        self.Settings = type("Settings", (), {"model_fields": {}})
        self.Image = self.Histogram = lambda value: np.shape(value)

    def init(self, id, resume, mode, reinit="return_previous", **options):
        self.calls.append(("init", id, resume, mode))
        running = [run for run in self.runs if not run.is_finished]
        if running and reinit != "create_new":
            return running[-1]
        assert id not in [run.id for run in running]
        self.runs.append(RecordedRun(id, self.server.setdefault(id, {})))
        return self.runs[-1]


class RecordedRun:
    """A run, which like those of wandb ignores the values of an earlier step.

    `step` is the next one when the run is opened, and then the last one that was logged.
    """

    def __init__(self, identity, steps):
        self.id, self.steps, self.config, self.is_finished = identity, steps, {}, False
        self.step = max(self.steps, default=-1) + 1

    def log(self, logged, step):
        assert not self.is_finished
        if step >= self.step:
            self.steps.setdefault(step, {}).update(logged)
            self.step = step

    def finish(self):
        self.is_finished = True


@pytest.fixture
def recorded(monkeypatch):
    fake = Recorded()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def test_a_run_of_wandb_is_continued(recorded):
    log = WandBLog("log/wandb.csv", None, "online")
    assert log.rewind(0) is None
    log.scalars({"a": 1.0}, 0)
    log.scalars({"a": 2.0}, 1)
    log.image("samples", np.zeros((2, 2, 3)), 1)
    log.flush()
    again = WandBLog("log/wandb.csv", None, "online")
    assert again.rewind(2) == 1
    new = WandBLog("log/wandb.csv", None, "online")
    assert new.rewind(0) is None
    first, second, third = recorded.calls
    assert first[2:] == (None, "online") and second == ("init", first[1], "allow", "online")
    assert third[1] != first[1] and third[2] is None
    assert recorded.server[first[1]] == {0: {"a": 1.0}, 1: {"a": 2.0, "samples": (2, 2, 3)}}


def test_logs_of_wandb_in_one_process_have_a_run_each(recorded):
    logs = [WandBLog(f"{name}/wandb.csv", None, "online") for name in "ab"]
    for number, log in enumerate(logs):
        assert log.rewind(0) is None
        log.scalars({"a": float(number)}, 0)
    for log in logs:  # both may train by turns
        log.flush()
    assert list(recorded.server.values()) == [{0: {"a": 0.0}}, {0: {"a": 1.0}}]


def trained(epochs):
    """A model with a channel that was measured after each of these epochs."""
    model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    monitor = Monitor.get_monitor(model)
    channel = monitor.channels["cost"] = MonitorChannel(None, None, "cost", None, None)
    for epoch in range(epochs + 1):
        for name in ("val_record", "epoch_record", "batch_record", "example_record"):
            getattr(channel, name).append(epoch)
        if epoch:
            monitor.report_epoch()
    return model


def test_wandb_keeps_the_steps_of_repeated_epochs_and_gets_the_next_ones(recorded):
    first, resumed = (WandB("log", mode="offline", samples_every=0) for _ in range(2))
    for epoch in range(4):
        first.on_monitor(trained(epoch), None, None)
    (steps,) = recorded.server.values()
    before = dict(steps)
    for epoch in range(1, 6):  # it was killed, and the file is of an earlier epoch
        resumed.on_monitor(trained(epoch), None, None)
    assert list(steps) == list(range(6)) and {**steps, **before} == steps
    assert all(steps[epoch].keys() == {"cost", "y_W", "y_b"} for epoch in steps)
    assert [steps[epoch]["cost"] for epoch in steps] == list(range(6))


def test_after_a_rollback_wandb_has_the_epochs_of_the_first_try(recorded):
    extension = WandB("log", mode="offline", samples_every=0)
    for epoch in (0, 1, 2):
        extension.on_monitor(trained(epoch), None, None)
    (steps,) = recorded.server.values()
    again = trained(2)
    again.monitor.channels["cost"].val_record[2] = 99
    extension.on_monitor(trained(1), None, None)
    extension.on_monitor(again, None, None)
    extension.on_monitor(trained(3), None, None)
    assert [steps[epoch]["cost"] for epoch in steps] == [0, 1, 2, 3]


def test_trainings_that_share_an_extension_have_a_log_each():
    opened = []

    class Kept(Silent):
        def __init__(self):
            self.sent = []
            opened.append(self)

        def rewind(self, step):
            return self.sent[-1] if self.sent else None

        def scalars(self, values, step):
            self.sent.append(step)

    class Keep(Tracker):
        def _open(self):
            return Kept()

    extension = Keep("log", samples_every=0, histograms_every=0)
    for _ in range(2):
        extension.setup(trained(0), None, None)
        for epoch in range(3):
            extension.on_monitor(trained(epoch), None, None)
    assert [log.sent for log in opened] == [[0, 1, 2], [0, 1, 2]]


def test_a_step_that_cannot_be_removed_is_sent_once():
    sent = []

    class Kept(Silent):
        def rewind(self, step):
            return sent[-1] if sent else None

        def scalars(self, values, step):
            sent.append(step)

    class Keep(Tracker):
        def _open(self):
            return Kept()

    extension = Keep("log", histograms_every=0)
    for epoch in (0, 1, 2, 3, 1, 2, 3, 4):  # goes back, as by a rollback
        extension.on_monitor(trained(epoch), None, None)
    assert sent == [0, 1, 2, 3, 4]


def logged_to_mlflow(steps):
    """The identity of a run with these steps."""
    log = MLflowLog("log/mlflow.csv", None, "x")
    log.rewind(0)
    for step in range(steps):
        log.scalars({"a": 1.0}, step)
    log.flush()
    return RunFile("log/mlflow.csv").read()


def test_a_run_of_mlflow_is_kept_when_the_server_refuses(monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow.exceptions import MlflowException, RestException
    from mlflow.tracking import MlflowClient

    identity = logged_to_mlflow(2)
    log = MLflowLog("log/mlflow.csv", None, "x")
    for error in (
        MlflowException("timed out"),
        RestException({"error_code": "TEMPORARILY_UNAVAILABLE"}),
    ):

        def refuse(self, run, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, "get_run", refuse)
            with pytest.raises(MlflowException):
                log.rewind(2)
        assert RunFile("log/mlflow.csv").read() == identity
    assert log.rewind(2) == 1 and RunFile("log/mlflow.csv").read() == identity


@pytest.mark.parametrize("is_server", [False, True])
def test_a_run_of_mlflow_that_is_gone_is_replaced(monkeypatch, is_server):
    pytest.importorskip("mlflow")
    from mlflow.exceptions import RestException
    from mlflow.tracking import MlflowClient

    identity = logged_to_mlflow(2)
    if is_server:

        def has_none(self, run):
            raise RestException({"error_code": "RESOURCE_DOES_NOT_EXIST"})

        monkeypatch.setattr(MlflowClient, "get_run", has_none)
    else:
        (store,) = Path("log/mlruns").glob(f"*/{identity}")
        shutil.rmtree(store)
    assert MLflowLog("log/mlflow.csv", None, "x").rewind(2) is None
    assert RunFile("log/mlflow.csv").read() not in (None, identity)


def test_a_new_training_has_a_new_run_of_mlflow_also_if_the_server_comes_late(monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    def down(self, name):
        raise OSError("down")

    identity = logged_to_mlflow(2)
    log = MLflowLog("log/mlflow.csv", None, "x")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "get_experiment_by_name", down)
        with pytest.raises(OSError, match="down"):
            log.rewind(0)
    assert log.rewind(1) is None
    assert RunFile("log/mlflow.csv").read() not in (None, identity)


def test_the_file_of_a_run_is_of_one_run():
    file = RunFile("log/run.csv")
    with outputs.marked("a" * 64):
        file.write("0a1b")
        assert file.read() == "0a1b"
    with outputs.marked("b" * 64):
        assert file.read() is None
    Path("log/run.csv").write_text("run\n../../x\n")
    assert file.read() is None
    Path("log/mlruns").symlink_to("/tmp")
    with pytest.raises(ValueError, match="mlruns is a symbolic link"):
        MLflowLog("log/mlflow.csv", None, "x")


def test_it_costs_nothing_until_it_is_used():
    import subprocess

    code = (
        "import sys, adversarial.scripts.train\n"
        "tools = {'tensorboardX', 'wandb', 'mlflow', 'google.protobuf', 'IPython'}\n"
        "print(tools & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LONGEST
    )
    assert done.stdout == "set()\n", done.stderr
    assert backend.is_first_process()


def test_the_example_of_the_page(capsys):
    import re

    page = (Path(__file__).parents[2] / "docs" / "TRACKING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    Path("screen.py").write_text(code)
    write('!obj:screen.Screen { log_dir: "${PYLEARN2_TRAIN_DIR}log" }')
    sys.path.insert(0, "")
    try:
        assert run("gan.yaml", "--max-epochs", "1", "--allow-module", "screen") == 0
    finally:
        sys.path.remove("")
        sys.modules.pop("screen", None)
    out = capsys.readouterr().out
    assert "0 samples (" in out and "1 generator/y_W 0." in out and "experiment 1" in out
    # The extensions of the page can be made.
    (listed,) = re.findall(r"```yaml\n +extensions: \[(.*?)\n    \]\n", page, re.DOTALL)
    write(listed, "page.yaml")
    assert run("page.yaml", "--max-epochs", "0") == 0
