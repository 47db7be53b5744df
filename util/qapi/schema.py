# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions to a checked model of the schema.

Schema(modules) resolves every name and checks every rule of the language;
what comes out of it can be turned into code without looking back.
"""

import re

from qapi.common import SchemaError, c_name, enum_const, upper_snake


class Type:
    """A type.  `name` is its schema name, `module` None for built-in ones."""

    kind = None
    is_object = False   # struct or union: a JSON object with known members

    def __init__(self, name, module=None, place=None, doc=None):
        self.name = name
        self.module = module
        self.place = place
        self.doc = doc
        self.features = []
        self.implicit = False  # the unnamed arguments of a command or event

    @property
    def c_ident(self):
        """Identifier used in the names of types and functions."""
        return c_name(self.name)

    def c_type(self):
        """C type of a variable or member that holds a value."""
        return self.c_ident + ' *'

    def c_param(self):
        """C type of a parameter that passes a value."""
        return self.c_type()

    @property
    def is_pointer(self):
        """Does C hold a value by a pointer that can be NULL?"""
        return self.c_type().endswith('*')

    def doc_name(self):
        """Name for people."""
        return self.name


class BuiltinType(Type):
    """A type of the language itself."""

    kind = 'builtin'

    def __init__(self, name, c_type, json_type, qtype):
        super().__init__(name)
        self._c_type = c_type
        self.json_type = json_type
        self.qtype = qtype

    def c_type(self):
        return self._c_type

    @property
    def c_ident(self):
        return self.name

    def c_param(self):
        return 'const char *' if self.name == 'str' else self._c_type


class EnumType(Type):
    """Strings; `values` are Members without type."""

    kind = 'enum'
    qtype = 'QTYPE_QSTRING'

    def __init__(self, *args):
        super().__init__(*args)
        self.values = []
        self.prefix = upper_snake(self.name)

    def c_type(self):
        return self.c_ident + ' '

    def const(self, value):
        """C constant of @value."""
        return enum_const(self.prefix, value)


class ObjectType(Type):
    """A struct, or a union if it has a `tag` member.

    own_members  those written in the definition (for a union: its base's)
    base         the struct whose members come first, or None
    branches     of a union: list of (tag value, ObjectType)
    """

    kind = 'object'
    is_object = True
    qtype = 'QTYPE_QDICT'

    def __init__(self, *args):
        super().__init__(*args)
        self.own_members = []
        self.base = None
        self.tag = None
        self.branches = []

    @property
    def members(self):
        """All members that are there in every case, the base's first."""
        inherited = self.base.members if self.base else []
        return inherited + self.own_members


class AlternateType(Type):
    """A value of one of several types: `branches` are Members."""

    kind = 'alternate'

    def __init__(self, *args):
        super().__init__(*args)
        self.branches = []


class ArrayType(Type):
    """A list."""

    kind = 'array'
    qtype = 'QTYPE_QLIST'

    def __init__(self, element):
        super().__init__(element.name + 'List', element.module)
        self.element = element

    def doc_name(self):
        return 'list of ' + self.element.doc_name()


class Member:
    """A member of an object, value of an enum, branch of an alternate."""

    def __init__(self, name, mtype=None, optional=False, features=(),
                 needs=None):
        self.name = name
        self.needs = needs  # of an enum value: what has to be built in
        self.type = mtype
        self.optional = optional
        self.features = list(features)

    @property
    def c_name(self):
        """Name in C."""
        return c_name(self.name)

    @property
    def has_flag(self):
        """Is there a has_NAME beside it?"""
        return self.optional and not self.type.is_pointer


class Callable:
    """A command or an event; `arg` is an ObjectType or None."""

    def __init__(self, expr, name):
        self.name = name
        self.module = expr.module
        self.place = expr.place
        self.doc = expr.doc
        self.features = []
        self.arg = None
        self.boxed = False


class Event(Callable):
    """An event."""


class Command(Callable):
    """A command; `ret` is a Type or None."""

    def __init__(self, expr, name):
        super().__init__(expr, name)
        self.ret = None
        self.allow_oob = False
        self.gen = True


def _builtins():
    yield BuiltinType('str', 'char *', 'string', 'QTYPE_QSTRING')
    yield BuiltinType('bool', 'bool ', 'boolean', 'QTYPE_QBOOL')
    yield BuiltinType('number', 'double ', 'number', 'QTYPE_QNUM')
    yield BuiltinType('int', 'int64_t ', 'int', 'QTYPE_QNUM')
    for bits in (8, 16, 32, 64):
        yield BuiltinType(f'int{bits}', f'int{bits}_t ', 'int', 'QTYPE_QNUM')
        yield BuiltinType(f'uint{bits}', f'uint{bits}_t ', 'int',
                          'QTYPE_QNUM')
    yield BuiltinType('size', 'uint64_t ', 'int', 'QTYPE_QNUM')
    yield BuiltinType('null', 'json_object *', 'null', 'QTYPE_QNULL')
    yield BuiltinType('any', 'json_object *', 'value', None)


_NAMES = {
    'type': (r'[A-Z][A-Za-z0-9]*[a-z0-9][A-Za-z0-9]*', 'CamelCase'),
    'command': (r'[a-z][a-z0-9]*([-_][a-z0-9]+)*', 'lower case'),
    'event': (r'[A-Z][A-Z0-9]*(_[A-Z0-9]+)*', 'UPPER CASE'),
    'member': (r'[a-z][a-z0-9]*([-_][a-z0-9]+)*|UUID', 'lower case'),
    'value': (r'[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*', 'words and dashes'),
}

# Keys of each kind of definition: (needed, allowed besides).
_KEYS = {
    'enum': ({'data'}, {'prefix', 'features'}),
    'struct': ({'data'}, {'base', 'features'}),
    'union': ({'base', 'discriminator', 'data'}, {'features'}),
    'alternate': ({'data'}, {'features'}),
    'command': (set(), {'data', 'returns', 'boxed', 'allow-oob', 'gen',
                        'coroutine', 'features'}),
    'event': (set(), {'data', 'boxed', 'features'}),
}


class Schema:
    """The whole schema; raises SchemaError on a mistake in it.

    modules   Modules in order
    types     name to Type, named types only
    commands, events   in order of definition
    """

    def __init__(self, modules):
        self.modules = modules
        self.types = {t.name: t for t in _builtins()}
        self.commands = []
        self.events = []
        self._arrays = {}
        self._c_names = {}
        todo = [self._declare(expr) for mod in modules for expr in mod.exprs]
        for fill, expr, entity in todo:
            fill(expr, entity)
        objects = [t for t in self.types.values() if t.is_object]
        for entity in objects:
            self._check_nesting(entity, [])
        for entity in objects:
            self._check_union(entity)
        for entity in objects:
            self._check_clashes(entity)
        for entity in self.commands + self.events:
            if entity.arg:
                self._check_clashes(entity.arg)

    # Definitions by name, before anything refers to them.

    def _declare(self, expr):
        kinds = [k for k in _KEYS if k in expr.data]
        if len(kinds) != 1:
            raise SchemaError(expr.place, 'unknown kind of definition, '
                              'expected one of ' + ', '.join(sorted(_KEYS)))
        kind = kinds[0]
        name = expr.data[kind]
        if not isinstance(name, str):
            raise SchemaError(expr.place, f"'{kind}' must name it")
        self._check_keys(expr, kind, name)
        self._check_name(expr, kind if kind in _NAMES else 'type', name)
        self._check_doc_symbol(expr, kind, name)
        if kind == 'command':
            entity = Command(expr, name)
            self._add_callable(expr, self.commands, entity)
            return self._fill_command, expr, entity
        if kind == 'event':
            entity = Event(expr, name)
            self._add_callable(expr, self.events, entity)
            return self._fill_event, expr, entity
        cls, fill = {
            'enum': (EnumType, self._fill_enum),
            'struct': (ObjectType, self._fill_struct),
            'union': (ObjectType, self._fill_union),
            'alternate': (AlternateType, self._fill_alternate),
        }[kind]
        if name in self.types:
            raise SchemaError(expr.place, f"type '{name}' is defined already")
        if re.search(r'(List|Kind)$', name):
            raise SchemaError(expr.place, f"type '{name}' must not end in "
                              "'List' or 'Kind'")
        entity = cls(name, expr.module, expr.place, expr.doc)
        entity.features = self._features(expr, expr.data, name)
        self.types[name] = entity
        return fill, expr, entity

    def _add_callable(self, expr, table, entity):
        ident = (type(entity), c_name(entity.name).lower())
        if ident in self._c_names:
            raise SchemaError(expr.place, f"'{entity.name}' clashes with "
                              f"'{self._c_names[ident]}'")
        self._c_names[ident] = entity.name
        entity.features = self._features(expr, expr.data, entity.name)
        table.append(entity)

    @staticmethod
    def _check_keys(expr, kind, name):
        needed, allowed = _KEYS[kind]
        for key in needed:
            if key not in expr.data:
                raise SchemaError(expr.place, f"{kind} '{name}' lacks "
                                  f"'{key}'")
        for key in expr.data:
            if key != kind and key not in needed | allowed:
                raise SchemaError(expr.place, f"{kind} '{name}' has an "
                                  f"unknown key '{key}'")

    @staticmethod
    def _check_name(expr, kind, name):
        pattern, text = _NAMES[kind]
        if not isinstance(name, str) or not re.fullmatch(pattern, name):
            raise SchemaError(expr.place, f"name '{name}' of a {kind} must "
                              f"be {text}")

    # Documentation.

    @staticmethod
    def _check_doc_symbol(expr, kind, name):
        if not expr.doc:
            raise SchemaError(expr.place, f"{kind} '{name}' is not "
                              "documented")
        if expr.doc.symbol != name:
            raise SchemaError(expr.doc.place, f"documentation of "
                              f"'{expr.doc.symbol}' stands before {kind} "
                              f"'{name}'")

    @staticmethod
    def _check_doc_members(expr, name, members):
        names = [m.name for m in members]
        for member in names:
            if not expr.doc.members.get(member):
                raise SchemaError(expr.place, f"member '{member}' of "
                                  f"'{name}' is not documented")
        for member in expr.doc.members:
            if member not in names:
                raise SchemaError(expr.doc.place, f"documented member "
                                  f"'{member}' of '{name}' does not exist")

    # Parts that several kinds share.

    def _features(self, expr, data, owner):
        features = data.get('features', [])
        if not isinstance(features, list):
            raise SchemaError(expr.place, f"features of '{owner}' must be a "
                              "list")
        for name in features:
            self._check_name(expr, 'value', name)
        return features

    def _type(self, expr, ref, what):
        if isinstance(ref, list):
            if len(ref) != 1 or not isinstance(ref[0], str):
                raise SchemaError(expr.place, f"{what}: a list type names "
                                  "one type")
            element = self._type(expr, ref[0], what)
            if element.name == 'null':
                raise SchemaError(expr.place, f"{what} cannot be a list of "
                                  "null")
            return self._arrays.setdefault(ref[0], ArrayType(element))
        if not isinstance(ref, str):
            raise SchemaError(expr.place, f"{what} must be a type name or a "
                              "list of one")
        if ref not in self.types:
            raise SchemaError(expr.place, f"{what} has the unknown type "
                              f"'{ref}'")
        return self.types[ref]

    def _members(self, expr, data, owner):
        """Members from a dict; checked in themselves."""
        if not isinstance(data, dict):
            raise SchemaError(expr.place, f"members of '{owner}' must be an "
                              "object")
        result = []
        for key, ref in data.items():
            optional = key.startswith('*')
            name = key[1:] if optional else key
            what = f"member '{name}' of '{owner}'"
            self._check_name(expr, 'member', name)
            # 'u' holds the branches, the others are parameters of what is
            # generated for commands and events.
            if re.match(r'has[-_]', name) or \
                    name in ('u', 'ctx', 'errp', 'sink'):
                raise SchemaError(expr.place, f'{what} has a reserved name')
            features = []
            if isinstance(ref, dict):
                if 'type' not in ref or set(ref) - {'type', 'features'}:
                    raise SchemaError(expr.place, f"{what} takes 'type' and "
                                      "'features' only")
                features = self._features(expr, ref, name)
                ref = ref['type']
            mtype = self._type(expr, ref, what)
            if mtype.name == 'null':
                raise SchemaError(expr.place, f'{what} cannot be null')
            result.append(Member(name, mtype, optional, features))
        return result

    def _implicit(self, expr, name, members):
        """The type of members that are written where they are used."""
        obj = ObjectType(f'q_obj_{name}_arg', expr.module, expr.place,
                         expr.doc)
        obj.implicit = True
        obj.own_members = members
        return obj

    def _struct_ref(self, expr, ref, what):
        result = self._type(expr, ref, what)
        if not result.is_object:
            raise SchemaError(expr.place, f"{what} must be an object type, "
                              f"'{ref}' is not")
        return result

    # One function for each kind of definition.

    def _fill_enum(self, expr, enum):
        data = expr.data['data']
        if not isinstance(data, list):
            raise SchemaError(expr.place, f"values of '{enum.name}' must be "
                              "a list")
        seen = {}
        if 'prefix' in expr.data:
            enum.prefix = expr.data['prefix']
        for value in data:
            features, needs = [], None
            if isinstance(value, dict):
                if set(value) - {'name', 'features', 'if'}:
                    raise SchemaError(expr.place, f"value of '{enum.name}' "
                                      "takes 'name', 'features' and 'if' only")
                features = self._features(expr, value, enum.name)
                needs = value.get('if')
                value = value.get('name')
            self._check_name(expr, 'value', value)
            const = enum.const(value)
            if const in seen:
                raise SchemaError(expr.place, f"value '{value}' of "
                                  f"'{enum.name}' clashes with "
                                  f"'{seen[const]}'")
            seen[const] = value
            enum.values.append(Member(value, features=features, needs=needs))
        self._check_doc_members(expr, enum.name, enum.values)

    def _fill_struct(self, expr, obj):
        if 'base' in expr.data:
            what = f"base of '{obj.name}'"
            obj.base = self._struct_ref(expr, expr.data['base'], what)
            if obj.base is obj:
                raise SchemaError(expr.place, f'{what} is itself')
        obj.own_members = self._members(expr, expr.data['data'], obj.name)
        self._check_doc_members(expr, obj.name, obj.own_members)

    def _fill_union(self, expr, obj):
        base = expr.data['base']
        if isinstance(base, dict):
            obj.own_members = self._members(expr, base, obj.name)
        else:
            obj.base = self._struct_ref(expr, base, f"base of '{obj.name}'")
        self._check_doc_members(expr, obj.name, obj.own_members)
        # Resolved in _check_union(), when the base has its members.
        obj.tag = expr.data['discriminator']
        data = expr.data['data']
        if not isinstance(data, dict) or not data:
            raise SchemaError(expr.place, f"union '{obj.name}' has no "
                              "branches")
        for value, ref in data.items():
            if isinstance(ref, dict) and set(ref) == {'type'}:
                ref = ref['type']
            what = f"branch '{value}' of '{obj.name}'"
            obj.branches.append((value, self._struct_ref(expr, ref, what)))

    def _fill_alternate(self, expr, alt):
        data = expr.data['data']
        if not isinstance(data, dict) or len(data) < 2:
            raise SchemaError(expr.place, f"alternate '{alt.name}' needs two "
                              "branches")
        taken = {}
        for name, ref in data.items():
            self._check_name(expr, 'member', name)
            what = f"branch '{name}' of '{alt.name}'"
            mtype = self._type(expr, ref, what)
            qtype = getattr(mtype, 'qtype', None)
            if not qtype:
                raise SchemaError(expr.place, f"{what} cannot be of type "
                                  f"'{mtype.name}'")
            if qtype in taken:
                raise SchemaError(expr.place, f'{what} cannot be told from '
                                  f"'{taken[qtype]}'")
            taken[qtype] = name
            alt.branches.append(Member(name, mtype))
        self._check_doc_members(expr, alt.name, alt.branches)

    def _fill_arguments(self, expr, entity):
        data = expr.data.get('data')
        entity.boxed = expr.data.get('boxed', False)
        members = []
        if isinstance(data, dict):
            members = self._members(expr, data, entity.name)
            if members:
                entity.arg = self._implicit(expr, entity.name, members)
        elif data is not None:
            entity.arg = self._struct_ref(expr, data,
                                          f"data of '{entity.name}'")
        if entity.boxed and (not entity.arg or members):
            raise SchemaError(expr.place, f"boxed '{entity.name}' needs a "
                              "named type as its data")
        self._check_doc_members(expr, entity.name, members)

    def _fill_command(self, expr, command):
        self._fill_arguments(expr, command)
        for key in ('boxed', 'allow-oob', 'gen', 'coroutine'):
            if not isinstance(expr.data.get(key, False), bool):
                raise SchemaError(expr.place, f"'{key}' of '{command.name}' "
                                  "must be true or false")
        command.allow_oob = expr.data.get('allow-oob', False)
        command.gen = expr.data.get('gen', True)
        if 'returns' in expr.data:
            command.ret = self._type(expr, expr.data['returns'],
                                     f"result of '{command.name}'")

    def _fill_event(self, expr, event):
        self._fill_arguments(expr, event)

    # What can be checked only when everything is filled in.

    @staticmethod
    def _check_union(obj):
        """Resolve the discriminator and check the branches against it."""
        if obj.tag is None:
            return
        place, what = obj.place, f"discriminator of '{obj.name}'"
        found = [m for m in obj.members if m.name == obj.tag]
        if not found:
            raise SchemaError(place, f"{what}: base has no member "
                              f"'{obj.tag}'")
        tag = found[0]
        if not isinstance(tag.type, EnumType) or tag.optional:
            raise SchemaError(place, f"{what} must be a mandatory member of "
                              "an enum type")
        values = [v.name for v in tag.type.values]
        for value, _ in obj.branches:
            if value not in values:
                raise SchemaError(place, f"branch '{value}' of '{obj.name}' "
                                  f"is not a value of '{tag.type.name}'")
        obj.tag = tag

    @staticmethod
    def _check_clashes(obj):
        """No two members that can be there together have one name."""

        def take(seen, members, where):
            for member in members:
                if member.c_name in seen:
                    raise SchemaError(obj.place, f"member '{member.name}' "
                                      f"of '{obj.name}'{where} clashes with "
                                      f"'{seen[member.c_name]}'")
                seen[member.c_name] = member.name

        base = {}
        take(base, obj.members, '')
        for value, branch in obj.branches:
            take(dict(base), branch.members, f" (branch '{value}')")

    def _check_nesting(self, obj, inside):
        """No struct has itself as base or branch, at any depth."""
        if obj in inside:
            raise SchemaError(obj.place, f"'{obj.name}' contains itself")
        inside = inside + [obj]
        if obj.base:
            if obj.base.tag is not None:
                raise SchemaError(obj.place, f"base of '{obj.name}' must not "
                                  "be a union")
            self._check_nesting(obj.base, inside)
        for _, branch in obj.branches:
            self._check_nesting(branch, inside)

    # For the generators.

    def module_types(self, module):
        """Named types of @module in order of definition."""
        return [t for t in self.types.values() if t.module is module]

    def builtin_types(self):
        """The types that need no definition."""
        return [t for t in self.types.values() if t.module is None]
