"""The page in headless Chromium, by hand and eye: moved, clicked, and its pixels read."""

from __future__ import annotations

import json
import shutil
import time

import aesara.tensor as at
import numpy as np
import pytest
from explorer_models import colour_pair, conditional_pair, make_pair, verdicts_of
from PIL import Image

from adversarial.evaluation.sampling import samples_at
from adversarial.explorer.page import write_page
from adversarial.models.mlp import MLP, Linear, Sigmoid, Tanh
from adversarial.scripts import show_samples
from adversarial.utils import serial
from adversarial.viewer.samples import to_unit, view_of

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium is not installed"),
    pytest.mark.usefixtures("fast_compile"),
]
FLAGS = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync disable-dev-shm-usage hide-scrollbars"
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser of its own profile; the log of its network and console is read by `Opened`."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS.split():
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(60)
    driver.get("about:blank")
    driver.get_log("performance")  # the browser's own first page
    yield driver
    driver.quit()


class Opened:
    """A page in the browser."""

    def __init__(self, driver, path, width):
        self.driver = driver
        metrics = dict(width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        downloads = dict(behavior="allow", downloadPath=str(path.parent))
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
        self.driver.get(path.as_uri())
        self.wait("document.querySelectorAll('#grid button').length === 24")
        self.wait_for_plane()

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        deadline = time.monotonic() + 300
        while not self.js(f"return Boolean({condition})"):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    def wait_for_plane(self):
        self.wait("page.explore.directions[0].some((value) => value)")

    def settle(self):
        """Waits for two frames, so that what was asked for has been drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"
        )

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def point(self, of):
        """(z, verdict) of a point of the page."""
        self.settle()
        point = self.js(f"const p = {of}; return [Array.from(p.z), p.verdict, p.klass];")
        return np.array(point[0]), point[1], point[2]

    def pixels(self, selector):
        """The canvas's pixels, (height, width, 3)."""
        width, height, values = self.js(
            """const canvas = document.querySelector(arguments[0]);
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return [width, height, Array.from(data)];""",
            selector,
        )
        return np.array(values).reshape(height, width, 4)[:, :, :3]

    def check_network(self):
        """Nothing but the file was asked for, and the console has no error."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        others = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
        assert not others and any(url.startswith("file:") for url in asked)
        assert [e for e in self.driver.get_log("browser") if e["level"] == "SEVERE"] == []


@pytest.fixture
def open_page(chromium, tmp_path):
    opened = []

    def open_page(model, title="small", width=1280):
        path = tmp_path / "page.html"
        write_page(model, str(path), title, half=False)
        opened.append(Opened(chromium, path, width))
        return opened[-1]

    yield open_page
    for page in opened:
        page.check_network()


def expected_pixels(pair, z):
    """What show_samples would draw for G(z)."""
    images = to_unit(view_of(pair).images(samples_at(pair, z[None])))
    return np.rint(255 * np.broadcast_to(images[0], (*images.shape[1:3], 3)))


def check_point(page, pair, of, canvas):
    """The canvas shows G(z) of the point, and its verdict is D's."""
    z, verdict, klass = page.point(of)
    if klass is not None:
        pair = pair.given(at.constant(np.eye(pair.generator.n_classes, dtype="float32")[[klass]]))
    assert np.abs(page.pixels(canvas) - expected_pixels(pair, z)).max() <= 1
    assert verdict == pytest.approx(verdicts_of(pair, samples_at(pair, z[None]))[0], abs=1e-4)
    return z


def downloaded(page, button, path):
    """Clicks a button that saves the file `path`, and waits for it."""
    page.js("byId(arguments[0]).click()", button)
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return path


def move_pad(page, x, y):
    pad = page.find("#pad")
    size = pad.size
    page.js("arguments[0].scrollIntoView({ block: 'center' })", pad)
    actions = webdriver.ActionChains(page.driver).move_to_element(pad).click_and_hold()
    actions.move_by_offset(int(x * size["width"] / 2), int(-y * size["height"] / 2)).release()
    actions.perform()
    page.settle()


@pytest.mark.parametrize("make, width", [(make_pair, 1280), (make_pair, 390), (colour_pair, 1280)])
def test_play(open_page, tmp_path, make, width):
    pair = make()
    page = open_page(pair, width=width)
    # Nothing is wider than the screen.
    assert page.js("return document.documentElement.scrollWidth") == width
    start = check_point(page, pair, "page.explore.point", "#sample")
    # The pad, by pointer and by keys.
    move_pad(page, 0.5, -0.25)
    moved = check_point(page, pair, "page.explore.point", "#sample")
    assert page.js("return page.explore.x") == pytest.approx(
        0.5 * page.js("return page.explore.reach"), rel=0.02
    )
    assert np.abs(moved - start).max() > 0.05
    page.find("#pad").send_keys("\ue012")  # left
    assert not np.array_equal(check_point(page, pair, "page.explore.point", "#sample"), moved)
    assert "real" in page.find("#pad").get_attribute("aria-valuetext")
    page.find("#pad").send_keys("\ue011")  # home
    np.testing.assert_allclose(page.point("page.explore.point")[0], start, atol=1e-6)
    # A slider sets one coordinate.
    page.js(
        "const s = document.querySelector('#sliders input'); s.value = 1.25;"
        "s.dispatchEvent(new Event('input'));"
    )
    z = check_point(page, pair, "page.explore.point", "#sample")
    np.testing.assert_allclose(z, [1.25, *start[1:]], atol=1e-6)
    # Other directions.
    for kind in ("random", "coordinates"):
        page.js(
            "const s = byId('directions'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('change'));",
            kind,
        )
        page.wait_for_plane()
        move_pad(page, -0.3, 0.4)
        z = check_point(page, pair, "page.explore.point", "#sample")
    reach = page.js("return page.explore.reach")
    np.testing.assert_allclose(z[:2], [-0.3 * reach, 0.4 * reach], atol=0.02 * reach)
    # The walk, by its slider and as an animation.
    ends = [page.point(f"page.walk.ends.{end}")[0] for end in ("from", "to")]
    for t in (0, 0.25, 1):
        page.js("byId('t').value = arguments[0]; byId('t').dispatchEvent(new Event('input'))", t)
        z = check_point(page, pair, "page.walk.point", "#walked")
        np.testing.assert_allclose(z, (1 - t) * ends[0] + t * ends[1], atol=1e-6)
    page.js("byId('play').click()")
    page.wait("Number(byId('t').value) < 0.9")
    page.js("byId('play').click()")
    check_point(page, pair, "page.walk.point", "#walked")
    # Keep three, give one up, and walk from one that is kept.
    page.js(
        "const all = document.querySelectorAll('#grid button');"
        "for (const i of [2, 5, 7]) all[i].click()"
    )
    check_point(page, pair, "page.shelf.kept[1]", "#kept .kept:nth-child(2) canvas")
    kept = [page.point(f"page.shelf.kept[{i}]")[0].tolist() for i in range(3)]
    page.js("document.querySelector('#kept .remove').click()")
    assert page.js("return page.shelf.kept.map(({ z }) => Array.from(z))") == kept[1:]
    assert page.js("return document.querySelectorAll('#grid [aria-pressed=true]').length") == 2
    assert page.find("#shelf").is_displayed()
    kept = [page.point(f"page.shelf.kept[{i}]")[0] for i in (0, 1)]
    page.js("const s = byId('from-choice'); s.value = '1'; s.dispatchEvent(new Event('change'))")
    np.testing.assert_array_equal(page.point("page.walk.ends.from")[0], kept[1])
    page.js("document.querySelector('#kept .thumb').click()")
    np.testing.assert_array_equal(check_point(page, pair, "page.explore.point", "#sample"), kept[0])
    # The three files.
    saved = json.loads(downloaded(page, "save-json", tmp_path / "small_kept.json").read_text())
    np.testing.assert_array_equal([one["z"] for one in saved], kept)
    judged = verdicts_of(pair, samples_at(pair, np.array(kept)))
    np.testing.assert_allclose([one["probability_real"] for one in saved], judged, atol=1e-4)
    points = np.load(downloaded(page, "save-npy", tmp_path / "small_z.npy"))
    assert points.dtype == "float32"
    np.testing.assert_array_equal(points, kept)
    # show_samples draws the same samples at these points.
    serial.save(tmp_path / "model.pkl", pair)
    argv = [
        tmp_path / "model.pkl",
        "--z",
        tmp_path / "small_z.npy",
        "--out",
        tmp_path / "again.npy",
    ]
    show_samples.main([str(arg) for arg in argv])
    shown = page.js("return page.shelf.kept.map(({ sample }) => Array.from(sample))")
    np.testing.assert_allclose(np.load(tmp_path / "again.npy"), shown, atol=1e-4)
    picture = Image.open(downloaded(page, "save-png", tmp_path / "small_kept.png"))
    scale = (picture.size[1]) // (expected_pixels(pair, points[0]).shape[0] + 2)
    small = np.asarray(picture.convert("RGB"))[::scale, ::scale]
    wanted = expected_pixels(pair, points[1])
    rows, columns, _ = wanted.shape
    assert np.abs(small[1 : 1 + rows, 2 + columns : 2 + 2 * columns] - wanted).max() <= 1


def test_a_conditional_model_has_a_choice_of_classes(open_page, tmp_path):
    pair = conditional_pair()
    page = open_page(pair)
    z, _, klass = page.point("page.explore.point")
    check_point(page, pair, "page.explore.point", "#sample")
    before = page.js("return page.gallery.points")
    page.js("byId('class').value = '2'; byId('class').dispatchEvent(new Event('change'))")
    page.wait("page.gallery.points[0].klass === 2 && byId('grid').firstChild.point.klass === 2")
    np.testing.assert_array_equal(check_point(page, pair, "page.explore.point", "#sample"), z)
    assert (klass, page.point("page.explore.point")[2], len(before)) == (0, 2, 24)
    check_point(page, pair, "page.gallery.points[3]", "#grid button:nth-child(4) canvas")
    check_point(page, pair, "page.walk.point", "#walked")


def test_new_samples_differ_and_can_be_sorted(open_page):
    page = open_page(make_pair())
    verdicts = (
        "return Array.from(document.querySelectorAll('#grid button'), (b) => b.point.verdict)"
    )
    before = page.js(verdicts)
    page.js("byId('sort').click()")
    assert page.js(verdicts) == sorted(before, reverse=True) != before
    page.js("byId('redraw').click()")
    page.wait(f"(() => {{ {verdicts} }})()[0] !== {max(before)!r}")
    assert not set(page.js(verdicts)) & set(before)


@pytest.mark.parametrize("dim", [1, 2, 9, 70])
def test_samples_that_are_no_images_are_plotted(open_page, dim):
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=dim)
    G = [Tanh(dim=9, layer_name="h", irange=1.0), Linear(dim=dim, layer_name="y", irange=1.0)]
    pair = make_pair(G, D, nvis=2, noise="gaussian")
    page = open_page(pair)
    first = page.pixels("#sample")
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 2
    move_pad(page, 0.6, 0.6)
    assert (page.pixels("#sample") != first).any()


def test_a_model_with_one_coordinate_and_no_discriminator(open_page):
    pair = make_pair(nvis=1)
    page = open_page(pair.generator)
    move_pad(page, 0.5, 0.5)
    z, verdict, _ = page.point("page.explore.point")
    assert verdict is None and z[0] == pytest.approx(0.5 * 3**0.5, rel=0.02)
    assert not page.find("#verdict").is_displayed()
    assert np.abs(page.pixels("#sample") - expected_pixels(pair.generator, z)).max() <= 1


def test_hostile_names_run_nothing(open_page):
    hostile = "</script><img src=x onerror=\"document.title='run'\"><script>window.bad=1</script>"
    pair = make_pair([Sigmoid(dim=64, layer_name=hostile, irange=1.0)])
    page = open_page(pair, title=hostile)
    assert page.driver.title == hostile and page.find("h1").text == hostile
    assert page.js("return [window.bad, document.images.length]") == [None, 0]


def test_what_slips_into_the_html_does_not_run(chromium, tmp_path):
    # The second wall: even with an escape forgotten, the policy stops the script.
    path = tmp_path / "page.html"
    write_page(make_pair(), str(path), "small")
    text = path.read_text(encoding="utf-8")
    slipped = "<script>window.bad=1</script><img src=x onerror='window.bad=2'>"
    path.write_text(text.replace("<h1>", f"{slipped}<h1>"), encoding="utf-8")
    page = Opened(chromium, path, 1280)
    assert page.js("return window.bad") is None
    blocked = page.driver.execute_async_script(
        "const done = arguments[0];"
        "fetch('http://127.0.0.1:9/').then(() => done('sent'), () => done('blocked'));"
    )
    assert blocked == "blocked"
    assert "Content Security Policy" in "".join(e["message"] for e in chromium.get_log("browser"))
    chromium.get_log("performance")
