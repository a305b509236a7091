# SPDX-License-Identifier: Apache-2.0
"""What no output may contain, whoever told it: a check for each kind of text that Skein writes.

Each takes bytes and gives words about what is wrong, "" for nothing.  A text for people has no
control character but newline; a text for programs is what its format says, and runs nothing.
"""

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as tree

MOVES = set(range(32)) - {10} | {0x7f, *range(0x80, 0xa0)}
HIDES = {0x200e, 0x200f, 0x61c, 0x2028, 0x2029, *range(0x202a, 0x202f), *range(0x2066, 0x206a)}
FORMULA = re.compile(r"\A[=+@\t\r]|\A-(?![\d.]*\Z)")
EVIL_LINK = re.compile(r"\s*(javascript|data|vbscript|https?|file):", re.I)
SVG_TAGS = {"svg", "g", "title", "polygon", "path", "text", "ellipse", "polyline", "rect", "a",
            "desc", "defs", "style", "line", "circle", "tspan"}


def controls(data, allowed=()):
    """No byte and no character that moves a terminal or hides text."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8: {error}"
    for at, char in enumerate(text):
        if char in allowed:
            continue
        if ord(char) in MOVES | HIDES or unicodedata.category(char) == "Cs":
            return f"U+{ord(char):04X} at {at}: {text[max(0, at - 40):at + 40]!r}"
    return ""


def as_text(data):
    """For a person at a terminal: what Skein colours and erases itself is taken out first."""
    return controls(re.sub(rb"\r(?:[^\r\n]*\x1b\[K)|\x1b\[(?:[0-2]|22|3[0-9]|39)?m", b"", data))


def as_columns(data):
    """The same, or columns with a tab between them, as many in each line."""
    widths = {line.count(b"\t") for line in data.splitlines()}
    if len(widths - {0}) > 1:
        return f"lines of {widths} columns"
    return as_text(data.replace(b"\t", b" "))


def as_json(data):
    """One document, or lines of them; members of one name stand once."""
    def once(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError(f"a member stands twice: {names}")
        return dict(pairs)

    try:
        json.loads(data, object_pairs_hook=once)
    except ValueError as whole:
        try:
            for line in data.splitlines():
                json.loads(line, object_pairs_hook=once)
        except ValueError:
            return f"no JSON: {whole}"
    return controls(data)


def as_csv(data):
    """Cells that a spreadsheet takes for text or a number; every row has as many."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    widths = {len(row) for row in rows if row}
    if len(widths) > 1:
        return f"rows of {widths} cells"
    for row in rows:
        for cell in row:
            if FORMULA.search(cell):
                return f"a formula: {cell!r}"
    return controls(data, "\r")


def as_xml(data):
    """Well-formed, no entity of its own; nothing that a browser would run or fetch."""
    if b"<!ENTITY" in data or b"<?xml-stylesheet" in data:
        return "an entity or a style sheet"
    try:
        root = tree.fromstring(re.sub(rb"<!DOCTYPE[^>]*>", b"", data))
    except tree.ParseError as error:
        return f"no XML: {error}"
    for node in root.iter():
        tag = node.tag.rsplit("}", 1)[-1]
        if tag.lower() in ("script", "foreignobject", "iframe", "img", "object", "embed"):
            return f"<{tag}>"
        for name, value in node.attrib.items():
            name = name.rsplit("}", 1)[-1].lower()
            if name.startswith("on") or (name in ("href", "src") and EVIL_LINK.match(value)):
                return f"{name}={value!r} of <{tag}>"
    return controls(data)


def as_svg(data):
    """XML of the elements that a drawing needs."""
    wrong = as_xml(data)
    if wrong:
        return wrong
    root = tree.fromstring(re.sub(rb"<!DOCTYPE[^>]*>", b"", data))
    strange = {node.tag.rsplit("}", 1)[-1] for node in root.iter()} - SVG_TAGS
    return f"elements {strange}" if strange else ""


def as_dot(data):
    """Strings are quoted; what is outside of them are words, numbers and marks, and labels of
    our own markup that name nothing to fetch."""
    text = data.decode()
    for label in re.findall(r"(?s)=<(<table.*?</table>)>", text):
        wrong = as_xml(label.encode())
        if wrong or [n for n in tree.fromstring(label).iter() if {"href", "src"} & {
                name.lower() for name in n.attrib}]:
            return f"a label: {wrong}: {label[:200]}"
    bare = re.sub(r"(?s)=<<table.*?</table>>", "", text)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", bare, flags=re.S)
    strange = re.search(r"[^\w\s=\[\]{};,>.:\-]", bare)
    if strange:
        return f"{strange[0]!r} outside of a string: {bare[strange.start() - 40:][:80]!r}"
    return controls(data, "\t")


def as_cypher(data):
    """Strings are quoted; what is outside of them has no quote and no comment."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "", re.sub(r"(?m)^//[^\n]*$", "", data.decode()))
    strange = re.search(r"['\"\\]|//|/\*", bare)
    if strange:
        return f"{strange[0]!r} outside of a string: {bare[max(0, strange.start() - 40):][:80]!r}"
    return controls(data)


def as_mermaid(data):
    """Labels are quoted and hold nothing that is markup or ends them."""
    for line in data.decode().splitlines():
        if line.startswith("%%"):
            continue
        for label in re.findall(r'"([^"]*)"', line):
            if re.search(r"[<>`]", label.replace("<br>", "").replace("<br/>", "")):
                return f"markup: {line!r}"
        if line.count('"') % 2 or re.search(r"(?i)\bclick\b|href|<script",
                                            re.sub(r'"[^"]*"', "", line)):
            return f"a quote too many, or an action: {line!r}"
    return controls(data)
