"""A model as a MONAI bundle, which ``python -m monai.bundle run`` executes on a folder of images."""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_ext import __version__
from monai_ext.inferers import Predictor
from monai_ext.landmarks import write_atomically
from monai_ext.models import ModelCard
from monai_ext.reports import NOT_STATED, About

from .model_copy import about_of, check_target, copy_card_page, copy_model

#: The description of the metadata that MONAI's ``verify_metadata`` compares them with.
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
#: The bundle's program. ``network_def`` and ``preprocessing`` are there for other configurations; ``run`` answers the
#: images of a folder as the command ``predict`` does.
INFERENCE: dict[str, Any] = {
    "imports": ["$import pathlib", "$import monai_ext"],
    "bundle_root": ".",
    "dataset_dir": "$@bundle_root + '/images'",
    "output_dir": "$@bundle_root + '/eval'",
    "device": "auto",
    "overlays": False,
    "model_dir": "$pathlib.Path(@bundle_root) / 'models'",
    "predictor": "$monai_ext.inferers.Predictor.load(@model_dir, monai_ext.networks.find_device(@device))",
    "network_def": "$@predictor.network",
    "preprocessing": "$monai_ext.transforms.inference_transforms(@predictor.protocol)",
    "run": [
        "$monai_ext.commands.predict.run([pathlib.Path(@dataset_dir)], str(@model_dir), pathlib.Path(@output_dir), "
        "device=@device, overlays=@overlays)"
    ],
}
USE = """
## Run it

```bash
pip install monai-landmarks
python -m monai.bundle run --config_file configs/inference.json --dataset_dir IMAGES --output_dir RESULTS
```

`RESULTS` gets the points of each image (`ID.mrk.json`), a table of them all (`landmarks.csv`) and all that is known of
each (`answers.json`).
"""


def export_bundle(folder: Path, out: Path, *, overwrite: bool = False) -> ModelCard:
    """Writes a model as a MONAI bundle.

    Args:
        folder: the model folder.
        out: gets ``configs/metadata.json``, ``configs/inference.json``, ``models/`` (weights as safetensors, which the
            loader of this package reads, with card and calibration) and ``docs/README.md``.
        overwrite: replace what is there.

    Returns:
        The card in the bundle.

    Raises:
        InputError: the model is damaged, or the folder is not empty.
    """
    check_target(out, overwrite)
    about = about_of(folder)
    predictor = Predictor.load(folder)
    card = copy_model(folder, out / "models")
    for name, document in (("metadata", bundle_metadata(predictor, about)), ("inference", INFERENCE)):
        write_atomically(out / "configs" / f"{name}.json", json.dumps(document, indent=4, ensure_ascii=False) + "\n")
    write_atomically(out / "docs" / "README.md", f"{copy_card_page(folder, out / 'docs').rstrip()}\n{USE}")
    return card


def bundle_metadata(predictor: Predictor, about: About) -> dict[str, Any]:
    """The ``metadata.json`` of a bundle."""
    card, protocol = predictor.card, predictor.protocol
    errors = {f"mean_radial_error_{card.unit}": round(card.val_error, 4)} if math.isfinite(card.val_error) else {}
    sources = "; ".join(
        data.name + (f" (attribution: {data.attribution})" if data.attribution else "") for data in about.data
    )
    return {
        "schema": SCHEMA,
        "version": f"0.0.{card.version.lstrip('v')}",
        "changelog": {f"0.0.{card.version.lstrip('v')}": f"{protocol.name} {card.version} of {card.date}"},
        "monai_version": version("monai"),
        "pytorch_version": str(torch.__version__),
        "numpy_version": np.__version__,
        "required_packages_version": {"monai-landmarks": __version__},
        "name": protocol.title,
        "task": f"Detection of landmarks in 2D images: {', '.join(protocol.landmark_names)}",
        "description": about.summary or protocol.description or protocol.title,
        "authors": about.contact or NOT_STATED,
        "copyright": about.licence or NOT_STATED,
        "data_source": sources or card.data or NOT_STATED,
        "data_type": "image",
        "image_classes": f"2D image, {'red, green and blue' if protocol.channels == 'rgb' else 'grey'}",
        "pred_classes": f"heatmaps of {', '.join(protocol.landmark_names)}",
        "eval_metrics": errors,
        "intended_use": about.intended_use or NOT_STATED,
        "network_data_format": _data_format(predictor),
    }


def _data_format(predictor: Predictor) -> dict[str, Any]:
    protocol = predictor.protocol
    names, (width, height) = protocol.landmark_names, protocol.network.input_size.wh
    with torch.inference_mode():
        example = torch.zeros(1, protocol.num_channels, height, width, device=predictor.device)
        heatmaps = predictor.network(example).stages[-1].heatmaps
    channels = ("red", "green", "blue") if protocol.channels == "rgb" else ("grey",)
    return {
        "inputs": {
            "image": {
                "type": "image",
                "format": "RGB" if protocol.channels == "rgb" else "magnitude",
                "num_channels": protocol.num_channels,
                "spatial_shape": [height, width],
                "dtype": "float32",
                "value_range": [],
                "is_patch_data": False,
                "channel_def": dict(enumerate(channels)),
            }
        },
        "outputs": {
            "pred": {
                "type": "image",
                "format": "heatmap",
                "num_channels": len(names),
                "spatial_shape": list(heatmaps.shape[2:]),
                "dtype": "float32",
                "value_range": [],
                "is_patch_data": False,
                "channel_def": dict(enumerate(names)),
            }
        },
    }
