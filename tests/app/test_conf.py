"""What --conf accepts, and that all faults are listed at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.settings import AppSettings, Conf
from monai_ext.landmarks import InputError

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
TOKEN = "a-token-of-twenty-ch"


def limits(conf: Conf) -> tuple[object, ...]:
    return conf.max_body_mb, conf.infer_slots, conf.infer_queue, conf.infer_timeout, conf.infer_cache


def test_without_conf_only_this_machine_is_answered() -> None:
    conf = Conf.parse({"server_mode": "true"}, {})
    assert (conf.token, conf.allow_remote, conf.allow_origins, conf.allow) == (None, False, (), ())
    assert limits(conf) == (256, None, 16, 120.0, 256)
    assert (conf.measure, conf.pool_scores, conf.offer_minutes) == ("entropy", "auto", 30.0)
    assert (conf.protocols, conf.train_after, conf.readers) == (None, 0, 1)


def test_every_name_is_read_from_text() -> None:
    conf = Conf.parse(
        {
            "token": TOKEN,
            "allow_remote": "true",
            "allow_origins": "https://a.example, http://b.example:8042,https://a.example",
            "allow": "logs,reload",
            "max_body_mb": "64",
            "infer_slots": "3",
            "infer_queue": "0",
            "infer_timeout": "7.5",
            "infer_cache": "0",
        },
        {},
    )
    origins = ("https://a.example", "http://b.example:8042")
    assert (conf.token, conf.allow_remote, conf.allow_origins, conf.allow) == (TOKEN, True, origins, ("logs", "reload"))
    assert limits(conf) == (64, 3, 0, 7.5, 0)


def test_the_environment_gives_the_token_unless_conf_does() -> None:
    assert Conf.parse({}, {"LANDMARKS_TOKEN": TOKEN}).token == TOKEN
    assert Conf.parse({"token": "x" * 16}, {"LANDMARKS_TOKEN": TOKEN}).token == "x" * 16
    assert Conf.parse({}, {"LANDMARKS_TOKEN": ""}).token is None


def test_settings_do_not_show_the_token() -> None:
    assert TOKEN not in repr(Conf.parse({"token": TOKEN}, {}))


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"token": "short-token"}, "the token must have at least 16 printable characters without spaces"),
        ({"token": "has a space in it, alas"}, "the token must have"),
        ({"allow_remote": "perhaps"}, "--conf allow_remote cannot be 'perhaps'"),
        ({"readers": "3"}, "--conf readers cannot be '3': an image has 1 reader, or 2 who label it each by themselves"),
        ({"readers": "0"}, "--conf readers cannot be '0'"),
        ({"readers": "both"}, "--conf readers cannot be 'both'"),
        ({"allow_origins": "*"}, "--conf allow_origins '*' must be addresses like https://pages.example"),
        ({"allow_origins": "https://a.example/path"}, "must be addresses like"),
        ({"allow": "logs,everything"}, "must name some of reload, logs, model_download, dataset_download"),
        ({"max_body_mb": "0"}, "--conf max_body_mb cannot be '0'"),
        ({"infer_slots": "two"}, "--conf infer_slots cannot be 'two'"),
        ({"infer_timeout": "nan"}, "--conf infer_timeout cannot be 'nan'"),
        ({"infer_timeout": "inf"}, "--conf infer_timeout cannot be 'inf'"),
        ({"infer_queue": "-1"}, "--conf infer_queue cannot be '-1'"),
        (
            {"tokn": TOKEN},
            "--conf tokn is unknown; use one of protocols, protocol_dir, model_dir, token, allow_remote, "
            "allow_origins, allow, max_body_mb, infer_slots, infer_queue, infer_timeout, infer_cache, runtime, "
            "measure, pool_scores, offer_minutes, train_after, readers",
        ),
    ],
)
def test_a_bad_value_is_refused_with_the_name(conf: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as refused:
        Conf.parse(conf, {})
    message = str(refused.value)
    assert words in message
    assert message.endswith(".")
    assert "short-token" not in message
    assert "alas" not in message


def test_all_faults_of_a_start_are_listed_together(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: [")
    conf = {"infer_queue": "-1", "allow": "doors", "colour": "red", "protocol_dir": str(tmp_path)}
    with pytest.raises(InputError) as refused:
        AppSettings.from_conf(APP_DIR, conf)
    for words in ("infer_queue", "allow 'doors'", "colour is unknown", "bad.yaml"):
        assert words in str(refused.value)
