from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from monai_ext.images import read_image, read_pixels
from monai_ext.landmarks import InputError


def test_pixels_to_show_keep_their_type_and_colours_and_what_is_no_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (5, 7, 4), dtype=np.uint8)
    Image.fromarray(color).save(tmp_path / "alpha.png")
    Image.fromarray(color[..., :2], mode="LA").save(tmp_path / "grey_alpha.png")
    deep = rng.integers(0, 65536, (5, 7), dtype=np.uint16)
    sitk.WriteImage(sitk.GetImageFromArray(deep), tmp_path / "deep.nrrd")
    holes = rng.normal(size=(5, 7)).astype(np.float32)
    holes[2, 3] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(holes), tmp_path / "holes.nrrd")
    for name, wanted in {
        "alpha.png": color[..., :3],
        "grey_alpha.png": color[..., :1],
        "deep.nrrd": deep[..., None],
        "holes.nrrd": holes[..., None],
    }.items():
        found = read_pixels(tmp_path / name)
        assert found.dtype == wanted.dtype, name
        np.testing.assert_array_equal(found, wanted, err_msg=name)
    np.testing.assert_array_equal(read_pixels(tmp_path / "deep.nrrd")[..., 0], read_image(tmp_path / "deep.nrrd")[0][0])
    with pytest.raises(InputError, match="1 values that are not finite"):
        read_image(tmp_path / "holes.nrrd")


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_png_keeps_all_bits_whatever_number_it_calls_significant(tmp_path: Path, channels: int) -> None:
    deep = np.arange(2 * 3 * channels, dtype=np.uint16).reshape(2, 3, channels) * 2711 + 7
    kind = {3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (
            (b"IHDR", struct.pack(">IIBBBBB", 3, 2, 16, kind, 0, 0, 0)),
            (b"sBIT", bytes([12] * channels)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    np.testing.assert_array_equal(read_pixels(path), deep[..., :3])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks[:-30])
    with pytest.raises(
        InputError, match=r"^a\.png cannot be read as PNG: it is damaged, cut short or another format\.$"
    ):
        read_pixels(path)
