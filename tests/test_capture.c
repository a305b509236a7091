/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/capture.h"

#include <string.h>

#include "sensor/netstat.h"
#include "tests/unit.h"

enum { MOST = 64 };

struct told {
	struct capture c[MOST];
	unsigned n;
};

static void take(const struct capture *c, void *ctx)
{
	struct told *t = ctx;

	ck_assert_uint_lt(t->n, MOST);
	t->c[t->n++] = *c;
}

static struct told emit(struct capture_table *t)
{
	struct told told = { .n = 0 };

	capture_emit(t, 1000, 2000, take, &told);
	return told;
}

/* One interval of one namespace. */
static struct told interval(struct capture_table *t, uint32_t netns, uint64_t seen,
			    uint64_t waiting, uint64_t kernel)
{
	capture_begin(t);
	capture_seen(t, netns, seen, 0);
	capture_waiting(t, netns, waiting, 0);
	capture_kernel(t, netns, kernel, 0);
	return emit(t);
}

START_TEST(counting_begins_at_the_first_interval)
{
	struct capture_table *t = capture_new();
	struct told told = interval(t, 7, 3, 0, 5000);

	ck_assert_uint_eq(told.n, 0);
	told = interval(t, 7, 10, 0, 5010);
	ck_assert_uint_eq(told.n, 1);
	ck_assert_uint_eq(told.c[0].netns, 7);
	ck_assert_uint_eq(told.c[0].active_seen, 10);
	ck_assert_uint_eq(told.c[0].active_kernel, 10);
	ck_assert_uint_eq(told.c[0].start_ms, 1000);
	ck_assert_uint_eq(told.c[0].end_ms, 2000);
	ck_assert_uint_eq(interval(t, 7, 0, 0, 5010).n, 0); /* nothing new is not told */
	capture_free(t);
}
END_TEST

/* One that waits counts when the kernel counts it, and not again when it is done. */
START_TEST(what_waits_is_counted_once)
{
	struct capture_table *t = capture_new();
	struct told told;

	interval(t, 7, 0, 0, 0);
	told = interval(t, 7, 0, 4, 4);
	ck_assert_uint_eq(told.c[0].active_seen, 4);
	told = interval(t, 7, 4, 0, 4);
	ck_assert_uint_eq(told.n, 0);
	told = interval(t, 7, 1, 0, 5);
	ck_assert_uint_eq(told.c[0].active_seen, 1);
	ck_assert_uint_eq(told.c[0].active_kernel, 1);
	capture_free(t);
}
END_TEST

START_TEST(a_miss_shows)
{
	struct capture_table *t = capture_new();
	struct told told;

	interval(t, 7, 0, 0, 100);
	told = interval(t, 7, 97, 0, 200);
	ck_assert_uint_eq(told.c[0].active_seen, 97);
	ck_assert_uint_eq(told.c[0].active_kernel, 100);
	capture_free(t);
}
END_TEST

/* Counted at the end of the first interval, and told by the probe in the second. */
START_TEST(what_the_first_interval_had_counted_hides_no_miss)
{
	struct capture_table *t = capture_new();
	struct told told;

	interval(t, 7, 0, 0, 150);
	told = interval(t, 7, 60, 0, 160);
	ck_assert_uint_eq(told.c[0].active_seen, 10);
	told = interval(t, 7, 30, 0, 200);
	ck_assert_uint_eq(told.c[0].active_seen, 30);
	ck_assert_uint_eq(told.c[0].active_kernel, 40);
	told = interval(t, 7, 20, 0, 210); /* ten of them are those that were late */
	ck_assert_uint_eq(told.c[0].active_seen, 20);
	told = interval(t, 7, 15, 0, 220);
	ck_assert_uint_eq(told.c[0].active_seen, 10);
	capture_free(t);
}
END_TEST

START_TEST(a_later_namespace_began_at_zero)
{
	struct capture_table *t = capture_new();
	struct told told;

	interval(t, 7, 0, 0, 100);
	told = interval(t, 9, 5, 0, 6);
	ck_assert_uint_eq(told.n, 1);
	ck_assert_uint_eq(told.c[0].netns, 9);
	ck_assert_uint_eq(told.c[0].active_kernel, 6);
	/* Another one with the same number: its counters are lower than what was read. */
	told = interval(t, 9, 2, 0, 2);
	ck_assert_uint_eq(told.c[0].active_kernel, 2);
	capture_free(t);
}
END_TEST

START_TEST(unread_counters_wait_for_the_next_interval)
{
	struct capture_table *t = capture_new();
	struct told told;

	interval(t, 7, 0, 0, 100);
	capture_begin(t);
	capture_seen(t, 7, 5, 2);
	told = emit(t);
	ck_assert_uint_eq(told.n, 0);
	capture_begin(t);
	capture_seen(t, 7, 1, 0);
	capture_kernel(t, 7, 106, 2);
	told = emit(t);
	ck_assert_uint_eq(told.c[0].active_seen, 6);
	ck_assert_uint_eq(told.c[0].active_kernel, 6);
	ck_assert_uint_eq(told.c[0].passive_seen, 2);
	capture_free(t);
}
END_TEST

START_TEST(namespaces_are_bounded_and_in_order)
{
	struct capture_table *t = capture_new();
	struct told told;

	capture_begin(t);
	emit(t);
	capture_begin(t);
	for (uint32_t i = 50; i > 0; i--) {
		capture_seen(t, i, i, 0);
		capture_kernel(t, i, i, 0);
	}
	told = emit(t);
	ck_assert_uint_eq(told.n, 50);
	for (unsigned i = 0; i < told.n; i++)
		ck_assert_uint_eq(told.c[i].netns, i + 1);
	for (uint32_t i = 1; i <= 2 * CAPTURE_NAMESPACES; i++)
		capture_seen(t, i, 1, 1); /* what has no room is not claimed of */
	capture_free(t);
}
END_TEST

START_TEST(the_kernels_text_is_read)
{
	static const char text[] =
		"Ip: Forwarding DefaultTTL\nIp: 1 64\n"
		"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails\n"
		"Tcp: 1 200 120000 -1 123 45 6\n"
		"Udp: InDatagrams\nUdp: 9\n";
	uint64_t active = 0, passive = 0;

	ck_assert(netstat_parse(text, &active, &passive));
	ck_assert_uint_eq(active, 123);
	ck_assert_uint_eq(passive, 45);
	ck_assert(!netstat_parse("", &active, &passive));
	ck_assert(!netstat_parse("Tcp: ActiveOpens\n", &active, &passive));
	ck_assert(!netstat_parse("Tcp: ActiveOpens\nTcp: 1\n", &active, &passive));
	ck_assert(!netstat_parse("Tcp:\nTcp:\n", &active, &passive));
	for (size_t n = 0; n < sizeof(text) - 40; n++) {
		char cut[sizeof(text)];

		memcpy(cut, text, n);
		cut[n] = 0;
		netstat_parse(cut, &active, &passive);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, counting_begins_at_the_first_interval);
	tcase_add_test(t, what_waits_is_counted_once);
	tcase_add_test(t, a_miss_shows);
	tcase_add_test(t, what_the_first_interval_had_counted_hides_no_miss);
	tcase_add_test(t, a_later_namespace_began_at_zero);
	tcase_add_test(t, unread_counters_wait_for_the_next_interval);
	tcase_add_test(t, namespaces_are_bounded_and_in_order);
	tcase_add_test(t, the_kernels_text_is_read);
	return unit_run("capture", t);
}
