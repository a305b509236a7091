/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowqueue.h"

#include <string.h>

#include "tests/unit.h"

static struct flowqueue *queue;

static void setup(void)
{
	queue = flowqueue_new();
}

static void teardown(void)
{
	flowqueue_free(queue);
}

/* Sequences 1 to N of one epoch; the message is the sequence. */
static void put(uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++)
		flowqueue_put(queue, 9, i, &i, sizeof(i));
}

/* Sends what may be sent; the first and last of it, 0 for none. */
static unsigned send_all(uint64_t now, uint64_t *first, uint64_t *last)
{
	const void *p;
	unsigned sent = 0;
	uint64_t before = 0;
	size_t n;

	while ((p = flowqueue_next(queue, now, &n))) {
		ck_assert_uint_eq(n, sizeof(*last));
		memcpy(last, p, n);
		ck_assert_uint_gt(*last, before); /* never out of order */
		before = *last;
		if (!sent++)
			*first = *last;
		flowqueue_sent(queue, now);
	}
	return sent;
}

START_TEST(a_window_is_sent_and_slides)
{
	uint64_t first, last;

	put(FLOWQUEUE_WINDOW + 5);
	ck_assert_uint_eq(send_all(1000, &first, &last), FLOWQUEUE_WINDOW);
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(send_all(1000, &first, &last), 0);
	flowqueue_done(queue, 9, 1);
	flowqueue_done(queue, 9, 2);
	flowqueue_done(queue, 9, 2); /* an answer that comes twice, */
	flowqueue_done(queue, 8, 3); /* and one of another epoch */
	ck_assert_uint_eq(send_all(1000, &first, &last), 2);
	ck_assert_uint_eq(last, FLOWQUEUE_WINDOW + 2);
	ck_assert_uint_eq(flowqueue_count(queue), FLOWQUEUE_WINDOW + 3);
	ck_assert_uint_eq(flowqueue_repeated(queue), 0);
}
END_TEST

START_TEST(what_failed_comes_again_in_order_after_a_pause)
{
	uint64_t first, last;

	put(6);
	ck_assert_uint_eq(send_all(1000, &first, &last), 6);
	flowqueue_done(queue, 9, 1);
	flowqueue_again(queue, 2000);
	flowqueue_done(queue, 9, 4); /* committed all the same: it was another exporter's */
	flowqueue_again(queue, 2000);
	ck_assert_uint_eq(send_all(2000 + FLOWQUEUE_PAUSE_MS - 1, &first, &last), 0);
	ck_assert_uint_eq(send_all(2000 + FLOWQUEUE_PAUSE_MS, &first, &last), 4);
	ck_assert_uint_eq(first, 2);
	ck_assert_uint_eq(last, 6);
	ck_assert_uint_eq(flowqueue_repeated(queue), 4);
}
END_TEST

START_TEST(an_answer_that_never_comes_is_not_waited_for)
{
	uint64_t first, last;

	put(2);
	ck_assert_uint_eq(send_all(1000, &first, &last), 2);
	ck_assert_uint_eq(send_all(1000 + FLOWQUEUE_SILENT_MS, &first, &last), 0);
	ck_assert_uint_eq(send_all(1001 + FLOWQUEUE_SILENT_MS, &first, &last), 0);
	ck_assert_uint_eq(
		send_all(1001 + FLOWQUEUE_SILENT_MS + FLOWQUEUE_PAUSE_MS, &first, &last), 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flowqueue");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_window_is_sent_and_slides);
	tcase_add_test(t, what_failed_comes_again_in_order_after_a_pause);
	tcase_add_test(t, an_answer_that_never_comes_is_not_waited_for);
	return unit_run("flowqueue", t);
}
