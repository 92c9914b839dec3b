"""A report as data: sections of text, tables and pictures, for Markdown or one HTML page."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """text: paragraphs, in the words of this project alone.  code: shown as it is.

    timed: holds what a clock said, which is another at every run.  svg: a picture.
    """

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    code: str = ""
    svg: str = ""
    timed: bool = False


def markdown(title: str, sections: Sequence[Section]) -> str:
    """GitHub-flavoured Markdown, without pictures."""
    return "\n".join([f"# {title}\n", *(line for s in sections for line in _markdown(s))])


def _markdown(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    yield from (f"{paragraph}\n" for paragraph in section.text)
    if section.code:
        yield f"```\n{section.code}\n```\n"
    for table in section.tables:
        yield "| " + " | ".join(table.header) + " |"
        yield "|" + " --- |" * len(table.header)
        yield from (
            "| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in table.rows
        )
        yield ""


def page(title: str, sections: Sequence[Section]) -> str:
    """One self-contained HTML page."""
    links = " · ".join(
        f'<a href="#s{i}">{html.escape(s.title)}</a>' for i, s in enumerate(sections)
    )
    body = "\n".join(_html(s, f"s{i}") for i, s in enumerate(sections))
    return _PAGE.format(title=html.escape(title), links=links, body=body)


def _html(section: Section, anchor: str) -> str:
    pieces = [f'<h2 id="{anchor}">{html.escape(section.title)}</h2>']
    pieces += [f"<p>{_inline(paragraph)}</p>" for paragraph in section.text]
    pieces += [f"<figure>{section.svg}</figure>"] if section.svg else []
    pieces += [f"<pre>{html.escape(section.code)}</pre>"] if section.code else []
    pieces += [_html_table(table) for table in section.tables]
    return "\n".join(pieces)


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<div><table><tr>{head}</tr>\n{rows}</table></div>"


def _inline(text: str) -> str:
    """Escaped, and what stands between double stars in bold."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; }}
body {{ max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: .2rem; }} h2 {{ margin-top: 2.2rem; border-bottom: 1px solid #ddd; }}
nav {{ color: #888; font-size: 13px; }} a {{ color: #0b6e99; }}
div {{ overflow-x: auto; }} table {{ border-collapse: collapse; font-size: 13px; margin: .8rem 0; }}
th, td {{ text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e4e4e4; }}
th {{ background: #f6f6f6; }} td {{ vertical-align: top; }}
pre {{ background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: 12px; }}
figure {{ margin: 1rem 0; }} svg {{ max-width: 100%; height: auto; }}
</style></head><body>
<h1>{title}</h1>
<nav>{links}</nav>
{body}
</body></html>
"""
