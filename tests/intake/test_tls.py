from __future__ import annotations

from pathlib import Path

import pytest

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.intake.tls import server_context


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_an_unusable_certificate_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    certificate = tmp_path / "certificate.pem"
    if content is not None:
        certificate.write_text(content)

    with pytest.raises(ConfigurationInvalid) as error:
        server_context(certificate, certificate)

    assert error.value.code == "CONFIGURATION_INVALID"
    assert "the TLS certificate, key or CA cannot be used" in error.value.sentence
    assert "Correct the named key" in error.value.next_step
