/* SPDX-License-Identifier: Apache-2.0 */
/* What is erased stands nowhere in the file, byte by byte. */
#include "store/erase.h"

#include <errno.h>

#include "common/file.h"
#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
}

static void teardown(void)
{
	kit_close(&kit);
}

static void flow(const char *client, const char *user)
{
	struct process p = { "nginx", "", "", "/usr/sbin/nginx", user, "", "" };
	struct flow f = { .witness = WITNESS_SERVER,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = kit_addr(client),
			  .server = kit_addr("10.0.0.1"),
			  .minute = KIT_NOW / KIT_MINUTE,
			  .first_ms = KIT_NOW,
			  .last_ms = KIT_NOW,
			  .c = { .opens = 1 } };

	wire_write_flow(&kit.w, &f, 0, wire_write_process(&kit.w, &p));
	kit_send(&kit, "A");
}

/* Whether these bytes stand anywhere in the file or its log. */
static bool stands(const void *bytes, size_t n)
{
	static const char *const more[] = { "", "-wal" };
	bool found = false;

	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s%s", kit.path, more[i]);
		struct buf b = { 0 };

		if (file_read(path, 1 << 26, &b, NULL) == 0)
			found |= memmem(b.p, b.n, bytes, n) != NULL;
		buf_fini(&b);
		free(path);
	}
	return found;
}

START_TEST(an_address)
{
	struct addr a = kit_addr("198.51.100.17");
	struct erased out;
	struct err e = { 0 };

	flow("198.51.100.17", "www");
	flow("198.51.100.18", "www");
	ck_assert(stands(a.b, 16));
	ck_assert_msg(erase_address(kit.s, &a, "me", KIT_NOW, &out, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(out.edges, 1);
	ck_assert(out.watched);
	ck_assert_int_eq(erase_finish(kit.s, &e), 0);
	ck_assert(!stands(a.b, 16));
	kit_expect(&kit, "198.51.100.18/ -> a/nginx :80 opens 1 server\n");
	ck_assert_int_eq(erase_address(kit.s, &a, "me", KIT_NOW, &out, &e), -ENOENT);
	flow("198.51.100.17", "www"); /* and it may be seen again */
	kit_expect(&kit, "198.51.100.17/ -> a/nginx :80 opens 1 server\n"
			 "198.51.100.18/ -> a/nginx :80 opens 1 server\n");
}
END_TEST

START_TEST(a_name)
{
	struct erased out;
	struct err e = { 0 };

	flow("198.51.100.17", "jdoe-the-third");
	ck_assert(stands("jdoe-the-third", 14));
	ck_assert_int_eq(erase_name(kit.s, "jdoe-the-third", "me", KIT_NOW, &out, &e), 0);
	ck_assert_uint_eq(out.rows, 1);
	ck_assert_int_eq(erase_finish(kit.s, &e), 0);
	ck_assert(!stands("jdoe-the-third", 14));
	kit_expect(&kit, "198.51.100.17/ -> a/nginx :80 opens 1 server\n");
	ck_assert_int_eq(erase_name(kit.s, "nobody-there", "me", KIT_NOW, &out, &e), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("erase");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_address);
	tcase_add_test(t, a_name);
	return unit_run("erase", t);
}
