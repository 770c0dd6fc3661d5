from __future__ import annotations

from pathlib import Path

import pytest
from store_contract import StoreContract


class TestStoreOnSqlite(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/serving.db"
