"""A report as data: sections of text, tables and pictures, for a page, Markdown or a terminal."""

import base64
import html
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

from edge_common.console import text_table

_COLUMNS = 100  # of a terminal; longer lines are hard to read


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header.

    words: the first so many columns hold words, the others figures, aligned to the right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int | None = None

    @property
    def figures(self) -> list[bool]:
        """Of each column, whether it holds figures."""
        words = len(self.header) if self.words is None else self.words
        return [column >= words for column in range(len(self.header))]


@dataclass(frozen=True)
class Picture:
    """What is made of pixels: frames side by side, which break into rows on a narrow screen.

    frames: whole JPEG or PNG files.  width: of a frame, CSS pixels, at most.
    """

    frames: Sequence[bytes]
    caption: str
    width: int = 160


@dataclass(frozen=True)
class Section:
    """text: paragraphs, in the words of this project alone.  code: shown as it is.

    timed: holds what a clock said, which is another at every run.
    svg: a picture, or what draws it once a page is written.  caption: what it shows, in words.
    level: 3 is a part of the 2 before it.  pictures: those made of pixels.
    notes: lines below the tables, on a terminal alone.
    digest: names and texts that a terminal shows in place of everything else; None: it shows
    the text, the code and the tables.
    """

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    code: str = ""
    svg: str | Callable[[], str] = ""
    caption: str = ""
    timed: bool = False
    level: int = 2
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    digest: Sequence[tuple[str, str]] | None = None


def markdown(title: str, sections: Sequence[Section]) -> str:
    """GitHub-flavoured Markdown, without pictures."""
    return "\n".join(
        [f"# {_plain_markdown(title)}\n", *(line for s in sections for line in _markdown(s))]
    )


def _markdown(section: Section) -> Iterator[str]:
    yield f"{'#' * section.level} {_plain_markdown(section.title)}\n"
    yield from (f"{_plain_markdown(paragraph)}\n" for paragraph in section.text)
    if section.code:
        fence = "`" * (1 + max(map(len, re.findall("`{3,}", section.code)), default=2))
        yield f"{fence}\n{section.code}\n{fence}\n"
    for table in section.tables:
        yield _markdown_row(table.header)
        yield "|" + "".join(" ---: |" if right else " --- |" for right in table.figures)
        yield from map(_markdown_row, table.rows)
        yield ""


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = (_plain_markdown(c).replace("|", "\\|").replace("\n", " ") for c in cells)
    return "| " + " | ".join(escaped) + " |"


def _plain_markdown(text: str) -> str:
    """A name from a file brings no image, link or tag along; bold stays."""
    return re.sub(r"(!|\])(?=[\[(:])|<(?=[A-Za-z/!?])", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return "&lt;" if match[0] == "<" else f"{match[0]}\\"


def terminal(sections: Sequence[Section]) -> str:
    """Plain text without pictures; neighbouring digests are aligned as one block."""
    blocks: list[str] = []
    for short, group in groupby(sections, lambda section: section.digest is not None):
        if short:
            blocks.append(_aligned([row for section in group for row in section.digest or ()]))
        else:
            blocks += map(_plain, group)
    return "\n\n".join(filter(None, blocks))


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)


def _plain(section: Section) -> str:
    """Below a title the paragraphs are wrapped; without one they stand as they are."""
    text = [paragraph.replace("**", "") for paragraph in section.text]
    if section.title:
        text = [section.title, *(textwrap.fill(each, _COLUMNS) for each in text)]
    tables = "\n\n".join(_plain_table(table) for table in section.tables)
    below = "\n".join(filter(None, [tables, *section.notes]))
    return "\n\n".join(filter(None, ["\n".join(filter(None, text)), section.code, below]))


def _plain_table(table: Table) -> str:
    cells = [[cell.replace("**", "") for cell in row] for row in table.rows]
    left = [column for column, figures in enumerate(table.figures) if not figures]
    return text_table(table.header, cells, left)


def page(title: str, sections: Sequence[Section]) -> str:
    """One self-contained HTML page, for light and dark screens."""
    anchored = [(f"s{i}", section) for i, section in enumerate(sections)]
    links = _links([pair for pair in anchored if pair[1].level == 2])
    body = "\n".join(
        _html(s, anchor, _parts(anchored[i + 1 :])) for i, (anchor, s) in enumerate(anchored)
    )
    return _PAGE.format(title=html.escape(title), links=links, body=body)


def _parts(following: Sequence[tuple[str, Section]]) -> list[tuple[str, Section]]:
    """The parts of a section: those right behind it that are a level deeper."""
    return list(takewhile(lambda pair: pair[1].level > 2, following))


def _links(anchored: Sequence[tuple[str, Section]]) -> str:
    return " · ".join(f'<a href="#{a}">{html.escape(s.title)}</a>' for a, s in anchored)


def _html(section: Section, anchor: str, parts: Sequence[tuple[str, Section]]) -> str:
    level = section.level
    pieces = [f'<h{level} id="{anchor}">{html.escape(section.title)}</h{level}>']
    if level == 2 and parts:
        pieces.append(f"<nav>{_links(parts)}</nav>")
    pieces += [f"<p>{_inline(paragraph)}</p>" for paragraph in section.text]
    pieces += [_figure(section, anchor)] if section.svg else []
    pieces += [f"<pre>{html.escape(section.code)}</pre>"] if section.code else []
    pieces += [_html_table(table) for table in section.tables]
    if section.pictures:
        figures = "\n".join(map(_html_picture, section.pictures))
        pieces.append(f'<div class="pictures">\n{figures}\n</div>')
    return "\n".join(pieces)


def _figure(section: Section, anchor: str) -> str:
    words = f"<figcaption>{_inline(section.caption)}</figcaption>" if section.caption else ""
    svg = section.svg if isinstance(section.svg, str) else section.svg()
    return f"<figure><div>{_themed(_apart(svg, anchor))}</div>{words}</figure>"


def _html_picture(picture: Picture) -> str:
    words = html.escape(picture.caption.replace("**", ""))
    frames = "".join(
        f'<img style="--w:{picture.width}px" alt="{words}, frame {number} of '
        f'{len(picture.frames)}" src="data:{_media_type(frame)};base64,'
        f'{base64.b64encode(frame).decode()}">'
        for number, frame in enumerate(picture.frames, 1)
    )
    caption = f"<figcaption>{_inline(picture.caption)}</figcaption>"
    return f'<figure><div class="strip">{frames}</div>{caption}</figure>'


def _media_type(image: bytes) -> str:
    return "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"


def _apart(svg: str, anchor: str) -> str:
    """With ids of its own: those of two pictures on one page may be the same."""
    numbers: dict[str, int] = {}

    def renamed(match: re.Match[str]) -> str:
        number = numbers.setdefault(match[2], len(numbers))
        return f"{match[1]}{anchor}-{number}"

    return re.sub(r'(\bid="|url\(#|href="#)([^")]+)', renamed, svg)


def _themed(svg: str) -> str:
    """Ink, rules and paper of a picture become those of the page."""
    return re.sub("|".join(_THEME), lambda match: _THEME[match[0]], svg)


def _html_table(table: Table) -> str:
    right = [' class="n"' if figure else "" for figure in table.figures]
    head = "".join(f"<th{r}>{html.escape(cell)}</th>" for r, cell in zip(right, table.header))
    rows = "\n".join(
        "<tr>" + "".join(f"<td{r}>{_inline(cell)}</td>" for r, cell in zip(right, row)) + "</tr>"
        for row in table.rows
    )
    return f"<div><table><tr>{head}</tr>\n{rows}</table></div>"


def _inline(text: str) -> str:
    """Escaped, and what stands between double stars in bold."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text))


# colours that pictures are drawn in, and what they mean
_THEME = {
    "#000000": "currentColor",
    "#222222": "currentColor",
    "#eeeeee": "var(--rule)",
    "#ffffff": "var(--paper)",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ --ink: #222; --soft: #666; --paper: #fff; --rule: #e4e4e4; --shade: #f6f6f6; }}
:root {{ --link: #0b6e99; color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{
:root {{ --ink: #ddd; --soft: #999; --paper: #17191c; --rule: #33373d; --shade: #21242a; }}
:root {{ --link: #5db8e0; }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }}
body {{ max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: .2rem; }} h2 {{ margin-top: 2.6rem; border-bottom: 1px solid var(--rule); }}
h3 {{ margin: 1.8rem 0 .4rem; }}
nav {{ color: var(--soft); font-size: 13px; }} a {{ color: var(--link); }}
div {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-size: 13px; margin: .8rem 0; }}
th, td {{ text-align: left; padding: .25rem .55rem; border-bottom: 1px solid var(--rule); }}
th {{ background: var(--shade); }} td {{ vertical-align: top; }} .n {{ text-align: right; }}
td.n {{ font-variant-numeric: tabular-nums; white-space: nowrap; }}
th:first-child, td:first-child {{ position: sticky; left: 0; background: var(--paper); }}
td:first-child {{ min-width: 8rem; }}
th:first-child {{ background: var(--shade); }}
pre {{ background: var(--shade); padding: .8rem; overflow-x: auto; font-size: 12px; }}
figure {{ margin: 1rem 0; }} figcaption {{ color: var(--soft); font-size: 13px; }}
svg {{ max-width: 100%; min-width: 34rem; height: auto; fill: currentColor; }}
.pictures {{ display: flex; flex-wrap: wrap; gap: 0 1.6rem; }} .pictures figure {{ margin: .6rem 0; }}
.pictures figcaption {{ width: 0; min-width: 100%; }}
.strip {{ display: flex; flex-wrap: wrap; gap: 4px; }}
.strip img {{ display: block; width: min(var(--w), 30.5vw - 12px); border-radius: 3px; }}
@media print {{ * {{ print-color-adjust: exact; }} figure, table {{ break-inside: avoid; }} }}
</style></head><body>
<h1>{title}</h1>
<nav>{links}</nav>
{body}
</body></html>
"""
