"""A folder for Hugging Face's model hub: weights, card and a README whose front matter the hub reads."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from monai_ext.landmarks import write_atomically
from monai_ext.models import ModelCard
from monai_ext.reports import About

from .model_copy import about_of, check_target, copy_card_page, copy_model

#: Licences by the name that the hub has for them, as a statement about a model may begin with them.
LICENCES = {
    "apache-2.0": r"apache[ -]?(license,? (version )?)?2(\.0)?",
    "mit": r"mit\b",
    "bsd-3-clause": r"bsd[ -]3",
    "bsd-2-clause": r"bsd[ -]2",
    "cc0-1.0": r"cc0",
    "cc-by-nc-sa-4.0": r"cc[ -]by[ -]nc[ -]sa[ -]4",
    "cc-by-nc-4.0": r"cc[ -]by[ -]nc[ -]4",
    "cc-by-sa-4.0": r"cc[ -]by[ -]sa[ -]4",
    "cc-by-4.0": r"cc[ -]by[ -]4",
}
#: What the hub calls the finding of points in images.
TASK = "keypoint-detection"
USE = """
## Use it

```bash
pip install monai-landmarks
monai-landmarks predict photographs --model FOLDER_OF_THIS_MODEL --output predictions
```

```python
from pathlib import Path

from monai_ext.inferers import Predictor

landmarks = Predictor.load(Path("FOLDER_OF_THIS_MODEL")).predict("photograph.png")
```
"""


def export_hugging_face(folder: Path, out: Path, *, overwrite: bool = False) -> ModelCard:
    """Writes a model as a folder that can be uploaded, and that the loader of this package reads as it is.

    Args:
        folder: the model folder.
        out: gets ``model.safetensors`` with metadata, ``card.json``, ``README.md`` and, where there are such,
            calibration, training record, ``about.yaml`` and pictures of the card. Those of a former model are removed.
        overwrite: replace what is there.

    Returns:
        The card in the new folder.

    Raises:
        InputError: the model is damaged, or the folder is not empty.
    """
    check_target(out, overwrite)
    about = about_of(folder)
    card = copy_model(folder, out)
    page = copy_card_page(folder, out)
    front = yaml.safe_dump(front_matter(card, about), sort_keys=False, allow_unicode=True, width=110)
    write_atomically(out / "README.md", f"---\n{front}---\n\n{page.rstrip()}\n{USE}")
    return card


def front_matter(card: ModelCard, about: About) -> dict[str, Any]:
    """Metadata of a model for the hub, by the hub's keys."""
    protocol, licence = card.protocol, hub_licence(about.licence)
    front: dict[str, Any] = {"license": licence}
    if licence == "other":
        front |= {"license_name": about.licence}
    front |= {
        "library_name": "monai-landmarks",
        "pipeline_tag": TASK,
        "tags": ["landmark-detection", "medical-imaging", "monai", "safetensors", protocol.name, protocol.network.name],
        "datasets": [data.name for data in about.data],
        "metrics": ["mean_radial_error"],
    }
    if math.isfinite(card.val_error):
        result = {
            "task": {"type": TASK, "name": protocol.title},
            "dataset": {"type": protocol.name, "name": f"{len(card.val_images)} validation images"},
            "metrics": [
                {
                    "type": "mean_radial_error",
                    "name": f"Mean radial error ({card.unit})",
                    "value": round(card.val_error, 4),
                }
            ],
        }
        front["model-index"] = [{"name": f"{protocol.name} {card.version}", "results": [result]}]
    return front


def hub_licence(statement: str | None) -> str:
    """The hub's name of the licence that a statement begins with; ``unknown`` without one, ``other`` for another.

    Examples:
        >>> hub_licence("Apache-2.0, as the project"), hub_licence("CC BY 4.0"), hub_licence(None)
        ('apache-2.0', 'cc-by-4.0', 'unknown')
    """
    if statement is None:
        return "unknown"
    for name, pattern in LICENCES.items():
        if re.match(pattern, statement, re.IGNORECASE):
            return name
    return "other"
