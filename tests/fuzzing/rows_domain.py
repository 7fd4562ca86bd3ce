"""Rows for what people and other systems write: content, references, ids, registers, fields."""

import json
from collections.abc import Mapping
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Final

from registry.application.key_care.shares import join_shares, read_share, split_secret
from registry.application.membership.confirmation import read_words
from registry.application.membership.founding import check_address
from registry.application.named_persons import persons_in, read_consent
from registry.application.roles import parse_role
from registry.domain.content import (
    CONTENT_BY_KIND,
    ActContent,
    decode_content,
    encode_content,
    read_content,
)
from registry.domain.content.encoding import media_type_of
from registry.domain.content.examples import example_fields, example_of
from registry.domain.identifiers import (
    LogId,
    RegistryId,
    parse_case_id,
    parse_registry_id,
    parse_registry_name,
    parse_slug,
    situation_case_id,
)
from registry.domain.matching import blinded_again, read_points
from registry.domain.mechanisms.profile import read_profile
from registry.domain.protected_names import texts_of
from registry.domain.references import parse_reference
from registry.domain.register_mapping import load_mapping, parse_mapping, shipped_mappings
from registry.domain.row_plans import plan_row
from registry.domain.states import match_state
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent, InvalidRequest
from registry.store.values import HeldPart
from registry.views.events_read import read_content as read_held
from registry_cli.commands.erasing import parse_part
from registry_cli.embargo_option import read_embargo
from registry_cli.fields import parse_kind, read_fields, read_place, read_source
from registry_cli.register_file import read_rows
from registry_node.convert_casework import reference_text
from registry_node.metrics.serving import parse_address
from registry_node.paging import read_place as read_page_place
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.mutation import Form
from tests.fuzzing.on_disk import on_file

_KINDS: Final = tuple(sorted(CONTENT_BY_KIND))
_EXAMPLES: Final = {kind: example_of(kind) for kind in _KINDS}
_MAPPING: Final = load_mapping(shipped_mappings()[0])
_DOMAIN: Final = files("registry.domain")
_SHARES: Final = split_secret(bytes(range(16)), threshold=2, count=3)


def _text(data: bytes) -> str:
    """As a terminal or a file gives it; what is no UTF-8 is refused long before."""
    return data.decode("utf-8", "replace")


def _kind_and_rest(data: bytes) -> tuple[EventKind, bytes]:
    """The first byte chooses a kind: one row serves all of them."""
    return _KINDS[data[0] % len(_KINDS) if data else 0], data[1:]


def _with_kind(contents: Mapping[EventKind, bytes]) -> tuple[bytes, ...]:
    return tuple(bytes([_KINDS.index(kind)]) + data for kind, data in contents.items())


def _stored_content(data: bytes) -> None:
    kind, stored = _kind_and_rest(data)
    media_type = media_type_of(kind)
    read_consent(media_type, stored)
    persons_in(media_type, stored)
    read_held(HeldPart(LogId(bytes(32)), 0, 0, bytes(32), media_type, stored))
    content = decode_content(media_type, stored)
    assert content is not None
    _reads_back(content, media_type)


def _reads_back(content: ActContent, media_type: str) -> None:
    again = encode_content(content)
    assert decode_content(media_type, again) == content
    assert encode_content(content) == again
    tuple(texts_of(content))


def _media_type(data: bytes) -> None:
    assert decode_content(_text(data), b"{}") is None


def _fields(data: bytes) -> None:
    """What another system sends as JSON."""
    kind, written = _kind_and_rest(data)
    try:
        fields = json.loads(written)
    except (ValueError, RecursionError) as error:
        msg = "no JSON: the caller's own business"
        raise InvalidRequest(msg) from error
    if isinstance(fields, dict):
        _reads_back(read_content(kind, fields), media_type_of(kind))


def _typed_fields(data: bytes) -> None:
    """The options `--field` and the file `--content` of the command line."""
    kind, written = _kind_and_rest(data)
    file_text, _, lines = _text(written).partition("\n--\n")
    content = read_fields(kind, filter(None, lines.split("\n")), file_text or None)
    _reads_back(content, media_type_of(kind))


def _typed(kind: EventKind) -> bytes:
    fields = example_fields()[kind.name.lower()]
    lines = [f"{name}={value}" for name, value in fields.items() if isinstance(value, str)]
    rest = {name: value for name, value in fields.items() if not isinstance(value, str)}
    return f"{json.dumps(rest, default=str)}\n--\n{chr(10).join(lines)}".encode()


def _reference(data: bytes) -> None:
    found = parse_reference(_text(data))
    again = parse_reference(found.normal)
    assert (again.scheme, again.normal) == (found.scheme, found.normal)


def _row(data: bytes) -> None:
    columns = sorted(_MAPPING.columns())
    cells = _text(data).split("\x1f")
    plan_row(_MAPPING, 2, dict(zip(columns, [*cells, *[""] * len(columns)], strict=False)))


def _source(data: bytes) -> None:
    read_source(Path("-"), StringIO(_text(data)))


def _shares(data: bytes) -> None:
    """Shares as officers type them, an empty line between two."""
    join_shares([read_share(each) for each in _text(data).split("\n\n") if each.strip()])


def _ids(data: bytes) -> None:
    text = _text(data)
    for parse in (parse_case_id, parse_registry_id, parse_slug, parse_registry_name, parse_role):
        try:
            parse(text)
        except InvalidRequest:
            continue
    situation_case_id(RegistryId(bytes(32)), text)


def _row_sample() -> bytes:
    with (_DOMAIN / "samples" / str(_MAPPING.sample)).open("rb") as file:
        lines = file.read().splitlines()
    header, first = (line.decode().split(",") for line in lines[:2])
    row = dict(zip(header, first, strict=False))
    return "\x1f".join(row.get(column, "") for column in sorted(_MAPPING.columns())).encode()


_CSV: Final = b"\r\n".join(
    (_DOMAIN / "samples" / str(_MAPPING.sample)).read_bytes().splitlines()[:6]
)
_REFERENCES: Final = (
    b"USA 12/2014",
    b"UA G/SO 217/1 (67-17)",
    b"A/HRC/RES/31/32",
    b"CCPR/C/1/D/2",
    b"MC-123-14",
    b"IV-2019-12",
    b"Case 12.345",
    b"OBS 012 / 0319 / 007",
    b"AL MEX 1/2020",
    b"Petition 123-07",
)
_REQUEST: Final = (InvalidRequest,)
_CONTENT: Final = (InvalidRequest, InvalidContent)

_POINTS: Final = (
    b"WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY",
    b"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
)
"""The base point, and the neutral element."""

ROWS: Final = (
    Decoder(
        "points of a matching",
        lambda data: blinded_again(b"\x07" + bytes(31), read_points(_text(data).split(","))),
        _POINTS,
        (read_points,),
        Form.TEXT,
        _CONTENT,
    ),
    Decoder(
        "stored content",
        _stored_content,
        _with_kind({kind: encode_content(each) for kind, each in _EXAMPLES.items()}),
        (decode_content, read_consent, read_held, persons_in),
        Form.TEXT,
        (InvalidContent,),
    ),
    Decoder(
        "media type of content",
        _media_type,
        (b"application/vnd.registry.case_openedx+json;v=1", b"application/vnd.registry.x+json;v=1"),
        (),
        Form.TEXT,
        (InvalidContent,),
    ),
    Decoder(
        "content of another system",
        _fields,
        _with_kind(
            {
                k: json.dumps(f, default=str).encode()
                for k, f in ((kind, example_fields()[kind.name.lower()]) for kind in _KINDS)
            }
        ),
        (read_content,),
        Form.TEXT,
        _CONTENT,
    ),
    Decoder(
        "typed fields",
        _typed_fields,
        _with_kind({kind: _typed(kind) for kind in _KINDS}),
        (read_fields,),
        Form.TEXT,
        _CONTENT,
    ),
    Decoder("reference", _reference, _REFERENCES, (parse_reference,), Form.TEXT),
    Decoder(
        "looked for reference",
        lambda data: reference_text(_text(data)),
        _REFERENCES,
        (),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "register file",
        on_file("rows.csv", lambda path: read_rows(path, _MAPPING)),
        (_CSV,),
        (read_rows,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder("register row", _row, (_row_sample(),), (), Form.TEXT),
    Decoder(
        "State's name",
        lambda data: match_state(_text(data)),
        (b"Poland", b"XXA", "Türkiye".encode()),
        (),
        Form.TEXT,
    ),
    Decoder(
        "register mapping",
        lambda data: parse_mapping(_text(data), "fuzzed"),
        tuple((_DOMAIN / "mappings" / f"{name}.toml").read_bytes() for name in shipped_mappings()),
        (parse_mapping,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "mapping file",
        on_file("mapping.toml", lambda path: load_mapping(str(path))),
        ((_DOMAIN / "mappings" / f"{shipped_mappings()[0]}.toml").read_bytes(),),
        (load_mapping,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "mechanism profile",
        lambda data: read_profile(_text(data), "fuzzed"),
        tuple(
            each.read_bytes()
            for each in (_DOMAIN / "mechanisms" / "shipped").iterdir()
            if each.name.endswith(".toml")
        ),
        (read_profile,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "ids",
        _ids,
        (b"0" * 32, b"ab" * 32, b"un-special", b"XXA", b"officer"),
        (parse_case_id, parse_registry_id, parse_slug, parse_registry_name, parse_role),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "page token",
        lambda data: read_page_place(_text(data)),
        (b"17.", b"17", b"100."),
        (read_page_place,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "part to erase",
        lambda data: parse_part(_text(data)),
        (b"1", b"1/0", b"12/3/" + b"ab" * 32),
        (parse_part,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "place of an event",
        lambda data: read_place("about", _text(data)),
        (b"defenders.example/un/1#7",),
        (read_place,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "kind",
        lambda data: parse_kind(_text(data)),
        (b"case_opened", b"key_rotated"),
        (parse_kind,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "embargo",
        lambda data: read_embargo(_text(data), is_opening=False),
        (b"2026-12-01T09:00", b"2026-12-01", b"2026-12-01T09:00:00.5+02:00"),
        (read_embargo,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "source",
        _source,
        (b'{"name": "invented", "contact": "x", "note": ""}',),
        (read_source,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "address",
        lambda data: check_address(_text(data)),
        (b"node.example:7443", b"[::1]:1"),
        (),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "metrics address",
        lambda data: parse_address(_text(data), may_be_remote=False),
        (b"127.0.0.1:9464", b"[::1]:9464"),
        (parse_address,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "confirmation words",
        lambda data: read_words(_text(data)),
        (b"lusab babad gutih tugad lusab babad gutih tugad",),
        (read_words,),
        Form.TEXT,
        _REQUEST,
    ),
    Decoder(
        "backup shares",
        _shares,
        tuple(
            "\n\n".join(each.words for each in pair).encode()
            for pair in (_SHARES[:2], _SHARES[1:], _SHARES)
        ),
        (read_share, join_shares),
        Form.TEXT,
        _REQUEST,
    ),
)
