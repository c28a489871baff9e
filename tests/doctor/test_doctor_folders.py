from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from monai_ext.doctor.check import OK, PROBLEM, WARNING
from monai_ext.doctor.folders import (
    Mount,
    check_folder,
    check_mount,
    check_space,
    check_spaces,
    existing_part,
    free_bytes,
    read_mounts,
)

MIB = 1 << 20


def test_a_folder_that_takes_files_is_ok_and_stays_empty(place: Path) -> None:
    check = check_folder("Studies folder", place)
    assert (check.name, check.state) == ("Studies folder", OK)
    assert list(place.iterdir()) == []


def test_an_absent_folder_is_a_problem_unless_it_is_made_later(place: Path) -> None:
    folder = place / "models" / "new"
    assert check_folder("x", folder).state == PROBLEM
    later = check_folder("x", folder, made_later=True)
    assert (later.state, "does not exist yet" in later.found) == (OK, True)
    assert list(place.iterdir()) == []


def test_a_file_is_no_folder(place: Path) -> None:
    (place / "images").write_text("")
    assert check_folder("x", place / "images").found.endswith("is a file, not a folder")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="wants a folder that takes no files")
def test_a_folder_that_takes_no_files_is_a_problem_even_for_the_superuser() -> None:
    check = check_folder("x", Path("/proc/self/fd"))
    assert (check.state, "cannot be written to" in check.found) == (PROBLEM, True)
    assert "Let the user who runs the server write" in check.advice
    assert check_folder("x", Path("/proc/self/fd/new"), made_later=True).state == PROBLEM


@pytest.mark.skipif(os.name != "posix", reason="wants a limit of the size of files")
def test_a_folder_where_a_file_can_be_made_but_not_filled_is_a_problem(place: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        check = check_folder("x", place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (check.state, os.strerror(errno.EFBIG) in check.found) == (PROBLEM, True)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "state"),
    [(2048 * MIB, OK), (2048 * MIB - 1, WARNING), (200 * MIB, WARNING), (200 * MIB - 1, PROBLEM), (0, PROBLEM)],
)
def test_little_room_is_a_warning_and_less_a_problem(place: Path, free: int, state: str) -> None:
    check = check_space("the studies", place, free)
    assert (check.name, check.state) == ("Disk of the studies", state)
    assert bool(check.advice) == (state != OK)


def test_room_is_told_in_units_that_can_be_read(place: Path) -> None:
    assert check_space("x", place, 5 * 1024 * MIB + 512 * MIB).found == "5.5 GiB are free"
    assert check_space("x", place, 350 * MIB).found == "only 350 MiB are free"


def test_the_room_of_a_folder_that_is_made_later_is_its_disks(place: Path) -> None:
    there = os.statvfs(place)
    assert free_bytes(place / "a" / "b") == pytest.approx(there.f_bavail * there.f_frsize, rel=0.2)
    assert existing_part(place / "a" / "b") == place


def test_a_path_with_a_space_names_the_other_command(place: Path, tmp_path: Path) -> None:
    check = check_spaces([tmp_path, place])
    assert check.state == WARNING
    assert repr(str(place)) in check.found
    assert "`monai-landmarks serve --studies DIR`" in check.advice
    assert check_spaces([Path("/data/eyes")]).state == OK


def test_studies_on_a_network_drive_are_a_warning(place: Path) -> None:
    table = place / "mounts"
    table.write_text(
        "overlay / overlay rw 0 0\n"
        "/dev/sda1 /data ext4 rw 0 0\n"
        "nas:/eyes /data/my\\040eyes nfs4 rw,vers=4.2 0 0\n"
        "server:/x /data/sshfs fuse.sshfs rw 0 0\n"
    )
    mounts = read_mounts(table)
    assert mounts[2] == Mount(Path("/data/my eyes"), "nfs4")
    remote = check_mount(Path("/data/my eyes/left"), mounts)
    assert remote.state == WARNING
    assert "/data/my eyes is a network drive or shared folder (nfs4)" in remote.found
    assert check_mount(Path("/data/sshfs"), mounts).state == WARNING
    assert check_mount(Path("/data/my eyes 2"), mounts).found == "local (ext4)"
    assert check_mount(Path("/home/x"), mounts).found == "local (overlay)"
    assert check_mount(Path("/home/x"), read_mounts(place / "absent")).state == OK


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="this system keeps no table of mounts")
def test_reads_the_mounts_of_this_machine() -> None:
    assert Path("/") in {mount.folder for mount in read_mounts()}
