"""Python and the installed packages against what the distribution declares."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .check import OK, PROBLEM, WARNING, Check, count, line, sentences

DISTRIBUTION = "monai-landmarks"
#: What MONAI Label needs but does not say: its pydicom-seg breaks on pydicom 3, and numpymaxflow on numpy 2.
MONAI_LABEL_LIMITS = ("pydicom<3", "dicomweb-client<0.61", "numpy<2")


@dataclass(frozen=True)
class Declared:
    """Declared requirements of a distribution.

    Attributes:
        version: its own.
        python: the range of Python, e.g. ``>=3.10,<3.13``; empty: any.
        requires: one line for each package, e.g. ``numpy<2,>=1.26`` or ``timm>=1; extra == "pretrained"``.
        extras: the names of its extras.
    """

    version: str
    python: str
    requires: tuple[str, ...]
    extras: tuple[str, ...]


def declared(name: str = DISTRIBUTION, path: Sequence[str] | None = None) -> Declared | None:
    """Requirements of an installed distribution; None if it is not installed.

    Args:
        name: of the distribution.
        path: folders to look in; None: those of this Python.
    """
    wanted = canonicalize_name(name)
    for found in _distributions(path):
        if canonicalize_name(found.metadata["Name"] or "") == wanted:
            python = found.metadata["Requires-Python"] or ""
            extras = tuple(found.metadata.get_all("Provides-Extra") or ())
            return Declared(found.version, python, tuple(found.requires or ()), extras)
    return None


def installed_versions(path: Sequence[str] | None = None) -> dict[str, str]:
    """The version of each installed distribution by its canonical name; of two the one that Python imports."""
    versions: dict[str, str] = {}
    for found in _distributions(path):
        name = found.metadata["Name"]
        if name:
            versions.setdefault(canonicalize_name(name), found.version)
    return versions


def _distributions(path: Sequence[str] | None) -> Iterable[importlib.metadata.Distribution]:
    return importlib.metadata.distributions(path=list(sys.path if path is None else path))


def check_installation() -> Iterator[Check]:
    """All checks of this Python and its packages."""
    needs, installed = declared(), installed_versions()
    yield check_python(platform.python_version(), needs)
    yield check_packages(needs, installed)
    if needs is not None:
        for extra in needs.extras:
            yield check_extra(needs, extra, installed)
    yield check_torch_pair(declared("torchvision"), installed, import_error("torchvision"))
    yield check_monai_label(installed)


def check_python(version: str, needs: Declared | None) -> Check:
    """Check that the running Python is supported."""
    name = "Python"
    if needs is None or not needs.python:
        return Check(name, OK, version)
    if SpecifierSet(needs.python).contains(version, prereleases=True):
        return Check(name, OK, f"{version} ({needs.python})")
    advice = f"Make the environment anew with a Python of {needs.python}, and install there."
    return Check(name, PROBLEM, f"{version} is not within {needs.python}", advice)


def check_packages(needs: Declared | None, installed: Mapping[str, str]) -> Check:
    """Check that the required packages are installed in their declared ranges."""
    name = "Packages"
    if needs is None:
        found = f"{DISTRIBUTION} is not installed as a package, so its declared ranges are not known"
        return Check(name, WARNING, found, "Install it where it runs: `pip install -e .` in its folder.")
    wanted = _requirements(needs, None)
    unmet = _unmet(wanted, installed)
    if unmet:
        return Check(name, PROBLEM, sentences(unmet.values(), 6), _install(unmet))
    return Check(name, OK, f"{DISTRIBUTION} {needs.version}: {count(len(wanted), 'package')}, in the declared ranges")


def check_extra(needs: Declared, extra: str, installed: Mapping[str, str]) -> Check:
    """Check that the packages of one extra are installed; an extra without any of them is taken as not wanted."""
    name = f"Extra [{extra}]"
    wanted = _requirements(needs, extra)
    present = [item for item in wanted if canonicalize_name(item.name) in installed]
    wrong = _unmet(present, installed)
    if wrong:
        state = PROBLEM if extra == "server" else WARNING
        return Check(name, state, sentences(wrong.values(), 6), _install(wrong))
    if len(present) == len(wanted):
        return Check(name, OK, f"{count(len(wanted), 'package')}, in the declared ranges")
    absent = [item for item in wanted if item not in present]
    names = ", ".join(item.name for item in absent)
    if extra == "server":
        return Check(name, WARNING, f"not installed: {names}; the server cannot run", _install(absent))
    return Check(name, OK, f"not installed: {names}; only needed where it is wanted")


def check_monai_label(installed: Mapping[str, str]) -> Check:
    """Check that packages incompatible with MONAI Label are constrained to older versions."""
    name = "MONAI Label"
    version = installed.get("monailabel")
    if version is None:
        return Check(name, OK, "not installed: the command line works, the server does not")
    limits = [Requirement(limit) for limit in MONAI_LABEL_LIMITS]
    wrong = _unmet([item for item in limits if canonicalize_name(item.name) in installed], installed)
    if wrong:
        # All at once: pip would undo one to repair another.
        return Check(name, PROBLEM, f"{version} cannot start: {sentences(wrong.values())}", _install(limits))
    return Check(name, OK, f"{version}, with {', '.join(MONAI_LABEL_LIMITS)}")


def check_torch_pair(needs: Declared | None, installed: Mapping[str, str], import_error: str = "") -> Check:
    """Check that torchvision was built for the installed torch.

    Args:
        needs: what the installed torchvision declares; None if it is not installed.
        installed: the versions.
        import_error: what importing torchvision said; empty if it went well.
    """
    name = "torch and torchvision"
    torch, vision = installed.get("torch"), installed.get("torchvision")
    advice = "Install both in one command: `pip install --upgrade torch torchvision` (from one index)."
    if torch is None or vision is None or needs is None:
        absent = " and ".join(item for item, version in (("torch", torch), ("torchvision", vision)) if not version)
        return Check(name, PROBLEM, f"{absent} is not installed", advice)
    unmet = _unmet([item for item in _requirements(needs, None) if item.name == "torch"], installed)
    if unmet:
        return Check(name, PROBLEM, f"torchvision {vision} does not fit: {sentences(unmet.values())}", advice)
    if import_error:
        return Check(name, PROBLEM, f"torchvision {vision} does not load with torch {torch}: {import_error}", advice)
    return Check(name, OK, f"{torch} and {vision}")


def import_error(module: str) -> str:
    """Error of importing a module, on one line; empty on success."""
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""


def _requirements(needs: Declared, extra: str | None) -> list[Requirement]:
    """The requirements of an extra alone, or those without any extra, as far as they concern this machine."""
    found = []
    for text in needs.requires:
        try:
            item = Requirement(text)
        except InvalidRequirement:
            continue  # written by another tool in an older grammar; pip itself left it out
        always = item.marker is None or item.marker.evaluate({"extra": ""})
        chosen = extra is not None and item.marker is not None and item.marker.evaluate({"extra": extra})
        if always == (extra is None) and (always or chosen):
            found.append(item)
    return found


def _unmet(wanted: Iterable[Requirement], installed: Mapping[str, str]) -> dict[Requirement, str]:
    """Problems of the requirements that are not met."""
    unmet = {}
    for item in wanted:
        version = installed.get(canonicalize_name(item.name))
        if version is None:
            unmet[item] = f"{item.name} is not installed (wanted: {item.specifier or 'any version'})"
        elif not item.specifier.contains(version, prereleases=True):
            unmet[item] = f"{item.name} {version} is not within {item.specifier}"
    return unmet


def _install(wanted: Iterable[Requirement]) -> str:
    return "Run `pip install " + " ".join(f'"{item.name}{item.specifier}"' for item in wanted) + "`."


def explanation(error: Exception, checks: Iterable[Check]) -> str:
    """The packages that are wrong, with what to do; empty if none is, so that the error is another matter.

    Args:
        error: what loading the program raised.
        checks: of the installation.
    """
    problems = [line(check) for check in checks if check.state == PROBLEM]
    if not problems:
        return ""
    reason = " ".join(str(error).split())[:300]
    return "\n".join([f"monai-landmarks cannot be loaded: {reason}", *problems])
