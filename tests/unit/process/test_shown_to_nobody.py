"""What nobody reads any more is not signed: `placet approve RUN | head -1`."""

import io
import os
import sys

import pytest

from placet.errors import ConfigurationError
from placet.interfaces.cli import output


def test_a_pipe_whose_reader_has_gone_stops_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        output.check_read()
        os.close(reading)
        with pytest.raises(ConfigurationError, match="nobody reads what is shown any more; nothing was signed"):
            output.check_read()


def test_a_file_and_what_is_no_file_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - as a shell opens it
        monkeypatch.setattr(sys, "stdout", nowhere)
        output.check_read()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    output.check_read()
