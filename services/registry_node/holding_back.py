"""Why less of a log is taken than is offered, in words for people."""

from typing import Final

from registry.errors import DiskReserved
from registry.store.disk_room import DiskRoom
from registry_node.settings import NodeSettings

OVER_BUDGET: Final = "over_budget"
_MIB: Final = 2**20


def why_held_back(settings: NodeSettings, disk: DiskRoom, *, is_over_budget: bool) -> str:
    """Returns a reason code and words; empty if everything is taken."""
    if not disk.has_room_for_entries():
        return f"{DiskReserved.reason}: what is left of the disk is for own events"
    if not disk.has_room_for_others():
        return (
            f"{DiskReserved.reason}: less than {disk.reserve_bytes // _MIB} MiB of the disk are "
            "left, which are for entries: content waits"
        )
    if not is_over_budget:
        return ""
    return (
        f"{OVER_BUDGET}: more than {settings.budget_entries} new entries or "
        f"{settings.budget_bytes // _MIB} MiB at once; "
        f"{settings.budget_entries_per_hour} entries or "
        f"{settings.budget_bytes_per_hour // _MIB} MiB are taken in an hour"
    )
