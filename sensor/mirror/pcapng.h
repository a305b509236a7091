/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng (draft-ietf-opsawg-pcapng), block by block, out of bytes that a callback gives.  Pure
 * but for that callback; no seeking, so a pipe will do.
 *
 * Memory: one window, at most that of the largest frame and a little, and the interfaces of
 * one section.  Blocks that are none of ours are skipped whatever their size.
 */
#ifndef SENSOR_MIRROR_PCAPNG_H
#define SENSOR_MIRROR_PCAPNG_H

#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"
#include "sensor/mirror/packet.h"

/* The first four bytes of every file, in both byte orders. */
#define PCAPNG_MAGIC "\x0a\x0d\x0d\x0a"

struct pcapng;

/* Up to CAP bytes into P: how many; 0 at the end; -1 where reading failed. */
typedef ssize_t pcapng_fill(void *ctx, void *p, size_t cap);

struct pcapng *pcapng_new(pcapng_fill *fill, void *ctx);
void pcapng_free(struct pcapng *g);

/* Reads the first section header: 0, or as pcapng_next. */
int pcapng_begin(struct pcapng *g, struct err *e);
/*
 * 1: FRAME, borrowed until the next call; 0: the end; -EBADMSG: damage, with words that lack
 * only the file's name; -EIO: the callback failed.  After a 0 or an error only zeros follow.
 * A simple packet has no time of its own: it gets that of the frame before it.
 */
int pcapng_next(struct pcapng *g, struct frame_in *frame, struct err *e);

/*
 * The link type that a file's number means: 12 and 14 are DLT_RAW of one platform or the
 * other, which programs wrote where 101 (LINKTYPE_RAW) belongs.
 */
static inline uint32_t pcapng_link(uint32_t written)
{
	return written == 12 || written == 14 ? 101 : written;
}

#endif
