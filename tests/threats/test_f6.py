"""F6: a server that has another write to the same key under way asks to be asked again."""

from __future__ import annotations

from tests.helpers.proxy import Proxy, answer
from tests.helpers.repo import Repo, noise


def test_f6_a_conflict_with_another_write_is_tried_again(bucketed: Repo, proxy: Proxy) -> None:
    repo = bucketed
    repo.write("model.pt", noise(1, 3000))
    repo.gitmodel("add", "model.pt")
    repo.commit()
    repo.git("tag", "v1.0")
    codes = ("ConditionalRequestConflict", "OperationAborted")
    rules = [
        proxy.rule(answer(409, code), "PUT", key, times=1)
        for key in ("/gitmodel-remote.json", "/packs/", "/index/", "/roots/.*tags", "/roots/.*head")
        for code in codes
    ]
    assert "v1.0" in repo.gitmodel("push").out
    assert all(rule.hits for rule in rules)
    repo.gitmodel("verify", "--remote")
