/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files, frame by frame: pcap in all variants that libpcap reads, through libpcap; and
 * pcapng by a bounded reader of our own, since libpcap refuses files whose interfaces differ
 * in link type or snap length.  Of pcapng: section headers (both byte orders, several
 * sections), interface descriptions (if_tsresol, if_tsoffset), enhanced, simple and old packet
 * blocks; other blocks are skipped.
 *
 * A file that is cut or corrupt gives what is good before the damage, and then the words.
 */
#ifndef SENSOR_MIRROR_CAPFILE_H
#define SENSOR_MIRROR_CAPFILE_H

#include "common/err.h"
#include "sensor/mirror/packet.h"

/* A frame larger than this is damage; BIG TCP has frames of half a megabyte. */
enum { CAPFILE_FRAME_MAX = 4 << 20, CAPFILE_INTERFACES = 4096 };

struct capfile;

/*
 * PATH "-" is standard input.  NULL with words and E->code: -ENOENT, -EACCES ... where it
 * cannot be opened, -EBADMSG where it is no capture file.
 */
struct capfile *capfile_open(const char *path, struct err *e);
/* 1: FRAME, borrowed until the next call; 0: the end; -EBADMSG or another errno with words. */
int capfile_next(struct capfile *f, struct frame_in *frame, struct err *e);
/* Bytes read so far, and of the whole file (0: unknown), for progress. */
void capfile_progress(const struct capfile *f, uint64_t *done, uint64_t *all);
void capfile_close(struct capfile *f);

#endif
