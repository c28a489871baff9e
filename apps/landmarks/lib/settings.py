"""What the person who starts the server chose with ``--conf``, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monai_ext.landmarks import InputError, Protocol, read_protocols

#: The names that ``--conf`` accepts.
CONF_NAMES = ("protocols", "protocol_dir", "model_dir")
#: Set by MONAI Label itself.
PLATFORM_NAMES = ("server_mode",)


@dataclass(frozen=True)
class AppSettings:
    """The served protocols and where their models lie.

    Attributes:
        protocols: the served protocols by name, in the order in which they were asked for.
        model_root: training publishes to ``model_root/<protocol>``.
        pretrained_root: shipped models, never written to.
    """

    protocols: dict[str, Protocol]
    model_root: Path
    pretrained_root: Path

    @classmethod
    def from_conf(cls, app_dir: str | Path, conf: Mapping[str, str]) -> AppSettings:
        """Reads the ``--conf`` values of a server start.

        Raises:
            InputError: an unknown name, an unknown protocol, a protocol file that is refused.
        """
        unknown = [name for name in conf if name not in (*CONF_NAMES, *PLATFORM_NAMES)]
        if unknown:
            raise InputError(f"--conf {unknown[0]} is unknown; use one of {', '.join(CONF_NAMES)}.")
        app_dir = Path(app_dir)
        folders = [app_dir / "protocols"]
        if "protocol_dir" in conf:
            folders.append(Path(conf["protocol_dir"]).expanduser())
        known = read_protocols(folders)
        names = _names(conf["protocols"]) if "protocols" in conf else list(known)
        missing = [name for name in names if name not in known]
        if missing:
            raise InputError(f"--conf protocols: there is no protocol {missing[0]!r}; there are {', '.join(known)}.")
        model_root = Path(conf["model_dir"]).expanduser() if "model_dir" in conf else app_dir / "model"
        return cls(
            protocols={name: known[name] for name in names},
            model_root=model_root.resolve(),
            pretrained_root=app_dir / "pretrained",
        )


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"--conf protocols {text!r} names no protocol; separate names with commas.")
    return list(dict.fromkeys(names))
