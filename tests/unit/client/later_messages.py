"""Content as a later version might send it, byte by byte: fields and kinds unknown to this one."""

from typing import Final

_STATEMENT: Final = b"\x1a\x02un\x22\x07own_act"  # acting_body and basis


def _statement(body: bytes) -> bytes:
    return b"\xd2\x01" + bytes([len(body)]) + body  # statement_issued = 26


UNKNOWN_KIND: Final = b"\xd2\x05\x02\x0a\x00"  # field 90, a message
UNKNOWN_FIELD_99: Final = _statement(_STATEMENT + b"\x9a\x06\x01x")
UNKNOWN_FIELD_7_OF_A_DATE: Final = _statement(_STATEMENT + b"\xf2\x01\x03\x3a\x01x")
UNKNOWN_FIELD_90_BESIDE_THE_KIND: Final = _statement(_STATEMENT) + b"\xd2\x05\x01x"
