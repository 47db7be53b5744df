/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel that swallows writes and is always at end of file. */
#ifndef IO_CHANNEL_NULL_H
#define IO_CHANNEL_NULL_H

#include "io/channel.h"

#define QIO_TYPE_CHANNEL_NULL (qio_channel_null_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelNull, qio_channel_null, QIO, CHANNEL_NULL,
                     QIOChannel)

QIOChannelNull *qio_channel_null_new(void);

#endif
