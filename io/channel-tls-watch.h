/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GSources for a channel that reads ahead from another one. */
#ifndef IO_CHANNEL_TLS_WATCH_H
#define IO_CHANNEL_TLS_WATCH_H

#include "io/channel.h"

/*
 * A source that is ready when @master is, and, if @cond has G_IO_IN, when
 * @has_data(@ioc) is true.  Its callback is a QIOChannelFunc, called with @ioc.
 */
GSource *qio_channel_tls_watch(QIOChannel *ioc, QIOChannel *master,
                               GIOCondition cond,
                               bool (*has_data)(QIOChannel *ioc));

#endif
