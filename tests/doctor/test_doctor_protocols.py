from __future__ import annotations

from pathlib import Path

from doctor_cases import two_points, write_protocol

from monai_ext.doctor.check import OK, PROBLEM, WARNING
from monai_ext.doctor.models import check_protocols


def test_healthy_protocols_are_named_in_one_line(place: Path) -> None:
    write_protocol(place / "one", two_points("wings"))
    write_protocol(place / "two", two_points("ears"))
    protocols, checks = check_protocols([place / "one", place / "two"])
    assert list(protocols) == ["wings", "ears"]
    assert [(check.state, check.found) for check in checks] == [(OK, "2 protocols: wings, ears")]


def test_every_mistake_is_a_line_with_file_line_and_reason(place: Path) -> None:
    write_protocol(place, two_points("wings"), "a.yaml")
    write_protocol(place, two_points("wings"), "b.yaml")
    (place / "c.yaml").write_text("name: c\ntitle: C\nchannels: gray\nlandmarks: [{name: x, description: y}]\n")
    (place / "d ü.yaml").write_text("name: [\n")
    protocols, (usable, *mistakes) = check_protocols([place, place / "absent"])
    assert list(protocols) == ["wings"]
    assert usable.state == OK
    assert [check.state for check in mistakes] == [PROBLEM] * 4
    found = [check.found for check in mistakes]
    assert found[0] == f"{place / 'a.yaml'} and {place / 'b.yaml'} both define the protocol 'wings'"
    assert found[1].startswith(f"{place / 'c.yaml'}, line 3: channels: ")
    assert found[2].startswith(f"{place / 'd ü.yaml'}, line 2: not valid YAML")
    assert found[3] == f"The protocol folder {place / 'absent'} does not exist"


def test_no_protocol_at_all_is_a_warning(place: Path) -> None:
    protocols, checks = check_protocols([place])
    assert (protocols, [check.state for check in checks]) == ({}, [WARNING])
