# SPDX-License-Identifier: GPL-2.0-or-later
"""qapi-events-M.{h,c}: functions that send the events of a module."""

from qapi.common import CFile, c_name, c_string
from qapi.gen_commands import wrap
from qapi.gen_marshal import (describe_object, fill_parameters,
                              implicit_struct, parameters)
from qapi.gen_types import struct_body


def _prototype(event):
    name = 'qapi_event_send_' + c_name(event.name.lower())
    return wrap(f'void {name}(QapiEventSink *sink'
                f'{parameters(event.arg, event.boxed)})')


def _body(event):
    name = c_string(event.name)
    arg = event.arg
    if not arg:
        return f'    sink->emit(sink, {name}, NULL);\n'
    if event.boxed:
        return (f'    sink->emit(sink, {name},\n'
                f'               qapi_write_struct(&qapi_type_'
                f'{arg.c_ident}, arg));\n')
    fill = fill_parameters(arg, '        ')
    return (f'    {arg.c_ident} arg = {{\n{fill}    }};\n\n'
            f'    sink->emit(sink, {name},\n'
            f'               qapi_write_struct(&qapi_type_{arg.c_ident}, '
            '&arg));\n')


def gen_events(schema, module, include):
    """Header and source of the events of @module."""
    events = [e for e in schema.events if e.module is module]
    base = 'qapi-events-' + module.name
    header = CFile(base + '.h', module.name + '.json')
    header.add('#include "qapi/context.h"\n'
               f'#include "{include}qapi-types-{module.name}.h"\n\n')
    source = CFile(base + '.c', module.name + '.json')
    source.add('#include "qemu/osdep.h"\n'
               f'#include "{include}{base}.h"\n')
    for event in events:
        header.add(_prototype(event) + ';\n')
        source.add('\n')
        if event.arg and event.arg.implicit:
            source.add(implicit_struct(event.arg, struct_body(event.arg)))
            source.add(describe_object(event.arg, 'static '))
            source.add('\n')
        source.add(_prototype(event) + '\n{\n' + _body(event) + '}\n')
    return [header, source]
