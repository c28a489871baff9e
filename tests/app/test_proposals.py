from __future__ import annotations

import pytest
from app_spots import NAMES

from lib import proposals
from lib.proposals import Proposal, Proposals, displacement, provenance
from monai_ext.landmarks import Frame, Landmarks, Status

FRAME = Frame(width=50, height=40, spacing=(0.5, 2.0), spacing_source="test")
PROPOSED = Landmarks(NAMES, [[10.0, 10.0], [20.0, 20.0]], FRAME)
SAVED = Landmarks(NAMES, [[16.0, 12.0], [20.0, 20.0]], FRAME)  # moved by (3 mm, 4 mm) and not at all


def test_displacement_is_in_the_unit_of_the_frame() -> None:
    assert displacement(PROPOSED, SAVED) == {"bright": 5.0, "dim": 0.0}


def test_displacement_of_a_landmark_without_a_point_is_unknown() -> None:
    absent = Landmarks(NAMES, SAVED.points, FRAME, [Status.DEFINED, Status.MISSING])
    assert displacement(PROPOSED, absent) == {"bright": 5.0, "dim": None}


def test_remembered_proposal_gives_version_and_displacement() -> None:
    record = provenance(Proposal("v2", PROPOSED), SAVED, {})
    assert record == {"model_version": "v2", "unit": "mm", "displacement": {"bright": 5.0, "dim": 0.0}}


def test_version_that_the_client_showed_wins() -> None:
    told = {"model_version": "v1", "displacement": {"bright": 1.5}}
    record = provenance(Proposal("v2", PROPOSED), SAVED, told)
    assert (record["model_version"], record["displacement"]) == ("v1", {"bright": 1.5})
    by_hand = provenance(Proposal("v2", PROPOSED), SAVED, {"model_version": None})
    assert (by_hand["model_version"], by_hand["displacement"]) == (None, None)


def test_server_does_not_trust_the_clients_arithmetic() -> None:
    told = {"model_version": "v2", "displacement": {"bright": 99.0}}
    assert provenance(Proposal("v2", PROPOSED), SAVED, told)["displacement"] == {"bright": 5.0, "dim": 0.0}


def test_oldest_proposal_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "CAPACITY", 2)
    memory = Proposals()
    for image in ("a", "b", "a", "c"):
        memory.remember("spots", image, Proposal(image, PROPOSED))
    assert memory.get("spots", "b", "") is None
    assert memory.get("other", "a", "") is None
    found = [memory.get("spots", image, "") for image in ("a", "c")]
    assert [proposal.model_version for proposal in found if proposal] == ["a", "c"]
