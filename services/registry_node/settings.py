"""Settings of a node: from the command line, `REGISTRY_NODE_*` variables, and these defaults.

No secret is ever a setting: keys are files in the node's folder.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from registry.application.asking_limits import AskingLimits
from registry.replication.budget import BudgetLimits

_CALLS_LEAST: Final = 256
_CALLS_BESIDE: Final = 64


class NodeSettings(BaseSettings):
    """What an operator may set; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_NODE_", frozen=True, extra="forbid")

    folder: Path = Field(description="the node's folder, made by `registry init`")
    listen: str = Field(default="", description="host:port to listen on; empty = its address")
    log_format: Literal["json", "text"] = Field(default="json", description="form of log lines")
    message_max_bytes: int = Field(
        default=8 * 2**20, ge=2 * 2**20, description="largest message received or sent"
    )
    metadata_max_bytes: int = Field(default=16 * 2**10, description="largest metadata received")
    concurrent_streams_max: int = Field(
        default=100,
        gt=0,
        description="open calls per connection; more where a mirror of all members may need them",
    )
    caller_calls_max: int = Field(
        default=0,
        ge=0,
        description="open calls of one caller, over all its connections; 0 = 256, or more where a "
        "mirror of all members may need them",
    )
    calls_max: int = Field(default=4096, ge=8, description="open calls of all callers")
    connections_max: int = Field(default=1024, ge=16, description="open connections of all")
    handshake_timeout_s: float = Field(default=10, gt=0, description="TLS handshake")
    shutdown_grace_s: float = Field(default=2, ge=0, description="time for open calls at the end")
    call_timeout_s: float = Field(default=20, gt=0, description="deadline of a call to a peer")
    watch_period_s: float = Field(
        default=240, gt=0, description="a stream of heads is opened anew after about this time"
    )
    reconnect_max_s: float = Field(default=15, gt=0, description="longest wait between attempts")
    metrics_listen: str = Field(
        default="", description="host:port of metrics, such as 127.0.0.1:9464; empty = none"
    )
    metrics_may_be_remote: bool = Field(
        default=False, description="whether metrics may be served to other machines, in clear"
    )
    disk_reserve_bytes: int = Field(
        default=256 * 2**20,
        ge=0,
        description="free bytes that are kept for entries, and half of them for own events; "
        "at most a twentieth of the disk",
    )
    scrub_entries_per_s: int = Field(
        default=1_000, ge=0, description="entries read back in a second by the scrub; 0 = no scrub"
    )
    scrub_period_s: float = Field(
        default=86_400, gt=0, description="time between the end of a scrub and the next one"
    )
    budget_entries: int = Field(
        default=1_000_000,
        ge=0,
        description="new entries of a log that are taken at once, and 64 times as many of its "
        "history; 0 = logs have no budgets",
    )
    budget_entries_per_hour: int = Field(
        default=100_000, gt=0, description="new entries of a log in an hour, once that is used"
    )
    budget_bytes: int = Field(
        default=2 * 2**30, gt=0, description="bytes of them and of their content, at once"
    )
    budget_bytes_per_hour: int = Field(
        default=256 * 2**20, gt=0, description="bytes of them in an hour, once that is used"
    )
    questions_per_officer_a_day: int = Field(
        default=30,
        gt=0,
        description="questions of one officer to other mechanisms within 24 hours; one to several "
        "counts once for each",
    )
    questions_a_day: int = Field(
        default=100, gt=0, description="questions of all officers within 24 hours"
    )
    answers_per_member_a_day: int = Field(
        default=30, gt=0, description="answers to questions of one member within 24 hours"
    )
    private_matching: bool = Field(
        default=False, description="whether names may be matched privately with other members"
    )
    matchings_per_member_a_day: int = Field(
        default=3, gt=0, description="private matchings with one member within 24 hours"
    )
    open_questions_per_member: int = Field(
        default=20,
        gt=0,
        description="open questions of one member that are shown at once, the oldest; others wait",
    )


def calls_of_one_caller(settings: NodeSettings, members: int) -> int:
    """How many calls a caller may have open, in a registry of so many members."""
    return settings.caller_calls_max or max(_CALLS_LEAST, _calls_of_mirror(members))


def streams_of_one_connection(settings: NodeSettings, members: int) -> int:
    """How many of them may be on one connection."""
    return max(settings.concurrent_streams_max, _calls_of_mirror(members))


def _calls_of_mirror(members: int) -> int:
    """What a mirror may need that reaches one peer alone, and has much to catch up.

    Entries, content and a check of its history for each log at once, beside a few streams.
    """
    return 3 * members + _CALLS_BESIDE


def budget_limits(settings: NodeSettings) -> BudgetLimits | None:
    """How much each log may grow; None = by any amount."""
    if not settings.budget_entries:
        return None
    return BudgetLimits(
        burst_entries=settings.budget_entries,
        burst_bytes=settings.budget_bytes,
        entries_per_hour=settings.budget_entries_per_hour,
        bytes_per_hour=settings.budget_bytes_per_hour,
    )


def asking_limits(settings: NodeSettings) -> AskingLimits:
    """How much is asked of other mechanisms, and answered to them."""
    return AskingLimits(
        asked_by_officer=settings.questions_per_officer_a_day,
        asked_by_node=settings.questions_a_day,
        answered_to_member=settings.answers_per_member_a_day,
        open_of_member=settings.open_questions_per_member,
        matched_with_member=settings.matchings_per_member_a_day,
    )
