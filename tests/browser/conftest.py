"""A browser for the tests of this ring: the system's Chromium, without network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """BATCHMATRIX_CHROMIUM, or what `chromium` is on the path."""
    path = os.environ.get("BATCHMATRIX_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("no Chromium; apt-get install chromium, or set BATCHMATRIX_CHROMIUM to its path", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
