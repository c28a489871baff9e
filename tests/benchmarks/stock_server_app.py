"""The least app that serves a landmark model with MONAI Label's own routes and its own datastore.

It is the opponent of ``bench_server.py``, which copies it to an app folder as ``main.py``. The predictor, and what it
answers, are those of the landmarks app.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from monai_ext.inferers import Predictor
from monai_ext.landmarks.answer import prediction_document
from monai_ext.landmarks.markups import write_markups


class StockInfer(InferTask):
    """Answers with a predictor that is loaded at the start."""

    def __init__(self, predictor: Predictor) -> None:
        names = list(predictor.protocol.landmark_names)
        super().__init__(type=InferType.OTHERS, labels=names, dimension=2, description="Landmarks")
        self.predictor = predictor

    def is_valid(self) -> bool:
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        path = Path(request["image"])
        landmarks, coarse, *_ = self.predictor.predict_stages(path)
        protocol, version = self.predictor.protocol, self.predictor.version
        document = prediction_document(protocol, landmarks, image=path.stem, model_version=version, coarse=coarse)
        file = Path(tempfile.mkdtemp()) / f"{path.stem}.mrk.json"
        write_markups(file, landmarks)
        return str(file), document


class StockApp(MONAILabelApp):
    """One model, no training."""

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.predictor = Predictor.load(Path(os.environ["STOCK_MODEL"]))
        super().__init__(app_dir, studies, conf, name="Stock", description="Landmarks on stock routes")

    def init_infers(self) -> dict[str, InferTask]:
        return {self.predictor.protocol.name: StockInfer(self.predictor)}
