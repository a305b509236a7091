/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lines.h"

#include <string.h>

#include "tests/unit.h"

static struct machine_row machine(void)
{
	return (struct machine_row){ .id = "a",
				     .name = "a",
				     .os = "",
				     .kernel = "",
				     .arch = "",
				     .site = "",
				     .extra = "{\"boot\":\"uefi\",\"unnamed\":99}",
				     .sensor = true };
}

static void expect(const struct machine_row *m, const char *part, bool there)
{
	struct buf out = { 0 };

	lines_machine(&out, m);
	ck_assert_msg((strstr(buf_cstr(&out), part) != NULL) == there, "%s: %s", part,
		      buf_cstr(&out));
	buf_fini(&out);
}

START_TEST(what_a_watch_could_not_see_is_said)
{
	struct machine_row m = machine();

	m.opens_seen = 195;
	m.opens_kernel = 205;
	m.unnamed = 7;
	m.degraded = DEGRADED_POLL | DEGRADED_NO_UDP;
	expect(&m, "\"opens_seen\":195,\"opens_kernel\":205,\"capture_rate\":0.951219", true);
	expect(&m, "\"degraded\":[\"poll\",\"no_udp\"]", true);
	expect(&m, "\"unnamed\":7", true);
	expect(&m, "99", false); /* each key once */
	expect(&m, "\"boot\":\"uefi\"", true);
}
END_TEST

START_TEST(nothing_is_said_of_what_was_not_compared)
{
	struct machine_row m = machine();

	expect(&m, "capture_rate", false);
	expect(&m, "degraded", false);
	expect(&m, "\"unnamed\":99", true); /* an import's */
	m.opens_seen = m.opens_kernel = 3;
	expect(&m, "\"capture_rate\":1.000000", true);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, what_a_watch_could_not_see_is_said);
	tcase_add_test(t, nothing_is_said_of_what_was_not_compared);
	return unit_run("lines", t);
}
