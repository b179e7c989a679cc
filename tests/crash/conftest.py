from __future__ import annotations

import pytest

from tests.crash.scenes import Scene, make_scenes


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    return make_scenes(tmp_path_factory.mktemp("scenes"))
