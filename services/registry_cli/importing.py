"""Imports a register into a node: rows to events through a mapping, many at a time, safely again.

Each event has a request id made of the register's name and the row's key, shared by all clients of
the node: the same row adds nothing a second time, whoever imports it; the same key with other facts
is reported. What cannot be taken is reported by line and reason, the rest goes in.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from registry.client import RegistryClient, case, situation
from registry.domain.identifiers import CaseId
from registry.domain.register_mapping import RegisterMapping
from registry.domain.row_plans import PlannedAct, RowPlan, plan_row, register_case
from registry.errors import (
    NotAllowed,
    RegistryError,
    RequestError,
    RequestIdReused,
    UnknownCaller,
)
from registry_cli.register_file import RegisterRow, read_rows

_CONCURRENT: Final = 32

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rejected:
    """What was not taken: line of the file (the header is line 1), reason code, words."""

    line: int
    reason: str
    detail: str


@dataclass(slots=True)
class ImportReport:
    """What became of a register.

    Attributes:
        register: id of the mapping.
        rows: rows of the file.
        rows_taken: rows of which at least one event stands in the node's log now.
        events_added: events that this run recorded.
        events_known: events that were recorded before, by an earlier run or an equal row.
        rejected: every row, State or field that was not taken, by line.
    """

    register: str
    rows: int = 0
    rows_taken: int = 0
    events_added: int = 0
    events_known: int = 0
    rejected: list[Rejected] = field(default_factory=list)


async def import_register(
    client: RegistryClient, mapping: RegisterMapping, path: Path, progress: Progress
) -> ImportReport:
    """Records every row that can be taken.

    Raises:
        InvalidRequest: the file as a whole cannot be read.
        NotAllowed: the node does not let this client record.
        TryLater: the node was not reachable for longer than the client's patience; what was
            recorded stays recorded, and the import can be run again.
    """
    rows = await asyncio.to_thread(read_rows, path, mapping)
    report = ImportReport(mapping.id, rows=len(rows))
    importer = _Importer(client, mapping, report)
    try:
        for start in range(0, len(rows), _CONCURRENT):
            page = rows[start : start + _CONCURRENT]
            async with asyncio.TaskGroup() as tasks:
                for row in page:
                    tasks.create_task(importer.take(row))
            progress(start + len(page), len(rows))
    except ExceptionGroup as group:
        known = next((e for e in group.exceptions if isinstance(e, RegistryError)), None)
        if known is None:
            raise
        raise known from group
    report.rejected.sort(key=lambda each: each.line)
    return report


class _Importer:
    def __init__(
        self, client: RegistryClient, mapping: RegisterMapping, report: ImportReport
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._report = report
        self._case_lock = asyncio.Lock()
        self._case_id: CaseId | None = None
        self._busy: dict[str, asyncio.Lock] = {}

    async def take(self, row: RegisterRow) -> None:
        if row.problem:
            self._reject(row.line, "row_malformed", row.problem)
            return
        plan = plan_row(self._mapping, row.line, row.cells)
        for problem in plan.problems:
            self._reject(problem.line, problem.reason, problem.detail)
        # Rows with one key keep the order of the file, so that the first one is taken: tasks start
        # in the order of their rows, and a lock serves those who wait in their order.
        async with self._busy.setdefault(plan.key, asyncio.Lock()):
            is_taken = await self._record_row(plan)
        # Not in one statement: the count would be read before the wait and written after it.
        self._report.rows_taken += is_taken

    async def _record_row(self, plan: RowPlan) -> bool:
        """Records a row's events; tells whether one of them stands in the log."""
        is_taken = False
        for act in plan.acts:
            try:
                await self._record(act)
            except RequestIdReused:
                detail = f"key {plan.key}: recorded before with other facts"
                self._reject(plan.line, "other_facts_for_key", detail)
                # Nothing more of a row that says something else than it did.
                break
            except (NotAllowed, UnknownCaller):
                raise  # not the row's fault: every other row would say the same
            except RequestError as error:
                self._reject(plan.line, error.reason, str(error))
            else:
                is_taken = True
        return is_taken

    async def _record(self, act: PlannedAct) -> None:
        selector = (
            situation(act.state) if act.state is not None else case(await self._register_case())
        )
        receipt = await self._client.record(act.request_id, selector, act.content, is_shared=True)
        self._report.events_known += receipt.was_recorded_before
        self._report.events_added += not receipt.was_recorded_before

    async def _register_case(self) -> CaseId:
        """Opens the case for rows that name no State, once."""
        async with self._case_lock:
            if self._case_id is not None:
                return self._case_id
            request_id, content = register_case(self._mapping)
            receipt = await self._client.open_case(request_id, content, is_shared=True)
            self._case_id = receipt.case_id
            return receipt.case_id

    def _reject(self, line: int, reason: str, detail: str) -> None:
        self._report.rejected.append(Rejected(line, reason, detail))
