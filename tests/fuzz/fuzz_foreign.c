/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams of exporters, several in one input, so that templates and what waits for them come
 * together (tests/foreignkit.h).  The seeds are written by tests/flows/make.py.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/foreignkit.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What is promised of every flow, however it was made. */
static void look(const struct foreign_flow *f, void *ctx)
{
	uint64_t *flows = ctx;

	if (addr_is_any(&f->src) || addr_is_any(&f->dst) || f->first_ms > f->last_ms)
		abort();
	if (f->has_nat && (addr_is_any(&f->nat_src) ||
			   (addr_eq(&f->nat_src, &f->src) && addr_eq(&f->nat_dst, &f->dst) &&
			    f->nat_sport == f->sport && f->nat_dport == f->dport)))
		abort();
	if (f->has_tcp_flags && f->proto != 6)
		abort();
	++*flows;
}

/* A copy of just that size, so that a read outside shows. */
static void one(struct foreign *f, const struct foreignkit *k)
{
	uint8_t *copy = malloc(k->len ? k->len : 1);
	uint64_t flows = 0, before = foreign_stats(f).flows;

	memcpy(copy, k->datagram, k->len);
	foreign_decode(f, &k->from, copy, k->len, k->now_ms, look, &flows);
	free(copy);
	if (foreign_stats(f).flows - before != flows || foreign_stats(f).bytes > FOREIGN_BYTES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct foreign *f = foreign_new(4);
	struct foreignkit k = foreignkit_of(p, n);

	while (foreignkit_next(&k))
		one(f, &k);
	foreign_free(f);
	return 0;
}
