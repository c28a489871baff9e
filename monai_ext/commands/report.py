"""``monai-landmarks report``: evaluations and what belongs to them on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monai_ext import __version__, evaluation, reports
from monai_ext.landmarks import InputError, write_atomically

from .console import Meter, command_line, now, print_json, tell
from .options import JsonOption

PAGE = "report.html"


def run(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="metrics.json, uncertainty.json, results.json, vN.training.json, or folders of these files."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="An .html file, or a folder for report.html.")] = Path(
        "report"
    ),
    studies: Annotated[
        Path | None,
        typer.Option("--studies", "-s", help="Folder of the images if it has moved since the evaluation."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol", "-p", help="Protocol of the labels in --studies whose agreement with the models is reported."
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Landmark detection: report",
    worst: Annotated[int, typer.Option(min=0, max=100, help="Number of worst images to show for each model.")] = 6,
    median: Annotated[
        int, typer.Option(min=0, max=100, help="Number of images of median error to show for each model.")
    ] = 3,
    as_json: JsonOption = False,
) -> None:
    """Compare evaluations on one self-contained HTML page, with the plots as PNG files.

    Models are compared where images, true points, landmarks, unit and limits are the same; others stand apart.

    Example: `monai-landmarks report evaluation_a evaluation_b --output report.html`
    """
    if protocol is not None and studies is None:
        raise InputError("--protocol tells whose labels in a studies folder to read: give --studies too.")
    for file in files or []:
        if not file.exists():
            raise InputError(f"There is no file or folder {file}: check the path.")
    sources = reports.find_sources(files or [])
    if not sources and protocol is None:
        raise InputError("There is nothing to report: give JSON files or folders, or --studies with --protocol.")
    page_file = out if out.suffix.lower() in (".html", ".htm") else out / PAGE
    pictures = reports.PictureFolder(page_file.parent / f"{page_file.stem}_files")
    sections = _sections(sources, pictures, studies=studies, protocol=protocol, worst=worst, median=median)
    command = command_line()
    made = now()
    facts = [f"Made {made} with monai-landmarks {__version__}.", "Not a medical device."]
    sections += [
        reports.reading_section({source.kind for source in sources}, agreement=protocol is not None),
        _origin(sources, command),
    ]
    write_atomically(page_file, reports.render_page(reports.Page(title, facts, sections)))
    if as_json:
        print_json({"page": str(page_file), "pictures": [str(pictures.folder / name) for name in pictures.written]})
        return
    beside = f" and {len(pictures.written)} pictures in {pictures.folder}" if pictures.written else ""
    tell(f"Written to {page_file}{beside}.")


def _sections(
    sources: Sequence[reports.Source],
    pictures: reports.PictureFolder,
    *,
    studies: Path | None,
    protocol: str | None,
    worst: int,
    median: int,
) -> list[reports.Section]:
    of: dict[reports.Kind, list[reports.Source]] = {
        kind: [source for source in sources if source.kind is kind] for kind in reports.Kind
    }
    groups = reports.comparable_groups(reports.read_evaluated(of[reports.Kind.EVALUATION], studies))
    sections = _apart(groups)
    with Meter("Drawing", len(groups)) as meter:
        for number, group in enumerate(groups, start=1):
            prefix = f"group{number}_" if len(groups) > 1 else ""
            sections += reports.group_sections(group, pictures, prefix, worst=worst, median=median)
            meter.advance()
    for number, source in enumerate(of[reports.Kind.UNCERTAINTY], start=1):
        sections.append(reports.reliability_section(source, pictures, f"reliability{number}.png"))
    sections += reports.training_sections(of[reports.Kind.TRAINING], pictures)
    for number, source in enumerate(of[reports.Kind.SIMULATION], start=1):
        sections.append(reports.simulation_section(source, pictures, f"learning_curves{number}.png"))
    sections += [reports.ablation_section(source) for source in of[reports.Kind.ABLATION]]
    if protocol is not None and studies is not None:
        sections.append(reports.agreement_section(studies, protocol, pictures, "agreement.png"))
    return sections


def _apart(groups: Sequence[reports.Group]) -> list[reports.Section]:
    """Warning section if the models cannot be compared."""
    if len(groups) < 2:
        return []
    said = (
        f"These models make {len(groups)} groups that must not be compared with each other: they differ in "
        f"{', '.join(reports.differences(groups))}. Each group has its own tables and plots."
    )
    rows = [[group.title, ", ".join(model.name for model in group.models)] for group in groups]
    named = evaluation.Table(["group", "models"], rows, left=None)
    blocks: list[reports.Block] = [reports.Note(said, "warning"), named]
    return [reports.Section("What can be compared", blocks)]


def _origin(sources: Sequence[reports.Source], command: str) -> reports.Section:
    """The files and commands behind the numbers."""
    rows = [
        [
            str(source.path),
            source.kind.value,
            source.sha256,
            evaluation.readable_date(str(source.document.get("date") or "not stated")),
            str(source.document.get("command") or "not stated"),
        ]
        for source in sources
    ]
    headings = ["file", "what it is", "SHA-256", "date", "command"]
    table = evaluation.Table(headings, rows, caption="Sources of all numbers.", left=None)
    said = "This page was made by:"
    return reports.Section(
        "Where each number comes from", [*([table] if rows else []), reports.Note(said), reports.Note(command)]
    )
