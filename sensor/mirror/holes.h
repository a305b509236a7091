/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence numbers that were passed over and may still come, by direction of a connection:
 * lists in one bounded pool, since most connections have none.  Pure.
 */
#ifndef SENSOR_MIRROR_HOLES_H
#define SENSOR_MIRROR_HOLES_H

#include <stdint.h>

enum { HOLES_MAX = 65536, HOLES_EACH = 64 };

struct holes;
struct holes *holes_new(void);
void holes_free(struct holes *h);
/*
 * LIST (0: none) gets [FROM, TO), which lies behind all that it has.  Where there is no room
 * its first one is given up: what comes for that is taken for a repetition.
 */
void holes_add(struct holes *h, uint32_t *list, uint32_t from, uint32_t to);
/* Fills what lies in [FROM, TO); how many bytes that were. */
uint32_t holes_fill(struct holes *h, uint32_t *list, uint32_t from, uint32_t to);
/* Bytes of holes that lie before TO. */
uint64_t holes_before(const struct holes *h, uint32_t list, uint32_t to);
void holes_drop(struct holes *h, uint32_t *list);
/* Given up for want of room. */
uint64_t holes_lost(const struct holes *h);

#endif
