"""MONAI Label's inference task for one protocol: an image file in, a markups file and its JSON out."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from monai_ext.engines import is_out_of_memory
from monai_ext.images import label_file_name
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Landmarks, ModelError, json_text, markups_document, prediction_document
from monai_ext.networks import find_device

from ..errors import ConflictError, RetryError
from ..proposals import Proposal
from ..served_model import NoModelError, ServedModel
from .desk import Reply
from .label_matcher import VERSION, LabelMatcher

logger = logging.getLogger(__name__)

#: Seconds after which memory may be free again.
MEMORY_SECONDS = 30


class LandmarkInfer(InferTask):
    """Finds the landmarks of one protocol: by its network, or by its first labels as long as there is none.

    While it has neither, the task is not valid and ``/info/`` leaves it out.

    Args:
        model: the protocol's model.
        matcher: of the protocol's final labels.
    """

    def __init__(self, model: ServedModel, matcher: LabelMatcher) -> None:
        protocol = model.protocol
        super().__init__(
            type=InferType.OTHERS,
            labels=list(protocol.landmark_names),
            dimension=2,
            description=protocol.title,
        )
        self.model = model
        self._matcher = matcher

    def is_valid(self) -> bool:
        try:
            self.model.card()
        except NoModelError:
            return self._matcher.count() > 0
        except InputError:
            return False
        return True

    def signature(self, image_id: str) -> Hashable:
        """Everything that the answer for an image depends on besides the image itself.

        Raises:
            ConflictError: nothing can answer: there is neither a network nor a label, or the network is damaged.
        """
        try:
            return self.model.signature()
        except NoModelError:
            if self._matcher.count() == 0:
                raise
            return self._matcher.sources(image_id)

    def info(self) -> dict[str, Any]:
        try:
            card = self.model.card()
        except NoModelError:
            labels = self._matcher.count()
            message = "No network yet: Auto-detect matches the labelled images."
            return {
                **super().info(),
                "model_version": VERSION,
                "message": message,
                "training": {"val_error": None, "unit": "", "labels_used": labels, "date": ""},
            }
        training = {"val_error": card.val_error, "unit": card.unit, "labels_used": card.labels_used, "date": card.date}
        return {**super().info(), "model_version": card.version, "training": training}

    def get_path(self, validate: bool = True) -> str | None:
        """The weights file, to download. Weights are published by training only, so there is none to overwrite."""
        weights = self.model.weights() if validate else None
        return None if weights is None else str(weights)

    def predict(self, image: Path, image_id: str, check: Callable[[], None] = lambda: None) -> Reply:
        """Finds the landmarks of an image file.

        Args:
            image: the file.
            image_id: its name in the reply.
            check: called between the stages; it ends the prediction by an exception.

        Raises:
            ConflictError: there are no usable weights, or they give no finite answer; without any, the labels tell
                nothing of this image.
            InputError: the image cannot be read.
            RetryError: there is not enough memory.
        """
        start = time.perf_counter()
        try:
            predictor = self._predictor()
            if predictor is None:
                landmarks, message = self._matcher.predict(image, image_id)
                return self._reply(image_id, landmarks, start, model_version=VERSION, message=message)
            answer = predictor.predict_stages(image, check)
        except ModelError as error:
            raise ConflictError(str(error)) from None
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            logger.exception("A prediction ran out of memory.")
            raise RetryError(
                f"There is not enough memory on {find_device('auto')} for a prediction now: try again later, when "
                "training or other programs have ended.",
                MEMORY_SECONDS,
            ) from None
        return self._reply(
            image_id,
            answer.landmarks,
            start,
            model_version=predictor.version,
            radius=answer.radius,
            coverage=answer.coverage,
            coarse=answer.coarse,
            uncertainty=answer.uncertainty.to_dict(answer.landmarks.names),
            unfamiliar=None if answer.unfamiliar is None else answer.unfamiliar.to_dict(),
        )

    def _predictor(self) -> Predictor | None:
        """The network; None if there is none yet and labels may take its place."""
        try:
            return self.model.predictor()
        except NoModelError:
            if self._matcher.count() == 0:
                raise
            return None

    def _reply(self, image_id: str, landmarks: Landmarks, start: float, **known: Any) -> Reply:
        name = label_file_name(image_id)
        latencies = {"total": round(time.perf_counter() - start, 4)}
        return Reply(
            file_name=name,
            markups=json_text(name, markups_document(landmarks)).encode(),
            document=prediction_document(self.model.protocol, landmarks, image=image_id, latencies=latencies, **known),
            proposal=Proposal(known["model_version"], landmarks, known.get("radius")),
        )

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Answers MONAI Label's request, which holds ``image``, the path of a file, and ``image_id``.

        Returns:
            The path of ``<ID>.mrk.json`` alone in a new temporary folder, which the caller removes, and the JSON.
        """
        image = Path(request["image"])
        reply = self.predict(image, str(request.get("image_id") or image.stem))
        path = Path(tempfile.mkdtemp(prefix="landmarks-")) / reply.file_name
        path.write_bytes(reply.markups)
        return str(path), dict(reply.document)
