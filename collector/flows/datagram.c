/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/datagram.h"

#include "collector/flows/frame.h"
#include "common/fact.h"

enum {
	BACK_MS = 60 * 1000,	     /* an uptime so far behind is no reordering */
	BOOTING_MS = 10 * 60 * 1000, /* an uptime below may be after a restart */
};

/* Its uptime ran back, and not because 32 bits were over (every 49.7 days). */
static bool ran_back(const struct exporter *e, const struct export_head *head)
{
	return e->head.has_uptime && head->has_uptime && head->uptime_ms < e->head.uptime_ms &&
	       e->head.uptime_ms - head->uptime_ms > BACK_MS &&
	       e->head.uptime_ms < UINT32_MAX - BOOTING_MS;
}

/* After a restart ids may stand for other templates (RFC 3954 section 9). */
static void restart(struct foreign *f, struct exporter *e, const struct export_head *head)
{
	sequence_restart(&e->sequence);
	if (head->uptime_ms > BOOTING_MS || head->export_ms < e->head.export_ms)
		return; /* rather several engines with clocks of their own */
	templates_forget(&e->templates, &f->exporters.budget);
	rates_forget(&e->rates, &f->exporters.budget);
	e->boot_ms = 0;
}

bool datagram_begin(struct datagram *d, enum foreign_kind kind, const struct addr *agent,
		    uint32_t domain)
{
	struct exporter_key key = { .addr = *d->from, .kind = kind, .domain = domain };

	if (agent)
		key.agent = *agent;
	d->e = exporters_touch(&d->f->exporters, &key, d->head.received_ms,
			       &d->f->stats.no_template);
	if (!d->e) {
		d->f->stats.refused++;
		return false;
	}
	if (ran_back(d->e, &d->head))
		restart(d->f, d->e, &d->head);
	d->e->head = d->head;
	return true;
}

void datagram_clock(struct datagram *d, unsigned half_ms)
{
	d->e->has_skew = true;
	d->e->skew_ms = (int64_t)(d->head.export_ms + half_ms - d->head.received_ms);
}

void datagram_sequence(struct datagram *d, uint32_t number, enum sequence_unit unit)
{
	struct sequence_step step;

	if (d->e->datagrams == 1)
		d->e->sequence.unit = unit;
	step = sequence_next(&d->e->sequence, number);
	d->e->missed += step.missed;
	d->f->stats.missed += step.missed;
	d->f->stats.late += step.late;
	d->late = step.late;
}

void datagram_end(struct datagram *d)
{
	int64_t change;

	if (d->late)
		return;
	change = sequence_held(&d->e->sequence, d->records, !d->uncounted && !d->bad);
	d->e->missed += (uint64_t)change;
	d->f->stats.missed += (uint64_t)change;
}

uint64_t datagram_since_1970(const struct datagram *d, uint32_t up_ms)
{
	int64_t ago = (int32_t)(d->head.uptime_ms - up_ms);
	int64_t at = (int64_t)d->head.export_ms - ago;

	return at > 0 ? (uint64_t)at : 0;
}

void datagram_packet(struct foreign_flow *flow, const struct frame_seen *seen)
{
	flow->src = seen->src;
	flow->dst = seen->dst;
	flow->proto = seen->proto;
	flow->sport = seen->sport;
	flow->dport = seen->dport;
	flow->has_tcp_flags = seen->has_tcp_flags;
	flow->tcp_flags = seen->tcp_flags;
}

/* What is not told, or is 0, was not translated. */
static void put_translation(struct foreign_flow *f)
{
	if (addr_is_any(&f->nat_src))
		f->nat_src = f->src;
	if (addr_is_any(&f->nat_dst))
		f->nat_dst = f->dst;
	if (!f->nat_sport)
		f->nat_sport = f->sport;
	if (!f->nat_dport)
		f->nat_dport = f->dport;
	f->has_nat = !addr_eq(&f->nat_src, &f->src) || !addr_eq(&f->nat_dst, &f->dst) ||
		     f->nat_sport != f->sport || f->nat_dport != f->dport;
}

/* What is promised of every flow, whatever was told. */
static void put_right(struct foreign_flow *f)
{
	if (!frame_has_ports(f->proto))
		f->sport = f->dport = f->nat_sport = f->nat_dport = 0;
	if (f->proto != PROTO_TCP) {
		f->has_tcp_flags = false;
		f->tcp_flags = 0;
	}
	if (f->first_ms > f->last_ms)
		f->first_ms = f->last_ms;
	put_translation(f);
}

void datagram_flow(struct datagram *d, struct foreign_flow *flow)
{
	if (addr_is_any(&flow->src) || addr_is_any(&flow->dst)) {
		d->f->stats.no_address++;
		return;
	}
	put_right(flow);
	flow->kind = d->e->key.kind;
	flow->domain = d->e->key.domain;
	flow->has_skew = d->e->has_skew;
	flow->skew_ms = d->e->skew_ms;
	d->e->sampling = flow->sampling;
	d->e->flows++;
	d->f->stats.flows++;
	d->fn(flow, d->ctx);
}
