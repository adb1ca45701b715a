# SPDX-License-Identifier: Apache-2.0
"""What results look like in a notebook: cards, tables, badges. All text is escaped, in light and dark."""
from __future__ import annotations

import html
from numbers import Integral, Real
from typing import Any, Iterable, Sequence, Tuple

from .palette import short


class Html(str):
    """Markup that is already safe; every other text is escaped."""


_LIGHT = ("--sp-page:#fff;--sp-ink:#1b1f24;--sp-soft:#59636e;--sp-line:#d1d9e0;--sp-link:#0b57a4;"
          "--sp-good:#116329;--sp-good-bg:#dafbe1;--sp-bad:#9a1c13;--sp-bad-bg:#ffe9e6;"
          "--sp-unsure:#4b5563;--sp-unsure-bg:#eaeef2")
_DARK = ("--sp-page:#11151a;--sp-ink:#e4e9ee;--sp-soft:#9aa6b2;--sp-line:#343c45;--sp-link:#7fb8f0;"
         "--sp-good:#7ee2a0;--sp-good-bg:#12351f;--sp-bad:#ffaaa0;--sp-bad-bg:#43191a;--sp-unsure:#c3ccd5;"
         "--sp-unsure-bg:#2b333c")
# JupyterLab and VS Code say which theme they have; elsewhere the system does.
_STYLE = f"""<style>
.superpose{{{_LIGHT};background:var(--sp-page);color:var(--sp-ink);padding:.6em .9em;\
border:1px solid var(--sp-line);border-radius:6px;max-width:60em;\
font:14px/1.45 var(--jp-ui-font-family,system-ui,sans-serif)}}
@media (prefers-color-scheme:dark){{.superpose{{{_DARK}}}}}
body[data-jp-theme-light="true"] .superpose,body.vscode-light .superpose{{{_LIGHT}}}
body[data-jp-theme-light="false"] .superpose,body.vscode-dark .superpose{{{_DARK}}}
.superpose .sp-title{{font-weight:600;font-size:1.08em}}
.superpose .sp-soft,.superpose .sp-notes{{color:var(--sp-soft)}}
.superpose .sp-notes{{margin:.5em 0 0;padding-left:1.2em}}
.superpose dl{{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1.2em;margin:.5em 0 0}}
.superpose dt{{color:var(--sp-soft);font-weight:400;text-align:left}}
.superpose dd{{margin:0;min-width:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}}
.superpose .sp-scroll{{overflow-x:auto}}
.superpose table{{border-collapse:collapse;margin:.4em 0 0;\
font-size:.93em;font-variant-numeric:tabular-nums;color:inherit}}
.superpose th,.superpose td{{text-align:left;padding:.2em .9em .2em 0;border:0;\
border-bottom:1px solid var(--sp-line);vertical-align:top;background:none;white-space:normal;max-width:32em}}
.superpose thead th{{color:var(--sp-soft);font-weight:600}}
.superpose td.sp-num,.superpose th.sp-num{{text-align:right}}
.superpose .sp-badge{{display:inline-block;padding:0 .6em 0 .45em;\
border:1px solid currentColor;border-radius:1em;font-size:.9em;font-weight:600;\
white-space:nowrap;color:var(--sp-unsure);background:var(--sp-unsure-bg)}}
.superpose .sp-confirmed{{color:var(--sp-good);background:var(--sp-good-bg)}}
.superpose .sp-denied{{color:var(--sp-bad);background:var(--sp-bad-bg)}}
.superpose .sp-strong{{color:var(--sp-link)}}
</style>"""

_BADGES = {"confirmed": "✓", "denied": "✗", "strong": "●", "weak": "◐", "none": "○", "cannot_tell": "?", "held": "–"}
_WORDS = {"yes": "confirmed", "no": "denied", "cannot tell": "cannot_tell", "identified": "confirmed", "not identified": "cannot_tell"}
_MOST_TEXT = 400  # letters of one cell: more would not be read


def escaped(value: Any) -> Html:
    """A value as markup: numbers as the page writes them, "—" for None, text escaped, Html as it is.

    >>> escaped("<b>&"), escaped(0.123456), escaped(None), escaped(12345)
    ('&lt;b&gt;&amp;', '0.1235', '—', '12\\u2009345')
    """
    if isinstance(value, Html):
        return value
    if value is None:
        return Html("—")
    if isinstance(value, bool):
        return Html("yes" if value else "no")
    if isinstance(value, Integral):
        text = str(value) if abs(int(value)) < 10000 else f"{int(value):,}".replace(",", "\u2009")
        return Html(text.replace("-", "−"))
    if isinstance(value, Real):
        return Html(short(float(value), 4))
    text = str(value)
    return Html(html.escape(text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…", quote=True))


def badge(verdict: str | None) -> Html:
    """A verdict: confirmed, denied, cannot_tell; strong, weak, none; identified, not identified, held; yes, no. Anything
    else looks unsure.

    >>> badge("confirmed")
    '<span class="sp-badge sp-confirmed"><span aria-hidden="true">✓</span> confirmed</span>'
    """
    word = verdict or "cannot_tell"
    kind = _WORDS.get(word, word)
    icon = _BADGES.get(kind)
    text = escaped("cannot tell" if word == "cannot_tell" else word)
    css = kind if icon else "cannot_tell"
    mark = f'<span aria-hidden="true">{icon or "?"}</span>'
    return Html(f'<span class="sp-badge sp-{css}">{mark} {text}</span>')


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def table(rows: Iterable[Sequence[Any]], header: Sequence[Any] = (), *, most: int = 20) -> Html:
    """A table; of more than `most` rows the first, and how many more. Columns of numbers stand right.

    >>> print(table([("a", 1), ("b", 2)], ("name", "value"), most=1).count("<tr>"))
    3
    """
    every = list(rows)
    shown = every if len(every) <= most + 1 else every[:most]  # a line "and 1 more" would be as long
    columns = max([len(row) for row in shown] + [len(header)], default=0)
    numbers = [bool(shown) and all(_is_number(row[i]) or row[i] is None for row in shown if i < len(row))
               for i in range(columns)]

    def line(cells: Sequence[Any], tag: str) -> str:
        css = [' class="sp-num"' if numbers[i] else "" for i in range(len(cells))]
        inside = "".join(f"<{tag}{css[i]}>{escaped(cell)}</{tag}>" for i, cell in enumerate(cells))
        return f"<tr>{inside}</tr>"

    head = f"<thead>{line(header, 'th')}</thead>" if header else ""
    body = "".join(line(row, "td") for row in shown)
    if len(shown) < len(every):
        rest = escaped(len(every) - len(shown))
        body += f'<tr><td class="sp-soft" colspan="{max(columns, 1)}">… and {rest} more</td></tr>'
    return Html(f'<div class="sp-scroll"><table>{head}<tbody>{body}</tbody></table></div>')


def definitions(rows: Iterable[Tuple[Any, Any]]) -> Html:
    """Names and their values.

    >>> definitions([("loss", 0.5)])
    '<dl><dt>loss</dt><dd>0.5</dd></dl>'
    """
    items = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in rows)
    return Html(f"<dl>{items}</dl>" if items else "")


def card(title: Any, subtitle: Any = "", rows: Iterable[Tuple[Any, Any]] = (), notes: Iterable[Any] = (),
         *parts: Html) -> Html:
    """A result in a notebook: title, a line below it, names and values, parts such as table(), notes.

    >>> shown = card("Toy model", "finished", [("loss", 0.031)], ["one seed"])
    >>> "Toy model" in shown and "<dd>0.031</dd>" in shown
    True
    """
    out = f'<div class="sp-title">{escaped(title)}</div>'
    if subtitle:
        out += f'<div class="sp-soft">{escaped(subtitle)}</div>'
    out += definitions(rows) + "".join(escaped(part) for part in parts)
    items = "".join(f"<li>{escaped(note)}</li>" for note in notes)
    out += f'<ul class="sp-notes">{items}</ul>' if items else ""
    return Html(f'{_STYLE}<div class="superpose">{out}</div>')
