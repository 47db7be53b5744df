/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/zero-page.h"

#include "migration/ram.h"
#include "qemu/zero.h"

uint64_t zero_page_run(const uint8_t *p, uint64_t n, bool zero)
{
    uint64_t i = 0;

    while (i < n && buffer_is_zero(p + i * TARGET_PAGE_SIZE,
                                   TARGET_PAGE_SIZE) == zero) {
        i++;
    }
    return i;
}

uint64_t zero_page_put_records(QEMUFile *f, uint64_t offset, uint64_t n)
{
    const uint64_t flags = RAM_SAVE_FLAG_ZERO | RAM_SAVE_FLAG_CONTINUE;
    const uint64_t chunk = QEMU_FILE_DIRECT_MAX / ZERO_RECORD_SIZE;
    uint64_t left = n;

    while (left) {
        uint64_t now = MIN(left, chunk);
        uint8_t *p = qemu_file_reserve(f, now * ZERO_RECORD_SIZE);

        for (uint64_t i = 0; i < now; i++) {
            uint64_t word = GUINT64_TO_BE(offset | flags);

            memcpy(p, &word, sizeof(word));
            p[8] = 0; /* the fill byte */
            p += ZERO_RECORD_SIZE;
            offset += TARGET_PAGE_SIZE;
        }
        qemu_file_commit(f, now * ZERO_RECORD_SIZE);
        left -= now;
    }
    return n * ZERO_RECORD_SIZE;
}
