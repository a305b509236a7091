/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/host.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/unit.h"

enum { HOUR = 60 }; /* refreshes */

START_TEST(tells_its_inventory_at_once_and_every_hour)
{
	struct buf again = { 0 };
	struct json out = json_to(&again);
	struct json_in in;
	struct err e;
	struct host *h = host_new("/nonexistent", &e);
	unsigned told = 0;

	ck_assert_msg(h != NULL, "%s", e.msg);
	ck_assert(host_changed(h));
	in = json_from(host_machine(h)->extra, strlen(host_machine(h)->extra));
	ck_assert(json_copy(&in, &out) && json_at_end(&in));
	ck_assert_ptr_nonnull(strstr(host_machine(h)->extra, "\"cpu\":{"));
	for (unsigned i = 0; i < HOUR - 1; i++)
		host_refresh(h);
	host_changed(h); /* another's mount may have come meanwhile */
	for (unsigned i = 0; i < 2; i++) {
		host_refresh(h);
		told += host_changed(h);
	}
	ck_assert_uint_ge(told, 1);
	host_free(h);
	buf_fini(&again);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host");

	tcase_add_test(t, tells_its_inventory_at_once_and_every_hour);
	return unit_run("host", t);
}
