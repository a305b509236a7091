/* SPDX-License-Identifier: Apache-2.0 */
/* What is erased stands nowhere in the file, byte by byte. */
#include "store/erase.h"

#include <errno.h>

#include "common/file.h"
#include "store/schema.h"
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

static void flow_of(const char *client, const char *user, const char *exe)
{
	struct process p = { "nginx", "", "", exe, user, "", "" };
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

static void flow(const char *client, const char *user)
{
	flow_of(client, user, "/usr/sbin/nginx");
}

static void erase(const char *address)
{
	struct addr a = kit_addr(address);
	struct erased out;
	struct err e = { 0 };

	ck_assert_msg(erase_address(kit.s, &a, "me", KIT_NOW, &out, &e) == 0, "%s", e.msg);
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
			found |= b.n && memmem(b.p, b.n, bytes, n);
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

/* What counts minutes outlives what it is of: nothing that comes later is counted with it. */
START_TEST(no_number_is_used_again)
{
	flow("198.51.100.17", "www");
	flow("198.51.100.18", "www");
	erase("198.51.100.18");
	flow("198.51.100.18", "www");
	kit_expect(&kit, "198.51.100.17/ -> a/nginx :80 opens 1 server\n"
			 "198.51.100.18/ -> a/nginx :80 opens 1 server\n");
}
END_TEST

/* Who counts in a minute of theirs is asked again. */
START_TEST(late_coverage_of_what_is_gone)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = "curl",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	kit.closing = true;
	kit_sensor(&kit, "B", "b", "10.0.0.2");
	kit_flow(&kit, &f);
	kit_send(&kit, "A");
	f.client_name = NULL;
	f.witness = WITNESS_SERVER;
	kit_flow(&kit, &f);
	kit_send(&kit, "B");
	erase("10.0.0.2");
	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "A");
	kit_expect(&kit, "");
}
END_TEST

/* A conversation as it is seen before a translation, of which nobody speaks. */
START_TEST(nothing_refers_to_what_is_gone)
{
	const struct translation t = { .proto = PROTO_TCP,
				       .client = kit_addr("10.0.0.5"),
				       .client_seen = kit_addr("10.0.0.5"),
				       .seen = kit_addr("10.0.0.1"),
				       .seen_port = 80,
				       .server = kit_addr("10.0.1.1"),
				       .port = 8080,
				       .first_ms = KIT_NOW + 1000,
				       .last_ms = KIT_NOW + 2000 };
	const struct kit_flow f = { .client = "10.0.0.5",
				    .server = "10.0.0.1",
				    .client_name = "curl",
				    .opens = 1,
				    .witness = WITNESS_CLIENT };

	kit_sensor(&kit, "C", "c", "10.0.0.5");
	wire_write_translation(&kit.w, &t);
	kit_send(&kit, "A");
	kit_flow(&kit, &f);
	kit_send(&kit, "C");
	ck_assert_int_eq(kit_number(kit.path, "SELECT count(*) FROM conversation WHERE id NOT "
					      "IN (SELECT conversation FROM claim)"),
			 1);
	erase("10.0.0.1");
	ck_assert_int_eq(kit_number(kit.path, "SELECT count(*) FROM conversation WHERE client "
					      "NOT IN (SELECT id FROM endpoint) OR server NOT "
					      "IN (SELECT id FROM endpoint)"),
			 0);
	kit_expect(&kit, "c/curl -> 10.0.1.1/ :8080 opens 1 bytes 100+10 client\n");
}
END_TEST

START_TEST(what_a_reader_holds_is_said)
{
	struct store *reader = store_open(kit.path, STORE_READ, NULL);
	struct err e = { 0 };
	int64_t seen;

	ck_assert_int_eq(store_freeze(reader, NULL), 0);
	ck_assert_int_eq(store_changes(reader, &seen, NULL), 0);
	flow("198.51.100.17", "www");
	erase("198.51.100.17");
	store_patience(kit.s, 0);
	ck_assert_int_eq(erase_finish(kit.s, &e), -EBUSY);
	ck_assert_msg(strstr(e.msg, "skein.db-wal") != NULL, "%s", e.msg);
	store_close(reader);
	ck_assert_int_eq(erase_finish(kit.s, &e), 0);
}
END_TEST

START_TEST(a_name_in_a_path)
{
	struct erased out;

	flow_of("198.51.100.17", "www", "/home/jdoe-the-third/bin/nginx");
	ck_assert_int_eq(erase_name(kit.s, "jdoe-the-third", "me", KIT_NOW, &out, NULL), 0);
	ck_assert_int_eq(erase_finish(kit.s, NULL), 0);
	ck_assert(!stands("jdoe-the-third", 14));
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

/* In copies of any version; they stay of it, and nothing else is taken from them. */
START_TEST(in_copies)
{
	struct addr a = kit_addr("198.51.100.17"), b = kit_addr("198.51.100.18");
	char *path = xstrdup(kit_file(&kit, "old.db"));
	struct erased out;
	struct err e = { 0 };

	kit_sql(path, schema_first);
	kit_sql(path, "INSERT INTO endpoint VALUES(1, 0, x'00000000000000000000ffffc6336411');"
		      "INSERT INTO endpoint VALUES(2, 0, x'00000000000000000000ffffc6336412');"
		      "INSERT INTO process VALUES(7, 'nginx', '', '');"
		      "INSERT INTO edge VALUES(3, 1, 2, 80, 6, 7, 7, '');"
		      "INSERT INTO detail VALUES(2, 7, '/home/jdoe/x', 'jdoe', '')");
	kit_sql(path, "PRAGMA application_id = 1397441870; PRAGMA user_version = 1");
	ck_assert_msg(erase_copy(path, NULL, "jdoe", &out, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(out.rows, 2);
	ck_assert_int_eq(kit_number(path, "SELECT count(*) FROM edge"), 1);
	ck_assert_msg(erase_copy(path, &a, NULL, &out, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(out.edges, 1);
	ck_assert_int_eq(kit_number(path, "SELECT id FROM endpoint"), 2);
	ck_assert_int_eq(kit_number(path, "PRAGMA user_version"), 1);
	ck_assert_msg(erase_copy(path, &b, NULL, &out, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(kit_number(path, "SELECT count(*) FROM detail"), 0);
	kit_sql(path, "PRAGMA user_version = 99");
	ck_assert_int_lt(erase_copy(path, &b, NULL, &out, &e), 0);
	ck_assert_msg(strstr(e.msg, "schema 99") != NULL, "%s", e.msg);
	free(path);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("erase");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_address);
	tcase_add_test(t, no_number_is_used_again);
	tcase_add_test(t, late_coverage_of_what_is_gone);
	tcase_add_test(t, nothing_refers_to_what_is_gone);
	tcase_add_test(t, what_a_reader_holds_is_said);
	tcase_add_test(t, a_name_in_a_path);
	tcase_add_test(t, a_name);
	tcase_add_test(t, in_copies);
	return unit_run("erase", t);
}
