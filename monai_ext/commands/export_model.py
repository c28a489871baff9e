"""``monai-landmarks export-model``: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monai_ext import inferers, model_export
from monai_ext.landmarks import InputError, app_dir, check_writable
from monai_ext.studies import Studies

from .console import Meter, print_json, tell
from .options import JsonOption, ModelsOption, OverwriteOption, locate_model
from .predict import image_files

#: Sample images that an ONNX file is compared on, where none are named.
SAMPLES = 5


def run(
    model: Annotated[str, typer.Argument(help="A model folder (holds card.json), or the name of a protocol.")],
    form: Annotated[
        Literal["onnx", "bundle", "hf"],
        typer.Option("--format", help="ONNX file, MONAI bundle, or folder for Hugging Face."),
    ],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="File or folder. Default: PROTOCOL_VERSION with the format.")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option("--check", help="Image or folder that an ONNX file is compared on; repeatable. Default: samples."),
    ] = None,
    models: ModelsOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a model for other programs: from image to points in ONNX, a MONAI bundle, or a folder for Hugging Face.

    The ONNX file is written once onnxruntime has answered images within 0.01 px of the model itself.

    Example: `monai-landmarks export-model fundus --format onnx`
    """
    folder = locate_model(model, models)
    predictor = inferers.Predictor.load(folder)
    protocol = predictor.protocol
    out = out or Path(f"{protocol.name}_{predictor.version}{'.onnx' if form == 'onnx' else f'_{form}'}")
    document: dict[str, Any] = {"format": form, "protocol": protocol.name, "version": predictor.version}
    document["output"] = str(out)
    said = f"{protocol.name} {predictor.version}: written to {out}"
    if form == "onnx":
        if out.exists() and not overwrite:
            raise InputError(f"The file {out} exists: name another with --output, or use --overwrite.")
        files = list(image_files(images).values()) if images else sample_images(protocol.name)
        check_writable(out.parent)
        with Meter("Writing ONNX") as meter:
            meter.say(
                f"Writing {protocol.name} {predictor.version} as ONNX: minutes for a network of many layers, as HRNet."
            )
            compared = model_export.export_onnx(predictor, out, files)
        document |= {"images": compared.images, "largest_distance_px": compared.distance}
        said += f"; compared on {compared.images} images, at most {compared.distance:.2g} px apart"
    elif form == "bundle":
        model_export.export_bundle(folder, out, overwrite=overwrite)
    else:
        model_export.export_hugging_face(folder, out, overwrite=overwrite)
    if as_json:
        print_json(document)
    else:
        tell(said)


def sample_images(protocol: str) -> list[Path]:
    """The first sample images of a protocol in a copy of the repository.

    Raises:
        InputError: there are none.
    """
    folder = app_dir().parents[1] / "sample_data" / protocol
    files = list(Studies(folder).images().values())[:SAMPLES] if folder.is_dir() else []
    if not files:
        raise InputError(f"There are no sample images of {protocol} to compare the file on: name some with --check.")
    return files
