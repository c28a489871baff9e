"""What the person who starts the server chose with ``--conf``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monai_ext.landmarks import InputError, Protocol, read_protocols

from .conf import AccessSettings, ActiveSettings, Conf, LimitSettings


@dataclass(frozen=True)
class AppSettings:
    """The served protocols, where their models lie, who may call and how much at once.

    Attributes:
        protocols: the served protocols by name, in the order in which they were asked for.
        model_root: training publishes to ``model_root/<protocol>``.
        pretrained_root: shipped models, never written to.
        access: who may call.
        limits: how much at once.
        active: how images are chosen.
        train_after: new final labels of a protocol after which the server trains it by itself; 0: never.
        readers: how many people label an image, each by themselves.
    """

    protocols: dict[str, Protocol]
    model_root: Path
    pretrained_root: Path
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    active: ActiveSettings = field(default_factory=ActiveSettings)
    train_after: int = 0
    readers: int = 1

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
            access=chosen.access,
            limits=chosen.limits,
            active=chosen.active,
            train_after=chosen.train_after,
            readers=chosen.readers,
        )
