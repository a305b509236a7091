/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng (draft-ietf-opsawg-pcapng), block by block, in bounded memory, from wherever the
 * bytes come from.
 */
#ifndef SENSOR_MIRROR_PCAPNG_H
#define SENSOR_MIRROR_PCAPNG_H

#include <stddef.h>

#include "common/err.h"
#include "sensor/mirror/packet.h"

#define PCAPNG_MAGIC 0x0a0d0d0a /* either way round */

struct pcapng;

/* Up to N bytes into P; fewer only at the end; negative errno. */
typedef long pcapng_fill(void *ctx, void *p, size_t n);

/* NAME is for words. */
struct pcapng *pcapng_new(pcapng_fill *fill, void *ctx, const char *name);
void pcapng_free(struct pcapng *g);
/* As capfile_next. */
int pcapng_next(struct pcapng *g, struct frame_in *frame, struct err *e);

#endif
