import pytest
import yaml

from gitmodel.card import check_card, fill_index, format_card, parse_card
from gitmodel.errors import IntegrityError
from gitmodel.sidecar import Metric


def card(*front, body="text\n"):
    return parse_card("\n".join(["---", *front, "---", body]).encode(), "m.card.md")


def findings(*front):
    return [(f.level, f.line, f.message) for f in check_card(card("license: mit", *front))]


def test_front_matter_and_body():
    found = card("license: mit", "tags: [a, b]", body="# Title\n---\nmore\n")
    assert found.front == {"license": "mit", "tags": ["a", "b"]}
    assert found.body == "# Title\n---\nmore\n"


@pytest.mark.parametrize("data", [b"# Title\n", b"", b"--- x\n"])
def test_a_card_without_front_matter(data):
    found = parse_card(data, "m.card.md")
    assert (found.front, found.body.encode()) == ({}, data)
    assert [f.level for f in check_card(found)] == ["warning"]


def test_windows_lines_and_a_byte_order_mark():
    assert parse_card("\ufeff---\r\nlicense: mit\r\n---\r\nx\r\n".encode(), "c").body == "x\n"


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"---\nlicense: mit\n", "line 1"),
        (b"---\nlicense: mit\nlicense: mit\n---\n", "line 3"),
        (b"---\na: &x 1\n---\n", "line 2"),
        (b"---\na: !!python/object/apply:os.system [id]\n---\n", "line 2"),
        (b"---\na: [1\n---\n", "line 2"),
        (b"---\n- a\n---\n", "not a mapping"),
        (b"---\na: \xff\n---\n", "UTF-8"),
    ],
)
def test_a_broken_front_matter_is_refused_with_its_line(data, where):
    with pytest.raises(IntegrityError, match=r"m\.card\.md") as caught:
        parse_card(data, "m.card.md")
    assert where in caught.value.message


@pytest.mark.parametrize(
    ("front", "level", "line", "words"),
    [
        ("tags: ranker", "error", 3, "'tags' must be a sequence of texts"),
        ("tags: [1]", "error", 3, "sequence of texts"),
        ("datasets: {a: b}", "error", 3, "text or a sequence"),
        ("base_model: 7", "error", 3, "text or a sequence"),
        ("pipeline_tag: [a]", "error", 3, "a text"),
        ("language: English", "warning", 3, "'English'"),
        ("model-index: 3", "error", 3, "model-index must be a sequence"),
        ("model-index: [{results: []}]", "error", 3, "model-index[0].name"),
        ("model-index: [{name: m, results: 1}]", "error", 3, "[0].results must be"),
        ("model-index: [{name: m, results: [1]}]", "error", 3, "results[0] must be"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(front, level, line, words):
    [found] = findings(front)
    assert found[:2] == (level, line)
    assert words in found[2]


def test_a_result_needs_task_data_set_and_metrics():
    index = "model-index: [{name: m, results: [{task: {}, dataset: {name: d}, metrics: [{}]}]}]"
    assert [
        message.removeprefix("model-index[0].results[0].") for *_, message in findings(index)
    ] == [
        "task.type must be a text",
        "dataset.type must be a text",
        "metrics[0].type must be a text",
        "metrics[0].value is missing",
    ]


@pytest.mark.parametrize("name", ["my-own", "MIT", "Apache 2.0"])
def test_an_unknown_license_is_a_warning(name):
    [finding] = check_card(card(f"license: {name}"))
    assert (finding.level, finding.line) == ("warning", 2)


def test_other_licenses_want_a_name():
    assert [f.level for f in check_card(card("license: other"))] == ["warning"]
    assert not check_card(card("license: other", "license_name: ours"))


def test_all_fields_of_hugging_face_may_be_there():
    assert not findings(
        "language: [en, 'no', multilingual, zh-Hant]",
        "library_name: transformers",
        "datasets: squad",
        "metrics: [accuracy]",
        "base_model: [a/b, c/d]",
        "co2_eq_emissions: {emissions: 3}",
        "model-index:",
        "widget: [{text: x}]",
    )


RESULT = [
    *("model-index:", "- name: Mine", "  results:", "  - task: {type: text-ranking}"),
    *("    dataset: {type: a/b, name: B, split: test}", "    metrics:"),
    "    - {type: accuracy, value: 0.5, name: Accuracy}",
]


def filled(front, **metrics):
    return fill_index(card(*front).front, "model", metrics)


def test_metrics_become_a_model_index():
    front = ["pipeline_tag: text-ranking", "datasets: [squad]"]
    index = filled(front, f1=Metric(0.5, "max"), accuracy=Metric(0.9, "max", split="test"))
    task, squad = {"type": "text-ranking"}, {"type": "squad", "name": "squad"}
    assert index["model-index"] == [
        {
            "name": "model",
            "results": [
                {
                    "task": task,
                    "dataset": squad,
                    "metrics": [{"type": "f1", "value": 0.5, "name": "f1"}],
                },
                {
                    "task": task,
                    "dataset": {**squad, "split": "test"},
                    "metrics": [{"type": "accuracy", "value": 0.9, "name": "accuracy"}],
                },
            ],
        }
    ]


def test_a_result_that_is_there_gets_the_new_value_and_keeps_the_rest():
    [model] = filled(RESULT, accuracy=Metric(0.9, "max"))["model-index"]
    assert model["name"] == "Mine"
    [result] = model["results"]
    assert result["dataset"]["name"] == "B"
    assert result["metrics"] == [{"type": "accuracy", "value": 0.9, "name": "Accuracy"}]


def test_results_of_another_split_are_left_alone():
    [model] = filled(RESULT, accuracy=Metric(0.9, "max", split="validation"))["model-index"]
    assert [each["metrics"][0]["value"] for each in model["results"]] == [0.5, 0.9]
    assert model["results"][1]["dataset"] == {"type": "a/b", "name": "B", "split": "validation"}


def test_what_the_hub_verified_is_left_alone():
    front = [*RESULT[:-1], "    - {type: accuracy, value: 0.5, verified: true}"]
    [model] = filled(front, accuracy=Metric(0.9, "max", split="test"))["model-index"]
    assert [each["value"] for each in model["results"][0]["metrics"]] == [0.5, 0.9]


def test_the_card_itself_is_not_changed():
    found = card(*RESULT)
    fill_index(found.front, "model", {"accuracy": Metric(0.9, "max")})
    assert found.front == card(*RESULT).front


def test_without_metrics_nothing_is_added():
    assert filled(["license: mit"]) == {"license": "mit"}


def test_what_is_written_is_read_the_same_by_other_readers_of_yaml_too():
    front = card(
        "language: [no, en]",
        'text: "yes"',
        "time: 12:30:00",
        "number: 1e5",
        "old: 0o14",
        "hex: 0x1F",
        "long: " + "word " * 100,
        'odd: "a\\u202eb\\x1b"',
        "empty:",
    ).front
    text = format_card(front, "body\n")
    assert parse_card(text.encode(), "c").front == front
    [_, between, body] = text.split("---\n")
    assert yaml.load(between, yaml.SafeLoader) == front  # noqa: TID251 - the reader of others
    assert body == "body\n"
