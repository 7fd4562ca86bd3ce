"""The console blocks of README.md, run as a user would.

All blocks of a document run in one bash session, in an empty folder with an empty HOME. A line
that starts with `$ ` is a command, lines that start with `> ` continue it, and what follows is
the expected output. `...` stands for anything within a line and, alone on a line, for any number
of lines. A command must succeed unless it ends with `# exits N`.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 900
END_OF_COMMAND = "--- end of the command of this block ---"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_EXIT_STATUS = re.compile(r"# exits (\d+)$")


class Step(NamedTuple):
    """A command and the lines that it should print."""

    command: str
    expected: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """The promised exit status."""
        found = _EXIT_STATUS.search(self.command)
        return int(found[1]) if found else 0


class Outcome(NamedTuple):
    """What a command printed, both streams together, and how it ended."""

    output: str
    exit_status: int


def console_steps(document: str) -> list[Step]:
    """Returns the commands of a Markdown document's console blocks."""
    steps: list[Step] = []
    for block in _BLOCK.findall(document):
        command: list[str] = []
        expected: list[str] = []
        for line in [*block.splitlines(), "$ "]:
            if line.startswith("> ") and command and not expected:
                command.append(line[2:])
            elif not line.startswith("$ "):
                assert command, f"a console block starts with `$ `, not with {line!r}"
                expected.append(line)
            else:
                if command:
                    steps.append(Step("\n".join(command), tuple(expected)))
                command, expected = [line[2:]], []
    return steps


def run_session(steps: Sequence[Step], folder: Path) -> list[Outcome]:
    """Runs the commands in one bash session; whatever they left running is ended."""
    home, place, record = folder / "home", folder / "place", folder / "output.txt"
    home.mkdir()
    place.mkdir()
    end = f"printf '\\n%s %d\\n' {shlex.quote(END_OF_COMMAND)} $?"
    script = "\n".join(line for step in steps for line in (step.command, end))
    environment = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TERM": "dumb",
    }
    # A file takes the output, because a pipe would stay open as long as a command left behind.
    with record.open("w") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            shell.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            logs = "".join(f"\n{log.name}:\n{log.read_text()}" for log in place.glob("*.log"))
            pytest.fail(f"not done after {TIMEOUT_S} s:\n{record.read_text()}{logs}")
        finally:
            _end_group(shell)
    ends = re.compile(rf"(.*?)\n{re.escape(END_OF_COMMAND)} (\d+)\n", flags=re.DOTALL)
    return [Outcome(text, int(status)) for text, status in ends.findall(record.read_text())]


def _end_group(shell: subprocess.Popen[bytes]) -> None:
    """Ends the session's processes and waits for the shell."""
    with contextlib.suppress(ProcessLookupError):  # nothing was left
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def output_matches(expected: Sequence[str], output: str) -> bool:
    """Whether the output is what the lines promise, wildcards included."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += r"[^\n]*".join(map(re.escape, line.rstrip().split("..."))) + r"[ \t]*\n"
    text = output.rstrip("\n")
    return re.fullmatch(pattern, f"{text}\n" if text else "") is not None


def check_document(document: str, folder: Path) -> None:
    """Runs a document's console blocks and fails at the first surprise."""
    steps = console_steps(document)
    assert steps, "the document has no ```console block"
    outcomes = run_session(steps, folder)
    for step, outcome in zip(steps, outcomes, strict=False):
        told = f"$ {step.command}\n{outcome.output}(exit status {outcome.exit_status})"
        assert outcome.exit_status == step.exit_status, told
        assert output_matches(step.expected, outcome.output), told
    assert len(outcomes) == len(steps), f"the session ended at `{steps[len(outcomes)].command}`"


def test_readme_does_what_it_says(tmp_path: Path) -> None:
    check_document((ROOT / "README.md").read_text(), tmp_path)


SAMPLE = """
A session keeps its variables and its folder; other blocks are not run.

```sh
exit 1
```

```console
$ word=held; mkdir logs; cd logs; sleep 1000 &
$ printf '%s\\n' "size 3" "root 5e6f" "$word"
size ...
...
held
$ ls missing  # exits 2
ls: ...missing...
$ cat <<END
> two
> lines
> END
two
lines
```

```console
$ basename "$PWD"; ls -A "$HOME"
logs
```
"""


def test_a_true_document_passes(tmp_path: Path) -> None:
    check_document(SAMPLE, tmp_path)


@pytest.mark.parametrize(
    "document",
    [
        "# Title\n\n```sh\nmake demo\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ echo one\n```\n",
        "```console\n$ true\none\n```\n",
        "```console\n$ echo one; false\none\n```\n",
        "```console\n$ true  # exits 1\n```\n",
        "```console\n$ exit 0\n$ echo one\none\n```\n",
        "```console\noutput of nothing\n```\n",
        "```console\n$ printf 'a\\nb\\n'\na...b\n```\n",
    ],
    ids=[
        "no console block",
        "other output",
        "untold output",
        "no output",
        "untold failure",
        "untold success",
        "early end",
        "no command",
        "dots within a line span no lines",
    ],
)
def test_an_untrue_document_fails(document: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check_document(document, tmp_path)
