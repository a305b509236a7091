/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowtell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/wire_record.h"
#include "tests/unit.h"

#define NOW UINT64_C(1767268800000) /* a full minute */
enum { MINUTE = 60000 };

static struct flowtell *tell;
static struct buf text;

static void put_record(const struct wire_record *r)
{
	if (r->kind == WIRE_R_FLOW)
		buf_printf(&text, " flow:%u", r->flow.port);
	else if (r->kind == WIRE_R_COVER)
		buf_printf(&text, " cover:%lld+%lld/%u", (long long)(r->cover.start_ms - NOW),
			   (long long)(r->cover.end_ms - NOW), r->cover.degraded);
	else if (r->kind == WIRE_R_LOST)
		buf_printf(&text, " lost:%lld+%lld/%llu", (long long)(r->lost.start_ms - NOW),
			   (long long)(r->lost.end_ms - NOW),
			   (unsigned long long)r->lost.records);
}

static void on_batch(const struct addr *exporter, const struct wire_batch *b,
		     const uint8_t *frame, size_t n, void *ctx)
{
	char ip[ADDR_TEXT];
	struct wire_frame f;
	struct wire_batch got;
	struct wire_reader r;
	struct wire_record rec;
	size_t used;
	int rc;

	(void)ctx;
	ck_assert_int_eq(wire_frame_next(frame, n, &f, &used), 1);
	ck_assert_uint_eq(used, n);
	ck_assert_int_eq(wire_get_batch(f.body, &got), 0);
	ck_assert_uint_eq(got.epoch, b->epoch);
	buf_printf(&text, "%s #%llu", addr_text(exporter, ip),
		   (unsigned long long)got.sequence);
	wire_reader_begin(&r, got.body);
	while ((rc = wire_reader_next(&r, &rec)) > 0)
		put_record(&rec);
	ck_assert_int_eq(rc, 0);
	wire_reader_fini(&r);
	buf_printf(&text, "\n");
}

static void setup(void)
{
	tell = flowtell_new(on_batch, NULL);
	text = (struct buf){ 0 };
}

static void teardown(void)
{
	flowtell_free(tell);
	buf_fini(&text);
}

static void expect(const char *want)
{
	ck_assert_str_eq(buf_cstr(&text), want);
	buf_reset(&text);
}

static int exporter(unsigned n, uint64_t at)
{
	struct addr a = addr_v4(0x0a000000 + n);

	return flowtell_number(tell, &a, NOW + at);
}

static void edge(int n, uint16_t port)
{
	struct flow f = { .witness = WITNESS_NETFLOW,
			  .proto = PROTO_TCP,
			  .port = port,
			  .client = addr_v4(1),
			  .server = addr_v4(2),
			  .minute = NOW / MINUTE };

	flowtell_edge(tell, n, &f, NOW);
}

START_TEST(each_exporter_has_batches_of_its_own)
{
	int a = exporter(1, 0), b = exporter(2, 0);

	ck_assert_int_eq(exporter(1, 5), a);
	edge(a, 80);
	edge(a, 81);
	edge(b, 82);
	flowtell_end(tell, NOW, false);
	expect("10.0.0.1 #1 flow:80 flow:81\n10.0.0.2 #1 flow:82\n");
	edge(a, 83);
	flowtell_end(tell, NOW, false);
	expect("10.0.0.1 #2 flow:83\n");
	flowtell_end(tell, NOW, false);
	expect("");
}
END_TEST

/* From when it was first heard; then every minute in which it was, joined. */
START_TEST(minutes_in_which_it_was_heard_are_covered)
{
	int a = exporter(1, 20000);

	flowtell_heard(tell, a, NOW + 20000, 0);
	flowtell_end(tell, NOW + MINUTE - 1, false);
	expect("");
	flowtell_heard(tell, a, NOW + MINUTE + 5, 0);
	flowtell_end(tell, NOW + 2 * MINUTE, false);
	expect("10.0.0.1 #1 cover:20000+120000/0\n");
	flowtell_heard(tell, a, NOW + 4 * MINUTE + 5, 0); /* silent for a minute or two */
	flowtell_end(tell, NOW + 5 * MINUTE, false);
	expect("10.0.0.1 #2 cover:240000+300000/0\n");
	flowtell_heard(tell, a, NOW + 5 * MINUTE + 7, 0);
	flowtell_end(tell, NOW + 5 * MINUTE + 9000, true);
	expect("10.0.0.1 #3 cover:300000+309000/0\n");
}
END_TEST

START_TEST(what_was_missed_or_sampled_is_told)
{
	int a = exporter(1, 0);

	flowtell_heard(tell, a, NOW, 0);
	flowtell_heard(tell, a, NOW + 1000, 30);
	flowtell_lost(tell, a, 4);
	flowtell_sampled(tell, a);
	flowtell_end(tell, NOW + 5000, false);
	expect("10.0.0.1 #1 lost:0+5000/34\n");
	flowtell_end(tell, NOW + MINUTE, false);
	expect("10.0.0.1 #2 cover:0+60000/1536\n");
	flowtell_heard(tell, a, NOW + MINUTE, 0);
	flowtell_end(tell, NOW + 2 * MINUTE, false);
	expect("10.0.0.1 #3 cover:60000+120000/0\n");
}
END_TEST

/* What a process before this one had. */
START_TEST(a_gap_is_told_once_and_even_if_nothing_is_known_of_it)
{
	int a = exporter(1, 5000), b = exporter(2, 5000);

	flowtell_gap(tell, a, NOW - 30000, 0);
	flowtell_gap(tell, b, NOW - 20000, 7);
	flowtell_end(tell, NOW + 6000, false);
	expect("10.0.0.1 #1 lost:-30000+6000/0\n10.0.0.2 #1 lost:-20000+6000/7\n");
	flowtell_heard(tell, a, NOW + 6000, 0);
	flowtell_end(tell, NOW + MINUTE, false);
	expect("10.0.0.1 #2 cover:6000+60000/0\n"); /* from when this one heard it */
}
END_TEST

START_TEST(a_clock_that_is_set_back_makes_no_gap_that_ends_before_it_begins)
{
	int a = exporter(1, 5 * MINUTE);

	flowtell_heard(tell, a, NOW + 5 * MINUTE, 0);
	flowtell_end(tell, NOW + 5 * MINUTE, false);
	flowtell_lost(tell, a, 3);
	flowtell_end(tell, NOW + MINUTE, false);
	expect("10.0.0.1 #1 lost:60000+60000/3\n");
}
END_TEST

START_TEST(a_long_one_becomes_several_batches)
{
	int a = exporter(1, 0);
	unsigned batches = 0, flows = 0;
	const char *p;

	for (unsigned i = 0; i < 5000; i++)
		edge(a, 80);
	flowtell_end(tell, NOW, false);
	for (p = buf_cstr(&text); (p = strchr(p, '#')); p++)
		ck_assert_int_eq(atoi(p + 1), (int)++batches);
	for (p = buf_cstr(&text); (p = strstr(p, "flow:")); p++)
		flows++;
	ck_assert_uint_gt(batches, 2);
	ck_assert_uint_eq(flows, 5000);
}
END_TEST

START_TEST(there_is_a_cap_and_the_silent_give_way)
{
	for (unsigned i = 0; i < FLOWTELL_EXPORTERS; i++)
		ck_assert_int_ge(exporter(i, i), 0);
	ck_assert_int_eq(exporter(FLOWTELL_EXPORTERS, 2000), -ENOSPC);
	ck_assert_int_eq(exporter(7, 2000), 7);
	ck_assert_int_eq(exporter(FLOWTELL_EXPORTERS, FLOWTELL_SILENT_MS + 1), 0);
	ck_assert_uint_eq(flowtell_count(tell), FLOWTELL_EXPORTERS);
	edge(0, 80); /* under a sequence of its own */
	flowtell_end(tell, NOW, false);
	expect("10.0.4.0 #1 flow:80\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flowtell");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_exporter_has_batches_of_its_own);
	tcase_add_test(t, minutes_in_which_it_was_heard_are_covered);
	tcase_add_test(t, what_was_missed_or_sampled_is_told);
	tcase_add_test(t, a_gap_is_told_once_and_even_if_nothing_is_known_of_it);
	tcase_add_test(t, a_clock_that_is_set_back_makes_no_gap_that_ends_before_it_begins);
	tcase_add_test(t, a_long_one_becomes_several_batches);
	tcase_add_test(t, there_is_a_cap_and_the_silent_give_way);
	return unit_run("flowtell", t);
}
