"""TLS 1.3 only, for a library that has no setting for it.

grpc takes TLS 1.2 too. With this one RSA-only suite TLS 1.2 finds no cipher for the registry's
P-256 certificates, and TLS 1.3, whose suites are not configurable there, is all that is left. grpc
reads the setting when it is first imported, so this is called before; a test holds a TLS 1.2
handshake against it.
"""

import os
from typing import Final

_SUITE: Final = "ECDHE-RSA-AES128-GCM-SHA256"


def require_tls13() -> None:
    """Sets what grpc reads when it is imported; also keeps its own log lines to errors."""
    os.environ["GRPC_SSL_CIPHER_SUITES"] = _SUITE
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
