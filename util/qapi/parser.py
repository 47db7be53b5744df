# SPDX-License-Identifier: GPL-2.0-or-later
"""Text of a schema to expressions with their documentation.

A schema file is a sequence of JSON-like objects in which strings stand in
single quotes.  "#" starts a comment; a block of comment lines between two
lines "##" is documentation, either of the definition that follows (its first
line is "@Name:") or free text.
"""

import os
import re

from qapi.common import Place, SchemaError

_TOKEN = re.compile(r"""
    (?P<space>[ \t\r]+)
  | (?P<newline>\n)
  | (?P<doc>\#\#[ \t]*\n)
  | (?P<comment>\#[^\n]*)
  | (?P<punct>[{}\[\]:,])
  | (?P<string>'[^'\n]*')
  | (?P<word>true|false)
""", re.VERBOSE)

_MEMBER = re.compile(r'@([A-Za-z0-9_.-]+):(?:\s+|$)(.*)')
_TAG = re.compile(r'(Returns|Errors|Since|Features|Notes?|Examples?|TODO):'
                  r'(?:\s+|$)(.*)')


class Doc:
    """A documentation block.

    symbol    name of what it documents, None for free text
    body      text before the members
    members   name to text, in order of appearance
    features  the same, below "Features:"
    sections  list of (tag, text); the tag of untagged text is None
    """

    def __init__(self, place):
        self.place = place
        self.symbol = None
        self.body = ''
        self.members = {}
        self.features = {}
        self.sections = []


class _DocParser:
    """Builds a Doc from the lines of a block."""

    def __init__(self, place):
        self.doc = Doc(place)
        self._lines = []
        self._flush_to = self._to_body
        self._running = True  # text at the margin continues this part
        self._in_features = False

    def _to_body(self, text):
        self.doc.body = text

    def _begin(self, flush_to, first, running=False):
        self._flush()
        self._flush_to = flush_to
        self._running = running
        self._lines = [first] if first else []

    def _flush(self):
        indents = [len(line) - len(line.lstrip())
                   for line in self._lines[1:] if line.strip()]
        cut = min(indents, default=0)
        lines = self._lines[:1] + [line[cut:] for line in self._lines[1:]]
        self._flush_to('\n'.join(lines).strip())

    def _begin_member(self, place, name, text):
        table = self.doc.features if self._in_features else self.doc.members
        if name in table:
            raise SchemaError(place, f"'{name}' is documented twice")
        table[name] = ''
        self._begin(lambda t: table.__setitem__(name, t), text)

    def _begin_section(self, tag, text):
        entry = len(self.doc.sections)
        self.doc.sections.append((tag, ''))

        def store(full):
            self.doc.sections[entry] = (tag, full)
        running = tag is None or tag[:4] in ('Note', 'Exam', 'TODO')
        self._begin(store, text, running)

    def line(self, place, text):
        """Take the next line, without its comment sign."""
        member = _MEMBER.match(text)
        tag = _TAG.match(text)
        if self.doc.symbol is None or not text or text[0] == ' ':
            self._lines.append(text)
        elif member:
            self._begin_member(place, member.group(1), member.group(2))
        elif tag and tag.group(1) == 'Features':
            self._in_features = True
            self._begin(lambda t: None, '')
        elif tag:
            self._begin_section(tag.group(1), tag.group(2))
        elif self._running:
            self._lines.append(text)
        else:
            # Text at the margin ends a member: it is about the whole.
            self._begin_section(None, text)

    def finish(self):
        """The finished Doc."""
        self._flush()
        self.doc.sections = [s for s in self.doc.sections if s[1] or s[0]]
        return self.doc


class Expr:
    """A top-level expression: a dict, its Doc (or None) and its place."""

    def __init__(self, data, doc, place, module):
        self.data = data
        self.doc = doc
        self.place = place
        self.module = module


class Module:
    """One schema file."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.includes = []  # Modules included directly
        self.docs = []      # free text and Exprs in order
        self.exprs = []


class _FileParser:
    """Parses one file into a Module."""

    def __init__(self, module, show, include):
        self._module = module
        self._show = show
        self._include = include
        with open(module.path, encoding='utf-8') as src:
            self._text = src.read()
        if not self._text.endswith('\n'):
            self._text += '\n'
        self._pos = 0
        self._line = 1
        self._tok = None
        self._val = None

    def _place(self):
        return Place(self._show, self._line)

    def _error(self, text):
        raise SchemaError(self._place(), text)

    def _next(self):
        """Advance to the next token that matters."""
        while self._pos < len(self._text):
            match = _TOKEN.match(self._text, self._pos)
            if not match:
                self._error(f'stray {self._text[self._pos]!r}')
            kind = match.lastgroup
            self._pos = match.end()
            if kind in ('newline', 'comment', 'space'):
                self._line += kind == 'newline'
                continue
            if kind == 'doc':
                self._tok, self._val = 'doc', self._doc()
            elif kind == 'punct':
                self._tok = self._val = match.group()
            elif kind == 'string':
                self._tok, self._val = 'value', match.group()[1:-1]
            else:
                self._tok, self._val = 'value', match.group() == 'true'
            return
        self._tok = self._val = None

    def _doc(self):
        """Parse a block whose opening line has just been read."""
        parser = _DocParser(self._place())
        self._line += 1
        first = True
        while True:
            end = self._text.find('\n', self._pos)
            if end < 0:
                self._error("documentation block has no closing '##'")
            raw = self._text[self._pos:end].rstrip()
            self._pos = end + 1
            if raw == '##':
                self._line += 1
                return parser.finish()
            if raw != '#' and not raw.startswith('# '):
                self._error("line of a documentation block must begin "
                            "with '# '")
            line = raw[2:]
            if first and line.startswith('@'):
                match = re.fullmatch(r'@([A-Za-z0-9_.-]+):', line)
                if not match:
                    self._error("first line must be '@Name:'")
                parser.doc.symbol = match.group(1)
            elif line or not first:
                parser.line(self._place(), line)
            first = first and not line
            self._line += 1

    def _value(self):
        if self._tok == '{':
            return self._object()
        if self._tok == '[':
            return self._array()
        if self._tok != 'value':
            self._error("expected '{', '[', string or boolean")
        val = self._val
        self._next()
        return val

    def _object(self):
        result = {}
        self._next()
        while self._tok != '}':
            if self._tok != 'value' or not isinstance(self._val, str):
                self._error("expected string or '}'")
            key = self._val
            if key in result:
                self._error(f"duplicate key '{key}'")
            self._next()
            if self._tok != ':':
                self._error("expected ':'")
            self._next()
            result[key] = self._value()
            self._comma('}')
        self._next()
        return result

    def _array(self):
        result = []
        self._next()
        while self._tok != ']':
            result.append(self._value())
            self._comma(']')
        self._next()
        return result

    def _comma(self, closing):
        if self._tok == ',':
            self._next()
            if self._tok == closing:
                self._error(f"',' before '{closing}'")
        elif self._tok != closing:
            self._error(f"expected ',' or '{closing}'")

    def parse(self):
        """Parse the whole file."""
        doc = None
        self._next()
        while self._tok:
            if self._tok == 'doc':
                self._unused(doc)
                doc = self._val
                if doc.symbol is None:
                    self._module.docs.append(doc)
                    doc = None
                self._next()
                continue
            place = self._place()
            if self._tok != '{':
                self._error("expected '{'")
            data = self._object()
            if 'include' in data:
                self._unused(doc)
                self._take_include(data, place)
            elif 'pragma' in data:
                self._unused(doc)
            else:
                expr = Expr(data, doc, place, self._module)
                self._module.exprs.append(expr)
                self._module.docs.append(expr)
            doc = None
        self._unused(doc)

    @staticmethod
    def _unused(doc):
        if doc:
            raise SchemaError(doc.place, f"documentation of '{doc.symbol}' "
                              "is not followed by its definition")

    def _take_include(self, data, place):
        if len(data) != 1 or not isinstance(data['include'], str):
            raise SchemaError(place, "'include' takes a file name only")
        self._module.includes.append(
            self._include(self._module.path, data['include'], place))


def parse_schema(root):
    """Parse @root and all it includes; Modules in order of inclusion."""
    modules = {}
    open_files = []
    base = os.path.dirname(os.path.abspath(root))

    def show(path):
        return os.path.relpath(path)

    def include(from_path, name, place):
        path = os.path.normpath(
            os.path.join(os.path.dirname(from_path), name))
        if path in open_files:
            raise SchemaError(place, f"'{name}' includes itself")
        if path in modules:
            return modules[path]
        module = modules[path] = Module(path)
        open_files.append(path)
        try:
            _FileParser(module, show(path), include).parse()
        except OSError as exc:
            raise SchemaError(place, f"cannot read '{name}': "
                              f"{exc.strerror}") from exc
        open_files.pop()
        return module

    include(os.path.join(base, 'x'), os.path.basename(root),
            Place(show(root), 1))
    return list(modules.values())
