/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng from strangers: every frame lies in what was given, its bytes are there to be read,
 * and whether the bytes come at once or few at a time makes no difference.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/capfile.h"
#include "sensor/mirror/pcapng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *p;
	size_t n, step; /* at most so many at a time */
};

struct reading {
	int rc;
	size_t frames, held;
	uint64_t sum;
	struct err e;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static ssize_t fill(void *ctx, void *p, size_t cap)
{
	struct bytes *b = ctx;
	size_t n = b->n < cap ? b->n : cap;

	if (n > b->step)
		n = b->step;
	if (n)
		memcpy(p, b->p, n);
	b->p += n;
	b->n -= n;
	return (ssize_t)n;
}

static uint64_t mix(uint64_t sum, uint64_t v)
{
	return (sum ^ v) * UINT64_C(0x100000001b3);
}

static void take(struct reading *r, const struct frame_in *f)
{
	check(f->cap <= CAPFILE_FRAME_MAX && f->len >= f->cap);
	r->frames++;
	r->held += f->cap;
	r->sum = mix(mix(mix(r->sum, f->time_ns), f->link), f->len);
	for (uint32_t i = 0; i < f->cap; i++)
		r->sum = mix(r->sum, f->p[i]);
}

static struct reading read_all(const uint8_t *data, size_t size, size_t step)
{
	struct bytes b = { data, size, step };
	struct pcapng *g = pcapng_new(fill, &b);
	struct reading r = { 0 };
	struct frame_in f;

	r.rc = pcapng_begin(g, &r.e);
	if (r.rc == 0)
		while ((r.rc = pcapng_next(g, &f, &r.e)) == 1)
			take(&r, &f);
	check(pcapng_next(g, &f, NULL) == 0);
	check(r.rc == 0 ? !r.e.msg[0] : r.rc == -EBADMSG && r.e.code == r.rc && r.e.msg[0]);
	check(r.held <= size && r.frames <= size / 16);
	pcapng_free(g);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading once = read_all(data, size, size), slowly = read_all(data, size, 7);

	check(once.rc == slowly.rc && once.frames == slowly.frames && once.sum == slowly.sum);
	check(!strcmp(once.e.msg, slowly.e.msg));
	return 0;
}
