import click
import pytest
from click.testing import CliRunner

from gitmodel.cli.common import rate_option
from gitmodel.cli.printer import say


@click.command()
@rate_option
def command(limit_rate):
    say(str(limit_rate))


def typed(*arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        *(("0", 0), ("1", 1), ("500k", 500_000), ("500K", 500_000), ("2.5M", 2_500_000)),
        *(("1G", 10**9), ("1e3", 1000), (".5k", 500), ("0.4", 1)),
    ],
)
def test_rates(text, rate):
    assert typed("--limit-rate", text).output == f"{rate}\n"


def test_no_rate_is_no_limit():
    assert typed().output == "0\n"


@pytest.mark.parametrize(
    "text", ["", "k", "fast", "-1", "-1k", "1T", "1 M M", "nan", "inf", "1e999", "-0.4", "0x10"]
)
def test_what_is_no_rate(text):
    result = typed(f"--limit-rate={text}")
    assert result.exit_code == 2
    assert "rate" in result.output
