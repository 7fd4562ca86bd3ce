"""Connections of a store: whoever waits for one is served before whoever comes back."""

from pathlib import Path
from threading import Thread

from registry.store.connections import DurableDatastore


def test_who_waits_for_a_connection_is_served_before_who_comes_later(tmp_path: Path) -> None:
    datastore = DurableDatastore(tmp_path / "test.db", is_read_only=False)
    served: list[str] = []

    def write(name: str) -> None:
        with datastore.writing():
            served.append(name)

    waiter = Thread(target=write, args=("who waits",))
    with datastore.writing():
        waiter.start()
        while not datastore._writers._asking:
            waiter.join(0.001)
    write("who comes later")
    waiter.join()
    datastore.close()

    assert served == ["who waits", "who comes later"]
