/* SPDX-License-Identifier: Apache-2.0 */
#include "store/apitoken.h"

#include <errno.h>

#include "store/snapshot.h"
#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static int add(uint8_t hash, const char *name, enum api_role role, int64_t expires,
	       int64_t *id)
{
	uint8_t bytes[32] = { hash };
	struct apitoken_row row = {
		.role = role, .name = name, .made_ms = (int64_t)KIT_NOW, .expires_ms = expires
	};
	struct err e = { 0 };
	int rc = apitoken_add(kit.s, bytes, &row, id, &e);

	ck_assert(rc == 0 || e.msg[0]);
	return rc;
}

static int find(uint8_t hash, int64_t now, enum api_role *role, char *name, bool *stale)
{
	uint8_t bytes[32] = { hash };

	return apitoken_find(kit.s, bytes, now, role, name, stale, NULL);
}

START_TEST(a_token_is_known_until_it_expires)
{
	int64_t now = (int64_t)KIT_NOW, id = 0;
	char name[APITOKEN_NAME];
	uint8_t hash[32] = { 1 };
	enum api_role role;
	bool stale;

	ck_assert_int_eq(add(1, "anna", API_EDIT, now + 1000, &id), 0);
	ck_assert_int_eq(id, 1);
	ck_assert_int_eq(find(1, now, &role, name, &stale), 1);
	ck_assert_int_eq(role, API_EDIT);
	ck_assert_str_eq(name, "anna");
	ck_assert(stale);
	ck_assert_int_eq(apitoken_used(kit.s, hash, now, NULL), 0);
	ck_assert_int_eq(find(1, now, &role, name, &stale), 1);
	ck_assert(!stale);
	ck_assert_int_eq(find(1, now + 999, &role, name, &stale), 1);
	ck_assert_int_eq(find(1, now + 1000, &role, name, &stale), 0);
	ck_assert_int_eq(find(2, now, &role, name, &stale), 0);
}
END_TEST

START_TEST(names_are_plain_and_one_each)
{
	static const char *const bad[] = { "a b", "a\n", "\xc3\xa4", "a/b",
					   "0123456789012345678901234567890123456789"
					   "0123456789012345678901234" };
	int64_t now = (int64_t)KIT_NOW, id;

	ck_assert_int_eq(add(1, "one", API_READ, now + 1, &id), 0);
	ck_assert_int_eq(add(2, "one", API_READ, now + 1, &id), -EEXIST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(add(3, bad[i], API_READ, now + 1, &id), -EINVAL);
	ck_assert_int_eq(add(4, "", API_ADMIN, now + 1, &id), 0);
	ck_assert_int_eq(add(5, "", API_ADMIN, now + 1, &id), 0);
	ck_assert_int_eq(apitoken_remove(kit.s, "one", NULL), 1);
	ck_assert_int_eq(apitoken_remove(kit.s, "one", NULL), 0);
	ck_assert_int_eq(apitoken_remove(kit.s, "token-2", NULL), 1);
	ck_assert_int_eq(apitoken_remove(kit.s, "3", NULL), 1);
	ck_assert_int_eq(apitoken_remove(kit.s, "3 OR 1", NULL), 0);
}
END_TEST

/* Or what is revoked by its name would take another with it. */
START_TEST(a_name_goes_before_an_id)
{
	int64_t now = (int64_t)KIT_NOW, id;

	ck_assert_int_eq(add(1, "one", API_READ, now + 1, &id), 0);
	ck_assert_int_eq(add(2, "1", API_READ, now + 1, &id), 0);
	ck_assert_int_eq(apitoken_remove(kit.s, "1", NULL), 1);
	ck_assert_int_eq(apitoken_remove(kit.s, "one", NULL), 1);
	ck_assert_int_eq(add(3, "token-4", API_READ, now + 1, &id), -EINVAL); /* an id's own */
	ck_assert_int_eq(add(3, "token", API_READ, now + 1, &id), 0);
	ck_assert_int_eq(add(4, "", API_READ, now + 1, &id), 0);
	ck_assert_int_eq(id, 4);
	ck_assert_int_eq(apitoken_remove(kit.s, "token-4", NULL), 1);
}
END_TEST

START_TEST(there_are_no_more_than_so_many)
{
	int64_t now = (int64_t)KIT_NOW, id;

	for (int i = 0; i < APITOKEN_MAX; i++) {
		uint8_t hash[32] = { (uint8_t)i, (uint8_t)(i >> 8) };
		struct apitoken_row row = {
			.role = API_READ, .name = "", .made_ms = now, .expires_ms = now + 1
		};

		ck_assert_int_eq(apitoken_add(kit.s, hash, &row, &id, NULL), 0);
	}
	ck_assert_int_eq(add(255, "more", API_READ, now + 1, &id), -EDQUOT);
}
END_TEST

static int none(const struct apitoken_row *row, void *ctx)
{
	(void)row, (void)ctx;
	return 1;
}

START_TEST(a_snapshot_has_no_token)
{
	char *path = xasprintf("%s/copy.db", kit.dir);
	struct err e = { 0 };
	struct store *copy;
	int64_t id;

	ck_assert_int_eq(add(1, "anna", API_ADMIN, (int64_t)KIT_NOW + 1, &id), 0);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	ck_assert_msg(snapshot_write(kit.s, path, &e) == 0, "%s", e.msg);
	copy = store_open(path, STORE_READ, &e);
	ck_assert_msg(copy != NULL, "%s", e.msg);
	ck_assert_int_eq(query_apitokens(copy, none, NULL, NULL), 0);
	ck_assert_int_eq(query_apitokens(kit.s, none, NULL, NULL), 1);
	store_close(copy);
	free(path);
}
END_TEST

START_TEST(what_is_frozen_does_not_move)
{
	struct store *reader;
	struct err e = { 0 };
	int64_t before, after, id;

	reader = store_open(kit.path, STORE_READ, &e);
	ck_assert_msg(reader != NULL, "%s", e.msg);
	ck_assert_int_eq(store_freeze(reader, &e), 0);
	ck_assert_int_eq(store_changes(reader, &before, &e), 0);
	ck_assert_int_eq(query_apitokens(reader, none, NULL, NULL), 0);
	ck_assert_int_eq(add(1, "anna", API_ADMIN, (int64_t)KIT_NOW + 1, &id), 0);
	ck_assert_int_eq(query_apitokens(reader, none, NULL, NULL), 0);
	ck_assert_int_eq(store_thaw(reader), 0);
	ck_assert_int_eq(store_freeze(reader, &e), 0);
	ck_assert_int_eq(store_changes(reader, &after, &e), 0);
	ck_assert_int_ne(before, after);
	ck_assert_int_eq(query_apitokens(reader, none, NULL, NULL), 1);
	ck_assert_int_eq(store_thaw(reader), 0);
	store_close(reader);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("apitoken");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_token_is_known_until_it_expires);
	tcase_add_test(t, names_are_plain_and_one_each);
	tcase_add_test(t, a_name_goes_before_an_id);
	tcase_add_test(t, there_are_no_more_than_so_many);
	tcase_add_test(t, a_snapshot_has_no_token);
	tcase_add_test(t, what_is_frozen_does_not_move);
	return unit_run("apitoken", t);
}
