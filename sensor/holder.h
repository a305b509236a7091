/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process has a socket, where only /proc can tell: /proc/PID/fd holds links that name
 * sockets by inode.
 *
 * A round looks at every process, newest first, in slices of limited time, and only while
 * there is an inode to look for; rounds are spaced so that they take no more than a set share
 * of a processor.  Whoever is found is announced to the sink at once, since it may be gone
 * when it is asked for.
 */
#ifndef SENSOR_HOLDER_H
#define SENSOR_HOLDER_H

#include "sensor/conntab.h"
#include "sensor/probe.h"

struct holder;

struct holder *holder_new(const struct probe_sink *sink);
void holder_free(struct holder *h);

/* Looked for from the next round on; said again while it matters, else it is forgotten. */
void holder_want(void *h, uint32_t inode);
/* One slice, if a round is under way, or something is wanted and it is time; true: looked. */
bool holder_scan(struct holder *h, uint64_t now_ns);
/* A round at once and to its end, however long it takes: 40,000 descriptors take 0.1 s. */
void holder_scan_all(struct holder *h, uint64_t now_ns);
/* True once a whole round has passed since somebody was found; a conntab_own callback. */
bool holder_find(void *h, uint32_t inode, struct holders *out);

#endif
