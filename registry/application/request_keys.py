r"""Names and digests of requests, keyed with a secret of the node.

Both are kept in the database: with the key elsewhere, the database alone lets nobody guess which
request or content they stand for. The keyed state is prepared once and copied for each request:
unlike a one-shot HMAC that lets go of the interpreter lock for a hash of a hundred bytes, and with
many callers each such gap is a change of threads.

    request key      HMAC-SHA-256("request\n" || u16be(len(scope)) || scope || request id)[:16]
    request digest   HMAC-SHA-256("content\n" || what was asked for)
    upload id        HMAC-SHA-256("upload\n" || request key || what was announced)[:16]
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from registry.domain.identifiers import CaseId, RequestKey
from registry.log.entry import Audience


class RequestKeys:
    """Makes the keys and digests of one node's requests."""

    def __init__(self, secret: bytes) -> None:
        self._request = _begun(secret, b"request\n")
        self._content = _begun(secret, b"content\n")
        self._upload = _begun(secret, b"upload\n")

    def key_of(self, scope: str, request_id: str) -> RequestKey:
        """Names a request by who shares its id and the id, 16 bytes."""
        shared_by = scope.encode()
        keyed = self._request.copy()
        keyed.update(len(shared_by).to_bytes(2, "big") + shared_by + request_id.encode())
        return RequestKey(keyed.finalize()[:16])

    def upload_id_of(self, request_key: RequestKey, announced: bytes) -> bytes:
        """Names an upload, 16 bytes; the same file under the same request gets the same id."""
        keyed = self._upload.copy()
        keyed.update(request_key + announced)
        return keyed.finalize()[:16]

    def digest_of(
        self,
        kind: int,
        audience: Audience,
        case_id: CaseId | None,
        content: bytes,
        *,
        not_before_ms: int = 0,
    ) -> bytes:
        """Digests all that was asked for, 32 bytes: another request under one id is noticed."""
        head = f"{kind}\n{audience.is_all}\n{audience.member_ids}\n".encode()
        if not_before_ms:
            head += f"{not_before_ms}\n".encode()
        case = case_id or b""
        keyed = self._content.copy()
        keyed.update(head + len(case).to_bytes(1, "big") + case + content)
        return keyed.finalize()


def _begun(secret: bytes, prefix: bytes) -> HMAC:
    keyed = HMAC(secret, hashes.SHA256())
    keyed.update(prefix)
    return keyed
