# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference page: the schema's documentation as Markdown."""

import re

from qapi.parser import Doc

_HEAD = '''\
<!-- Generated from the schema by util/qapi; do not edit. -->
<!-- SPDX-License-Identifier: GPL-2.0-or-later -->

# QMP reference

Commands, events and types of the machine-readable control interface.  An
argument in *italics* is optional.
'''


def _markup(text):
    """References of the schema (@name) to code."""
    return re.sub(r'@([A-Za-z0-9_-]+)', r'`\1`', text)


def _item(name, text, note='', optional=False):
    """One entry of a list."""
    text = _markup(text).replace('\n', '\n  ')
    text = re.sub(r'[ \t]+$', '', text, flags=re.MULTILINE)
    label = f'*`{name}`*' if optional else f'`{name}`'
    return f'- {label}{note}: {text}\n'


def _type_name(mtype):
    if mtype.kind == 'array':
        return f'list of {_type_name(mtype.element)}'
    if mtype.kind == 'builtin':
        return mtype.name
    return f'[{mtype.name}](#{mtype.name.lower()})'


def _members(members, doc):
    text = ''
    for member in members:
        note = f' ({_type_name(member.type)})' if member.type else ''
        text += _item(member.name, doc.members[member.name], note,
                      member.optional)
    return text


def _link(entity):
    return f'[{entity.name}](#{entity.name.lower()})'


class _Page:
    """Renders definitions."""

    def __init__(self, schema):
        self._entities = dict(schema.types)
        self._entities.update({c.name: c for c in schema.commands})
        self._entities.update({e.name: e for e in schema.events})

    def definition(self, expr):
        """The text for one definition."""
        kind = next(k for k in ('enum', 'struct', 'union', 'alternate',
                                'command', 'event') if k in expr.data)
        name = expr.data[kind]
        entity = self._entities[name]
        doc = expr.doc
        text = f'\n### {name}\n\n*{kind}*'
        if kind == 'command' and entity.allow_oob:
            text += ', may be executed out of band'
        text += '\n\n'
        if doc.body:
            text += _markup(doc.body) + '\n\n'
        text += getattr(self, '_' + kind)(entity, doc)
        for feature, about in doc.features.items():
            text += _item(feature, about, ' (feature)')
        for tag, about in doc.sections:
            if tag == 'Returns' and getattr(entity, 'ret', None):
                about = f'{about} ({_type_name(entity.ret)})'
            if tag in ('Since', 'TODO'):
                continue
            lead = f'**{tag}:** ' if tag else ''
            if re.match(r'[-*] ', about):
                lead = lead.rstrip() + '\n\n'
            text += f'\n{lead}{_markup(about)}\n'
        return text

    @staticmethod
    def _enum(entity, doc):
        return _members(entity.values, doc)

    @staticmethod
    def _struct(entity, doc):
        text = _members(entity.own_members, doc)
        if entity.base:
            text += f'- and the members of {_link(entity.base)}\n'
        return text

    def _union(self, entity, doc):
        text = self._struct(entity, doc)
        for value, branch in entity.branches:
            text += (f'- when `{entity.tag.name}` is `{value}`: the members '
                     f'of {_link(branch)}\n')
        return text

    @staticmethod
    def _alternate(entity, doc):
        return _members(entity.branches, doc)

    @staticmethod
    def _arguments(entity, doc):
        if not entity.arg:
            return ''
        if not entity.arg.implicit:
            return f'- the members of {_link(entity.arg)}\n'
        return _members(entity.arg.members, doc)

    _command = _arguments
    _event = _arguments


def _free_text(doc):
    """Text between definitions; a line "= Title" is a heading."""
    text = doc.body
    for tag, about in doc.sections:
        text += f'\n\n{tag}: {about}' if tag else f'\n\n{about}'
    text = re.sub(r'^= (.*)$', r'## \1', text, flags=re.MULTILINE)
    text = re.sub(r'^== (.*)$', r'### \1', text, flags=re.MULTILINE)
    return '\n' + _markup(text) + '\n'


def gen_doc(schema):
    """The whole page."""
    page = _Page(schema)
    text = _HEAD
    for module in schema.modules:
        for part in module.docs:
            if isinstance(part, Doc):
                text += _free_text(part)
            else:
                text += page.definition(part)
    return re.sub(r'\n{3,}', '\n\n', text).rstrip() + '\n'
