"""``monai-landmarks predict``: landmarks for image files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines, evaluation, inferers
from monai_ext.images import (
    IMAGE_EXTENSIONS,
    LABEL_EXTENSION,
    StatedSize,
    check_id_length,
    check_pixel_size,
    image_id_of,
    read_frame,
    read_image,
    same_name,
)
from monai_ext.landmarks import (
    InputError,
    Landmarks,
    ModelError,
    PointsTable,
    prediction_document,
    write_json_atomically,
    write_markups,
    write_points_table,
)
from monai_ext.studies import Studies, passed_over, why_no_image

from .console import Meter, print_json, say, tell
from .options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    ModelsOption,
    OverwriteOption,
    RuntimeOption,
    locate_model,
)

#: The tables of all images.
TABLE, ANSWERS = "landmarks.csv", "answers.json"


def run(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of images.")],
    model: ModelOption,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("predictions"),
    models: ModelsOption = None,
    mm_per_px: Annotated[
        str | None,
        typer.Option(
            help="Millimetres per pixel for images without a pixel size: one number, or two (x,y), e.g. 0.1,0.2."
        ),
    ] = None,
    overrule: Annotated[
        bool, typer.Option("--overrule", help="Apply --mm-per-px also to images that state a pixel size.")
    ] = False,
    device: DeviceOption = "auto",
    runtime: RuntimeOption = "torch",
    overlays: Annotated[bool, typer.Option(help="Draw each image with its landmarks.")] = True,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Detect landmarks in images: Slicer markups (ID.mrk.json), tables, and an overlay picture of each image.

    answers.json has the full result for each landmark. If the model is calibrated, this includes the radius of the
    circle that contains the true point with a stated probability; the picture shows it as a dashed circle. Lengths
    are in mm if the pixel size is known from the image, from calibration.json beside it, or from --mm-per-px.
    Images unlike those of the training are named, and those that cannot be read are left out and named: the exit code
    is 1 then.

    Example: `monai-landmarks predict sample_data/fundus --model fundus --output predictions`
    """
    files = image_files(images)
    sizes = stated_pixel_sizes(mm_per_px, files, overrule=overrule)
    folder = locate_model(model, models)
    _refuse_existing(out, files, overlays, overwrite)
    predictor = inferers.Predictor.load(folder, inferers.runtime_device(device, runtime), runtime)
    out.mkdir(parents=True, exist_ok=True)
    colors = [item.color for item in predictor.protocol.landmarks]
    found: dict[str, Landmarks] = {}
    answers: list[dict[str, Any]] = []
    unfamiliar: list[str] = []
    problems: list[str] = []
    with Meter("Detecting", len(files)) as meter:
        for id, path in files.items():
            answer = answer_or_problem(predictor, path, problems, size=sizes.get(id), alone=len(files) == 1)
            if answer is None:
                meter.advance()
                continue
            landmarks = answer.landmarks
            found[id] = landmarks
            write_markups(out / f"{id}.mrk.json", landmarks)
            if overlays:
                image, _ = read_image(path, predictor.protocol.channels)
                evaluation.draw_overlay(image, landmarks, out / f"{id}.png", colors=colors, radius=answer.radius)
            answers.append(
                prediction_document(
                    predictor.protocol,
                    landmarks,
                    image=id,
                    model_version=predictor.version,
                    radius=answer.radius,
                    coverage=answer.coverage,
                    coarse=answer.coarse,
                    uncertainty=answer.uncertainty.to_dict(landmarks.names),
                    unfamiliar=None if answer.unfamiliar is None else answer.unfamiliar.to_dict(),
                )
            )
            if answer.unfamiliar is not None:
                unfamiliar.append(id)
            meter.advance()
    if not found:
        raise InputError(f"None of the {len(files)} images could be read: {'; '.join(problems)}.")
    write_points_table(out / TABLE, PointsTable.from_landmarks(found))
    write_json_atomically(out / ANSWERS, answers)
    if unfamiliar:
        say(
            "Warning",
            "yellow",
            f"{len(unfamiliar)} of {len(files)} images are unlike those that the model was trained on; check every "
            f"point of {', '.join(unfamiliar)}.",
        )
    if as_json:
        print_json(answers)
    else:
        tell(f"{len(found)} images: results in {out}")
    if problems:
        say("Warning", "yellow", f"{len(problems)} of {len(files)} images were left out: {'; '.join(problems)}.")
        raise typer.Exit(1)


def answer_or_problem(
    predictor: inferers.Predictor,
    path: Path,
    problems: list[str],
    *,
    size: StatedSize | None = None,
    alone: bool = False,
) -> inferers.Answer | None:
    """The answer for one of several images; None, with the reason among the problems, for one that cannot be read.

    Raises:
        ModelError: the weights are at fault, for whatever image.
        InputError: the only image cannot be read, or needs more memory than there is.
    """
    try:
        return predictor.predict_stages(path, size=size)
    except ModelError:
        raise
    except InputError as error:
        problem = str(error).rstrip(".")
    except (MemoryError, RuntimeError) as error:
        if not engines.is_out_of_memory(error):
            raise
        problem = f"{path} needs more memory than there is: end other programs, or make it smaller"
    if alone:
        raise InputError(f"{problem}.")
    problems.append(problem)
    return None


def _refuse_existing(out: Path, files: Mapping[str, Path], overlays: bool, overwrite: bool) -> None:
    """Refuses an output folder whose images, labels or earlier results would be replaced.

    Raises:
        InputError: it holds an input image or labels of studies, or there are results and ``overwrite`` is off.
    """
    place = out.resolve()
    if place.parent.name == "labels" or any(path.resolve().parent == place for path in files.values()):
        what = "labels" if place.parent.name == "labels" else "images"
        raise InputError(f"{out} holds {what}, which results could replace: name another folder with --output.")
    names = [f"{id}{end}" for id in files for end in (LABEL_EXTENSION, *([".png"] if overlays else []))]
    existing = next((out / name for name in (*names, TABLE, ANSWERS) if (out / name).exists()), None)
    if existing is not None and not overwrite:
        raise InputError(f"{existing} exists: use --overwrite to replace it, or name another folder with --output.")


def known_image_id(path: Path) -> str:
    """The ID of an image file.

    Raises:
        InputError: it is no image by its extension, nor DICOM by its content.
    """
    id = image_id_of(path)
    if id is None:
        reason = why_no_image(path) if path.is_file() else ""
        reason = reason or f"the extensions are {', '.join(IMAGE_EXTENSIONS)}, and DICOM may have any name"
        raise InputError(f"{path} is not an image that can be read: {reason}.")
    return id


def image_files(paths: list[Path]) -> dict[str, Path]:
    """Image files by ID, from files and folders.

    Raises:
        InputError: a path does not exist, a folder holds no image, two files share an ID, an ID is too long for the
            names of its results.

    Warns:
        UserWarning: a folder holds images that are not used; says which and why.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = Studies(path).images()
            reasons = passed_over(path)
            if not inside:
                raise InputError(f"The folder {path} holds no image{''.join(f'; {reason}' for reason in reasons)}.")
            for reason in reasons:
                warnings.warn(f"Not used: {reason}.", stacklevel=2)
        elif path.is_file():
            inside = {known_image_id(path): path}
        else:
            raise InputError(f"The image {path} does not exist.")
        for id, file in inside.items():
            other = same_name(id, files)
            if other is not None:
                raise InputError(f"{files[other]} and {file} would both be written as {id!r}: rename one.")
            files[check_id_length(id)] = file
    return files


def stated_pixel_sizes(text: str | None, files: Mapping[str, Path], *, overrule: bool) -> dict[str, StatedSize]:
    """The stated size by image ID; none without the option, and none of an image that cannot be read.

    Args:
        text: one number, or two for x and y with a comma between them.
        files: the images.
        overrule: the stated size counts even where an image has one of its own.

    Raises:
        InputError: no such numbers, a size that cannot be true, or an image that has a size already.
    """
    if text is None:
        if overrule:
            raise InputError("--overrule goes with --mm-per-px: state the millimetres per pixel.")
        return {}
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise InputError(f"--mm-per-px is one number of millimetres, or two for x and y as 0.1,0.2, not {text!r}.")
    size = check_pixel_size((numbers[0], numbers[-1]), "--mm-per-px")
    sizes = {}
    for image, path in files.items():
        try:
            frame = read_frame(path)
        except InputError:  # it is named when its turn comes
            continue
        if frame.spacing is not None and not overrule:
            x, y = frame.spacing
            raise InputError(
                f"{path} has pixels of {x:g} x {y:g} mm already ({frame.spacing_source}): leave it out, or use "
                "--overrule."
            )
        sizes[image] = StatedSize(size, "stated" if frame.spacing is None else "overrule")
    return sizes
