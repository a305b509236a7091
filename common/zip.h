/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches, compressed: one zstd frame (RFC 8878) each, with its content's length in its
 * header, no dictionary, nothing before or after it.
 */
#ifndef COMMON_ZIP_H
#define COMMON_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cur.h"

/*
 * Appends the N bytes at P to OUT as such a frame: 0; -E2BIG, and nothing, if that would be no
 * shorter than N, or WIRE_RATIO_MAX times as short, which no receiver takes.
 */
int zip(const void *p, size_t n, struct buf *out);

/* The memory of decoding, about 160 KB, for one frame after another. */
struct unzip;
struct unzip *unzip_new(void);
void unzip_free(struct unzip *u);
/*
 * Decodes BODY into OUT[0..N).  -EPROTO if it is not one frame of exactly N bytes, or damaged.
 * OUT is the frame's window too, so whatever its header says takes no other memory.
 */
int unzip(struct unzip *u, struct cur body, void *out, size_t n);

#endif
