/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowheld.h"

#include <string.h>

#include "collector/flows/flowsum.h"

static const uint64_t most = UINT64_C(1) << 52;

static uint64_t before_hold(uint64_t ms)
{
	return ms > FLOWSUM_HOLD_MS ? ms - FLOWSUM_HOLD_MS : 0;
}

static struct flowheld_row *place(struct flowheld *h, int n, const struct addr *a,
				  uint64_t now_ms)
{
	struct flowheld_row *r = &h->row[n];

	if (!r->used || !addr_eq(&r->exporter, a))
		*r = (struct flowheld_row){ .exporter = *a, .used = true, .safe_ms = now_ms };
	return r;
}

void flowheld_take(struct flowheld *h, int n, const struct addr *a, uint64_t records,
		   uint64_t now_ms)
{
	place(h, n, a, now_ms)->records += records;
}

static struct flowheld_row *find(struct flowheld *h, const struct addr *a)
{
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++)
		if (h->row[i].used && addr_eq(&h->row[i].exporter, a))
			return &h->row[i];
	return NULL;
}

void flowheld_handed(struct flowheld *h, const struct addr *a, uint64_t epoch,
		     uint64_t sequence)
{
	struct flowheld_row *r = find(h, a);

	if (!r)
		return;
	r->epoch = epoch;
	r->last = sequence;
}

/* What had come a while before MS is safe: the newest mark that is so old says how much. */
static void make_safe(struct flowheld_row *r, uint64_t ms)
{
	uint64_t until = before_hold(ms);
	uint32_t old = 0;

	while (old < r->marks && r->mark[old].ms <= until)
		old++;
	if (until > r->safe_ms)
		r->safe_ms = until;
	if (!old)
		return;
	r->safe = r->mark[old - 1].records;
	r->marks -= old;
	memmove(r->mark, r->mark + old, r->marks * sizeof(*r->mark));
}

static void put_mark(struct flowheld_row *r, uint64_t now_ms)
{
	if (r->marks == FLOWHELD_MARKS) { /* the oldest: what it had is safe later */
		r->marks--;
		memmove(r->mark, r->mark + 1, r->marks * sizeof(*r->mark));
	}
	r->mark[r->marks++] = (struct flowheld_mark){ now_ms, r->records };
}

void flowheld_committed(struct flowheld *h, uint64_t epoch, uint64_t sequence)
{
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++) {
		struct flowheld_row *r = &h->row[i];

		if (!r->used || r->epoch != epoch || sequence <= r->committed)
			continue;
		r->committed = sequence;
		if (!r->await || sequence < r->await)
			return;
		r->await = 0;
		r->owing = false; /* which was in the first that was told */
		make_safe(r, r->await_ms);
		return;
	}
}

void flowheld_told(struct flowheld *h, uint64_t now_ms)
{
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++) {
		struct flowheld_row *r = &h->row[i];

		if (!r->used)
			continue;
		put_mark(r, now_ms);
		if (r->committed == r->last) {
			make_safe(r, now_ms);
		} else if (!r->await) {
			r->await = r->last;
			r->await_ms = now_ms;
		}
	}
}

bool flowheld_lost(const struct flowheld_row *row, uint64_t now_ms, uint64_t *from_ms,
		   uint64_t *records)
{
	if (!row->used)
		return false;
	*from_ms = row->owing && row->owed_ms < row->safe_ms ? row->owed_ms : row->safe_ms;
	if (*from_ms > now_ms)
		*from_ms = now_ms;
	*records = row->records > row->safe ? row->records - row->safe : 0;
	if (row->owing && row->owed <= most)
		*records += row->owed;
	if (*records > most)
		*records = most;
	return true;
}

void flowheld_owe(struct flowheld *h, int n, const struct addr *a, uint64_t from_ms,
		  uint64_t records, uint64_t now_ms)
{
	struct flowheld_row *r = place(h, n, a, now_ms);

	r->owing = true;
	r->owed_ms = from_ms;
	r->owed = records;
}
