"""The MONAI Label app: wires the library into MONAI Label's tasks, its datastore and its server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

from monailabel.config import settings as platform
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy

from lib.start_check import in_server, refuse_to_start

try:
    import monai_ext
except ImportError as error:
    if error.name != "monai_ext":
        raise
    refuse_to_start(
        "the Python package monai-landmarks is not installed beside monailabel: "
        'run `pip install -e ".[server]"` in the folder of the repository.'
    )

from lib.background import Background
from lib.datastore import LandmarkDatastore
from lib.errors import ConflictError, LockedError, NotFoundError, StorageError
from lib.inference import InferenceDesk, LabelMatcher, LandmarkInfer
from lib.pacs import PacsDatastore, PacsSync, open_pacs
from lib.pool import ImagePool
from lib.proposals import Proposal, Proposals
from lib.quality import AgreementSummary, LabelReviewer
from lib.quality.label_places import ReadLabel
from lib.retraining import LabelCounter, Retraining
from lib.routes import install_routes
from lib.routes.info import protocol_document
from lib.routes.sessions import ImageSessions
from lib.scoring import AgreementScoring, ReviewScoring, UncertaintyScoring
from lib.served_labels import FinalLabels, survey_labels
from lib.served_model import ServedModel
from lib.service import LandmarkService
from lib.settings import AppSettings
from lib.start_check import check_start, running_server
from lib.start_report import start_lines, start_report
from lib.strategies import DESCRIPTIONS, First, Offers, Random, Scored
from lib.trainers import LandmarkTrain
from monai_ext.dicomweb import AwayError, is_address
from monai_ext.landmarks import InputError, ModelError

logger = logging.getLogger(__name__)


class LandmarksApp(MONAILabelApp):
    """Serves the chosen protocols: inference, labels, training and the choice of the next image."""

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        try:
            check_start(studies, serves=in_server())
            self.settings = AppSettings.from_conf(app_dir, conf)
            runtime = self.settings.conf.runtime
            self.models = {
                name: ServedModel(protocol, self.settings.model_root, self.settings.pretrained_root, runtime)
                for name, protocol in self.settings.protocols.items()
            }
            super().__init__(
                app_dir,
                studies,
                dict(conf),
                name="Landmark detection",
                description="Finds anatomical landmarks in 2D images, and learns from corrections",
                version=monai_ext.__version__,
            )
        except InputError as error:
            refuse_to_start(str(error))
        web = running_server()
        if web is not None:
            install_routes(web, self.service, self)
            report = start_report(monai_ext.__version__, self.models, self._datastore, self.settings)
            logger.info("%s", "\n".join(start_lines(report)))
            Background("label-survey", partial(survey_labels, self._datastore, self.settings.protocols)).start()
            if self.settings.conf.runtime == "onnx":  # a graph takes a while to make
                Background("graphs", self._prepare_models).start()
            self.pool.start()
            self.retraining.start()
            if self.pacs is not None:
                self.pacs.start()

    def _prepare_models(self) -> None:
        for model in self.models.values():
            model.prepare()

    @cached_property
    def service(self) -> LandmarkService:
        """Work on images, labels and predictions that requests ask for."""
        return LandmarkService(self._datastore, self._infers, self._trainers, self.proposals, self.desk, self._saved)

    @cached_property
    def desk(self) -> InferenceDesk:
        """Desk at which predictions are requested."""
        return InferenceDesk.from_limits(self.settings.conf)

    @cached_property
    def finals(self) -> FinalLabels:
        """Final labels of each protocol."""
        return FinalLabels(self._datastore, self.settings.protocols)

    @cached_property
    def offers(self) -> Offers:
        """Offers of images to people."""
        return Offers(self.settings.conf.offer_minutes)

    @cached_property
    def retraining(self) -> Retraining:
        """Automatic training by the server."""
        counter = LabelCounter(self._datastore, self.finals, self.settings.model_root)
        return Retraining(counter, self._trainers, self.settings.conf.train_after)

    @cached_property
    def pool(self) -> ImagePool:
        """Scores of all images by the models."""
        return ImagePool(self._datastore, self.models, self.desk.slots, self.settings.conf)

    @cached_property
    def proposals(self) -> Proposals:
        """Proposals for each image."""
        return Proposals()

    @cached_property
    def agreement(self) -> AgreementSummary:
        """Agreement of people with what was proposed."""
        return AgreementSummary(self._datastore)

    @cached_property
    def reviewer(self) -> LabelReviewer:
        """Reviewer of the labels: which are worth a second look."""
        reviewer = LabelReviewer(self._datastore, self.models, self.proposals, self._look_again, self.pool.unreadable)
        self.pool.add_looker(reviewer)
        return reviewer

    @cached_property
    def pacs(self) -> PacsSync | None:
        """The traffic with the PACS that has the images; None if they lie in a folder."""
        if not isinstance(self._datastore, PacsDatastore):
            return None
        conf = self.settings.conf
        return PacsSync(
            self._datastore, conf.dicomweb_filter, conf.dicomweb_frames, self.settings.protocols, self.pool.wake
        )

    def init_datastore(self) -> LandmarkDatastore:
        if is_address(self.studies):
            return open_pacs(self.studies, self.settings.conf, serves=in_server())
        return LandmarkDatastore(
            self.studies,
            auto_reload=platform.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=platform.MONAI_LABEL_DATASTORE_READ_ONLY,
            repair=in_server(),
            readers=self.settings.conf.readers,
        )

    def init_infers(self) -> dict[str, LandmarkInfer]:
        return {
            name: LandmarkInfer(model, LabelMatcher(model.protocol, self._datastore, self.finals))
            for name, model in self.models.items()
        }

    def init_trainers(self) -> dict[str, LandmarkTrain]:
        return {name: LandmarkTrain(model, self.settings.protocols) for name, model in self.models.items()}

    def init_strategies(self) -> dict[str, Strategy]:
        scored = {name: Scored(name, self.pool, self.models, self.finals, self.offers) for name in DESCRIPTIONS}
        return {"first": First(self.offers), "random": Random(self.offers), **scored}

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        served = tuple(self.models)
        return {
            "uncertainty": UncertaintyScoring(self.pool),
            "agreement": AgreementScoring(self.agreement, served),
            "review": ReviewScoring(self.reviewer, served),
        }

    def _saved(self, protocol: str, image: str, proposal: Proposal | None, label: ReadLabel | None) -> None:
        """Has a final label looked at, and sent where its image is of a PACS."""
        if self.pacs is not None:
            self.pacs.wake()
        self.reviewer.saved(protocol, image, proposal, label)

    def _look_again(self, protocol: str) -> None:
        """Lets the background worker see the images of a protocol, whatever it does now."""
        self.pool.score_now([protocol])
        self.pool.wake()

    @property
    def strategies(self) -> Mapping[str, Strategy]:
        """The strategies by name."""
        return self._strategies

    @property
    def scoring_methods(self) -> Mapping[str, ScoringMethod]:
        """The scoring methods by name."""
        return self._scoring_methods

    def async_scoring(self, method: str | None, params: Any = None) -> dict[str, Any]:
        """Starts nothing: what MONAI Label does in a process after each offer goes on in the server itself."""
        return {}

    def _load_sessions(self, load: bool = False) -> ImageSessions | None:
        if not load:
            return None
        return ImageSessions(platform.MONAI_LABEL_SESSION_PATH, platform.MONAI_LABEL_SESSION_EXPIRY)

    def info(self) -> dict[str, Any]:
        """MONAI Label's answer with the definition of every served protocol, and what is wrong with their models.

        The protocols stand in the order in which clients offer them: those with most labels in the studies folder
        first, then those that can find landmarks. ``final_labels`` tells how many each has.
        """
        info = super().info()
        labels = self.finals.counts(self._datastore.objects)
        offered = sorted(self.settings.protocols, key=lambda name: (-labels[name], name not in info["models"]))
        protocols = {name: protocol_document(self.settings.protocols[name]) for name in offered}
        problems = {name: problem for name, model in self.models.items() if (problem := model.problem()) is not None}
        told = {"protocols": protocols, "problems": problems, "pool_stats": self.pool.stats()}
        told["final_labels"] = {name: labels[name] for name in protocols}
        told |= {
            "readers": self.settings.conf.readers,
            "agreement": self.agreement.summary(),
            "review_stats": self.reviewer.stats(),
        }
        if self.pacs is not None:
            told["pacs"] = self.pacs.stats()
        info = {**info, **told}
        for name, numbers in self.retraining.stats().items():
            info["train_stats"][name].update(numbers)
        return info

    def infer(self, request: dict[str, Any], datastore: LandmarkDatastore | None = None) -> dict[str, Any]:
        """One prediction for an image of the studies, as batch inference asks for it.

        An image that cannot be read, or is replaced or deleted meanwhile, is answered with the reason, so that the
        batch goes on with the others; what concerns all of them is raised.
        """
        model, image = request["model"], request["image"]
        self.service.infer_task(model)
        try:
            answer = self.service.infer(model, image)
        except (StorageError, LockedError, ConflictError, ModelError, AwayError):
            raise
        except InputError as error:
            return _left_out(image, error)
        try:
            label = self.service.store_proposal(model, answer) if request.get("save_label") else None
        except (ConflictError, NotFoundError) as error:
            return _left_out(image, error)
        return {"label": label, "tag": "original", "file": None, "params": dict(answer.document)}

    def infer_wsi(self, request: dict[str, Any], datastore: LandmarkDatastore | None = None) -> dict[str, Any]:
        raise InputError(f"Landmarks are found in whole images: use POST /infer/{request.get('model')}.")


def _left_out(image: str, error: InputError) -> dict[str, Any]:
    """What batch inference keeps of an image without an answer."""
    logger.warning("No landmarks were found in %s: %s", image, error)
    return {"label": None, "tag": "original", "file": None, "params": {"error": str(error)}}
