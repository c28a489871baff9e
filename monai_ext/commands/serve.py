"""``monai-landmarks serve``: MONAI Label's server with this app, from anywhere, and ``slicer-module``: its client."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monai_ext.dicomweb import check_address, is_address
from monai_ext.doctor import require_port
from monai_ext.landmarks import INSTALLED, InputError, app_dir
from monai_ext.studies import check_studies_folder

from .console import tell
from .options import default_models_dir


def run(
    studies: Annotated[
        str, typer.Option("--studies", "-s", help="Folder of images and labels, or the DICOMweb address of a PACS.")
    ],
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8000,
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", metavar="NAME=VALUE", help="An option of the app, e.g. train_after=10; repeatable."),
    ] = None,
    values: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="VALUE")] = None,
    ssl_keyfile: Annotated[
        Path | None, typer.Option("--ssl-keyfile", help="Key of the certificate, for https.")
    ] = None,
    ssl_certfile: Annotated[Path | None, typer.Option("--ssl-certfile", help="Certificate, for https.")] = None,
    verbose: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(case_sensitive=False, help="Level of logging.")
    ] = "INFO",
) -> None:
    """Start the server; open its address in a browser or in 3D Slicer.

    Networks go into the folder that `train` uses too; `--conf model_dir=DIR` names another. Press Ctrl-C to stop:
    a training that runs is saved. All options of the app: apps/landmarks/README.md.

    Example: `monai-landmarks serve --studies sample_data/fundus`
    """
    options = conf_options(conf or [], values or [])
    if is_address(studies):
        check_address(studies)
    else:
        check_studies_folder(Path(studies))
    for name, file in (("--ssl-keyfile", ssl_keyfile), ("--ssl-certfile", ssl_certfile)):
        if file is not None and not file.is_file():
            raise InputError(f"{name} {file} is no file; give the path of a PEM file.")
    if find_spec("monailabel") is None:
        raise InputError('MONAI Label is not installed; run `pip install "monai-landmarks[server]"`.')
    require_port(port, host)
    start(studies, host, port, options, verbose, ssl_keyfile=ssl_keyfile, ssl_certfile=ssl_certfile)


def conf_options(given: list[str], values: Sequence[str] = ()) -> dict[str, str]:
    """Names and values of ``--conf NAME=VALUE``, or of ``--conf NAME VALUE``, which is how MONAI Label has it.

    Args:
        given: what follows each ``--conf``.
        values: the words that stand alone, in order: one for each name without ``=``.

    Raises:
        InputError: a name has no value, a value no name.
    """
    bare = [text for text in given if "=" not in text]
    if len(values) > len(bare):
        raise InputError(f"{values[-1]} belongs to no option; write e.g. --conf train_after=10.")
    options, alone = {}, iter(values)
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not (equals or len(values) == len(bare)):
            raise InputError(f"--conf {text} is not NAME=VALUE; write e.g. --conf train_after=10.")
        options[name.strip()] = value if equals else next(alone)
    return options


def start(
    studies: str, host: str, port: int, conf: dict[str, str], verbose: str, **ssl: Path | None
) -> None:  # pragma: no cover - runs until it is stopped
    """Runs MONAI Label's own start in this process, until it is stopped."""
    from monailabel.config import settings
    from monailabel.main import Main

    app = app_dir()

    class Start(Main):
        """Keeps what MONAI Label writes beside an app out of an installed package, which may be read-only."""

        def start_server_init_settings(self, args: Namespace) -> None:
            args.app = str(state_dir(app))
            super().start_server_init_settings(args)
            settings.MONAI_LABEL_APP_DIR = os.environ["MONAI_LABEL_APP_DIR"] = str(app)
            os.environ["PYTHONPATH"] = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(app)])

    main = Start()
    command = ["start_server", "--app", str(app), "--studies", studies, "--host", host, "--port", str(port)]
    command += ["--verbose", verbose]
    for name, value in {"model_dir": str(default_models_dir()), **conf}.items():
        command += ["--conf", name, value]
    for name, file in ssl.items():
        command += [] if file is None else [f"--{name}", str(file)]
    args: Any = main.args_parser().parse_args(command)
    sys.path[:0] = [str(app)]
    main.action_start_server(args)


def state_dir(app: Path) -> Path:
    """The folder of MONAI Label's log: the app in a copy of the repository, else the user's folder of states."""
    import platformdirs

    return app if not INSTALLED.is_dir() else platformdirs.user_state_path("monai-landmarks", ensure_exists=True)


MODULE = "LandmarkDetection"


def copy_slicer_module(
    folder: Annotated[Path, typer.Argument(help="Where the module is copied to; a new folder is made in it.")] = Path(
        "."
    ),
) -> None:
    """Copy the 3D Slicer module out of the installed package.

    Example: `monai-landmarks slicer-module ~/slicer`
    """
    target = folder / MODULE
    if target.exists():
        raise InputError(f"{target} exists already; remove it, or name another folder.")
    shutil.copytree(module_dir(), target, ignore=shutil.ignore_patterns("__pycache__"))
    tell(
        f"Copied to {target.resolve()}. In Slicer: Edit > Application Settings > Modules > Additional module paths: "
        "add this folder, and restart."
    )


def module_dir() -> Path:
    """The folder of the module: inside an installed package, or that of a copy of the repository."""
    repository = app_dir().parents[1]
    return INSTALLED / MODULE if INSTALLED.is_dir() else repository / "slicer_module" / MODULE
