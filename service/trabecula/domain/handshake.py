"""Why a TLS handshake failed, in words: OpenSSL names reasons that people who connect scanners do not know."""

from __future__ import annotations

import ssl

_WORDS = {
    "WRONG_VERSION_NUMBER": "the other side speaks plain DICOM (or something else that is not TLS)",
    "UNEXPECTED_MESSAGE": "the other side speaks plain DICOM (or something else that is not TLS)",
    "RECORD_LAYER_FAILURE": "the other side speaks plain DICOM (or something else that is not TLS)",
    "HTTP_REQUEST": "the other side speaks HTTP without TLS",
    "HTTPS_PROXY_REQUEST": "the other side speaks HTTP without TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the other side shows no certificate of its own",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other side asks for a certificate of ours (tls_certificate)",
    "UNSUPPORTED_PROTOCOL": "the other side offers no TLS 1.2 or later",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the other side takes no TLS 1.2 or later",
    "NO_SHARED_CIPHER": "both sides have no cipher suite in common",
    "TLSV1_ALERT_UNKNOWN_CA": "the other side does not trust the authority of our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the other side says that our certificate has expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the other side does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the other side does not accept our certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the other side refuses; it may ask for a certificate of ours (tls_certificate)",
}
"""By OpenSSL's reason codes (include/openssl/sslerr.h); alerts as in RFC 8446 6.2."""


def handshake_in_words(error: ssl.SSLError) -> str:
    """Return a clause that says what is wrong with the handshake; OpenSSL's own name where it is a rare one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of the other side is not accepted: {error.verify_message}"
    reason = error.reason or ""
    return _WORDS.get(reason, reason.replace("_", " ").lower() or "the other side ended it")
