"""A seeded mutator: sound samples with something wrong, built for speed; it shrinks nothing.

Three forms of samples are known, so that mutations get past the first check of a decoder: protobuf
(fields are dropped, doubled, reordered, nested, given another type, another length or a number that
is written longer than it must be), text (JSON, TOML, CSV, words: numbers, brackets, quotes, letters
that only look like digits), and plain bytes. The same generator gives the same inputs.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import Final, TypeAlias

SIZE_MAX: Final = 1 << 17
"""What grows beyond is cut: an endless input says nothing that a long one does not."""

_NUMBERS: Final = (0, 1, 2, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32, 2**63 - 1)
_HUGE: Final = (2**63, 2**64 - 1, 2**64, 2**70 - 1)
_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = range(6)
_FIELDS_MAX: Final = 400
_NEST: Final = (3, 99, 100, 101, 5000)
_TOKENS: Final = re.compile(
    rb"-?[0-9]+(?:\.[0-9]+)?|\"(?:[^\"\\]|\\.)*\"|true|false|null|[\[\]{},:=]"
)
_WORDS: Final = (
    *(b"null", b"true", b"false", b"0", b"-0", b"-1", b"1e999", b"-1e999", b"NaN", b"Infinity"),
    *(b"1.0", b"9223372036854775808", b"18446744073709551616", b"9" * 400, b"9" * 5000, b"0x10"),
    *(b'""', b"{}", b"[]", b"[[]]", b'{"":""}', b'"\\ud800"', b'"\\u0000"', b'"\xff"', b"\x00"),
    *(
        "²".encode(),
        "٣".encode(),
        "\u07c0".encode(),
        "①".encode(),
        "\u202e".encode(),
        "\ufeff".encode(),
    ),
    *(b"\r", b"\n", b"\r\n", b"\t", b"'", b'"', b'"""', b",", b";", b":", b"#", b"=", b"/", b"\\"),
    *(b"0001-01-01", b"9999-12-31", b"10000-01-01", b"2014-02-30", b"2014-13", b"0000", b"24:00"),
    *(b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"\xe2\x80\xa8", b"%s%n{0}"),
)

Field: TypeAlias = tuple[int, int, bytes]
"""Number, wire type, and the bytes after the tag; of a length-delimited one without its length."""


class Form(Enum):
    """What samples are written in."""

    BYTES = "bytes"
    PROTOBUF = "protobuf"
    TEXT = "text"


class Mutator:
    """Makes hostile inputs from samples."""

    def __init__(self, random: Random, samples: Sequence[bytes], form: Form) -> None:
        self._random = random
        self._samples = tuple(samples)
        self._form = form
        self._changes: tuple[Callable[[bytes], bytes], ...] = tuple(
            getattr(self, name) for name in (*_PLAIN_NAMES, *_OF_FORM[form])
        )

    def make(self) -> bytes:
        """The next input: mostly a sample changed a few times, sometimes noise or a sound one."""
        random = self._random
        chance = random.random()
        if chance < 0.02:
            return random.randbytes(random.randrange(300))
        data = random.choice(self._samples)
        if chance < 0.03:
            return data
        for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
            data = random.choice(self._changes)(data)
        return data[:SIZE_MAX]

    # --- any bytes ----------------------------------------------------------------------------

    def _range(self, data: bytes, longest: int = 40) -> tuple[int, int]:
        start = self._random.randint(0, len(data))
        return start, min(len(data), start + self._random.randint(0, longest))

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data or b"\0")
        changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _set(self, data: bytes) -> bytes:
        changed = bytearray(data or b"\0")
        byte = self._random.choice((0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x20, 0x22, 0x30, 0x5C))
        changed[self._random.randrange(len(changed))] = byte
        return bytes(changed)

    def _cut(self, data: bytes) -> bytes:
        start, end = self._range(data)
        return data[:start] + data[end:]

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    def _double(self, data: bytes) -> bytes:
        start, end = self._range(data)
        return data[:end] + data[start:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._range(data, 20)
        times = self._random.choice((2, 10, 300))
        return data[:start] + data[start:end] * times + data[end:]

    def _insert(self, data: bytes) -> bytes:
        at = self._random.randint(0, len(data))
        return data[:at] + self._random.randbytes(self._random.randint(1, 12)) + data[at:]

    def _number(self, data: bytes) -> bytes:
        size = self._random.choice((1, 2, 4, 8))
        number = self._random.choice(_NUMBERS) & ((1 << 8 * size) - 1)
        at = self._random.randint(0, len(data))
        order = self._random.choice(("big", "little"))
        written = number.to_bytes(size, "big" if order == "big" else "little")
        return data[:at] + written + data[at + size :]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._samples)
        return data[: self._random.randint(0, len(data))] + other[self._range(other)[0] :]

    def _swap(self, data: bytes) -> bytes:
        first, second = sorted((self._range(data), self._range(data)))
        middle = max(first[1], second[0])
        return (
            data[: first[0]]
            + data[middle : second[1]]
            + data[first[1] : middle]
            + data[first[0] : first[1]]
            + data[max(second[1], middle) :]
        )

    # --- protobuf -----------------------------------------------------------------------------

    def _field(self, data: bytes) -> bytes:
        """Changes one field at some depth and writes all lengths around it as they must be."""
        fields = read_fields(data)
        if not fields:
            return self._insert(data)
        at = self._random.randrange(len(fields))
        number, wire, value = fields[at]
        if wire == _BYTES and value and self._random.random() < 0.6:
            inner = (
                self._field(value) if read_fields(value) and self._random.random() < 0.7 else b""
            )
            fields[at] = (number, wire, inner or self._plain(value))
            return write_fields(fields)
        return self._edit(fields, at)

    def _plain(self, value: bytes) -> bytes:
        return self._random.choice((self._flip, self._cut, self._insert, self._truncate))(value)

    def _edit(self, fields: list[Field], at: int) -> bytes:
        random = self._random
        number, wire, value = fields[at]
        match random.randrange(8):
            case 0:
                del fields[at]
            case 1:
                fields.insert(random.randint(0, len(fields)), fields[at])
            case 2:
                random.shuffle(fields)
            case 3:
                fields[at] = (random.choice((1, 2, 15, 16, 99, 2**29 - 1)), wire, value)
            case 4:
                fields[at] = (number, _VARINT, varint(random.choice((*_NUMBERS, *_HUGE))))
            case 5:
                # A varint may be written longer than it must be; what is signed may not.
                fields[at] = (number, _VARINT, _padded(varint(random.choice(_NUMBERS)), random))
            case 6:
                fields[at] = (
                    number,
                    _BYTES,
                    random.randbytes(random.choice((0, 1, 16, 31, 32, 33))),
                )
            case _:
                fields[at:at] = [fields[at]] * random.choice((16, 64, 257))
        return write_fields(fields[:5000])

    def _unknown(self, data: bytes) -> bytes:
        field = (self._random.choice((14, 50, 1000, 19_500)), _BYTES, self._random.randbytes(5))
        return data + write_fields([field])

    def _length(self, data: bytes) -> bytes:
        """Lies about the length of the last field."""
        tag = self._random.randint(1, 20) << 3 | _BYTES
        return data + varint(tag) + varint(self._random.choice((*_NUMBERS, *_HUGE))) + data[:9]

    def _nested(self, data: bytes) -> bytes:
        """A message in itself, deeper than any reader should go."""
        number = self._random.randint(1, 16)
        nested = data[:64]
        for _ in range(self._random.choice(_NEST[:4])):
            nested = write_fields([(number, _BYTES, nested)])
        return self._random.choice((nested, data + nested))

    def _groups(self, data: bytes) -> bytes:
        number, depth = self._random.randint(1, 16), self._random.choice(_NEST)
        opened, closed = varint(number << 3 | _GROUP), varint(number << 3 | _END_GROUP)
        return data + opened * depth + self._random.choice((b"", closed * depth))

    # --- text ---------------------------------------------------------------------------------

    def _token(self, data: bytes) -> bytes:
        found = list(_TOKENS.finditer(data[:20_000]))
        if not found:
            return self._word(data)
        token = self._random.choice(found)
        other = self._random.choice(found)
        written = self._random.choice((self._random.choice(_WORDS), other[0], b"", token[0] * 2))
        return data[: token.start()] + written + data[token.end() :]

    def _word(self, data: bytes) -> bytes:
        at, end = self._range(data, 6)
        end = self._random.choice((at, end))
        return data[:at] + self._random.choice(_WORDS) + data[end:]

    def _brackets(self, data: bytes) -> bytes:
        depth = self._random.choice(_NEST)
        opened, closed = self._random.choice(
            ((b"[", b"]"), (b'{"a":', b"}"), (b"[", b""), (b"a.", b""), (b'"', b'"'), (b"(", b")"))
        )
        found = list(_TOKENS.finditer(data[:20_000]))
        start, end = self._random.choice(found).span() if found else (0, len(data))
        return data[:start] + opened * depth + data[start:end] + closed * depth + data[end:]

    def _line(self, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True) or [b""]
        at, other = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[at] = self._random.choice((b"", lines[other], lines[at] + lines[other], b"\n"))
        return b"".join(lines)


_PLAIN_NAMES: Final = (
    *("_flip", "_set", "_cut", "_truncate", "_double", "_repeat", "_insert", "_number"),
    *("_splice", "_swap"),
)
_OF_FORM: Final = {
    Form.BYTES: (),
    Form.PROTOBUF: (*("_field",) * 14, "_unknown", "_length", "_nested", "_groups"),
    Form.TEXT: (*("_token",) * 5, *("_word",) * 3, "_brackets", "_line"),
}


def varint(number: int) -> bytes:
    """A number as protobuf writes it, of any size."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _padded(written: bytes, random: Random) -> bytes:
    more = bytes([0x80] * random.randint(1, 9)) + b"\0"
    return written[:-1] + bytes([written[-1] | 0x80]) + more


def _read_varint(data: bytes, at: int) -> tuple[int, int] | None:
    number = shift = 0
    while at < len(data) and shift < 70:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return number, at
    return None


def read_fields(data: bytes) -> list[Field]:
    """The fields of a message; empty if the bytes are none, or have too many of them."""
    fields: list[Field] = []
    at = 0
    while at < len(data):
        tag = _read_varint(data, at)
        found = tag and _value(data, tag[1], tag[0] & 7)
        if not tag or not found or not tag[0] >> 3 or len(fields) > _FIELDS_MAX:
            return []
        fields.append((tag[0] >> 3, tag[0] & 7, found[0]))
        at = found[1]
    return fields


def _value(data: bytes, at: int, wire: int) -> tuple[bytes, int] | None:
    if wire == _VARINT:
        number = _read_varint(data, at)
        return number and (data[at : number[1]], number[1])
    if wire in {_FIXED64, _FIXED32}:
        end = at + (8 if wire == _FIXED64 else 4)
        return (data[at:end], end) if end <= len(data) else None
    size = _read_varint(data, at) if wire == _BYTES else None
    if size is None or size[1] + size[0] > len(data):
        return None
    end = size[1] + size[0]
    return data[size[1] : end], end


def write_fields(fields: Sequence[Field]) -> bytes:
    """Writes fields, with lengths that are right."""
    written = bytearray()
    for number, wire, value in fields:
        written += varint(number << 3 | wire)
        if wire == _BYTES:
            written += varint(len(value))
        written += value
    return bytes(written)
