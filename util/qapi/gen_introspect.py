# SPDX-License-Identifier: GPL-2.0-or-later
"""qapi-introspect.c: the schema as data, for query-qmp-schema."""

import json

from qapi.common import CFile, c_string


class _Collector:
    """Turns what can be reached from commands and events into entities."""

    def __init__(self, lacks):
        self.entities = []
        self._lacks = lacks
        self._todo = []
        self._names = {}
        # The object without members always has the first name.
        self._names[None] = '0'
        self._todo.append(lambda: self._entity('0', 'object', members=[]))

    def _entity(self, name, meta, features=(), **rest):
        entity = {'name': name, 'meta-type': meta, **rest}
        if features:
            entity['features'] = list(features)
        self.entities.append(entity)

    def _name(self, entity):
        """The name clients see for a type, which is put on the list."""
        if entity is None:
            return '0'
        if entity.kind == 'builtin':
            # All widths are integers to a client.
            name = 'int' if entity.json_type == 'int' else entity.name
            key = name
        elif entity.kind == 'array':
            name = f'[{self._name(entity.element)}]'
            key = name
        else:
            key = entity
            name = self._names.get(key) or str(self._count())
        if key not in self._names:
            self._names[key] = name
            self._todo.append(lambda: self._describe(name, entity))
        return name

    def _count(self):
        return sum(name.isdigit() for name in self._names.values())

    def _describe(self, name, entity):
        getattr(self, '_describe_' + entity.kind)(name, entity)

    def _describe_builtin(self, name, entity):
        self._entity(name, 'builtin', **{'json-type': entity.json_type})

    def _describe_array(self, name, entity):
        self._entity(name, 'array',
                     **{'element-type': self._name(entity.element)})

    def _values(self, enum):
        """The values of @enum that this program takes."""
        return [v for v in enum.values if v.needs not in self._lacks]

    def _describe_enum(self, name, entity):
        values = self._values(entity)
        self._entity(name, 'enum', entity.features,
                     members=[self._member(v) for v in values],
                     values=[v.name for v in values])

    def _describe_alternate(self, name, entity):
        self._entity(name, 'alternate', entity.features,
                     members=[{'type': self._name(b.type)}
                              for b in entity.branches])

    def _describe_object(self, name, entity):
        rest = {'members': [self._member(m) for m in entity.members]}
        if entity.tag:
            branches = dict(entity.branches)
            rest['tag'] = entity.tag.name
            rest['variants'] = [
                {'case': v.name, 'type': self._name(branches.get(v.name))}
                for v in self._values(entity.tag.type)]
        self._entity(name, 'object', entity.features, **rest)

    def _member(self, member):
        result = {'name': member.name}
        if member.type:
            result['type'] = self._name(member.type)
        if member.optional:
            result['default'] = None
        if member.features:
            result['features'] = member.features
        return result

    def command(self, command):
        """Describe a command."""
        rest = {'arg-type': self._name(command.arg),
                'ret-type': self._name(command.ret)}
        if command.allow_oob:
            rest['allow-oob'] = True
        self._entity(command.name, 'command', command.features, **rest)

    def event(self, event):
        """Describe an event."""
        self._entity(event.name, 'event', event.features,
                     **{'arg-type': self._name(event.arg)})

    def finish(self):
        """Describe the types that were named, and those they name."""
        while self._todo:
            self._todo.pop(0)()
        return self.entities


def introspect(schema, lacks=()):
    """The entities of @schema as a list of dicts.

    lacks   what is not built in: enum values that need it are left out
    """
    collector = _Collector(lacks)
    for command in schema.commands:
        collector.command(command)
    for event in schema.events:
        collector.event(event)
    return collector.finish()


def gen_introspect(schema, prefix, lacks=()):
    """The source with the schema's text and the names of all events."""
    out = CFile(prefix + 'qapi-introspect.c', 'schema.json')
    symbol = prefix.replace('-', '_')
    out.add('#include "qemu/osdep.h"\n#include "qapi/dispatch.h"\n\n')
    if prefix:
        out.add(f'json_object *{symbol}qapi_introspect(void);\n'
                f'extern const char *const {symbol}qapi_event_names[];\n\n')
    entities = introspect(schema, lacks)
    lines = [c_string(json.dumps(e) + ',') for e in entities]
    lines[-1] = c_string(json.dumps(entities[-1]))
    text = ',\n'.join('    ' + line for line in lines)
    names = ''.join(f'    {c_string(e.name)},\n' for e in schema.events)
    # One literal would be longer than compilers must accept.
    out.add(f'''
static const char *const schema[] = {{
    "[",
{text},
    "]",
}};

json_object *{symbol}qapi_introspect(void)
{{
    g_autoptr(GString) all = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(schema); i++) {{
        g_string_append(all, schema[i]);
    }}
    return json_tokener_parse(all->str);
}}

const char *const {symbol}qapi_event_names[] = {{
{names}    NULL,
}};
''')
    return out
