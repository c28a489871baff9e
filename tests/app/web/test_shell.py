"""The pages in a real browser: what loads, what they show, what never leaves them."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.server


def test_the_start_page_opens_with_its_navigation(page: Any) -> None:
    page.get_by_role("heading", name="Start").wait_for()
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        "Start",
        "Images",
        "Annotate",
        "Train",
        "Review",
    ]
