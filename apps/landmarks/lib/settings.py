"""Settings of the server: the ``--conf`` values of a start, checked; all errors are listed together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from monai_ext.active import DEFAULT_MEASURE, MEASURES
from monai_ext.dicomweb import Frames, query_keys
from monai_ext.inferers import RUNTIMES, Runtime
from monai_ext.landmarks import InputError, Protocol, read_protocols
from monai_ext.networks import require_onnx
from monai_ext.studies import READINGS

#: The environment variable that holds the token; unlike ``--conf token`` it is in no process list and no log.
TOKEN_VARIABLE = "LANDMARKS_TOKEN"
#: Set by MONAI Label itself.
PLATFORM_NAMES = ("server_mode",)
#: Doors of MONAI Label that are closed unless ``--conf allow`` names them.
Door = Literal["reload", "logs", "model_download", "dataset_download"]
#: When images are scored in the background: once a strategy has asked for it, always, or on request only.
PoolScores = Literal["auto", "always", "off"]
_TOKEN_LENGTH = 16


def _known_measure(name: str) -> str:
    if name not in MEASURES:
        raise ValueError("no such measure")
    return name


def _known_keys(text: str) -> str:
    query_keys(text)
    return text


def _words(text: object) -> object:
    """Splits comma-separated words, without repetition."""
    if not isinstance(text, str):
        return text
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


_Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
_Origins = Annotated[tuple[Annotated[str, Field(pattern=r"^https?://[^/\s*]+$")], ...], BeforeValidator(_words)]


class Conf(BaseModel):
    """Every name that ``--conf`` accepts, with what it may be set to.

    Attributes:
        protocols: names of the served protocols, in the order in which they are offered; None serves all.
        protocol_dir: a folder of further protocol files.
        model_dir: what training publishes lies in ``model_dir/<protocol>``.
        token: every route but the health one asks for it; None answers clients of this machine only.
        allow_remote: answer clients of other machines without a token.
        allow_origins: addresses of web pages whose scripts may call the server.
        allow: doors of MONAI Label that are open.
        max_body_mb: largest request, in megabytes.
        infer_slots: predictions that run at once; None is chosen by the device.
        infer_queue: predictions that may wait for a place.
        infer_timeout: seconds after which a prediction that waits or runs is given up.
        infer_cache: answers that are kept for identical requests; 0 keeps none.
        runtime: what runs a network for an answer: torch, or onnxruntime on the CPU.
        measure: of uncertainty, by which images are scored.
        pool_scores: when they are scored in the background.
        offer_minutes: how long an image that was offered to one client is kept from the others.
        train_after: new final labels of a protocol after which the server trains it by itself; 0: never.
        readers: how many people label an image, each by themselves.
        dicomweb_filter: JSON of QIDO keys that images of a PACS match.
        dicomweb_frames: which frames of an instance of several are images.
        dicomweb_cache_mb: megabytes that fetched images may have; labelled ones stay beyond.
        dicomweb_dir: the folder of labels and fetched images of a PACS.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    protocols: Annotated[_Words, Field(min_length=1)] | None = None
    protocol_dir: str | None = None
    model_dir: str | None = None
    token: Annotated[str, Field(min_length=_TOKEN_LENGTH, pattern=r"^[\x21-\x7e]+$")] | None = Field(None, repr=False)
    allow_remote: bool = False
    allow_origins: _Origins = ()
    allow: Annotated[tuple[Door, ...], BeforeValidator(_words)] = ()
    max_body_mb: Annotated[int, Field(ge=1, le=100_000)] = 256
    infer_slots: Annotated[int, Field(ge=1, le=64)] | None = None
    infer_queue: Annotated[int, Field(ge=0, le=10_000)] = 16
    infer_timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 120.0
    infer_cache: Annotated[int, Field(ge=0, le=100_000)] = 256
    runtime: Runtime = "torch"
    measure: Annotated[str, AfterValidator(_known_measure)] = DEFAULT_MEASURE
    pool_scores: PoolScores = "auto"
    offer_minutes: Annotated[float, Field(gt=0, le=10_080, allow_inf_nan=False)] = 30.0
    train_after: Annotated[int, Field(ge=0, le=100_000)] = 0
    readers: Annotated[int, Field(ge=1, le=len(READINGS))] = 1
    dicomweb_filter: Annotated[str, AfterValidator(_known_keys)] = ""
    dicomweb_frames: Frames = "first"
    dicomweb_cache_mb: Annotated[int, Field(ge=1, le=100_000_000)] = 5000
    dicomweb_dir: str | None = None

    @classmethod
    def parse(cls, conf: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Conf:
        """Checks the values; a token in the environment counts where ``--conf`` gives none.

        Raises:
            InputError: all unknown names and bad values, in one sentence; a token is never shown.
        """
        given: dict[str, str] = {name: value for name, value in conf.items() if name not in PLATFORM_NAMES}
        if "token" not in given and environment.get(TOKEN_VARIABLE):
            given["token"] = environment[TOKEN_VARIABLE]
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = dict.fromkeys(
                _sentence(str(e["loc"][0]), given.get(str(e["loc"][0]), ""), e) for e in error.errors()
            )
            raise InputError(f"{'; '.join(problems)}.") from None


def _sentence(name: str, value: str, error: Mapping[str, object]) -> str:
    if error["type"] == "extra_forbidden":
        return f"--conf {name} is unknown; use one of {', '.join(Conf.model_fields)}"
    if name == "token":
        return f"the token must have at least {_TOKEN_LENGTH} printable characters without spaces"
    if name == "protocols":
        return f"--conf protocols {value!r} names no protocol; separate names with commas"
    if name == "allow":
        return f"--conf allow {value!r} must name some of {', '.join(get_args(Door))}, separated by commas"
    if name == "measure":
        return f"--conf measure {value!r} is unknown; use one of {', '.join(MEASURES)}"
    if name == "runtime":
        return f"--conf runtime cannot be {value!r}: use one of {', '.join(RUNTIMES)}"
    if name == "readers":
        return f"--conf readers cannot be {value!r}: an image has 1 reader, or 2 who label it each by themselves"
    if name == "allow_origins":
        return f"--conf allow_origins {value!r} must be addresses like https://pages.example, separated by commas"
    if name == "dicomweb_filter":
        return f"--conf dicomweb_filter: {str(error['msg']).removeprefix('Value error, ').rstrip('.')}"
    return f"--conf {name} cannot be {value!r}: {error['msg']}"


@dataclass(frozen=True)
class AppSettings:
    """The chosen values with the protocols and folders that they name.

    Attributes:
        protocols: the served protocols by name, in the order in which they were requested.
        model_root: training publishes to ``model_root/<protocol>``.
        pretrained_root: shipped models, never written to.
        conf: all that was chosen.
    """

    protocols: dict[str, Protocol]
    model_root: Path
    pretrained_root: Path
    conf: Conf

    @classmethod
    def from_conf(cls, app_dir: str | Path, conf: Mapping[str, str]) -> AppSettings:
        """Reads the ``--conf`` values of a server start.

        Raises:
            InputError: unknown names, bad values, unknown protocols, protocol files that are refused; all together.
        """
        app_dir = Path(app_dir)
        problems: list[str] = []
        try:
            chosen = Conf.parse(conf)
        except InputError as error:
            problems.append(str(error))
            chosen = Conf.parse({name: conf[name] for name in ("protocol_dir", "model_dir") if name in conf}, {})
        if chosen.runtime == "onnx":
            try:
                require_onnx()
            except InputError as error:
                problems.append(str(error))
        folders = [app_dir / "protocols"]
        if chosen.protocol_dir is not None:
            folders.append(Path(chosen.protocol_dir).expanduser())
        known: dict[str, Protocol] = {}
        try:
            known = dict(read_protocols(folders))
            missing = [name for name in chosen.protocols or () if name not in known]
            if missing:
                named = ", ".join(map(repr, missing))
                problems.append(f"--conf protocols: there is no protocol {named}; there are {', '.join(known)}.")
        except InputError as error:
            problems.append(str(error))
        if problems:
            raise InputError(" ".join(problems))
        model_root = app_dir / "model" if chosen.model_dir is None else Path(chosen.model_dir).expanduser()
        return cls(
            protocols={name: known[name] for name in chosen.protocols or known},
            model_root=model_root.resolve(),
            pretrained_root=app_dir / "pretrained",
            conf=chosen,
        )
