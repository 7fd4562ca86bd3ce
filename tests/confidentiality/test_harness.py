"""The scan and the taps see what they must see: what finds nothing must have been able to find."""

import asyncio
import base64
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.confidentiality.scanning import Scan, back_up, files_of, windows
from tests.confidentiality.tapped_federation import Federation, tapped
from tests.confidentiality.taps import FrameReader
from tests.integration.federation_world import opened

CANARY = "canary-4f1c9d2a7b6e-ø-91d05c3e8f2a-tail"
SECRET = ("a token", CANARY.encode())


def noise(size: int) -> bytes:
    return random.Random(6).randbytes(size)


@pytest.mark.parametrize("shift", range(9))
def test_secret_is_found_at_every_offset(shift: int) -> None:
    scan = Scan([SECRET])
    assert scan.labels_in(noise(shift) + CANARY.encode()) == {"a token"}
    assert scan.labels_in(noise(4096 + shift) + CANARY.encode() + noise(4096)) == {"a token"}
    assert scan.labels_in(noise(8192 + shift)) == set()


@pytest.mark.parametrize("cut", range(1, len(CANARY.encode())))
def test_secret_that_two_pages_share_is_found(cut: int) -> None:
    secret = CANARY.encode()
    pages = secret[:cut] + noise(4096) + secret[cut:]
    assert Scan([SECRET]).labels_in(pages) == {"a token"}


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(CANARY).encode(),
        repr(CANARY.encode()).encode(),
        ascii(CANARY).encode(),
        CANARY.encode().hex().encode(),
        CANARY.encode().hex().upper().encode(),
        *(base64.b64encode(noise(shift) + CANARY.encode() + b"behind") for shift in range(3)),
    ],
)
def test_secret_is_found_escaped_and_encoded(form: bytes) -> None:
    assert Scan([SECRET]).labels_in(noise(13) + form) == {"a token"}


def test_secret_is_found_in_a_database_its_wal_a_backup_and_a_file_name(tmp_path: Path) -> None:
    scan = Scan([SECRET, ("long", b"".join(windows(noise(100_000))))])
    folder = tmp_path / "node"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "log.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (a BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (noise(5000) + CANARY.encode() + noise(5000),))
        database.commit()
        assert {Path(each.where).name for each in scan.in_files(files_of(folder))} == {"log.db-wal"}
        copy = back_up(folder / "log.db", tmp_path / "copy.db")
        assert len(scan.in_files([copy])) == 1
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert {Path(each.where).name for each in scan.in_files(files_of(folder))} == {"log.db"}
    (folder / "canary-4f1c9d2a7b6e-x").touch()
    assert len(scan.in_files(files_of(folder))) == 2


def test_long_ciphertext_is_found_in_a_database_that_splits_it(tmp_path: Path) -> None:
    for size in (300, 1_000, 1_100, 5_000, 70_000):
        ciphertext = noise(size)
        scan = Scan(("ciphertext", each) for each in windows(ciphertext))
        path = tmp_path / f"{size}.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB) WITHOUT ROWID")
            database.execute("INSERT INTO t VALUES (1, ?)", (ciphertext,))
            database.commit()
        assert len(scan.in_files([path])) == 1, size


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_message_split_over_frames_is_joined_by_stream(step: int) -> None:
    line = (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, 0, 0, b"")
        + frame(0, 0, 1, b"can")
        + frame(0, 0, 3, b"other")
        + frame(1, 4, 5, b"headers")
        + frame(0, 8, 1, b"\x02ary" + b"\0\0")
        + frame(0, 1, 1, b"!")
    )
    reader = FrameReader(is_from_caller=True)
    for start in range(0, len(line), step):
        reader.feed(line[start : start + step])
    assert {stream: bytes(data) for stream, data in reader.streams.items()} == {
        1: b"canary!",
        3: b"other",
    }


async def record_and_wait(federation: Federation, title: str) -> None:
    async with federation.client("alpha") as client:
        await client.open_case("heard", opened(title))
    await federation.until_holding({"beta": {(federation.log_id("alpha"), 0, 0)}})


def test_taps_hear_the_messages_and_the_headers_of_both_directions(tmp_path: Path) -> None:
    title = "canary-0a1b2c3d4e5f-é-5f4e3d2c1b0a"
    with tapped(tmp_path, "alpha", "beta") as federation:
        asyncio.run(record_and_wait(federation, title))
        there = federation.taps.recordings["beta", "alpha"].pieces()
        back = federation.taps.recordings["alpha", "beta"].pieces()

    # Paths and other header values go uncompressed between two nodes: the raw line shows them.
    assert any(b"/registry.api.v1.ReplicationService/GetParts" in piece for piece in there)
    assert Scan([("title", title.encode())]).in_pieces("line", back)
    assert not Scan([("title", title.encode())]).in_pieces("line", there)
