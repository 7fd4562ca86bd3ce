"""`registry`: the command line. Talks to nodes through the client, opens folders of stopped ones.

The composition root: the only place of the command line where clock and randomness come in.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Final, NoReturn

gc.disable()  # to look for garbage in what is just loaded costs a sixth of the start
# No package that happens to be installed is looked for to see, or change, what content is checked.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from registry.client.tls import require_tls13  # noqa: E402

require_tls13()

import structlog  # noqa: E402 - grpc reads the cipher setting when it is first imported
import typer  # noqa: E402
from rich.console import Console  # noqa: E402

from registry.application.key_care.passphrases import PASSPHRASE, UNLOCKED, asker  # noqa: E402
from registry.application.key_care.tokens import TOKEN_PIN, TOKENS  # noqa: E402
from registry.application.randomness import RandomBytes  # noqa: E402
from registry.errors import RegistryError  # noqa: E402
from registry_cli.commands import (  # noqa: E402
    acted,
    asking,
    attachments,
    bench,
    bundles,
    cases,
    casework,
    ceremonies,
    clients,
    demo,
    desk,
    detention,
    erasing,
    handover,
    intents,
    key_backup,
    keys,
    kinds,
    knowledge,
    links,
    meetings,
    offline,
    online,
    practices,
    proving,
    recovering,
    references,
    reprisals,
    rosters,
    statements,
)
from registry_cli.errors import EXIT_STORAGE, exit_code, hint  # noqa: E402
from registry_cli.output import printable  # noqa: E402
from registry_cli.surroundings import Surroundings  # noqa: E402

gc.enable()

_STEPS: Final = (
    "From nothing to a running node: init (each founder), found (one of them), roster endorse "
    "(each), join (each), client add, serve. To look around first: demo."
)
_EXIT_CODES: Final = (
    "Exit status: 0 done, 1 something was found or left out, 2 the request is wrong, 3 not found, "
    "4 not allowed, 5 this machine's files, 6 try later, 7 bytes that prove wrong."
)
_START: Final = "Start"
_MEMBERS: Final = "Who takes part"
_DAILY: Final = "Daily work"
_CARE: Final = "Care and proof"

app = typer.Typer(
    name="registry",
    help="The inter-mechanisms registry: one history of each case, provable by everyone.\n\n"
    f"{_STEPS}\n\n{_EXIT_CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(panel: str, *verbs: Callable[..., None]) -> None:
    for verb in verbs:
        app.command(rich_help_panel=panel)(verb)


_add(_START, demo.demo, offline.init, offline.found)
app.add_typer(rosters.roster_app, name="roster", rich_help_panel=_START)
_add(_START, offline.join)
app.add_typer(clients.client_app, name="client", rich_help_panel=_START)
_add(_START, offline.serve)
_add(_MEMBERS, handover.handover, ceremonies.address, ceremonies.leave, ceremonies.remove)
cases.case_app.command("known")(knowledge.case_known)
app.add_typer(cases.case_app, name="case", rich_help_panel=_DAILY)
_add(_DAILY, acted.acted)
_add(_DAILY, casework.acts, casework.board, casework.followups, casework.concordances)
_add(_DAILY, online.record, attachments.download, kinds.kinds, casework.mechanisms)
app.command("import", rich_help_panel=_DAILY)(online.import_command)
_add(_DAILY, asking.ask, asking.asked, asking.answer, asking.matching)
_add(_DAILY, erasing.widen, erasing.erase)
app.add_typer(erasing.erasure_app, name="erasure", rich_help_panel=_DAILY)
app.add_typer(detention.detention_app, name="detention", rich_help_panel=_DAILY)
app.add_typer(detention.emblematic_app, name="emblematic", rich_help_panel=_DAILY)
app.add_typer(links.link_app, name="link", rich_help_panel=_DAILY)
app.add_typer(intents.intent_app, name="intent", rich_help_panel=_DAILY)
_add(_DAILY, practices.practices, practices.definitions)
app.add_typer(statements.statement_app, name="statement", rich_help_panel=_DAILY)
app.add_typer(meetings.meeting_app, name="meeting", rich_help_panel=_DAILY)
_add(_DAILY, meetings.briefing)
app.add_typer(references.reference_app, name="reference", rich_help_panel=_DAILY)
_add(_DAILY, reprisals.alerts)
app.add_typer(reprisals.reprisals_app, name="reprisals", rich_help_panel=_DAILY)
app.add_typer(desk.desk_app, name="desk", rich_help_panel=_DAILY)
keys.keys_app.command("backup")(key_backup.keys_backup)
keys.keys_app.command("restore")(key_backup.keys_restore)
app.add_typer(keys.keys_app, name="keys", rich_help_panel=_CARE)
app.add_typer(bundles.bundle_app, name="bundle", rich_help_panel=_CARE)
_add(_CARE, recovering.backup, recovering.recover)
_add(_CARE, rosters.new_epoch, rosters.found_anew, rosters.join_anew)
_add(_CARE, online.status, online.peers, online.checkpoint, online.proof)
_add(_CARE, online.fault_proof, proving.check_fault_proof)
_add(_CARE, proving.check_proof, proving.verify, proving.fsck, offline.rebuild, bench.bench)


def now_ms() -> int:
    """The clock: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _print_version(value: bool) -> None:
    if value:
        print(f"registry {version('intermechanisms-registry')}")  # noqa: T201 - what was asked for
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    is_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del is_version
    UNLOCKED.ask_by(asker(PASSPHRASE, os.environ))
    TOKENS.ask_by(asker(TOKEN_PIN, os.environ))
    context.obj = Surroundings(now_ms=now_ms, random_bytes=RandomBytes(os.urandom))


def main() -> None:
    """Runs the command line and exits with a status that tells whose fault a failure is."""
    # What is logged below commands is a remark: standard output is for the answer alone.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        app()
    except RegistryError as error:
        _fail(error)
    except ExceptionGroup as group:
        known, _ = group.split(RegistryError)
        if known is None:
            raise
        _fail(_first(known))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _tell(f"registry: file_error: {error.filename}: {error.strerror}")
        sys.exit(EXIT_STORAGE)


def _first(group: ExceptionGroup[RegistryError]) -> RegistryError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, ExceptionGroup) else inner


def _fail(error: RegistryError) -> NoReturn:
    _tell(f"registry: {error.reason}: {error}")
    if error.error_id:
        _tell(f"  the node's log has it under error id {error.error_id}")
    if advice := hint(error):
        _tell(f"  {advice}")
    sys.exit(exit_code(error))


def _tell(text: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(printable(text), markup=False)
