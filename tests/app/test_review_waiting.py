"""How many labels a review waits for: none that a person confirmed, and none of an image that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from app_pair import HERE, label_info, reviewed, save
from app_pool import House, wait_for


@pytest.mark.slow
def test_a_review_waits_for_no_confirmed_label_and_no_damaged_image(
    move_in: Callable[..., House], tmp_path: Path
) -> None:
    house = move_in()
    save(house.app, house.client, tmp_path, "spot_00", HERE, reviewed=True)
    for image in ("spot_01", "spot_02"):
        save(house.app, house.client, tmp_path, image, HERE)
    for image in ("spot_00", "spot_01", "spot_02"):
        reviewed(house.app, image)
    (house.studies / "spot_01.png").write_bytes(b"damaged")
    assert house.client.post("/scoring/review", json={}).status_code == 200
    wait_for(lambda: label_info(house.app, "spot_02")["review"]["model_version"] == "v1")
    wait_for(lambda: house.app.reviewer.stats()["spots"]["waiting"] == 0)
    assert house.app.reviewer.stats()["spots"]["confirmed"] == 1


def test_a_label_that_is_confirmed_while_it_waits_is_not_waited_for(
    move_in: Callable[..., House], tmp_path: Path
) -> None:
    house = move_in(ready=False)
    save(house.app, house.client, tmp_path, "spot_00", HERE)
    reviewed(house.app, "spot_00")
    house.client.post("/scoring/review", json={})
    wait_for(lambda: house.app.reviewer.stats()["spots"]["waiting"] == 1)
    query = {"label": "spot_00", "tag": "final"}
    answer = house.client.put("/datastore/label/info", params=query, data={"info": '{"reviewed": true}'})
    assert answer.status_code == 200, answer.text
    assert house.app.reviewer.stats()["spots"]["waiting"] == 0
