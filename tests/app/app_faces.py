"""Close-ups of a few synthetic people, as photographs of the same persons over time, and a small ``face`` protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its own idiom)
import yaml
from PIL import Image

from monai_ext.landmarks import find_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.phantoms import Phantom
from monai_ext.phantoms.face import render_face
from monai_ext.phantoms.face_plan import FacePlan, draw_face
from monai_ext.studies import Studies

PEOPLE = ("ada", "ben", "cleo")

#: Millimetres per pixel along x and y of the calibrated pictures, unequal so that they cannot be mixed up.
SPACING = (0.5, 0.6)


def person(index: int) -> FacePlan:
    """Who it is: proportions, skin, hair and eyes; a relaxed face with closed lips, as the protocol asks for."""
    plan = draw_face(np.random.default_rng([90, index]))
    shape = replace(
        plan.shape,
        gap=0.0,
        smile=0.0,
        fissure=0.36 + 0.03 * index,
        philtrum=0.25 - 0.02 * index,
        upper_lip=0.11 + 0.01 * index,
        chin=0.33,
    )
    return replace(plan, shape=shape, yaw=0.0, pitch=0.0, contrast=0.3, blur=0.4, noise=0.01)


def picture(number: int, side: int) -> Phantom:
    """A close-up, ``side`` pixels wide and high; distance, place, tilt and exposure differ with the number."""
    rng = np.random.default_rng([91, number])
    place = np.array([0.5, 0.14]) + rng.uniform(-0.03, 0.03, 2)
    plan = replace(
        person(number % len(PEOPLE)),
        width=side,
        height=side,
        center=(float(place[0] * side), float(place[1] * side)),
        scale=side * 0.5 * rng.uniform(0.94, 1.06),
        roll=float(rng.uniform(-5, 5)),
        gain=rng.uniform(0.9, 1.05),
        seed=int(rng.integers(2**32)),
    )
    return render_face(plan)


def write_png(path: Path, phantom: Phantom) -> Path:
    """A picture without calibration."""
    Image.fromarray(phantom.image).save(path)
    return path


def write_nrrd(path: Path, phantom: Phantom) -> Path:
    """The same pixels, calibrated with :data:`SPACING`."""
    image = sitk.GetImageFromArray(phantom.image, isVector=True)
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


def write_people(root: Path, count: int, side: int) -> Path:
    """A folder per person with ``count`` pictures of each: what a source classifier learns from."""
    for number in range(count * len(PEOPLE)):
        folder = root / PEOPLE[number % len(PEOPLE)]
        folder.mkdir(parents=True, exist_ok=True)
        write_png(folder / f"{number:03}.png", picture(number, side))
    return root


def write_labelled(root: Path, train: int, val: int, side: int) -> Studies:
    """A studies folder with ``train`` + ``val`` labelled pictures, face_000.png and so on, and their split."""
    root.mkdir(parents=True, exist_ok=True)
    studies = Studies(root)
    splits = {}
    for number in range(train + val):
        name = f"face_{number:03}"
        phantom = picture(number, side)
        write_png(root / f"{name}.png", phantom)
        write_markups(studies.label_path(name), phantom.landmarks)
        splits[name] = "train" if number < train else "val"
    studies.write_splits(splits)
    return studies


def small_protocol(folder: Path, side: int, network: dict[str, object], recipe: dict[str, object]) -> Path:
    """Writes ``faces``, a variant of the shipped protocol ``face``: a small network of the paper, an own source.

    It has a name of its own, since the model that is shipped for ``face`` would answer for one of that name.
    """
    document = find_protocol("face").model_dump(mode="json", exclude_unset=True)
    document["name"] = "faces"
    size = {"width": side, "height": side}
    document["network"] = {"name": "deconv_net", "encoder": "resnet18", "input_size": size, "presence": True, **network}
    document["recipe"] = {
        "name": "cross_task",
        "cross_task": {"source": "face_source", "lambda_cd": 0.002, "lambda_ed": 0.002},
        "augmentation": {k: v for k, v in document["recipe"]["augmentation"].items() if k != "scenery"},
        **recipe,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faces.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder
