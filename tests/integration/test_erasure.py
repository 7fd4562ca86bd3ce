"""Erasure and widening between real nodes: told, carried out, confirmed; also after an absence."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from registry.client import RegistryClient, case
from registry.client.confidentiality import ErasureStatus, PartToErase
from registry.domain.audience import EVERYONE, named
from registry.domain.identifiers import CaseId
from registry.errors import NotFound, RuleViolation
from registry_cli.federation import LocalNode
from registry_cli.main import app
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    stop_all,
    until,
)

TITLE = "Canary 51d0 (invented)"


async def state_at(client: RegistryClient, case_id: CaseId) -> str:
    """State of the first event's content at one node; empty while the case is not known there."""
    try:
        return (await client.history(case(case_id))).events[0].content_state
    except NotFound:
        return ""


def confirmed(status: ErasureStatus) -> set[str]:
    return {each.mechanism for each in status.confirmations if each.is_confirmed}


async def test_erasure_reaches_every_node_and_is_confirmed_by_each(tmp_path: Path) -> None:
    nodes = found(tmp_path, "alpha", "beta", "gamma")
    alpha, beta, gamma = nodes
    try:
        await start(alpha, beta)
        async with client_of(alpha) as author, client_of(beta) as reader:
            receipt = await author.open_case("open", opened(TITLE), audience=EVERYONE)
            case_id = CaseId(receipt.case_id)

            async def is_present() -> bool:
                return await state_at(reader, case_id) == "present"

            await until(is_present, "beta holds the content")
            erased = await author.confidentiality.erase("erase", [PartToErase(receipt.index, 0)])
            assert erased.receipt is not None
            index = erased.receipt.index

            async def is_erased() -> bool:
                return await state_at(reader, case_id) == "erased"

            await until(is_erased, "beta has erased the content")

            async def has_beta() -> bool:
                return confirmed(await author.confidentiality.erasure_status(index)) == {"beta"}

            await until(has_beta, "beta has confirmed")
            with pytest.raises(RuleViolation):
                await author.confidentiality.erase("again", [PartToErase(receipt.index, 0)])
            await start(gamma)

            async def has_both() -> bool:
                status = await author.confidentiality.erasure_status(index)
                return confirmed(status) == {"beta", "gamma"}

            await until(has_both, "gamma, away before, has confirmed")
    finally:
        stop_all(nodes)


async def test_widened_content_comes_to_the_member_that_was_let_in(tmp_path: Path) -> None:
    nodes = found(tmp_path, "alpha", "beta")
    try:
        await start(*nodes)
        async with client_of(nodes[0]) as author, client_of(nodes[1]) as reader:
            receipt = await author.open_case("open", opened(TITLE), audience=named("alpha"))
            case_id = CaseId(receipt.case_id)

            async def is_withheld() -> bool:
                return await state_at(reader, case_id) == "withheld"

            await until(is_withheld, "beta knows of the event and may not have its content")
            looked = await asyncio.to_thread(widen, nodes[0], receipt.index, "--preview", "--json")
            told = json.loads(looked.stdout)
            assert (told["title"], told["new_recipients"]) == (TITLE, ["beta"])
            asked = await asyncio.to_thread(widen, nodes[0], receipt.index)
            assert "newly for     beta" in asked.stdout
            assert asked.exit_code == 1  # nobody said yes
            assert await state_at(reader, case_id) == "withheld"
            done = await asyncio.to_thread(widen, nodes[0], receipt.index, "--yes")
            assert done.exit_code == 0, done.output

            async def is_present() -> bool:
                return await state_at(reader, case_id) == "present"

            await until(is_present, "beta has been given the content")
    finally:
        stop_all(nodes)


def widen(node: LocalNode, index: int, *options: str) -> Result:
    """On the command line; it is asked and gets no answer."""
    arguments = ["widen", str(index), "--audience", "beta", "--profile", str(node.profile)]
    return CliRunner(env={"NO_COLOR": "1"}).invoke(app, [*arguments, *options])


async def start(*nodes: LocalNode) -> None:
    for node in nodes:
        node.start()
    for node in nodes:
        await node.wait_until_open()
