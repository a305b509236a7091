/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: two bytes of link type, then frames, each behind two bytes of its length.  Several,
 * so that fragments come together.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A copy of just that size, so that a read outside shows. */
static void one(struct dissector *d, uint32_t link, const uint8_t *p, size_t n,
		uint64_t time_ns)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct frame_in f = { .time_ns = time_ns,
			      .link = link,
			      .cap = (uint32_t)n,
			      .len = (uint32_t)n + (n % 7 == 0 ? 1000 : 0),
			      .p = copy };
	struct packet out;
	enum dissected kind;
	unsigned sum = 0;

	memcpy(copy, p, n);
	kind = dissect(d, &f, &out);
	if (kind == DISSECTED_TCP || kind == DISSECTED_UDP) {
		if (out.cap > out.len)
			abort();
		for (uint32_t i = 0; i < out.cap; i++)
			sum += out.payload[i];
	}
	if (sum == UINT32_MAX)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dissector *d = dissector_new(1 << 16);
	uint32_t link = n >= 2 ? (uint32_t)(p[0] << 8 | p[1]) : 1;
	uint64_t time_ns = 1;

	for (size_t at = 2; at + 2 <= n; time_ns += 1000000) {
		size_t len = (size_t)p[at] << 8 | p[at + 1];

		at += 2;
		len = len < n - at ? len : n - at;
		one(d, link, p + at, len, time_ns);
		at += len;
	}
	dissector_free(d);
	return 0;
}
