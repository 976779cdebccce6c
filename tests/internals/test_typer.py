"""Tests which exceptions of a command typer passes on, its exit status after an interrupt, and an option of typer. See `docs/libraries.md`."""

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner


def command(raised: BaseException) -> typer.Typer:
    """A command line application whose command `run` raises this exception."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    def run(demo: Annotated[bool, typer.Option(" /--no-demo", show_default=False)] = True) -> None:
        """Raise the exception."""
        raise raised

    @app.command()
    def other() -> None:
        """A second command. With only one command, typer would not make `run` a subcommand."""

    return app


def test_typer_lets_our_own_exceptions_through() -> None:
    class Ours(Exception):
        """An exception of our own, which typer does not handle."""

    with pytest.raises(Ours):
        command(Ours())(["run"])


def test_typer_lets_an_os_error_through() -> None:
    with pytest.raises(FileNotFoundError):
        command(FileNotFoundError(2, "missing", "file"))(["run"])


def test_typer_exits_with_130_when_it_is_interrupted() -> None:
    with pytest.raises(SystemExit) as ended:
        command(KeyboardInterrupt())(["run"])

    assert ended.value.code == 130


def test_typer_has_an_option_that_only_switches_off() -> None:
    shown_help = CliRunner().invoke(command(ValueError()), ["run", "--help"]).output

    assert "--no-demo" in shown_help
    assert "--demo" not in shown_help.replace("--no-demo", "")
