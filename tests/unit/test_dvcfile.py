import pytest

from gitmodel.dvcfile import parse_members, parse_outs, parse_settings
from gitmodel.errors import IntegrityError

A, B = "a" * 32, "b" * 32


def test_a_dvc_file_may_have_several_outs_and_say_more_than_counts():
    text = f"""\
desc: who cares
meta: {{team: [a, b]}}
wdir: ../raw
outs:
- md5: {A}.dir
  size: 12
  nfiles: 2
  hash: md5
  path: images
- md5: {B}
  path: ./tool
  isexec: true
- path: log.txt
  md5: {B}
  cache: false
"""
    images, tool = parse_outs("data/images.dvc", text.encode())
    assert (images.path, images.key, images.tree) == ("raw/images", f"md5:{A}.dir", True)
    assert (tool.path, tool.key, tool.executable) == ("raw/tool", f"md5-dos2unix:{B}", True)


def test_a_lock_file_is_read_with_the_stages_beside_it():
    lock = f"""\
schema: '2.0'
stages:
  train@1:
    cmd: python train.py
    deps: [{{path: data, md5: {A}.dir, hash: md5}}]
    outs:
    - {{path: model.pt, md5: {A}, hash: md5}}
    - {{path: metrics.json, md5: {B}, hash: md5}}
"""
    stages = """\
stages:
  train:
    foreach: [1, 2]
    do:
      wdir: work
      cmd: python train.py
      outs: [model.pt]
      metrics: [{metrics.json: {cache: false}}]
"""
    (out,) = parse_outs("sub/dvc.lock", lock.encode(), stages.encode())
    assert (out.path, out.stage) == ("sub/work/model.pt", "train@1")


def test_a_lock_file_of_dvc_1_has_no_schema():
    (out,) = parse_outs("dvc.lock", f"train:\n  outs: [{{path: m, md5: {A}}}]\n".encode())
    assert (out.path, out.key) == ("m", f"md5-dos2unix:{A}")


@pytest.mark.parametrize(
    "text",
    [
        "outs: 3",
        "- a list",
        "outs: [a text]",
        f"outs: [{{md5: {A}}}]",
        f"outs: [{{md5: {A}, path: ../../x}}]",
        f"outs: [{{md5: {A}, path: /x}}]",
        f"outs: [{{md5: {A}, path: 's3://bucket/x'}}]",
        f"outs: [{{md5: {A}, path: .}}]",
        f"outs: [{{md5: {A}, path: .git/config}}]",
        f"wdir: ../..\nouts: [{{md5: {A}, path: x}}]",
        "outs: [{md5: ../../../x, path: x}]",
        f"outs: [{{md5: {A}, path: 7}}]",
        f"outs: &a [{{md5: {A}, path: x}}]",
    ],
)
def test_what_is_malformed_or_leads_elsewhere_is_refused(text):
    with pytest.raises(IntegrityError, match=r"data/x\.dvc"):
        parse_outs("data/x.dvc", text.encode())


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", ".git/hooks/x", "", "a\\\\x"])
def test_names_in_a_folder_are_checked(path):
    listed = f'[{{"md5": "{A}", "relpath": "{path}"}}]'
    with pytest.raises(IntegrityError):
        parse_members(listed.encode(), f"md5:{A}.dir")


def test_the_users_own_settings_come_first_and_are_known_as_such():
    tracked = (
        b"[core]\n    remote = Store\n['remote \"store\"']\n    url = s3://a\n    profile = x\n"
    )
    local = b"['remote \"store\"']\n    profile = mine\n"
    found = parse_settings(tracked, local)
    assert found.get("core", "remote") == "Store"
    assert found.get("remote store", "url") == "s3://a"
    assert found.get("remote store", "profile") == "mine"
    assert ("remote store", "profile") in found.own
    assert ("remote store", "url") not in found.own
