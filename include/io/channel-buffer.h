/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over growing memory: what is written can be read again. */
#ifndef IO_CHANNEL_BUFFER_H
#define IO_CHANNEL_BUFFER_H

#include "io/channel.h"

#define QIO_TYPE_CHANNEL_BUFFER (qio_channel_buffer_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelBuffer, qio_channel_buffer, QIO,
                     CHANNEL_BUFFER, QIOChannel)

QIOChannelBuffer *qio_channel_buffer_new(size_t capacity);
/* The bytes held; *@len of them.  Valid until the next call. */
const uint8_t *qio_channel_buffer_data(QIOChannelBuffer *ioc, size_t *len);

#endif
