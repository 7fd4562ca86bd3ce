"""Five mechanisms over the years, while all go on recording; at the end all tell one history.

Founded by three; two join; one rotates its key; one is robbed of its keys, is revoked, and comes
back in a new epoch; one is removed; one moves to another address.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from registry.application.clients import add_client, refresh_profile
from registry.application.folder import NodeFolder
from registry.application.key_care.key_rotation import ask_for_rotation
from registry.application.membership.cuts import cut_here
from registry.application.membership.epochs import begin_epoch
from registry.application.membership.founding import init_node
from registry.application.membership.joining import join_given, tls_of
from registry.application.membership.proposals import endorse_pending, pending, share
from registry.application.membership.rosters import Change, adopt, endorse, load_roster, propose
from registry.application.policy import Policy, write_policy
from registry.application.roles import Role
from registry.application.verification import verify_folder
from registry.client import case
from registry.client.peer_rosters import fetch_rosters
from registry.client.values import Receipt
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest
from registry.log.member import Cut
from registry.peer_errors import RosterRolledBack
from registry_cli.federation import CLIENT_NAME, LocalNode, Mechanism, running
from tests.integration.federation_world import client_of, found, opened, statement, until
from tests.integration.test_roster_changes import reads, under

SLUGS = ("alpha", "beta", "gamma", "delta", "epsilon")
FOR_GAMMA = {"For gamma in its new epoch (invented)"}


class Federation:
    """Nodes that run, what each has recorded, and the next version of their roster."""

    def __init__(self, folder: Path, nodes: list[LocalNode]) -> None:
        self.folder = folder
        self.nodes = nodes
        self.recorded = 0
        self.void = 0
        self.case_id = CaseId(b"")

    def node(self, slug: str) -> LocalNode:
        return next(n for n in self.nodes if n.mechanism.slug == slug)

    @asynccontextmanager
    async def recording(self, *slugs: str) -> AsyncIterator[None]:
        """Each of some nodes records one event after the other until the block ends."""
        ending = asyncio.Event()

        async def go(slug: str) -> None:
            async with client_of(self.node(slug)) as client:
                while not ending.is_set():
                    self.recorded += 1
                    words = statement(f"{self.recorded} by {slug} (invented)")
                    await client.record(
                        f"say-{self.recorded}", case(self.case_id), words, audience=EVERYONE
                    )
                    await asyncio.sleep(0.02)

        tasks = [asyncio.create_task(go(slug)) for slug in slugs]
        try:
            yield
        finally:
            ending.set()
            await asyncio.gather(*tasks)

    async def opens(self) -> None:
        """The first opens the case that all record in."""
        async with client_of(self.nodes[0]) as client:
            receipt = await client.open_case("open", opened("A case"), audience=EVERYONE)
        self.case_id = receipt.case_id
        for node in self.nodes:
            await until(partial(reads, node, self.case_id, 1), "the case is known")

    async def says(self, slug: str, words: str, audience: AudienceChoice) -> Receipt:
        self.recorded += 1
        request_id = f"say-{self.recorded}"
        async with client_of(self.node(slug)) as client:
            return await client.record(
                request_id, case(self.case_id), statement(words), audience=audience
            )

    @property
    def version(self) -> int:
        """Of the roster that the first node has taken."""
        return load_roster(NodeFolder(self.nodes[0].folder)).version

    async def decide(self, change: Change, *slugs: str) -> int:
        """The first proposes; it travels; the others endorse it; all come to be under it."""
        first, *others = slugs
        version = load_roster(NodeFolder(self.node(first).folder)).version + 1
        file = self.folder / f"{version}.roster"
        file.write_bytes(propose(self.node(first).folder, change))
        endorse(self.node(first).folder, file)
        name = share(self.node(first).folder, file).name
        for slug in others:
            await until(partial(self._is_here, slug, name, version), f"{name} reaches {slug}")
            # It may count already, or from the moment in which this one signs: then enough others
            # have signed it.
            with suppress(InvalidRequest, RosterRolledBack):
                endorse_pending(self.node(slug).folder, name)
        for slug in slugs:
            await until(partial(under, self.node(slug), version), f"{slug} under {version}")
        return version

    async def _is_here(self, slug: str, name: str, version: int) -> bool:
        folder = NodeFolder(self.node(slug).folder)
        is_adopted = (folder.rosters / f"{version}.roster").exists()
        return is_adopted or name in {each.name for each in pending(folder)}

    async def are_equal(self, *slugs: str) -> None:
        """Waits until some nodes tell one history, with all that was recorded for it."""

        async def is_so() -> bool:
            found = set()
            for slug in slugs:
                async with client_of(self.node(slug)) as client:
                    found.add((await client.node_digest()).digest)
            return len(found) == 1

        await until(is_so, f"{', '.join(slugs)} have one digest")

    def join(self, node: LocalNode) -> None:
        """Lets one that the newest roster names take part: it knows an id and one address."""
        registry_id = load_roster(NodeFolder(self.nodes[0].folder)).registry_id
        key, certificate = tls_of(node.folder)
        given = fetch_rosters(self.nodes[1].address, key=key, certificate=certificate)
        assert len(given.signed) == self.version
        join_given(node.folder, given.signed, registry_id, given_by=given.given_by)
        add_client(node.folder, CLIENT_NAME, node.profile, Role.PUBLISHER)
        write_policy(
            NodeFolder(node.folder), Policy(two_people_to_publish=False, two_people_to_erase=False)
        )
        self.nodes.append(node)

    def take_versions(self, slug: str) -> None:
        """Gives a stopped node, by files, the versions that it lacks."""
        own = load_roster(NodeFolder(self.node(slug).folder)).version
        for number in range(own + 1, self.version + 1):
            file = NodeFolder(self.nodes[0].folder).rosters / f"{number}.roster"
            adopt(self.node(slug).folder, file)


def newcomer(folder: Path, slug: str, address: str) -> LocalNode:
    node = LocalNode(Mechanism(slug, f"The {slug} mechanism (invented)"), folder / slug, address)
    init_node(
        node.folder,
        registry_name="testing",
        mechanism=slug,
        display_name=node.mechanism.display_name,
        address=address,
    )
    return node


async def two_join(life: Federation, late: list[LocalNode]) -> None:
    async with life.recording(*SLUGS[:3]):
        members = [node.folder / f"{node.mechanism.slug}.member" for node in late]
        await life.decide(Change(add=members), *SLUGS[:3])
    for node in late:
        life.join(node)


async def one_rotates(life: Federation) -> None:
    beta = life.node("beta")
    async with life.recording("alpha", "delta", "beta"):
        assert ask_for_rotation(beta.folder)
        await until(partial(is_rotated, beta), "beta signs with another key")
    await life.are_equal(*SLUGS)


async def one_is_robbed_and_revoked(life: Federation) -> Cut:
    """What it, or who has its keys, says past the cut is void everywhere."""
    gamma = life.node("gamma")
    note = await life.says("gamma", "For delta alone (invented)", named("delta"))
    await life.are_equal(*SLUGS)
    cut = cut_here(life.node("alpha").folder, "gamma", "keys stolen")
    assert cut.size == note.index + 1
    async with life.recording("alpha", "epsilon"):
        await life.says("gamma", "By a thief (invented)", EVERYONE)
        life.void += 1
        await life.decide(Change(revoke={"gamma": cut}), "alpha", "beta", "delta", "epsilon")
    await until(partial(is_alone, gamma), "nobody talks to who has the stolen keys")
    gamma.stop()
    return cut


async def it_comes_back(life: Federation, cut: Cut) -> None:
    """With new keys, under its old number: it reads and is given what it was before."""
    gamma = life.node("gamma")
    file = begin_epoch(gamma.folder, has_all_keys_new=True)
    async with life.recording("beta", "delta"):
        begins = Change(new_epochs={"gamma": (file, cut)}, has_all_keys_new=True)
        await life.decide(begins, "alpha", "beta", "delta", "epsilon")
    life.take_versions("gamma")
    gamma.start()
    await until(partial(has_new_keys, gamma), "gamma has taken its new keys")
    refresh_profile(gamma.folder, gamma.profile, gamma.address)
    await gamma.wait_until_open()
    async with life.recording("gamma", "alpha"):
        await life.says("beta", "For gamma in its new epoch (invented)", named("gamma"))
    await life.are_equal(*SLUGS)


async def one_is_removed_and_one_moves(life: Federation, address: str) -> None:
    stay = SLUGS[:4]
    async with life.recording(*stay[:3]):
        gone = cut_here(life.node("alpha").folder, "epsilon", "left")
        await life.decide(Change(remove={"epsilon": gone}), *stay)
    life.node("epsilon").stop()
    beta = life.node("beta")
    async with life.recording("alpha", "gamma", "delta"):
        await life.decide(Change(addresses={"beta": address}), "alpha", "gamma", "delta")
        beta.address = address
        refresh_profile(beta.folder, beta.profile, address)
        await until(partial(under, beta, life.version), "beta has moved")
    await life.are_equal(*stay)


async def test_whole_life_of_a_federation_ends_in_one_history_and_one_roster(
    tmp_path: Path,
) -> None:
    founders = found(tmp_path / "nodes", *SLUGS[:3])
    spare = [each.address for each in found(tmp_path / "free", "a", "b", "c", name="free")]
    late = [newcomer(tmp_path, slug, at) for slug, at in zip(SLUGS[3:], spare, strict=False)]
    life = Federation(tmp_path, founders)
    async with running(founders):
        await life.opens()
        await two_join(life, late)
        async with running(late):
            await life.are_equal(*SLUGS)
            await one_rotates(life)
            cut = await one_is_robbed_and_revoked(life)
            await it_comes_back(life, cut)
            await one_is_removed_and_one_moves(life, spare[2])
            await ends_well(life)
    for slug in SLUGS[:4]:
        report = verify_folder(life.node(slug).folder, lambda *_: None)
        assert all(log.ok for log in report.logs), [log.findings for log in report.logs]


async def ends_well(life: Federation) -> None:
    stay = SLUGS[:4]
    rosters = {load_roster(NodeFolder(life.node(slug).folder)) for slug in stay}
    (roster,) = rosters
    assert [member.slug for member in roster.active_members()] == list(stay)
    assert roster.member_by_slug("gamma").epoch == 2
    for slug, kept in (("delta", {"For delta alone (invented)"}), ("gamma", FOR_GAMMA)):
        async with client_of(life.node(slug)) as client:
            history = await client.history(case(life.case_id))
        titles = {event.content.title for event in history.events if event.content}
        assert "By a thief (invented)" not in titles
        assert kept <= titles
        assert len(history.events) == life.recorded - life.void + 1


async def is_rotated(node: LocalNode) -> bool:
    return not (NodeFolder(node.folder).keys / "after_next_log.key").exists()


async def is_alone(node: LocalNode) -> bool:
    async with client_of(node) as client:
        return all(not peer.is_connected for peer in await client.peers())


async def has_new_keys(node: LocalNode) -> bool:
    return NodeFolder(node.folder).origin.endswith("/2")
