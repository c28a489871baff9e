"""Images as pictures for a browser: every format in stored pixel order, windowed, reduced and in tiles."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
from app_requests import assert_refused, client_of
from fastapi.testclient import TestClient
from PIL import Image

from lib import pictures as rendering
from lib.pictures import ByteCache, PictureOptions, Pictures
from monai_ext.images import read_image

HEIGHT, WIDTH = 37, 53  # no multiples of any block


@pytest.fixture
def studies(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "my images"
    folder.mkdir()
    grey = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    color = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    deep = rng.integers(300, 40_000, (HEIGHT, WIDTH), dtype=np.uint16)
    Image.fromarray(grey).save(folder / "grey.png")
    Image.fromarray(np.dstack([color, grey])).save(folder / "alpha.png")
    Image.fromarray(color).save(folder / "color.png")
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(color).save(folder / "turned.jpg", quality=95, exif=turned)
    tifffile.imwrite(folder / "deep.tif", deep)
    volume = sitk.GetImageFromArray(deep)
    volume.SetSpacing((0.2, 0.5))
    sitk.WriteImage(volume, folder / "long.nrrd")
    slope = sitk.GetImageFromArray(rng.normal(0, 10, (HEIGHT, WIDTH)).astype(np.float32))
    sitk.WriteImage(slope, folder / "floats.nii.gz")
    ct = sitk.GetImageFromArray(rng.integers(-1000, 2000, (1, HEIGHT, WIDTH)).astype(np.int16))
    ct.SetSpacing((0.25, 0.5, 1.0))
    sitk.WriteImage(ct, folder / "slice.dcm")
    return folder


@pytest.fixture
def client(make_app: Callable[..., Any], studies: Path) -> TestClient:
    app = make_app(studies)
    return client_of(app)


def picture(client: TestClient, image: str, **options: Any) -> np.ndarray:
    response = client.get("/datastore/image/rendered", params={"image": image, **options})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(response.content)))


def values(studies: Path, file: str) -> np.ndarray:
    """(H, W) or (H, W, 3), as the rest of the product reads them."""
    color = file in ("color.png", "alpha.png", "turned.jpg")
    pixels = read_image(studies / file, "rgb" if color else "grey")[0]
    return pixels.transpose(1, 2, 0) if color else pixels[0]


def windowed(stored: np.ndarray, width: float, level: float) -> np.ndarray:
    """By the definition: black below the window, white above, rounded to the nearest grey."""
    share = (stored.astype(np.float64) - (level - width / 2)) / width
    return np.floor(255 * np.clip(share, 0, 1) + 0.5)


@pytest.mark.parametrize("file", ["grey.png", "color.png", "alpha.png", "turned.jpg"])
def test_an_image_of_8_bits_is_shown_as_stored(client: TestClient, studies: Path, file: str) -> None:
    assert np.array_equal(picture(client, file.split(".")[0]), values(studies, file))


@pytest.mark.parametrize("file", ["deep.tif", "long.nrrd", "floats.nii.gz", "slice.dcm"])
def test_other_values_are_shown_in_the_window_that_info_tells(client: TestClient, studies: Path, file: str) -> None:
    image, stored = file.split(".")[0], values(studies, file)
    info = client.get("/datastore/image/info", params={"image": image}).json()
    low, high = np.percentile(stored, (0.1, 99.9))
    width, level = info["window"]
    assert (width, level) == pytest.approx((high - low, (low + high) / 2), rel=1e-5)
    assert info["range"] == [pytest.approx(stored.min()), pytest.approx(stored.max())]
    shown = picture(client, image)
    assert shown.shape == (HEIGHT, WIDTH)
    assert np.abs(shown - windowed(stored, width, level)).max() <= 1  # 32-bit arithmetic
    assert np.mean(shown == windowed(stored, width, level)) > 0.99


def test_a_chosen_window_counts(client: TestClient, studies: Path) -> None:
    stored = values(studies, "deep.tif")
    assert np.array_equal(picture(client, "deep", window=2550, level=10_275), windowed(stored, 2550, 10_275))
    grey = values(studies, "grey.png")
    assert np.array_equal(picture(client, "grey", window=255, level=127.5), grey)
    assert np.array_equal(picture(client, "grey", window=51, level=125.5), windowed(grey, 51, 125.5))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("width", "level"), [(1e308, 1e308), (1e-308, 100.0), (1e-300, -1e308), (1e30, 0.0)])
def test_a_window_beyond_all_values_is_a_picture_too(client: TestClient, width: float, level: float) -> None:
    for image in ("deep", "floats", "color"):
        assert picture(client, image, window=width, level=level).shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize("file", ["grey.png", "color.png"])
@pytest.mark.parametrize("reduce", [2, 4, 8, 64])
def test_a_reduced_pixel_is_the_mean_of_its_block(client: TestClient, studies: Path, file: str, reduce: int) -> None:
    stored = values(studies, file).astype(np.float64)
    rows, columns = range(0, HEIGHT, reduce), range(0, WIDTH, reduce)
    means = np.array([[stored[y : y + reduce, x : x + reduce].mean((0, 1)) for x in columns] for y in rows])
    shown = picture(client, file.split(".")[0], reduce=reduce)
    assert shown.shape == means.shape
    assert np.abs(shown - means).max() <= 0.51


def test_deep_values_are_reduced_before_the_window_takes_their_depth(client: TestClient, studies: Path) -> None:
    stored = values(studies, "deep.tif").astype(np.float64)
    means = np.array([[stored[y : y + 2, x : x + 2].mean() for x in range(0, WIDTH, 2)] for y in range(0, HEIGHT, 2)])
    shown = picture(client, "deep", reduce=2, window=100, level=means[3, 4])
    assert shown[3, 4] in (127, 128)
    assert np.abs(shown - windowed(means, 100, means[3, 4])).max() <= 1


def test_tiles_together_are_the_image(client: TestClient, studies: Path, rng: np.random.Generator) -> None:
    large = rng.integers(0, 256, (1100, 1300), dtype=np.uint8)
    Image.fromarray(large).save(studies / "large.png")
    response = client.put(
        "/datastore/image",
        params={"image": "tiles"},
        files={"file": ("tiles.png", (studies / "large.png").read_bytes())},
    )
    assert response.status_code == 200, response.text
    rows = [np.hstack([picture(client, "tiles", tile=f"{x},{y}") for x in range(3)]) for y in range(3)]
    assert [row.shape[0] for row in rows] == [512, 512, 76]
    assert np.array_equal(np.vstack(rows), large)
    assert picture(client, "tiles", tile="1,1", reduce=2).shape == (38, 138)
    assert np.array_equal(
        picture(client, "tiles", tile="1,0", reduce=2), picture(client, "tiles", reduce=2)[:512, 512:]
    )
    refused = client.get("/datastore/image/rendered", params={"image": "tiles", "tile": "3,0"})
    assert_refused(refused, 422, "There is no tile 3,0: the image has 3 x 3 tiles at reduce=1")


def test_a_thumbnail_keeps_the_shape(client: TestClient, studies: Path) -> None:
    assert picture(client, "color", size=20).shape == (14, 20, 3)
    assert picture(client, "color", size=200).shape == (HEIGHT, WIDTH, 3)
    assert abs(picture(client, "grey", size=16).mean() - values(studies, "grey.png").mean()) < 2


def test_info_tells_size_values_and_pixel_size(client: TestClient) -> None:
    info = client.get("/datastore/image/info", params={"image": "slice"}).json()
    told = {"image": "slice", "width": WIDTH, "height": HEIGHT, "channels": 1, "dtype": "int16"}
    told |= {"spacing": [0.25, 0.5], "unit": "mm", "spacing_source": "DICOM PixelSpacing"}
    assert {name: info[name] for name in told} == told
    info = client.get("/datastore/image/info", params={"image": "color"}).json()
    assert (info["channels"], info["window"], info["unit"], info["spacing"]) == (3, None, "px", [1.0, 1.0])


def test_monochrome1_is_shown_with_bright_as_high_as_everywhere(client: TestClient, studies: Path) -> None:
    stored = sitk.GetImageFromArray(np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(1, HEIGHT, WIDTH))
    stored.SetMetaData("0028|0004", "MONOCHROME1")
    sitk.WriteImage(stored, studies / "negative.dcm")
    content = (studies / "negative.dcm").read_bytes()
    client.put("/datastore/image", params={"image": "inverted"}, files={"file": ("inverted.dcm", content)})
    seen = read_image(studies / "negative.dcm")[0][0]
    info = client.get("/datastore/image/info", params={"image": "inverted"}).json()
    assert info["range"] == [seen.min(), seen.max()]
    shown = picture(client, "inverted").astype(int)
    assert np.sign(shown[-1, -1] - shown[0, 0]) == np.sign(seen[-1, -1] - seen[0, 0])


@pytest.mark.parametrize(("value", "shown"), [(7.5, 128), (np.nan, 0)], ids=["constant", "not_a_number"])
def test_images_without_a_range_give_a_picture(client: TestClient, studies: Path, value: float, shown: int) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.full((HEIGHT, WIDTH), value, np.float32)), studies / "flat.nrrd")
    pictures = Pictures()
    found = np.asarray(Image.open(io.BytesIO(pictures.png(studies / "flat.nrrd", PictureOptions()))))
    assert found.shape == (HEIGHT, WIDTH)
    assert (found == shown).all()
    assert pictures.info(studies / "flat.nrrd")["window"] == [1.0, value if np.isfinite(value) else 0.0]


def test_values_that_are_no_numbers_are_black_among_others(studies: Path) -> None:
    pixels = np.linspace(0, 100, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    pixels[5, 9], pixels[6, 9], pixels[7, 9] = np.nan, np.inf, -np.inf
    tifffile.imwrite(studies / "holes.tif", pixels)
    found = np.asarray(Image.open(io.BytesIO(Pictures().png(studies / "holes.tif", PictureOptions()))))
    assert found[5:8, 9].tolist() == [0, 255, 0]
    assert Pictures().info(studies / "holes.tif")["range"] == [0.0, 100.0]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"image": "nobody"}, 404, "There is no image 'nobody'"),
        ({"image": "../deep"}, 404, "There is no image"),
        ({"image": "grey", "reduce": 3}, 422, "The option reduce must be a power of two up to 1024, not 3"),
        ({"image": "grey", "reduce": 0}, 422, "not 0"),
        ({"image": "grey", "reduce": 2048}, 422, "not 2048"),
        ({"image": "grey", "tile": "a,b"}, 422, "tile"),
        ({"image": "grey", "tile": "0"}, 422, "tile"),
        ({"image": "grey", "size": 0}, 422, "size"),
        ({"image": "grey", "size": 10, "reduce": 2}, 422, "leave out tile and reduce"),
        ({"image": "grey", "size": 10, "tile": "0,0"}, 422, "leave out tile and reduce"),
        ({"image": "grey", "window": 10}, 422, "State window and level together"),
        ({"image": "grey", "level": 10}, 422, "State window and level together"),
        ({"image": "grey", "window": 0, "level": 1}, 422, "A window of 0 at level 1 shows nothing"),
        ({"image": "grey", "window": "nan", "level": 1}, 422, "shows nothing"),
        ({"image": "grey", "window": 1, "level": "inf"}, 422, "shows nothing"),
    ],
)
def test_nonsense_is_refused(client: TestClient, options: dict[str, Any], status: int, words: str) -> None:
    assert_refused(client.get("/datastore/image/rendered", params=options), status, words)


def test_a_damaged_image_is_refused_by_its_name(client: TestClient, studies: Path) -> None:
    (studies / "grey.png").write_bytes((studies / "grey.png").read_bytes()[:300])
    for address in ("/datastore/image/rendered", "/datastore/image/info"):
        refused = client.get(address, params={"image": "grey"})
        assert refused.status_code == 400
        assert refused.json()["detail"].startswith("grey.png cannot be read as PNG: it is damaged, cut short")


def test_a_picture_that_a_browser_has_is_not_sent_again(client: TestClient, studies: Path) -> None:
    def ask(tag: str = "", **options: Any) -> Any:
        headers = {"If-None-Match": tag} if tag else {}
        return client.get("/datastore/image/rendered", params={"image": "grey", **options}, headers=headers)

    first = ask()
    assert first.headers["cache-control"] == "private, no-cache"  # kept, and asked for by its ETag
    again = ask(f'"other", W/{first.headers["etag"]}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert ask(first.headers["etag"], reduce=2).status_code == 200
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(studies / "new.png")
    os.replace(studies / "new.png", studies / "grey.png")
    replaced = ask(first.headers["etag"])
    assert replaced.status_code == 200
    assert np.asarray(Image.open(io.BytesIO(replaced.content))).max() == 0


def test_a_picture_of_too_many_pixels_is_asked_for_in_tiles(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "LARGEST_PICTURE", 1000)
    refused = client.get("/datastore/image/rendered", params={"image": "grey"})
    assert_refused(refused, 400, f"A picture of {WIDTH} x {HEIGHT} pixels is too large to send whole: request tiles")
    assert picture(client, "grey", tile="0,0").shape == (HEIGHT, WIDTH)
    assert picture(client, "grey", reduce=2).shape == (19, 27)


def test_an_image_is_decoded_once_for_all_who_ask(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, go_on = [], threading.Event()
    read = rendering.read_pixels

    def slow(path: Path) -> Any:
        decoded.append(path.name)
        go_on.wait(20)
        return read(path)

    monkeypatch.setattr(rendering, "read_pixels", slow)
    pictures, found = Pictures(), []
    threads = [
        threading.Thread(target=lambda k=k: found.append(pictures.png(studies / "color.png", PictureOptions(reduce=k))))
        for k in (1, 2, 4, 4)
    ]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4
    assert decoded == ["color.png"]
    pictures.info(studies / "color.png")
    assert decoded == ["color.png"]


def test_kept_results_stay_within_their_bytes() -> None:
    made: list[str] = []

    def make(name: str, size: int) -> bytes:
        made.append(name)
        return bytes(size)

    cache: ByteCache[bytes] = ByteCache(100, len)
    for name in "abc":
        cache.get(name, lambda name=name: make(name, 40))
    assert cache.bytes == 80  # a had to go
    cache.get("b", lambda: make("b", 40))
    cache.get("d", lambda: make("d", 40))  # c was asked for longer ago than b
    cache.get("b", lambda: make("b", 40))
    cache.get("c", lambda: make("c", 40))
    assert made == ["a", "b", "c", "d", "c"]
    cache.get("large", lambda: make("large", 500))
    assert cache.bytes == 500  # alone
    cache.get("small", lambda: make("small", 1))
    assert cache.bytes == 1


def test_a_failure_is_told_to_all_who_wait_and_tried_again() -> None:
    cache: ByteCache[bytes] = ByteCache(100, len)
    with pytest.raises(ValueError, match="once"):
        cache.get("a", lambda: (_ for _ in ()).throw(ValueError("once")))
    assert cache.get("a", lambda: b"good") == b"good"
