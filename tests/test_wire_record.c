/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire_record.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/wire.h"
#include "tests/samplekit.h"
#include "tests/unit.h"

static void next(struct wire_reader *reader, struct wire_record *r, enum wire_kind kind)
{
	ck_assert_int_eq(wire_reader_next(reader, r), 1);
	ck_assert_int_eq(r->kind, kind);
}

static void check_flow(const struct flow *f)
{
	struct flow want = sample_flow();

	ck_assert_int_eq(f->witness, want.witness);
	ck_assert_int_eq(f->port, want.port);
	ck_assert(addr_eq(&f->client, &want.client) && addr_eq(&f->server, &want.server));
	ck_assert_uint_eq(f->scope, want.scope);
	ck_assert_uint_eq(f->minute, want.minute);
	ck_assert(f->first_ms == want.first_ms && f->last_ms == want.last_ms);
	ck_assert_mem_eq(&f->c, &want.c, sizeof(f->c) - sizeof(uint64_t));
	ck_assert(f->c.has_bytes && f->live == want.live && f->pending == want.pending);
	ck_assert_str_eq(f->client_process->exe, client_process.exe);
	ck_assert_str_eq(f->client_process->container, client_process.container);
	ck_assert_ptr_null(f->server_process);
	ck_assert_uint_eq(f->samples_n, 2);
	ck_assert(f->samples[0].client_port == 40000 && !f->samples[0].has_translated);
	ck_assert_uint_eq(f->samples[1].start_ms, want.samples[1].start_ms);
	ck_assert(addr_eq(&f->samples[1].translated, &want.samples[1].translated));
}

START_TEST(every_record_comes_back)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };
	struct wire_reader reader;

	write_sample(&w);
	ck_assert_uint_eq(w.records, 6);
	wire_reader_begin(&reader, cur_of(w.body.p, w.body.n));
	next(&reader, r, WIRE_R_MACHINE);
	ck_assert_str_eq(r->machine.id, "m17");
	ck_assert(r->machine.cores == 8 && r->machine.addrs_n == 3);
	next(&reader, r, WIRE_R_FLOW);
	check_flow(&r->flow);
	next(&reader, r, WIRE_R_LISTENER);
	ck_assert(r->listener.port == 443 && addr_is_any(&r->listener.addr));
	ck_assert_str_eq(r->listener.process->name, "nginx");
	next(&reader, r, WIRE_R_COVER);
	ck_assert_uint_eq(r->cover.overflow, 17);
	next(&reader, r, WIRE_R_LOST);
	ck_assert_uint_eq(r->lost.records, 12345);
	ck_assert_uint_eq(r->lost.start_ms, sample_flow().first_ms - 100000);
	ck_assert_int_eq(wire_reader_next(&reader, r), 0);
	wire_reader_fini(&reader);
	wire_writer_fini(&w);
	free(r);
}
END_TEST

START_TEST(the_longest_records_fit)
{
	char name[NAME_LEN + 1], path[PATH_LEN + 1];
	const struct process p = { name, name, name, path, name, path };
	struct wire_record *r = xmalloc(sizeof(*r));
	struct machine *m = sample_machine();
	struct wire_writer w = { 0 };

	memset(name, 'n', NAME_LEN);
	memset(path, 'p', PATH_LEN);
	name[NAME_LEN] = path[PATH_LEN] = 0;
	wire_writer_begin(&w, 0);
	m->id = m->name = m->os = m->kernel = m->arch = name;
	wire_write_machine(&w, m);
	ck_assert_uint_eq(wire_write_process(&w, &p), 1);
	ck_assert_int_eq(read_all(w.body.p, w.body.n, r), 1);
	wire_writer_fini(&w);
	free(m);
	free(r);
}
END_TEST

START_TEST(a_full_writer_still_fits_a_frame)
{
	struct wire_batch m = { 1, 1, 0, WIRE_PLAIN, 0, { 0 } };
	struct wire_record *r = xmalloc(sizeof(*r));
	struct machine *machine = sample_machine();
	struct flow f = sample_flow();
	struct wire_writer w = { 0 };
	struct wire_frame frame;
	struct buf b = { 0 };
	size_t used;

	wire_writer_begin(&w, 0);
	while (!wire_writer_full(&w))
		wire_write_flow(&w, &f, 0, 0);
	wire_write_machine(&w, machine);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&b, &m, w.body.p, w.body.n);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &frame, &used), 1);
	ck_assert_uint_eq(used, b.n);
	ck_assert_int_eq(wire_get_batch(frame.body, &m), 0);
	ck_assert_int_eq(read_all(m.body.p, cur_left(&m.body), r), (int)w.records);
	buf_fini(&b);
	wire_writer_fini(&w);
	free(machine);
	free(r);
}
END_TEST

START_TEST(unknown_kinds_and_longer_records_are_skipped)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };
	struct cover c = { 0, 60000, 0 };
	size_t at;

	wire_writer_begin(&w, 0);
	buf_put(&w.body,
		"\xc8\x00\x03"
		"xyz",
		6); /* kind 200 */
	at = w.body.n;
	wire_write_cover(&w, &c);
	buf_put(&w.body, "\x01\x02", 2); /* a field of a later version */
	w.body.p[at + 2] += 2;
	wire_write_cover(&w, &c);
	ck_assert_int_eq(read_all(w.body.p, w.body.n, r), 2);
	wire_writer_fini(&w);
	free(r);
}
END_TEST

/* Whatever is cut off or changed: it ends, and nothing outside is read (the sanitizers look).
 */
START_TEST(no_prefix_of_a_batch_harms)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };

	write_sample(&w);
	for (size_t n = 0; n < w.body.n; n++) {
		uint8_t *copy = xmalloc(n);

		memcpy(copy, w.body.p, n);
		ck_assert_int_lt(read_all(copy, n, r), 5);
		free(copy);
	}
	wire_writer_fini(&w);
	free(r);
}
END_TEST

START_TEST(no_changed_byte_of_a_batch_harms)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };

	write_sample(&w);
	for (size_t i = 0; i < w.body.n; i++) {
		for (int v = 1; v < 256; v++) {
			w.body.p[i] ^= (uint8_t)v;
			ck_assert_int_le(read_all(w.body.p, w.body.n, r), 64);
			w.body.p[i] ^= (uint8_t)v;
		}
	}
	wire_writer_fini(&w);
	free(r);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, every_record_comes_back);
	tcase_add_test(t, the_longest_records_fit);
	tcase_add_test(t, a_full_writer_still_fits_a_frame);
	tcase_add_test(t, unknown_kinds_and_longer_records_are_skipped);
	tcase_add_test(t, no_prefix_of_a_batch_harms);
	tcase_add_test(t, no_changed_byte_of_a_batch_harms);
	return unit_run("wire_record", t);
}
