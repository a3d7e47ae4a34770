"""What stands where: nothing widens the page, and texts keep apart and inside their pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.report.test_diagnosis import diagnose
from tests.report.test_page import VOID, Page, made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]


class Tables(Page):
    """Collects the classes of the elements around each table."""

    def __init__(self, text: str) -> None:
        self.around: list[str] = []
        self.tables: list[str] = []
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "table":
            self.tables.append(" ".join(self.around))
        if tag not in VOID:
            self.around.append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        self.around.pop()


@pytest.mark.parametrize("kinds", [False, True])
def test_every_table_scrolls_in_itself(make_folder: Make, make_kinds: Make, kinds: bool) -> None:
    case = make_kinds() if kinds else make_folder(2)
    diagnose(*case)
    tables = Tables(made(case)).tables
    assert len(tables) > 10
    assert all("scroll" in around.split() for around in tables)
