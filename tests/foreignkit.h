/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded exports: files of datagrams, each behind four bytes: the exporter (192.0.2.X),
 * seconds since the one before, two bytes of length.  And what they decode to, as text.
 */
#ifndef TESTS_FOREIGNKIT_H
#define TESTS_FOREIGNKIT_H

#include <inttypes.h>
#include <stdio.h>

#include "collector/flows/foreign.h"

/* When the first one is received: 2026-01-01. */
static const uint64_t foreignkit_start_ms = 1767225600000;

struct foreignkit {
	const uint8_t *p;
	size_t left;
	uint64_t now_ms;
	struct addr from;
	const uint8_t *datagram;
	size_t len;
};

static inline struct foreignkit foreignkit_of(const uint8_t *p, size_t n)
{
	return (struct foreignkit){ .p = p, .left = n, .now_ms = foreignkit_start_ms };
}

/* The next datagram (cut, when the file is), or false. */
static inline bool foreignkit_next(struct foreignkit *k)
{
	size_t len;

	if (k->left < 4)
		return false;
	len = (size_t)k->p[2] << 8 | k->p[3];
	k->from = addr_v4(0xc0000200U | k->p[0]);
	k->now_ms += k->p[1] * 1000U;
	k->datagram = k->p + 4;
	k->len = len < k->left - 4 ? len : k->left - 4;
	k->p += 4 + k->len;
	k->left -= 4 + k->len;
	return true;
}

static inline void foreignkit_end(FILE *out, const struct addr *a, uint16_t port)
{
	char text[ADDR_TEXT];

	fprintf(out, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", addr_text(a, text), port);
}

static inline void foreignkit_numbers(FILE *out, const struct foreign_flow *f)
{
	static const char *const began[] = { "", " began=src", " began=dst" };
	static const char *const way[] = { "", " ingress", " egress" };

	if (f->has_tcp_flags)
		fprintf(out, " flags=%02x", f->tcp_flags);
	fprintf(out, " bytes=%" PRIu64 " packets=%" PRIu64, f->bytes, f->packets);
	if (f->has_reverse)
		fprintf(out, " reverse=%" PRIu64 "/%" PRIu64, f->reverse_bytes,
			f->reverse_packets);
	fprintf(out, "%s%s%s%s", f->payload ? " payload" : "", began[f->began],
		f->goes_on ? " goes-on" : "", way[f->way]);
	if (f->first_ms || f->last_ms)
		fprintf(out, " first=%" PRIu64 " last=%" PRIu64, f->first_ms, f->last_ms);
	if (f->has_skew)
		fprintf(out, " skew=%" PRId64, f->skew_ms);
	if (f->sampling)
		fprintf(out, " sampling=%u", f->sampling);
	if (f->in_if || f->out_if)
		fprintf(out, " if=%u>%u", f->in_if, f->out_if);
}

/* One line; CTX is the FILE. */
static inline void foreignkit_flow(const struct foreign_flow *f, void *ctx)
{
	static const char *const kind[] = { "netflow5", "netflow9", "ipfix", "sflow" };
	static const char *const event[] = { "traffic", "created", "updated", "ended",
					     "denied" };
	FILE *out = ctx;

	fprintf(out, "%s %u %s %u ", kind[f->kind], f->domain, event[f->event], f->proto);
	foreignkit_end(out, &f->src, f->sport);
	fprintf(out, " > ");
	foreignkit_end(out, &f->dst, f->dport);
	foreignkit_numbers(out, f);
	if (f->has_nat) {
		fprintf(out, " nat=");
		foreignkit_end(out, &f->nat_src, f->nat_sport);
		fprintf(out, ">");
		foreignkit_end(out, &f->nat_dst, f->nat_dport);
	}
	fprintf(out, "\n");
}

/* The counters that are not 0, in one line. */
static inline void foreignkit_stats(FILE *out, const struct foreign *f)
{
	struct foreign_stats s = foreign_stats(f);
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{ "datagrams", s.datagrams },
		{ "flows", s.flows },
		{ "malformed", s.malformed },
		{ "unknown", s.unknown },
		{ "no_template", s.no_template },
		{ "templates", s.templates },
		{ "refused", s.refused },
		{ "missed", s.missed },
		{ "late", s.late },
		{ "no_address", s.no_address },
		{ "waiting", s.waiting },
		{ "exporters", s.exporters },
	};

	fprintf(out, "=");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].n)
			fprintf(out, " %s=%" PRIu64, rows[i].name, rows[i].n);
	fprintf(out, "\n");
}

/* A whole file: its flows, a word for each datagram that was not taken whole, the counters. */
static inline void foreignkit_print(FILE *out, struct foreign *f, const uint8_t *p, size_t n)
{
	struct foreignkit k = foreignkit_of(p, n);

	while (foreignkit_next(&k))
		if (foreign_decode(f, &k.from, k.datagram, k.len, k.now_ms, foreignkit_flow,
				   out) < 0)
			fprintf(out, "bad\n");
	foreignkit_stats(out, f);
}

#endif
