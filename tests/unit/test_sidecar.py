import pytest

from gitmodel.errors import IntegrityError
from gitmodel.sidecar import (
    Metric,
    format_metrics,
    guess_goal,
    metric_of,
    parse_metrics,
    parse_params,
    sidecar_names,
)


def test_a_bare_number_is_a_metric():
    assert parse_metrics(b'{"accuracy": 0.94, "n": 3}', "m.json", {}) == {
        "accuracy": Metric(0.94, "max", guessed=True),
        "n": Metric(3, "max", guessed=True),
    }


def test_the_long_form_says_more():
    data = b"""
accuracy: {value: 0.94, goal: max, split: test, n: 10000, ci: [0.936, 0.946]}
loss: {value: 1, goal: max}
"""
    assert parse_metrics(data, "m.yaml", {}) == {
        "accuracy": Metric(0.94, "max", split="test", n=10000, ci=(0.936, 0.946)),
        "loss": Metric(1, "max"),
    }


def test_nested_keys_read_as_dotted_names_in_the_order_of_the_file():
    data = b'{"train": {"loss": 0.1, "acc": {"top1": 1}}, "step": 9}'
    assert list(parse_metrics(data, "m.json", {})) == ["train.loss", "train.acc.top1", "step"]


def test_a_mapping_with_a_value_and_other_names_is_nested():
    assert list(parse_metrics(b'{"a": {"value": 1, "other": 2}}', "m.json", {})) == [
        "a.value",
        "a.other",
    ]


def test_goals_come_from_the_file_then_the_repository_then_the_name():
    data = b'{"loss": 1, "wer": 2, "mae": {"value": 3, "goal": "max"}, "top1": 4}'
    found = parse_metrics(data, "m.json", {"wer": "min", "mae": "min"})
    assert [(metric.goal, metric.guessed) for metric in found.values()] == [
        ("min", True),
        ("min", False),
        ("max", False),
        ("max", True),
    ]


@pytest.mark.parametrize("name", ["loss", "val_loss", "test.RMSE", "error", "p99_latency", "mae"])
def test_less_of_what_is_named_so_is_better(name):
    assert guess_goal(name) == "min"


def test_an_empty_file_has_no_metrics():
    assert parse_metrics(b"{}", "m.json", {}) == parse_metrics(b"", "m.yaml", {}) == {}


BROKEN = {
    b'{"a":\n "0.9"}': "'m.json', line 1: 'a' is not a number but the text '0.9'",
    b'{"a": 1,\n "b": true}': "'m.json', line 2: 'b' is not a number but a boolean",
    b'{"a": null}': "'m.json', line 1: 'a' is not a number but empty",
    b'{"a": [1]}': "'m.json', line 1: 'a' is not a number but a sequence",
    b'{"a": 1e999}': "'m.json', line 1: 'a' is not a finite number",
    b'{"a": 1' + b"0" * 400 + b"}": "'m.json', line 1: 'a' is not a finite number",
    b'{"a": {"b": 1},\n"a.b": 2}': "'m.json', line 2: 'a.b' is there twice",
    b'{"": 1}': "'m.json', line 1: '' has an empty name in it",
    b'{"a": {"value": 1,\n "goal": "up"}}': "'m.json', line 2: 'a.goal' must be max or min",
    b'{"a": {"value": 1, "n": -1}}': "'a.n' must be a count",
    b'{"a": {"value": 1, "split": 1}}': "'a.split' must be a text",
    b'{"a": {"value": 1, "ci": [2, 1]}}': "'a.ci' must have the lower number first",
    b'{"a": {"value": 1, "ci": [1]}}': "'a.ci' must be a pair of numbers",
    b'{"a": {"value": "x"}}': "'a' is not a number",
    b"[1]": "'m.json' is not a mapping",
}


@pytest.mark.parametrize("data", BROKEN)
def test_what_is_no_metric_is_refused_with_file_and_line(data):
    with pytest.raises(IntegrityError) as caught:
        parse_metrics(data, "m.json", {})
    assert caught.value.message.startswith(BROKEN[data]) or BROKEN[data] in caught.value.message


def test_nan_in_yaml_is_refused_with_its_line():
    with pytest.raises(IntegrityError, match=r"'m\.yaml', line 2: 'b' is not a finite number"):
        parse_metrics(b"a: 1\nb: .nan\n", "m.yaml", {})


def test_params_are_any_plain_scalars():
    data = b"lr: 0.01\nmodel: {name: resnet, layers: [1, 2]}\nflag: true\nnone: null\n"
    assert parse_params(data, "p.yaml") == {
        "lr": 0.01,
        "model.name": "resnet",
        "model.layers": [1, 2],
        "flag": True,
        "none": None,
    }


def test_a_param_named_value_stays_nested():
    assert parse_params(b'{"a": {"value": 1}}', "p.json") == {"a.value": 1}


# Printed by `mlflow runs describe --run-id …` of MLflow 3.17.2, shortened.
MLFLOW = b"""{
    "info": {"run_id": "0a1b", "run_name": "able-ant-1", "status": "FINISHED"},
    "data": {
        "metrics": {
            "accuracy": 0.93,
            "val/loss": 0.2
        },
        "params": {"lr": "0.01", "epochs": "5", "amp": "True", "opt": "adam", "none": "None"},
        "tags": {"mlflow.user": "ada"}
    },
    "inputs": {"model_inputs": [], "dataset_inputs": []}
}"""


def test_a_run_of_mlflow_is_read_as_it_is():
    assert parse_metrics(MLFLOW, "run.json", {}) == {
        "accuracy": Metric(0.93, "max", guessed=True),
        "val/loss": Metric(0.2, "min", guessed=True),
    }
    # MLflow makes a text of each param.
    found = parse_params(MLFLOW, "run.json")
    assert found == {"lr": 0.01, "epochs": 5, "amp": True, "opt": "adam", "none": "None"}


def test_what_is_wrong_in_a_run_of_mlflow_is_told_with_its_line():
    with pytest.raises(IntegrityError, match="line 6: 'val/loss' is not a number"):
        parse_metrics(MLFLOW.replace(b"0.2", b'"low"'), "run.json", {})


def test_names_of_sidecars():
    assert sidecar_names("model", "metrics")[0] == "model.metrics.json"
    assert sidecar_names("", "params") == ("params.json", "params.yaml", "params.yml")


@pytest.mark.parametrize("path", ["m.json", "m.yaml", "m.yml"])
def test_what_is_written_is_read_again(path):
    metrics = {
        "val.accuracy": Metric(0.94, "max", split="test", n=10, ci=(0.9, 1.0)),
        "loss": Metric(1e-7, "min", guessed=True),
        "wer": Metric(10**20, "min"),
        "on": Metric(1e22, "max", guessed=True),
    }
    assert parse_metrics(format_metrics(metrics, path), path, {}) == metrics


def test_the_short_form_is_written_where_it_says_all():
    assert format_metrics({"accuracy": Metric(0.5, "max", guessed=True)}, "m.json") == (
        b'{\n  "accuracy": 0.5\n}\n'
    )


def test_a_metric_of_a_program_is_read_as_one_of_a_file():
    assert metric_of("loss", 1, {}) == Metric(1, "min", guessed=True)
    assert metric_of("wer", {"value": 2, "n": 3}, {"wer": "min"}) == Metric(2, "min", n=3)
    with pytest.raises(IntegrityError, match="'loss' is not a finite number"):
        metric_of("loss", float("nan"), {})
