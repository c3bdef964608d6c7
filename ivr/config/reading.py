"""YAML to plain values with their places (R20).

Stricter than YAML: what YAML reads as something else than an engineer wrote (``010`` is 8,
``1:30`` is 90, ``yes`` is true, ``*#*`` is an alias) is a mistake that says to quote it;
anchors, tags, merge keys, keys twice and keys without a value are mistakes too.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ivr.config.document import Document, Place, Where, read_bytes
from ivr.config.mistakes import printable, quoted

Scalar = str | int | bool | None

_LARGEST_FILE = 1 << 20
_DEEPEST = 20
_PREFIX = "tag:yaml.org,2002:"
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")

_SYNTAX = (
    ("cannot start any token", "found character '\\t'", "a tab, expected spaces"),
    (
        "mapping values are not allowed here",
        "",
        'a second ":" in one value or a wrong indentation, expected one "key: value" a line '
        "(put a value that holds a colon in quotes)",
    ),
    (
        "could not find expected ':'",
        "",
        'a line that is no "key: value", expected ":" and a space after the key',
    ),
    (
        "found unexpected end of stream",
        "",
        "a quote that is never closed, expected the same quote at the end of the value",
    ),
    (
        "expected <block end>, but found",
        "'<scalar>'",
        "text after a value that is over, expected one value a line (is a quote missing in a line "
        "above?)",
    ),
    (
        "expected <block end>, but found",
        "",
        "a line that is indented differently from those above it, expected the same indentation",
    ),
    (
        "expected ',' or",
        "",
        "a bracket that is never closed or a comma that is missing, expected , ] or }",
    ),
    (
        "but found another document",
        "",
        'a second "---", expected one document a file',
    ),
    (
        "cannot start any token",
        "",
        "a character that cannot begin a value, expected the value in quotes",
    ),
    ("unknown escape character", "", 'an unknown "\\" escape, expected "\\\\" for a backslash'),
)


def read(path: Path) -> Document:
    """The file's values and places; what is wrong with it is in its mistakes, nothing is raised."""
    document = Document(path)
    text = _text(document)
    if text is not None:
        _compose(document, text)
    document.broken = document.value is None
    return document


def _text(document: Document) -> str | None:
    document.data, fault = read_bytes(document.path, _LARGEST_FILE)
    if fault:
        document.say_at(Place(1, 1), fault)
        return None
    try:
        text = document.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = document.data[: error.start]
        line_begin = before.rfind(b"\n") + 1
        column = len(before[line_begin:].decode("utf-8", "replace")) + 1
        document.say_at(
            Place(before.count(b"\n") + 1, column),
            f"byte 0x{document.data[error.start]:02x} is not UTF-8, expected the file saved as "
            "UTF-8",
        )
        return None
    return text


class _Composer(yaml.SafeLoader):
    """PyYAML's composer, which notes anchors, aliases and tags and does without them."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self._document = document
        self._depth = 0
        self.aliases: set[tuple[int, int]] = set()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
            name = f"*{event.anchor}"
            self._say(
                mark,
                f"{name} without quotes is an alias, expected quotes, did you mean {quoted(name)}?",
            )
            self.aliases.add((mark.line, mark.column))
            return yaml.ScalarNode(_PREFIX + "str", name, mark, mark, "'")
        if event.anchor is not None:
            self._say(
                mark,
                f"&{event.anchor} is an anchor, expected the value written out where it is used",
            )
            event.anchor = None
        if event.tag is not None:
            tag = event.tag.replace(_PREFIX, "!!")
            self._say(mark, f"{printable(tag)} is a tag, expected the value without it")
            event.tag = None
            if isinstance(event, yaml.ScalarEvent):
                event.implicit = (event.style is None, event.style is not None)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="too deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _say(self, mark: yaml.Mark, text: str) -> None:
        self._document.say_at(_place(mark), text)


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _compose(document: Document, text: str) -> None:
    try:
        composer = _Composer(text, document)
    except yaml.reader.ReaderError as error:
        document.say_at(
            _place_of(text, error.position),
            f"character {chr(error.character)!a} cannot stand in YAML, expected printable text",
        )
        return
    try:
        node = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        _syntax(document, error, text)
        return
    except (ValueError, OverflowError):
        # PyYAML makes a character of any "\U…" without looking whether there is one.
        place = Place(composer.line + 1, composer.column + 1)
        document.say_at(place, 'an impossible "\\U" character, expected at most \\U0010FFFF')
        return
    finally:
        composer.dispose()
    if node is None:
        document.say_at(Place(1, 1), "the file is empty, expected its settings")
        return
    values = _Values(document, text, composer.aliases)
    document.value = values.value(node, ())


def _place_of(text: str, index: int) -> Place:
    before = text[:index]
    return Place(before.count("\n") + 1, index - before.rfind("\n"))


def _syntax(document: Document, error: yaml.MarkedYAMLError, text: str) -> None:
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    if (
        problem.startswith("expected alphabetic or numeric")
        and "alias" in (error.context or "")
        and (begin := error.context_mark)
    ):
        # ``keys: *#*``: the commonest of all, for it is the policy's own sequence.
        wrong = text.splitlines()[begin.line][begin.column :].split(" #")[0].strip()
        document.say_at(
            _place(begin),
            f"{printable(wrong)} without quotes begins an alias, expected quotes, did you mean "
            f"{quoted(wrong)}?",
        )
        return
    if problem == "too deep":
        what = f"more than {_DEEPEST} levels, expected fewer brackets"
    else:
        what = next(
            (say for begin, end, say in _SYNTAX if begin in problem and end in problem),
            f'not YAML ({printable(problem)}), expected "key: value" lines',
        )
    if "never closed" in what and error.context_mark:
        mark = error.context_mark
    document.say_at(_place(mark) if mark else Place(1, 1), what)


class _Values:
    """Nodes to plain values, noting their places."""

    def __init__(self, document: Document, text: str, aliases: set[tuple[int, int]]) -> None:
        self._document = document
        self._lines = text.splitlines()
        self._aliases = aliases

    def value(self, node: yaml.Node, where: Where) -> object:
        """The plain value of a node, whose place and mistakes are noted under ``where``."""
        mark = node.start_mark
        self._document.values[where] = _place(mark)
        if (mark.line, mark.column) in self._aliases:
            self._document.spoiled.add(where)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            there = (*where, key)
            if key in found:
                first = self._document.keys[there]
                self._document.say_at(
                    _place(key_node.start_mark),
                    f"key {quoted(key)} is here twice, expected it once (it is in line "
                    f"{first.line} already)",
                )
                continue
            self._document.keys[there] = _place(key_node.start_mark)
            found[key] = self.value(value_node, there)
        return found

    def _key(self, node: yaml.Node) -> str | None:
        place = _place(node.start_mark)
        if not isinstance(node, yaml.ScalarNode):
            self._document.say_at(place, "a list or mapping as a key, expected a word")
            return None
        if node.tag == _PREFIX + "merge":
            self._document.say_at(place, "<< is a merge key, expected the keys written out")
            return None
        kind = node.tag.removeprefix(_PREFIX)
        if kind == "str" or node.style is not None:
            if fault := _unprintable(node.value):
                self._document.say_at(place, fault)
            return str(node.value)
        if node.value == "":
            self._document.say_at(place, 'nothing before ":", expected a key')
            return None
        self._document.say_at(
            place,
            f"{node.value} without quotes is no text to YAML, expected quotes, did you mean "
            f"{quoted(node.value)}?",
        )
        return str(node.value)

    def _scalar(self, node: yaml.Node, where: Where) -> Scalar:
        text = str(node.value)
        if node.style is not None:  # type: ignore[attr-defined]  # stubs put it on ScalarNode
            if fault := _unprintable(text):
                self._spoil(where, fault)
            return text
        kind = node.tag.removeprefix(_PREFIX)
        if kind == "null":
            self._nothing(node, where)
            return None
        if kind == "bool" and text.casefold() in ("true", "false"):
            return text.casefold() == "true"
        if kind == "int" and _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        if kind in ("bool", "int", "float") or _LEADING_ZERO.fullmatch(text):
            self._document.traps[where] = (
                f"{quoted(text)[1:-1]} without quotes {_as_yaml_reads(text)}"
            )
            self._document.spoiled.add(where)
        elif fault := _unprintable(text):
            self._spoil(where, fault)
        return text

    def _nothing(self, node: yaml.Node, where: Where) -> None:
        if not where:
            self._spoil(where, "the file is empty, expected its settings")
            return
        name = where[-1]
        what = f"nothing after {quoted(name + ':')}" if isinstance(name, str) else "an empty item"
        if node.value:
            self._spoil(where, f"{node.value} is nothing to YAML, expected a value")
            return
        key = self._document.keys.get(where)
        if key and isinstance(name, str):
            line = self._lines[key.line - 1] if key.line <= len(self._lines) else ""
            rest = line[key.column - 1 :].partition(":")[2].strip()
            if rest.startswith("#") and re.fullmatch(r"#[0-9*#]*", rest):
                self._document.values[where] = key
                self._spoil(
                    where,
                    f'{what}, because "#" begins a comment, expected quotes, did you mean '
                    f"{quoted(rest)}?",
                )
                return
            self._document.values[where] = key
        self._spoil(where, f"{what}, expected a value (or leave the line out)")

    def _spoil(self, where: Where, text: str) -> None:
        self._document.say(where, text)
        self._document.spoiled.add(where)


def _unprintable(text: str) -> str | None:
    for c in text:
        if (c < " " and c not in "\n\t") or c == "\x7f" or "\ud800" <= c <= "\udfff":
            return f"character {c!a} in a text, expected printable text"
    return None


def _as_yaml_reads(text: str) -> str:
    if len(text) > 40:
        return "is a number to YAML"
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError):
        return "is a number to YAML"
    if isinstance(value, bool):
        return f"is {str(value).lower()} to YAML"
    if isinstance(value, int | float):
        return f"is the number {value} to YAML"
    return "is a number to some readers of YAML"
