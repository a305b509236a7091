/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP packets put together from their fragments (RFC 791, RFC 8200 section 4.5), in bounded
 * memory: at most FRAGMENTS_MAX packets at once, of 64 KiB each, and a cap on all their bytes.
 * Where there is no room the oldest is given up.  Unlike a host nobody is protected here, so
 * bytes that overlap are taken as they came first.  A mirrored copy of a fragment is one that
 * overlaps wholly; copies are known for FRAGMENT_COPY_S after their packet is whole, too, by
 * their bytes: others are of another packet, whose number came again.
 */
#ifndef SENSOR_MIRROR_FRAGMENT_H
#define SENSOR_MIRROR_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum {
	FRAGMENTS_MAX = 512,
	FRAGMENT_PIECES = 64, /* with holes between them */
	FRAGMENT_AGE_S = 30,
	FRAGMENT_COPY_S = 2,
};

struct fragment {
	uint64_t time_ns;
	struct addr src, dst;
	uint32_t id;
	uint32_t tag;	 /* tenants do not mix */
	uint8_t proto;	 /* of what is in it */
	bool more;	 /* more fragments follow */
	uint32_t offset; /* bytes */
	uint32_t len;	 /* bytes of the packet in it, as its header says */
	uint32_t cap;	 /* of which so many are at P: less where it was snapped */
	const uint8_t *p;
};

/* A packet that is whole; P is good until the next call. */
struct defragmented {
	uint32_t len, cap; /* bytes of it, and how many of them from the start are there */
	const uint8_t *p;
};

struct fragments;
struct fragments *fragments_new(uint32_t max_bytes);
void fragments_free(struct fragments *t);
/* True when F was the last that was missing. */
bool fragments_add(struct fragments *t, const struct fragment *f, struct defragmented *out);
/* Packets that were given up, and fragments that cannot be. */
uint64_t fragments_lost(const struct fragments *t);

#endif
