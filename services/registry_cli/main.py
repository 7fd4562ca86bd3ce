"""`registry`: the command line. Talks to nodes through the client, opens folders of stopped ones.

The composition root: the only place of the command line where clock and randomness come in.
"""

import gc
import os
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, ClassVar, Final, NoReturn

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
from registry_cli.errors import EXIT_STORAGE, exit_code, hint  # noqa: E402
from registry_cli.loading import LoadingGroup, Verb  # noqa: E402
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


class _Commands(LoadingGroup):
    verbs: ClassVar[Mapping[str, Verb]] = {
        "demo": Verb(_START, "demo", "demo"),
        "init": Verb(_START, "offline", "init"),
        "found": Verb(_START, "offline", "found"),
        "roster": Verb(_START, "rosters", "roster_app"),
        "join": Verb(_START, "offline", "join"),
        "client": Verb(_START, "clients", "client_app"),
        "serve": Verb(_START, "offline", "serve"),
        "handover": Verb(_MEMBERS, "handover", "handover"),
        "address": Verb(_MEMBERS, "ceremonies", "address"),
        "leave": Verb(_MEMBERS, "ceremonies", "leave"),
        "remove": Verb(_MEMBERS, "ceremonies", "remove"),
        "case": Verb(_DAILY, "cases", "case_app"),
        "acted": Verb(_DAILY, "acted", "acted"),
        "acts": Verb(_DAILY, "casework", "acts"),
        "board": Verb(_DAILY, "casework", "board"),
        "followups": Verb(_DAILY, "casework", "followups"),
        "concordances": Verb(_DAILY, "casework", "concordances"),
        "record": Verb(_DAILY, "online", "record"),
        "download": Verb(_DAILY, "attachments", "download"),
        "kinds": Verb(_DAILY, "kinds", "kinds"),
        "mechanisms": Verb(_DAILY, "casework", "mechanisms"),
        "import": Verb(_DAILY, "online", "import_command"),
        "ask": Verb(_DAILY, "asking", "ask"),
        "asked": Verb(_DAILY, "asking", "asked"),
        "answer": Verb(_DAILY, "asking", "answer"),
        "matching": Verb(_DAILY, "asking", "matching"),
        "widen": Verb(_DAILY, "erasing", "widen"),
        "erase": Verb(_DAILY, "erasing", "erase"),
        "erasure": Verb(_DAILY, "erasing", "erasure_app"),
        "detention": Verb(_DAILY, "detention", "detention_app"),
        "emblematic": Verb(_DAILY, "detention", "emblematic_app"),
        "link": Verb(_DAILY, "links", "link_app"),
        "intent": Verb(_DAILY, "intents", "intent_app"),
        "practices": Verb(_DAILY, "practices", "practices"),
        "definitions": Verb(_DAILY, "practices", "definitions"),
        "statement": Verb(_DAILY, "statements", "statement_app"),
        "meeting": Verb(_DAILY, "meetings", "meeting_app"),
        "briefing": Verb(_DAILY, "meetings", "briefing"),
        "reference": Verb(_DAILY, "references", "reference_app"),
        "alerts": Verb(_DAILY, "reprisals", "alerts"),
        "reprisals": Verb(_DAILY, "reprisals", "reprisals_app"),
        "desk": Verb(_DAILY, "desk", "desk_app"),
        "keys": Verb(_CARE, "keys", "keys_app"),
        "bundle": Verb(_CARE, "bundles", "bundle_app"),
        "backup": Verb(_CARE, "recovering", "backup"),
        "recover": Verb(_CARE, "recovering", "recover"),
        "new-epoch": Verb(_CARE, "rosters", "new_epoch"),
        "found-anew": Verb(_CARE, "rosters", "found_anew"),
        "join-anew": Verb(_CARE, "rosters", "join_anew"),
        "status": Verb(_CARE, "online", "status"),
        "peers": Verb(_CARE, "online", "peers"),
        "checkpoint": Verb(_CARE, "online", "checkpoint"),
        "proof": Verb(_CARE, "online", "proof"),
        "fault-proof": Verb(_CARE, "online", "fault_proof"),
        "check-fault-proof": Verb(_CARE, "proving", "check_fault_proof"),
        "check-proof": Verb(_CARE, "proving", "check_proof"),
        "verify": Verb(_CARE, "proving", "verify"),
        "fsck": Verb(_CARE, "proving", "fsck"),
        "rebuild": Verb(_CARE, "offline", "rebuild"),
        "bench": Verb(_CARE, "bench", "bench"),
    }


app = typer.Typer(
    name="registry",
    cls=_Commands,
    help="The inter-mechanisms registry: one history of each case, provable by everyone.\n\n"
    f"{_STEPS}\n\n{_EXIT_CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
