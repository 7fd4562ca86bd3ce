"""Nobody puts markup into a briefing: hostile text stands there as it was written."""

import json
from html.parser import HTMLParser
from typing import Any, Final

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from registry.application.briefings.html import to_html
from registry.application.briefings.markdown import to_markdown
from registry.application.briefings.pdf import to_pdf
from registry.domain.vocabulary import EventKind as K
from registry.views.briefings.charts import bars
from registry.views.briefings.document import (
    Chart,
    Cites,
    Column,
    Document,
    Facts,
    Heading,
    Paragraph,
    Source,
    Sources,
    Table,
)
from registry.views.briefings.plain_text import one_line
from tests.unit.application.briefings.briefing_world import act, begin, brief, tell
from tests.unit.application.federation_in_process import Node

HOSTILE: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></table><h1>taken over</h1>",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &amp; &#x3c;",
    "[click](javascript:alert(1)) ![x](http://x.example/a.png)",
    "**bold** _italic_ ~~gone~~ `code` # heading | cell",
    "https://x.example/?a=b www.x.example <http://x.example>",
    "\n\n# A heading of their own\n\n| a | b |\n|---|---|",
    "\\*not bold\\* \\",
    '#panic(1) #read("briefing.typ") $x^2$ *strong* @ref <label> // gone /* gone */',
    '\\#eval("1") #[#set page(fill: red)] ``` ```',
    "{title} {0} %s ${x} {{braces}}",
    "\u202egnitirw denrut\u2066 \x1b[31mred\x00",
    "مرحبا 你好 Привет \U0001f600",
)


def document(text: str) -> Document:
    """A document in which a text stands wherever a text can."""
    svg = bars([text], [text], {(text, text): 3}, title=text, described=text)
    table = Table(
        (Column(text, 2), Column(text), Column(text, 0, "number"), Column(text, 1, "code")),
        ((text, text, text, text), (text, Cites((1,)), "1", text)),
    )
    return Document(
        language="en",
        title=text,
        subtitle=text,
        running=text,
        page_of="{page} of {pages}",
        day="2024-03-05",
        blocks=(
            Heading(1, text),
            Heading(2, text),
            Paragraph(text),
            Paragraph(text, is_warning=True),
            Facts(((text, text), ("", text))),
            table,
            Chart(svg, text, table),
            Sources((Source(1, text, "ab" * 32),)),
        ),
    )


class Tags(HTMLParser):
    """What tags and attributes a page has, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def tags(page: bytes) -> Tags:
    parser = Tags()
    parser.feed(page.decode())
    parser.close()
    return parser


def tokens(text: bytes) -> list[tuple[str, str]]:
    """The structure of Markdown as a reader of it sees it, without the texts."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found: list[tuple[str, str]] = []
    for token in parser.parse(text.decode()):
        found.append((token.type, token.tag))
        found += [(each.type, each.tag) for each in token.children or () if each.type != "text"]
    return [each for each in found if each[0] not in {"text_special", "softbreak"}]


PLAIN: Final = document("plain words")


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_the_same_tags_whatever_the_text(text: str) -> None:
    plain, found = tags(to_html(PLAIN)), tags(to_html(document(text)))

    assert found.found == plain.found
    assert one_line(text) in "".join(found.text)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_the_same_structure_whatever_the_text(text: str) -> None:
    assert tokens(to_markdown(document(text))) == tokens(to_markdown(PLAIN))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_leaves_html_and_markdown_as_they_are(text: str) -> None:
    wrapped = document(f"a{text}a")

    assert tags(to_html(wrapped)).found == tags(to_html(PLAIN)).found
    assert tokens(to_markdown(wrapped)) == tokens(to_markdown(PLAIN))


@pytest.mark.parametrize("text", HOSTILE)
def test_pdf_sets_the_text_as_it_is_and_runs_nothing_of_it(text: str) -> None:
    assert to_pdf(document(text)).startswith(b"%PDF")
    assert headings(document(text)) == [one_line(text)] * 2


def headings(asked: Document) -> list[str]:
    """The headings as typst has them in the end: a text and nothing else."""
    from registry.application.briefings import pdf  # noqa: PLC0415 - its inside

    data = json.dumps(pdf._document(asked))
    found = typst.query(
        pdf._template(), "heading", sys_inputs={"briefing": data}, ignore_system_fonts=True
    )
    return [text_of(each["body"]) for each in json.loads(found)]


def text_of(body: dict[str, Any]) -> str:
    """The text of content that is nothing but text."""
    if body["func"] == "sequence":
        return "".join(map(text_of, body["children"]))
    assert body["func"] in {"text", "space"}, body
    return str(body.get("text", " "))


def test_hostile_acts_are_told_in_every_form(node: Node) -> None:
    story = begin(node, "A <b>case</b> | with # signs (invented)")
    for number, text in enumerate(HOSTILE):
        tell(node, story, act(K.NOTE_ADDED, f"{number} {text}", noted_date="2024-01-01"))

    page = tags(brief(node, "beta", form="html").encode())

    assert not {"script", "img", "b", "h1"} & {tag for tag, _ in page.found[20:]}
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert "javascript" in brief(node, "beta")
    assert brief(node, "beta", form="pdf").startswith("%PDF")


def test_characters_that_no_xml_may_hold_are_in_no_chart() -> None:
    assert one_line("a\ufffe\uffffb\x0bc") == "abc"
