/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First words of clients that came in several segments, kept until a name can be read in them
 * (sniff.h): a bounded pool of buffers.  Where it is full the oldest is given up.
 */
#ifndef SENSOR_MIRROR_HELLO_H
#define SENSOR_MIRROR_HELLO_H

#include "sensor/mirror/sniff.h"

enum {
	HELLO_BYTES = 6144, /* of one client: a ClientHello with post-quantum keys is 1.8 KB */
	HELLO_SLOTS = 256,
};

struct hello_pool;
struct hello_pool *hello_new(void);
void hello_free(struct hello_pool *h);

/*
 * N bytes that lie OFFSET beyond the first data byte of connection ID (any number that is that
 * connection's alone).  In any order, and twice, too.  FOUND and NONE end it: the slot is free
 * again.  *TLS says which kind NAME is.
 */
enum sniffed hello_add(struct hello_pool *h, uint32_t id, uint32_t offset, const uint8_t *p,
		       size_t n, char *name, bool *tls);
/* The connection is gone, or its name is known. */
void hello_drop(struct hello_pool *h, uint32_t id);

#endif
