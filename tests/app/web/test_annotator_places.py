"""Where the annotator shows points, against pixels that are found in screenshots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import BRIGHT, DIM, SIZE, Annotator, centre_of, kept, label_images, stored, write_images
from conftest import OpenPage, Serve
from PIL import Image

from monai_ext.landmarks import SAME_PLACEMENT, Frame, Landmarks, frame_field, moved_by
from monai_ext.landmarks.measurements import measure
from monai_ext.landmarks.protocol_file import read_protocol, shipped_dir

sys.path.append(str(Path(__file__).resolve().parents[3] / "slicer_module" / "LandmarkDetection"))
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.measurements import swapped_pairs
from LandmarkDetectionLib.work.point_state import PointState

pytestmark = pytest.mark.server

#: A JPEG that a camera turned by a quarter: its stored pixels are wider than high, a viewer shows it upright.
TURNED = (208, 144)
TURNED_SPOT = (160, 40)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "studies"
    folder.mkdir()
    write_images(folder)
    label_images(folder)
    pixels = np.full(TURNED[::-1], 40, np.uint8)
    x, y = TURNED_SPOT
    pixels[y : y + 8, x : x + 8] = 250
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(folder / "turned.jpg", exif=exif, quality=100)
    return folder


@pytest.fixture(scope="module")
def server(serve: Serve, studies: Path, protocol_dir: Path) -> Any:
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir))


@pytest.fixture
def annotate(open_page: OpenPage, server: Any) -> Any:
    def start(image: str, ratio: int = 1) -> Annotator:
        options = kept(server, names="off", detectOnOpen=False, prepareNext=False, nextAfterSubmit=False)
        page = open_page(f"{server.url}/#/annotate?image={image}", storage_state=options, device_scale_factor=ratio)
        annotator = Annotator(page)
        annotator.wait_for_image(image)
        return annotator

    return start


@pytest.mark.parametrize("ratio", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_points_lie_on_their_pixels(annotate: Any, ratio: int) -> None:
    annotator = annotate("plain", ratio)
    for name, point in BRIGHT.items():
        annotator.open(Path(name).stem)
        for zoom in (1, 3, 8):
            annotator.zoom(zoom)
            shown = annotator.picture(marks=False)
            spot = np.array(centre_of(shown, 160)) / ratio
            left, top = annotator.stage_corner()
            mark = np.array(annotator.mark("bright")) - (left, top)
            where = f"{name} at zoom {zoom}, {ratio} device pixels per CSS px"
            assert np.abs(mark - spot).max() < 0.25, where
            # The mark itself is drawn there, and leaves the pixel free.
            drawn = np.abs(annotator.picture() - shown) > 30
            rows, columns = np.nonzero(drawn)
            apart = np.maximum(abs(columns + 0.5 - spot[0] * ratio), abs(rows + 0.5 - spot[1] * ratio))
            near = apart < 20 * ratio
            middle = [(line[near].min() + line[near].max() + 1) / 2 / ratio for line in (columns, rows)]
            assert np.abs(np.array(middle) - spot).max() <= 0.5, where
            half = max(int(zoom * ratio / 2), 1)
            x, y = (spot * ratio).astype(int)
            assert not drawn[y - half : y + half, x - half : x + half].any(), where
            # Between pixels the place is as exact.
            apart = np.array(annotator.mark("dim")) - (left, top) - mark
            assert np.abs(apart - (np.array(DIM) - point) * zoom).max() < 0.01, where


def test_a_pixels_centre_lies_half_a_pixel_from_the_images_edge(annotate: Any) -> None:
    annotator = annotate("plain")
    annotator.press("f", "1")
    annotator.wait_until_drawn()
    shown = annotator.picture(marks=False)
    lit = np.nonzero((shown > 35).any(axis=0))[0], np.nonzero((shown > 35).any(axis=1))[0]
    edges = [(axis.min(), axis.max() + 1) for axis in lit]
    assert [end - begin for begin, end in edges] == list(SIZE)
    left, top = annotator.stage_corner()
    x, y = annotator.mark("dim")
    place = (x - left - edges[0][0], y - top - edges[1][0])
    np.testing.assert_allclose(place, np.array(DIM) + 0.5, atol=0.01)


@pytest.mark.slow
def test_the_zoom_that_is_told_follows_the_window(annotate: Any) -> None:
    page = annotate("plain").page
    shown = page.locator(".tools .zoom")
    before = shown.inner_text()
    page.set_viewport_size({"width": 1000, "height": 500})
    page.wait_for_function("before => !document.querySelector('.readout').textContent.includes(before)", arg=before)
    assert page.locator(".readout").inner_text().endswith(shown.inner_text())


@pytest.mark.slow
def test_a_turned_photograph_is_shown_as_it_is_stored(annotate: Any) -> None:
    annotator = annotate("turned")
    annotator.press("1")
    annotator.wait_until_drawn()
    shown = annotator.picture(marks=False)
    lit = np.nonzero((shown > 30).any(axis=0))[0], np.nonzero((shown > 30).any(axis=1))[0]
    assert tuple(axis.max() + 1 - axis.min() for axis in lit) == TURNED
    corner = [axis.min() for axis in lit]
    np.testing.assert_allclose(np.array(centre_of(shown, 160)) - corner, np.array(TURNED_SPOT) + 4, atol=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", BRIGHT)
def test_a_drag_moves_the_stored_point_as_far(annotate: Any, studies: Path, name: str) -> None:
    image = Path(name).stem
    before = stored(studies, image).points
    annotator = annotate(image)
    annotator.zoom(3)
    annotator.drag(annotator.mark("bright"), (31, -17))
    assert annotator.status("bright") == "placed"
    annotator.press("Shift+S")
    annotator.wait_for_state("final")
    after = stored(studies, image).points
    np.testing.assert_allclose(after - before, [[31 / 3, -17 / 3], [0, 0]], atol=0.05)


def test_arrow_keys_move_by_a_pixel_and_a_tenth_and_undo_brings_back(annotate: Any, studies: Path) -> None:
    before = stored(studies, "deep").points
    annotator = annotate("deep")
    annotator.press("n", "ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp", "ArrowUp", "z")
    annotator.press("Shift+S")
    annotator.wait_for_state("final")
    np.testing.assert_allclose(stored(studies, "deep").points - before, [[0, 0], [1.9, 0.9]], atol=1e-6)


@pytest.mark.slow
def test_the_middle_of_a_wheel_turn_stays_where_it_is(annotate: Any) -> None:
    annotator = annotate("plain")
    before = annotator.mark("bright")
    annotator.page.mouse.move(*before)
    annotator.page.mouse.wheel(0, -400)
    annotator.page.wait_for_function("Number(document.querySelector('.tools .zoom').textContent.split(' ')[0]) > 400")
    annotator.wait_until_drawn()
    np.testing.assert_allclose(annotator.mark("bright"), before, atol=0.75)


@pytest.mark.slow
def test_a_chosen_window_is_drawn_by_the_server(annotate: Any) -> None:
    annotator = annotate("deep")
    annotator.page.get_by_text("Brightness").click()
    width = annotator.page.locator("#window-width")
    annotator.page.wait_for_function("() => !document.getElementById('window-width').disabled")
    before = width.input_value()
    annotator.page.locator("#window-level").fill("9000")
    width.fill("9000")
    annotator.wait_until_drawn()
    annotator.page.wait_for_timeout(300)
    annotator.wait_until_drawn()
    shown = annotator.picture(marks=False)
    middle = shown[shown.shape[0] // 2, shown.shape[1] // 2]
    assert abs(middle - 127.5) <= 1.5  # the background lies in the middle of the window
    annotator.page.keyboard.press("w")  # the slider has the focus still
    annotator.page.wait_for_timeout(300)
    annotator.wait_until_drawn()
    again = annotator.picture(marks=False)
    assert again[shown.shape[0] // 2, shown.shape[1] // 2] < 60
    assert width.input_value() == before


@pytest.mark.slow
def test_measurements_and_swapped_pairs_are_those_of_the_server(annotate: Any) -> None:
    """The page's own figures of points on a tilted image, against those of the library and of the Slicer module."""
    protocol = read_protocol(shipped_dir("protocols") / "face.yaml")
    document = protocol.model_dump(mode="json", exclude={"network", "recipe"})
    task = TaskDefinition.from_dict(document)
    rng = np.random.default_rng(3)
    placement = np.array([[0.3, 0.02, 5.0], [0.01, -0.7, -8.0], [0.1, 0.2, 3.0]])
    frame = Frame(300, 400, placement, (0.31, 0.73), "test")
    geometry = Geometry.from_dict(
        {
            "origin": placement[:, 2].tolist(),
            "x_step": placement[:, 0].tolist(),
            "y_step": placement[:, 1].tolist(),
            "spacing": [0.31, 0.73],
            "unit": "mm",
            "size": [300, 400],
        }
    )
    cases, measured, swapped = [], [], []
    for _ in range(40):
        points = rng.uniform((0, 0), (299, 399), (len(task.names), 2))
        predicted = points + rng.normal(0, 90, points.shape)
        landmarks = Landmarks(task.names, points, frame)
        states = [
            PointState(name, "corrected", tuple(at), "defined", geometry.to_lps(*before), touched=True)
            for name, at, before in zip(task.names, landmarks.lps.tolist(), predicted, strict=True)
        ]
        cases.append([state.to_dict() for state in states])
        measured.append([entry["value"] for entry in measure(protocol, landmarks)])
        swapped.append([[pair.first, pair.second] for pair in swapped_pairs(task, states, geometry)])
    # moved along the image, out of its plane, and scaled along its longer step: just below and above a hundredth pixel
    steps = placement[:, :2] / np.linalg.norm(placement[:, :2], axis=0)
    length = 0.01 * np.linalg.norm(placement[:, :2], axis=0).min()
    shifts = [np.cross(*steps.T) / np.linalg.norm(np.cross(*steps.T)), steps[:, 0], steps[:, 1]]
    moved = [placement + np.outer(part * length * shift, (0, 0, 1)) for shift in shifts for part in (0.99, 1.01)]
    moved += [placement + np.outer(part * length * steps[:, 1], (0, 1 / 399, 0)) for part in (0.99, 1.01)]
    stated = [frame_field(Frame(300, 400, other)) for other in moved]
    found, agree = annotate("plain").page.evaluate(
        """async ([document, frame, cases, stated]) => {
            const [{ Task }, { Frame }, { measure }, { swappedPairs }] = await Promise.all(
                ["task", "frame", "measure", "pair_check"].map((name) => import(`/web/js/annotator/${name}.js`)));
            const [task, where] = [new Task(document), new Frame(frame)];
            const told = cases.map((points) =>
                [measure(task, points, where).map(({ value }) => value), swappedPairs(task, points, where)]);
            return [told, stated.map((other) => where.agreesWith(other))];
        }""",
        [document, geometry.to_dict(), cases, stated],
    )
    modules = [Geometry.from_dict({**other, "spacing": [1, 1], "unit": "px"}).moved_by(geometry) for other in stated]
    assert agree == [apart <= SAME_PLACEMENT for apart in modules]
    assert agree == [moved_by(Frame(300, 400, other), frame) <= SAME_PLACEMENT for other in moved] == [True, False] * 4
    np.testing.assert_allclose([values for values, _ in found], measured, rtol=1e-9)
    assert [pairs for _, pairs in found] == swapped
    assert 0 < sum(map(bool, swapped)) < len(swapped)


@pytest.mark.slow
def test_a_line_of_known_length_gives_millimetres_and_is_taken_back(annotate: Any, server: Any, studies: Path) -> None:
    address = f"{server.url}/datastore/image/calibration"
    if requests.get(address, params={"image": "turned"}, timeout=30).status_code == 404:
        pytest.skip("this server does not store pixel sizes")
    annotator = annotate("plain")
    page, dialog = annotator.page, annotator.page.get_by_role("dialog")
    gap = np.linalg.norm(np.subtract(*stored(studies, "plain").points))
    shown = page.locator(".measurements dd")
    page.get_by_role("button", name="Calibrate").wait_for()
    annotator.press("1", "k")
    dialog.get_by_role("button", name="Draw a line").click()
    left, top = annotator.stage_corner()
    annotator.drag((left + 400, top + 300), (100, 0))
    dialog.get_by_text("The line is 100.0 px long.").wait_for()
    dialog.get_by_label("Object along the line").select_option("sticker")
    page.keyboard.press("Enter")
    page.get_by_text("Lengths are now in millimetres").wait_for()
    assert shown.inner_text() == f"{gap * 0.19:.1f} mm"
    stated = requests.get(address, params={"image": "plain"}, timeout=30).json()
    assert stated["spacing"] == pytest.approx([0.19, 0.19], abs=1e-6)
    assert {key: stated["stated"][key] for key in ("how", "length_mm", "annotator")} == {
        "how": "sticker",
        "length_mm": 19,
        "annotator": "Ada",
    }
    annotator.press("k")
    dialog.get_by_role("button", name="Undo the last one").click()
    page.get_by_text("The pixel size is unknown again").wait_for()
    assert shown.inner_text() == f"{gap:.1f} px"
