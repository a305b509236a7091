/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/foreign.h"

#include <errno.h>
#include <stdlib.h>

#include "collector/flows/datagram.h"
#include "common/mem.h"

struct foreign *foreign_new(unsigned cap_exporters)
{
	struct foreign *f = xcalloc(1, sizeof(*f));

	f->exporters.cap = cap_exporters;
	f->exporters.budget.max = FOREIGN_BYTES;
	return f;
}

void foreign_free(struct foreign *f)
{
	if (!f)
		return;
	exporters_forget(&f->exporters);
	free(f);
}

/* By the version, which is two bytes of NetFlow and IPFIX, and four of sFlow. */
static bool read_any(struct datagram *d, struct cur c)
{
	struct cur head = c;
	uint16_t version = cur_u16(&head), more = cur_u16(&head);

	if (version == 5)
		netflow5_read(d, c);
	else if (version == 9)
		netflow9_read(d, c);
	else if (version == 10)
		ipfix_read(d, c);
	else if (version == 0 && more == 5 && !head.bad)
		sflow_read(d, c);
	else
		return false;
	return true;
}

int foreign_decode(struct foreign *f, const struct addr *exporter, const uint8_t *p, size_t n,
		   uint64_t received_ms, foreign_fn *fn, void *ctx)
{
	struct datagram d = {
		.f = f, .from = exporter, .head.received_ms = received_ms, .fn = fn, .ctx = ctx
	};

	f->stats.datagrams++;
	if (!read_any(&d, cur_of(p, n))) {
		f->stats.unknown++;
		return -EPROTO;
	}
	if (d.bad) {
		f->stats.malformed++;
		return -EPROTO;
	}
	return d.e ? 0 : -ENOSPC;
}

struct foreign_stats foreign_stats(const struct foreign *f)
{
	struct foreign_stats out = f->stats;

	for (const struct exporter *e = f->exporters.all; e; e = e->hh.next)
		out.waiting += e->waiting.n;
	out.exporters = HASH_COUNT(f->exporters.all);
	out.bytes = f->exporters.budget.used;
	return out;
}

uint64_t foreign_missed(const struct foreign *f)
{
	return f->stats.missed;
}

void foreign_each(const struct foreign *f, foreign_exporter_fn *fn, void *ctx)
{
	for (const struct exporter *e = f->exporters.all; e; e = e->hh.next) {
		struct foreign_exporter row = {
			.addr = e->key.addr,
			.kind = e->key.kind,
			.domain = e->key.domain,
			.first_ms = e->first_ms,
			.last_ms = e->last_ms,
			.datagrams = e->datagrams,
			.flows = e->flows,
			.missed = e->missed,
			.templates = e->templates.n,
			.waiting = e->waiting.n,
			.sampling = e->sampling,
			.has_skew = e->has_skew,
			.skew_ms = e->skew_ms,
		};

		fn(&row, ctx);
	}
}

static const struct exporter *newest(const struct foreign *f)
{
	const struct exporter *all = f->exporters.all;

	return all ? ELMT_FROM_HH(all->hh.tbl, all->hh.tbl->tail) : NULL;
}

bool foreign_skew(const struct foreign *f, const struct addr *exporter, int64_t *ms)
{
	for (const struct exporter *e = newest(f); e; e = e->hh.prev) {
		if (!addr_eq(&e->key.addr, exporter) || !e->has_skew)
			continue;
		*ms = e->skew_ms;
		return true;
	}
	return false;
}
