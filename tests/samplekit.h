/* SPDX-License-Identifier: Apache-2.0 */
/* One record of each kind, for what writes and reads batches. */
#ifndef TESTS_SAMPLEKIT_H
#define TESTS_SAMPLEKIT_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/wire_record.h"

static const struct process client_process = {
	"nginx", "nginx.service", "c0ffee", "/usr/sbin/nginx", "www-data", "",
};

static inline struct addr ip(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, &a), 0);
	return a;
}

/* One of each, with values that take every length of varint. */

static inline struct flow sample_flow(void)
{
	struct flow f = {
		.witness = WITNESS_CLIENT,
		.proto = PROTO_TCP,
		.port = 5432,
		.client = ip("10.0.0.1"),
		.server = ip("2001:db8::7"),
		.scope = 4026531840U,
		.minute = 29454027,
		.first_ms = 1767241620000,
		.last_ms = 1767241679999,
		.c = { .opens = 1,
		       .refused = 127,
		       .timeouts = 128,
		       .unreachable = 16384,
		       .resets = 3,
		       .abandoned = 5,
		       .bytes_to_server = 1ULL << 40,
		       .bytes_to_client = INT64_MAX,
		       .retransmits = 2,
		       .rtt_sum_us = 999,
		       .rtt_n = 1,
		       .has_bytes = true },
		.live = UINT32_MAX,
		.pending = 1,
		.samples_n = 2,
	};

	f.samples[0] = (struct sample){ .client_port = 40000, .start_ms = f.first_ms };
	f.samples[1] = (struct sample){ .client_port = 65535,
					.start_ms = f.first_ms - 5,
					.has_translated = true,
					.translated_port = 1,
					.translated = ip("192.0.2.1") };
	return f;
}

static inline struct machine *sample_machine(void)
{
	struct machine *m = xcalloc(1, sizeof(*m));

	*m = (struct machine){ .id = "m17",
			       .name = "app02",
			       .os = "Debian",
			       .kernel = "6.1",
			       .arch = "x86_64",
			       .cores = 8,
			       .memory_bytes = 1ULL << 35,
			       .addrs_n = MACHINE_ADDRS };
	for (unsigned i = 0; i < MACHINE_ADDRS; i++)
		m->addrs[i] = i % 2 ? addr_v4(i) : ip("2001:db8::1");
	return m;
}

static inline void write_sample(struct wire_writer *w)
{
	struct flow f = sample_flow();
	struct machine *m = sample_machine();
	struct listener l = { ip("0.0.0.0"), 443, PROTO_TCP, 7, NULL };
	struct cover c = { f.first_ms, f.last_ms, 17 };
	struct lost lost = { f.first_ms - 100000, f.first_ms, 12345 };
	uint32_t p;

	wire_writer_begin(w, f.first_ms);
	m->addrs_n = 3;
	wire_write_machine(w, m);
	p = wire_write_process(w, &client_process);
	ck_assert_uint_eq(p, 1);
	ck_assert_uint_eq(wire_write_process(w, NULL), 0);
	wire_write_flow(w, &f, p, 0);
	wire_write_listener(w, &l, p);
	wire_write_cover(w, &c);
	wire_write_lost(w, &lost);
	free(m);
}

/* Reads all there is; returns how many records, or -EPROTO. */
static inline int read_all(const void *p, size_t n, struct wire_record *r)
{
	struct wire_reader reader;
	int records = 0, rc;

	wire_reader_begin(&reader, cur_of(p, n));
	while ((rc = wire_reader_next(&reader, r)) > 0)
		records++;
	wire_reader_fini(&reader);
	return rc < 0 ? rc : records;
}

#endif
