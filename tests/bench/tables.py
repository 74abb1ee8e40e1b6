# SPDX-License-Identifier: MIT
"""The numbers in docs/performance.md, from kept figures.

Two forms are rewritten: table rows "| `NAME` | limit | AMD-V | VT-x | text |", and
"N (`NAME`)" anywhere. A row's VT-x value is the figure vmx-NAME.
"""
import os
import re

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs",
                        "performance.md")
ROW = re.compile(r"^\| `([\w-]+)` \|[^|]*\|[^|]*\|[^|]*\|(?!-)", re.MULTILINE)
INLINE = re.compile(r"[\d,]+ \(`([\w-]+)`\)")


def number(value):
    return "–" if value is None else "{:,}".format(value)


def rewrite(text, rows, limits):
    """The text with the values of rows; what they do not have stays as it is."""
    def row(match):
        name = match.group(1)
        if name not in rows:
            return match.group(0)
        cells = (limits.get(name), rows[name], rows.get("vmx-" + name))
        return "| `%s` | %s |" % (name, " | ".join(number(v) for v in cells))

    def inline(match):
        name = match.group(1)
        return "%s (`%s`)" % (number(rows[name]), name) if name in rows else match.group(0)

    return INLINE.sub(inline, ROW.sub(row, text))


def update(rows, limits):
    with open(DOCUMENT) as f:
        text = f.read()
    with open(DOCUMENT, "w") as f:
        f.write(rewrite(text, rows, limits))
