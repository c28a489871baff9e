"""TIFF files of every kind that people have, each with the pixels that are in it."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

Y, X = np.mgrid[:32, :48]
GREY = ((3 * X + 2 * Y) % 200 + 20).astype(np.uint8)
DEEP = (GREY.astype(np.uint16) * 200) + 7
RGB = np.dstack([GREY, GREY // 2, 255 - GREY])
DEEP_RGB = np.dstack([DEEP, DEEP // 3, 65535 - DEEP])
FLOAT = GREY * 0.5 - 30
MASK = GREY > 120
PALETTE = np.stack([np.arange(16) * 17, np.arange(16)[::-1] * 10, np.arange(16) * 3 + 1]).astype(np.uint16)


@dataclass(frozen=True)
class TiffCase:
    """A file and what is right.

    Args:
        write: writes it.
        pixels: (H, W) or (H, W, 3) as stored; None where the file has to be refused.
        refusal: what the sentence names.
        tolerance: of a lossy compression.
    """

    write: Callable[[Path], Any]
    pixels: np.ndarray | None = None
    refusal: str = ""
    tolerance: float = 0.0


def written(pixels: np.ndarray, **options: Any) -> Callable[[Path], Any]:
    """Written by tifffile."""
    return lambda path: tifffile.imwrite(path, pixels, metadata=None, **options)


def by_pillow(image: Image.Image, **options: Any) -> Callable[[Path], Any]:
    return lambda path: image.save(path, **options)


def by_hand(tags: dict[int, tuple[int, int, int]], data: bytes, order: str = "<") -> Callable[[Path], Any]:
    """A one-strip file of the given tags (type, count, value); the strip follows the directory."""
    entries = {256: (4, 1, 48), 257: (4, 1, 32), 259: (3, 1, 1), 277: (3, 1, 1), 278: (4, 1, 32), **tags}
    start = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries |= {273: (4, 1, start), 279: (4, 1, len(data))}

    def write(path: Path) -> None:
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
        for tag, (kind, count, value) in sorted(entries.items()):
            packed = struct.pack(order + ("I" if kind == 4 else "HH"), *([value] if kind == 4 else [value, 0]))
            head += struct.pack(order + "HHI", tag, kind, count) + packed
        path.write_bytes(head + bytes(4) + data)

    return write


def packed(values: np.ndarray, bits: int) -> bytes:
    """Unsigned numbers of a few bits, each row padded to whole bytes."""
    planes = (values[..., None].astype(np.uint32) >> np.arange(bits)[::-1]) & 1
    return np.packbits(planes.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def small(bits: int, color: int, values: np.ndarray) -> Callable[[Path], Any]:
    return by_hand({258: (3, 1, bits), 262: (3, 1, color)}, packed(values, bits))


def pages(*parts: tuple[np.ndarray, int]) -> Callable[[Path], Any]:
    """Several pages, each with its NewSubfileType."""

    def write(path: Path) -> None:
        with tifffile.TiffWriter(path) as file:
            for pixels, kind in parts:
                file.write(pixels, subfiletype=kind, metadata=None)

    return write


def oriented(pixels: np.ndarray, orientation: int, **options: Any) -> Callable[[Path], Any]:
    return written(pixels, extratags=[(274, "H", 1, orientation, False)], **options)


def _cases() -> dict[str, TiffCase]:
    cases = {
        "grey 8 bit": TiffCase(written(GREY), GREY),
        "grey 16 bit": TiffCase(written(DEEP), DEEP),
        "grey 16 bit big endian": TiffCase(written(DEEP, byteorder=">"), DEEP),
        "BigTIFF": TiffCase(written(DEEP, bigtiff=True), DEEP),
        "int8": TiffCase(written(GREY.astype(np.int16).__sub__(120).astype(np.int8)), GREY.astype(np.int16) - 120),
        "int16": TiffCase(written(DEEP.astype(np.int32).__sub__(20000).astype(np.int16)), DEEP.astype(int) - 20000),
        "int32": TiffCase(written(GREY.astype(np.int32) * -1000), GREY.astype(np.int32) * -1000),
        "uint32": TiffCase(written(GREY.astype(np.uint32) * 1000), GREY * 1000.0),
        "float16": TiffCase(written(FLOAT.astype(np.float16)), FLOAT),
        "float32": TiffCase(written(FLOAT.astype(np.float32)), FLOAT),
        "float64": TiffCase(written(FLOAT), FLOAT),
        "complex64": TiffCase(written(FLOAT.astype(np.complex64)), refusal="complex numbers"),
        "grey + alpha": TiffCase(written(np.dstack([GREY, GREY[::-1]]), extrasamples=["unassalpha"]), GREY),
        "grey + alpha 16 bit": TiffCase(written(np.dstack([DEEP, DEEP[::-1]]), extrasamples=["assocalpha"]), DEEP),
        "grey + alpha planar": TiffCase(
            written(np.stack([GREY, GREY[::-1]]), planarconfig="separate", photometric="minisblack",
                    extrasamples=["unassalpha"]), GREY),
        "grey + unspecified": TiffCase(
            written(np.dstack([GREY, GREY[::-1]]), photometric="minisblack", planarconfig="contig",
                    extrasamples=["unspecified"]), GREY),
        "grey of 5 samples": TiffCase(
            written(np.dstack([GREY] * 5), photometric="minisblack", planarconfig="contig"), refusal="SamplesPerPixel"),
        "RGB": TiffCase(written(RGB, photometric="rgb"), RGB),
        "RGB planar": TiffCase(written(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"), RGB),
        "RGB 16 bit": TiffCase(written(DEEP_RGB, photometric="rgb"), DEEP_RGB),
        "RGB 16 bit planar": TiffCase(
            written(DEEP_RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"), DEEP_RGB),
        "RGB float32": TiffCase(written(RGB.astype(np.float32) / 2, photometric="rgb"), RGB / 2),
        "RGBA": TiffCase(written(np.dstack([RGB, GREY]), photometric="rgb", extrasamples=["unassalpha"]), RGB),
        "RGBA 16 bit": TiffCase(
            written(np.dstack([DEEP_RGB, DEEP]), photometric="rgb", extrasamples=["unassalpha"]), DEEP_RGB),
        "RGB + 2 samples": TiffCase(
            written(np.dstack([RGB, GREY, GREY]), photometric="rgb", extrasamples=["unassalpha", "unspecified"]), RGB),
        "MinIsWhite 1 bit": TiffCase(small(1, 0, MASK), ~MASK * 255),
        "MinIsWhite 4 bit": TiffCase(small(4, 0, GREY >> 4), (15 - (GREY >> 4)) * 17),
        "MinIsWhite 8 bit": TiffCase(written(255 - GREY, photometric="miniswhite"), GREY),
        "MinIsWhite 12 bit": TiffCase(small(12, 0, 4095 - (DEEP >> 4)), DEEP >> 4),
        "MinIsWhite 16 bit": TiffCase(written(65535 - DEEP, photometric="miniswhite"), DEEP),
        "MinIsWhite 16 bit LZW": TiffCase(written(65535 - DEEP, photometric="miniswhite", compression="lzw"), DEEP),
        "MinIsWhite int16": TiffCase(
            written((DEEP.astype(int) - 30000).astype(np.int16), photometric="miniswhite"),
            -1 - (DEEP.astype(int) - 30000)),
        "MinIsWhite float32": TiffCase(written(FLOAT.astype(np.float32), photometric="miniswhite"),
                                       refusal="MINISWHITE"),
        "MinIsBlack 1 bit": TiffCase(small(1, 1, MASK), MASK * 255),
        "MinIsBlack 2 bit": TiffCase(small(2, 1, GREY >> 6), (GREY >> 6) * 85),
        "MinIsBlack 4 bit": TiffCase(small(4, 1, GREY >> 4), (GREY >> 4) * 17),
        "10 bit": TiffCase(small(10, 1, DEEP >> 6), DEEP >> 6),
        "12 bit": TiffCase(small(12, 1, DEEP >> 4), DEEP >> 4),
        "14 bit": TiffCase(small(14, 1, DEEP >> 2), DEEP >> 2),
        "palette 8 bit of 16-bit colours": TiffCase(
            written(GREY >> 4, photometric="palette", colormap=np.repeat(PALETTE * 259, 16, axis=1)),
            np.repeat(PALETTE * 259, 16, axis=1).T[GREY >> 4]),
        "palette 8 bit of 8-bit colours": TiffCase(
            written(GREY >> 4, photometric="palette", colormap=np.repeat(PALETTE * 257, 16, axis=1)),
            np.repeat(PALETTE, 16, axis=1).T[GREY >> 4]),
        "palette by Pillow": TiffCase(
            by_pillow(Image.fromarray(RGB).quantize(16)), np.asarray(Image.fromarray(RGB).quantize(16).convert("RGB"))),
        "palette LZW tiled": TiffCase(
            written(GREY >> 4, photometric="palette", colormap=np.repeat(PALETTE * 256, 16, axis=1),
                    compression="lzw", tile=(16, 16)), np.repeat(PALETTE, 16, axis=1).T[GREY >> 4]),
        "CMYK": TiffCase(by_pillow(Image.fromarray(RGB).convert("CMYK")), RGB),
        "CMYK 16 bit": TiffCase(written(np.dstack([DEEP] * 4), photometric="separated"), refusal="SEPARATED"),
        "YCbCr": TiffCase(by_pillow(Image.fromarray(RGB).convert("YCbCr")), RGB, tolerance=4),
        "CFA": TiffCase(written(GREY, photometric="cfa", extratags=[
            (33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]), refusal="CFA"),
        "LogLuv": TiffCase(by_hand({258: (3, 1, 16), 262: (3, 1, 32844)}, DEEP.tobytes()), refusal="LOGL"),
        "group 3": TiffCase(by_pillow(Image.fromarray(MASK), compression="group3"), MASK * 255),
        "group 4": TiffCase(by_pillow(Image.fromarray(MASK), compression="group4"), MASK * 255),
        "modified Huffman": TiffCase(by_pillow(Image.fromarray(MASK), compression="tiff_ccitt"), MASK * 255),
        "JPEG in TIFF": TiffCase(written(RGB, photometric="rgb", compression="jpeg", subsampling=(1, 1),
                                         compressionargs={"level": 100}), RGB, tolerance=4),
        "JPEG in TIFF, grey": TiffCase(written(GREY, compression="jpeg", compressionargs={"level": 100}),
                                       GREY, tolerance=3),
        "JPEG in TIFF by Pillow": TiffCase(by_pillow(Image.fromarray(RGB), compression="jpeg", quality=100),
                                           RGB, tolerance=8),
        "JPEG 2000": TiffCase(written(RGB, photometric="rgb", compression="jpeg2000"), RGB),
        "JPEG 2000 16 bit": TiffCase(written(DEEP, compression="jpeg2000"), DEEP),
        "JPEG XL": TiffCase(written(RGB, photometric="rgb", compression="jpegxl"), RGB),
        "WebP": TiffCase(written(RGB, photometric="rgb", compression="webp", compressionargs={"level": -1}), RGB),
        "LERC": TiffCase(written(FLOAT.astype(np.float32), compression="lerc"), FLOAT),
        "LERC 8 bit": TiffCase(written(GREY, compression="lerc"), GREY),
        "a compression that nobody knows": TiffCase(
            by_hand({258: (3, 1, 8), 259: (3, 1, 34661), 262: (3, 1, 1)}, GREY.tobytes()), refusal="compression JBIG"),
        "unequal bits": TiffCase(
            by_hand({258: (3, 3, 0), 262: (3, 1, 2), 277: (3, 1, 3)}, bytes(48 * 32 * 2)), refusal="5, 6, 5"),
        "reduced copy": TiffCase(pages((GREY, 0), (GREY[::2, ::2], 1)), GREY),
        "mask": TiffCase(pages((GREY, 0), (MASK, 4)), GREY),
        "reduced copy first": TiffCase(pages((GREY[::2, ::2], 1), (GREY, 0)), refusal="more than one slice"),
        "two pages": TiffCase(pages((GREY, 0), (GREY, 0)), refusal="48 x 32 x 2"),
        "pages of two sizes": TiffCase(pages((GREY, 0), (GREY[:9], 0)), refusal="48 x 32 x 2"),
        "ImageJ stack": TiffCase(lambda path: tifffile.imwrite(path, np.stack([GREY] * 3), imagej=True),
                                 refusal="48 x 32 x 3"),
        "OME": TiffCase(lambda path: tifffile.imwrite(path, DEEP, ome=True), DEEP),
    }  # fmt: skip
    for name in ("lzw", "deflate", "packbits", "zstd", "lzma"):
        cases[f"{name} grey"] = TiffCase(written(GREY, compression=name), GREY)
        cases[f"{name} RGB 16 bit tiled"] = TiffCase(
            written(DEEP_RGB, photometric="rgb", compression=name, tile=(16, 32)), DEEP_RGB
        )
    for name in ("lzw", "deflate", "zstd", "lzma"):
        cases[f"{name} predictor"] = TiffCase(
            written(DEEP_RGB, photometric="rgb", compression=name, predictor=True), DEEP_RGB
        )
        cases[f"{name} float predictor"] = TiffCase(
            written(FLOAT.astype(np.float32), compression=name, predictor=True), FLOAT
        )
    for orientation in range(1, 9):
        cases[f"orientation {orientation}"] = TiffCase(oriented(GREY, orientation), GREY)
        cases[f"orientation {orientation} 16 bit RGB"] = TiffCase(
            oriented(DEEP_RGB, orientation, photometric="rgb", compression="zstd"), DEEP_RGB
        )
        cases[f"orientation {orientation} CMYK"] = TiffCase(
            oriented(255 - np.dstack([RGB, np.full_like(GREY, 255)]), orientation, photometric="separated"), RGB
        )
    unequal = cases["unequal bits"]

    def patched(path: Path) -> None:
        """Three values do not fit a tag: they stand at the end of the file."""
        unequal.write(path)
        raw = bytearray(path.read_bytes())
        place = raw.index(struct.pack("<HHI", 258, 3, 3)) + 8
        raw[place : place + 4] = struct.pack("<I", len(raw))
        path.write_bytes(raw + struct.pack("<3H", 5, 6, 5))

    cases["unequal bits"] = TiffCase(patched, refusal=unequal.refusal)
    return cases


CASES = _cases()


def print_table(folder: Path) -> None:
    """Prints what each reader gives for each case: right, WRONG, or an error."""
    import SimpleITK as sitk  # noqa: N813

    from monai_ext.images import read_image

    sitk.ProcessObject.SetGlobalWarningDisplay(False)

    def ours(path: Path, colors: int) -> np.ndarray:
        image = read_image(path, "rgb" if colors == 3 else "grey")[0]
        return image.transpose(1, 2, 0) if colors == 3 else image[0]

    readers: dict[str, Callable[[Path, int], np.ndarray]] = {
        "tifffile": lambda path, _: tifffile.imread(path, key=0),
        "Pillow": lambda path, _: np.asarray(Image.open(path)),
        "SimpleITK": lambda path, _: sitk.GetArrayFromImage(sitk.ReadImage(str(path))),
        "ours": ours,
    }
    print(f"| {'kind':<34} | {' | '.join(f'{name:<9}' for name in readers)} |")
    print(f"|{'-' * 36}|{'|'.join('-' * 11 for _ in readers)}|")
    for name, case in CASES.items():
        path = folder / "case.tif"
        case.write(path)
        colors = 3 if case.pixels is not None and case.pixels.ndim == 3 else 1
        cells = [
            _judged(case, lambda path=path, read=read, colors=colors: read(path, colors)) for read in readers.values()
        ]
        print(f"| {name:<34} | {' | '.join(f'{cell:<9}' for cell in cells)} |")


def _judged(case: TiffCase, read: Callable[[], np.ndarray]) -> str:
    try:
        found = read()
    except Exception as error:
        return "refused" if type(error).__name__ == "InputError" else "error"
    if case.pixels is None:
        return "reads"
    truth = case.pixels.astype(np.float64)
    found = found[..., :3] if found.ndim > truth.ndim or found.shape[-1:] == (4,) else found
    if found.ndim == 3 and truth.ndim == 2:
        found = found[..., 0]
    same = found.shape == truth.shape and np.abs(found.astype(np.float64) - truth).max() <= case.tolerance
    return "right" if same else "WRONG"


if __name__ == "__main__":
    import tempfile

    print(f"tifffile {tifffile.__version__}, imagecodecs {imagecodecs.__version__}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as temporary:
        print_table(Path(temporary))
