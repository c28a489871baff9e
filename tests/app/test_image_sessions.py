"""Sessions: one readable image each, for a limited time, and nothing outside their folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from probe_request import png

from lib.errors import BusyError, NotFoundError
from lib.routes.sessions import ImageSessions
from monai_ext.landmarks import InputError


@pytest.fixture
def sessions(tmp_path: Path) -> ImageSessions:
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "meta.info").write_text("{}")
    return ImageSessions(str(tmp_path / "store"), 600)


def folders(sessions: ImageSessions) -> list[str]:
    return sorted(path.name for path in Path(sessions.store_path).glob("*"))


def test_a_session_keeps_the_image_as_it_was_sent(sessions: ImageSessions) -> None:
    made = sessions.add_image("C:\\eyes\\left.PNG", png())
    found = ImageSessions(sessions.store_path, 600).find(made.name)
    assert Path(found.image).read_bytes() == png()
    assert Path(found.image).name == "left.PNG"
    assert (found.expiry, folders(sessions)) == (600, [made.name])
    sessions.remove_session(made.name)
    assert folders(sessions) == []
    with pytest.raises(NotFoundError, match="create it again"):
        sessions.find(made.name)


@pytest.mark.parametrize("name", ["x.tar", "x.zip", "x", ".png", "..", "", "meta.info", "x\0.png"])
def test_a_file_that_is_no_image_is_refused_and_not_kept(sessions: ImageSessions, name: str) -> None:
    with pytest.raises(InputError):
        sessions.add_image(name, png())
    assert folders(sessions) == []


@pytest.mark.parametrize("content", [b"", b"garbage", png()[:-40]])
def test_an_image_that_cannot_be_read_is_refused_and_not_kept(sessions: ImageSessions, content: bytes) -> None:
    with pytest.raises(InputError, match=r"^left\.png"):
        sessions.add_image("left.png", content)
    assert folders(sessions) == []


@pytest.mark.parametrize("number", ["..", ".", "", "../canary", "/etc", "a/b", "x" * 101, "canary\0", "é"])
def test_a_number_that_is_none_finds_and_removes_nothing(sessions: ImageSessions, number: str) -> None:
    made = sessions.add_image("left.png", png())
    with pytest.raises(NotFoundError):
        sessions.find(number)
    sessions.remove_session(number)
    assert folders(sessions) == [made.name]
    assert (Path(sessions.store_path).parent / "canary" / "meta.info").exists()


def test_a_session_lives_until_it_was_not_used_for_its_time(sessions: ImageSessions) -> None:
    short, capped = sessions.add_image("a.png", png(), 5), sessions.add_image("b.png", png(), 100_000)
    assert (short.expiry, capped.expiry) == (5, 600)
    for session, age in ((short, 4), (capped, 599)):
        set_age(sessions, session.name, age)
    assert sessions.remove_expired() == 0
    for session, age in ((short, 6), (capped, 601)):
        set_age(sessions, session.name, age)
    sessions.find(capped.name)  # a use prolongs it
    assert sessions.remove_expired() == 1
    assert folders(sessions) == [capped.name]


def test_there_is_a_limit_to_how_many_there_are(sessions: ImageSessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.routes.sessions.MAX_SESSIONS", 2)
    made = [sessions.add_image("left.png", png()).name for _ in range(2)]
    with pytest.raises(BusyError, match="There are 2 sessions already"):
        sessions.add_image("left.png", png())
    sessions.remove_session(made[0])
    assert Path(sessions.add_image("left.png", png()).image).is_file()


def set_age(sessions: ImageSessions, number: str, seconds: int) -> None:
    sessions.pop(number, None)
    meta = Path(sessions.store_path) / number / "meta.info"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "last_access_ts": int(time.time()) - seconds}))


@pytest.mark.parametrize("meta", [None, "", "{", "[]", "{}", '{"image": "/etc/passwd", "last_access_ts": 0}'])
def test_what_an_upload_that_was_cut_off_left_behind_stops_no_start(sessions: ImageSessions, meta: str | None) -> None:
    folder = Path(sessions.store_path) / "left-behind"
    folder.mkdir(parents=True)
    if meta is not None:
        (folder / "meta.info").write_text(meta)
    with pytest.raises(NotFoundError):
        sessions.find("left-behind")
    assert sessions.remove_expired() == 0, "it may be an upload that has just begun"
    long_ago = time.time() - 601
    os.utime(folder, (long_ago, long_ago))
    assert sessions.remove_expired() == 1
    assert folders(sessions) == []
