/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/waves.h"

#include <check.h>
#include <string.h>

#include "tests/unit.h"
#include "tests/waveskit.h"

static unsigned wave_of(const struct plan *p, const char *name)
{
	unsigned i = plan_find(p, name);

	ck_assert_msg(i != PLAN_NONE, "no group %s", name);
	return p->group[i].wave;
}

static const struct wave_place *place_of(const struct waves *w, const struct plan *p,
					 const char *name)
{
	return &w->place[plan_find(p, name)];
}

START_TEST(servers_are_not_after_their_clients)
{
	struct wave_rules r = { .capacity = 2, .pilot = WAVES_NO_PILOT };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 2);
	estatekit_group(&k, "b", 2);
	estatekit_group(&k, "c", 2);
	estatekit_edge(&k, "a", "b", 443, 10);
	estatekit_edge(&k, "b", "c", 443, 10);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "c"), 1);
	ck_assert_uint_eq(wave_of(k.p, "b"), 2);
	ck_assert_uint_eq(wave_of(k.p, "a"), 3);
	ck_assert_uint_eq(w->against_n, 0);
	ck_assert_uint_eq(w->cycle_n, 0);
	ck_assert_uint_eq(place_of(w, k.p, "b")->waits_for, plan_find(k.p, "c"));
	ck_assert_ptr_nonnull(strstr(place_of(w, k.p, "b")->reason, "after c of wave 1"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(failed_edges_are_no_dependency)
{
	struct wave_rules r = { .capacity = 1 };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	estatekit_edge(&k, "a", "b", 443, 1000);
	k.edge[0].c.refused = 1000;
	estatekit_edge(&k, "b", "a", 443, 1);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "a"), 1);
	ck_assert_uint_eq(wave_of(k.p, "b"), 2);
	ck_assert_uint_eq(w->against_n, 0);
	ck_assert_uint_eq(w->cycle_n, 0);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(what_talks_much_moves_together)
{
	struct wave_rules r = { .capacity = 4, .pilot = WAVES_NO_PILOT };
	struct estatekit k = { 0 };
	struct waves *w;

	for (const char *n = "abcd"; *n; n++)
		estatekit_group(&k, (char[]){ *n, 0 }, 2);
	estatekit_edge(&k, "a", "d", 443, 90000);
	estatekit_edge(&k, "b", "c", 443, 90000);
	estatekit_edge(&k, "a", "c", 443, 5);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "a"), wave_of(k.p, "d"));
	ck_assert_uint_eq(wave_of(k.p, "b"), wave_of(k.p, "c"));
	ck_assert_uint_lt(wave_of(k.p, "c"), wave_of(k.p, "a"));
	ck_assert_ptr_nonnull(strstr(place_of(w, k.p, "a")->reason, "together with d (90000"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

static void circle(struct estatekit *k)
{
	estatekit_group(k, "a", 2);
	estatekit_group(k, "b", 2);
	estatekit_group(k, "c", 2);
	estatekit_edge(k, "a", "b", 443, 100);
	estatekit_edge(k, "b", "c", 443, 100);
	estatekit_edge(k, "c", "a", 443, 3);
}

START_TEST(a_circle_stays_together_where_it_fits)
{
	struct wave_rules r = { .capacity = 6 };
	struct estatekit k = { 0 };
	struct waves *w;

	circle(&k);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->wave_n, 1);
	ck_assert_uint_eq(w->cycle_n, 1);
	ck_assert_uint_eq(w->cycle[0].group_n, 3);
	ck_assert_uint_eq(w->cycle[0].waves, 1);
	ck_assert_uint_eq(w->against_n, 0);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(a_circle_is_cut_where_it_is_cheapest)
{
	struct wave_rules r = { .capacity = 2 };
	struct estatekit k = { 0 };
	struct waves *w;

	circle(&k);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->wave_n, 3);
	ck_assert_uint_eq(w->against_n, 1);
	ck_assert_uint_eq(w->against[0].client, plan_find(k.p, "c"));
	ck_assert_uint_eq(w->against[0].server, plan_find(k.p, "a"));
	ck_assert_uint_eq(w->against[0].connections, 3);
	ck_assert(w->against[0].cycle);
	ck_assert_uint_eq(w->cycle[0].waves, 3);
	ck_assert(waveskit_noted(w, "1 dependency run"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(capacity_in_machines_and_bytes)
{
	struct wave_rules r = { .capacity = 5,
				.capacity_bytes = 100000000000,
				.pilot = WAVES_NO_PILOT };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "big", 7);
	estatekit_group(&k, "fat", 1);
	estatekit_group(&k, "fat2", 1);
	estatekit_group(&k, "small", 2);
	estatekit_extra(&k, "fat", "{\"used_gb\": 60.5}");
	estatekit_extra(&k, "fat2", "{\"disk_used_bytes\": 50000000000, \"used_gb\": 1}");
	w = waveskit_assign(&k, &r);
	ck_assert_uint_ne(wave_of(k.p, "fat"), wave_of(k.p, "fat2"));
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "big"))->machines, 7);
	ck_assert(waves_number(w, wave_of(k.p, "big"))->over);
	ck_assert(waveskit_noted(w, "is one group of 7 machines"));
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "fat2"))->bytes, 50000000000);
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "big"))->bytes_unknown, 7);
	ck_assert(waveskit_noted(w, "of 9 machines nobody said"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(lower_environments_move_first)
{
	struct wave_rules r = { .capacity = 100 };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "shop", 2);
	estatekit_group(&k, "Shop-DEV", 2);
	estatekit_group(&k, "shop (test)", 2);
	estatekit_group(&k, "crm-tst", 2);
	estatekit_env(&k, "shop", "production");
	/* the developers' shop asks the real one, which does not make it wait for that */
	estatekit_edge(&k, "Shop-DEV", "shop", 5432, 1000);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_lt(wave_of(k.p, "Shop-DEV"), wave_of(k.p, "shop (test)"));
	ck_assert_uint_lt(wave_of(k.p, "shop (test)"), wave_of(k.p, "shop"));
	ck_assert_uint_eq(w->against_n, 1);
	ck_assert(!w->against[0].cycle);
	ck_assert_ptr_nonnull(strstr(place_of(w, k.p, "shop")->reason, "lower environment"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(environments_at_the_end_of_names)
{
	struct wave_rules r = { .capacity = 100 };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "shopd", 2);
	estatekit_group(&k, "shopp", 2);
	estatekit_group(&k, "crmp", 2);
	estatekit_group(&k, "crmt", 2);
	estatekit_env(&k, "shopd", "dev");
	estatekit_env(&k, "shopp", "prod");
	estatekit_env(&k, "crmp", "prod"); /* of the other one nobody says what it is */
	w = waveskit_assign(&k, &r);
	ck_assert_uint_lt(wave_of(k.p, "shopd"), wave_of(k.p, "shopp"));
	ck_assert_uint_eq(wave_of(k.p, "crmp"), 1);
	ck_assert_uint_eq(wave_of(k.p, "crmt"), 1);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(early_wave_is_small)
{
	struct wave_rules r = { .capacity = 20, .pilot = 5 };
	struct estatekit k = { 0 };
	struct waves *w;
	char name[24];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "g%02d-%s", i, i % 2 ? "dev" : "prod");
		estatekit_group(&k, name, 3);
	}
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->pilot, 5);
	ck_assert_uint_eq(w->wave[0].machines, 3);
	ck_assert_uint_eq(w->wave[1].machines, 18);
	for (unsigned i = 0; i < k.p->group_n; i++)
		if (k.p->group[i].wave == 1)
			ck_assert_ptr_nonnull(strstr(k.p->group[i].name, "dev"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(moved_groups_are_done_and_approved_ones_stay)
{
	struct wave_rules r = { .capacity = 2, .pilot = WAVES_NO_PILOT };
	struct estatekit k = { 0 };
	struct waves *w;

	for (const char *n = "abcdef"; *n; n++)
		estatekit_group(&k, (char[]){ *n, 0 }, 2);
	estatekit_edge(&k, "a", "f", 443, 10);
	estatekit_state(&k, "a", PLAN_MOVED, 1);
	estatekit_state(&k, "b", PLAN_VERIFIED, 2);
	estatekit_state(&k, "c", PLAN_APPROVED, 4);
	estatekit_state(&k, "d", PLAN_APPROVED, 2);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->first, 3);
	ck_assert_uint_eq(wave_of(k.p, "a"), 1);
	ck_assert_uint_eq(wave_of(k.p, "b"), 2);
	ck_assert_uint_eq(wave_of(k.p, "c"), 4);
	ck_assert_uint_eq(wave_of(k.p, "d"), 2);
	ck_assert_uint_eq(wave_of(k.p, "e") + wave_of(k.p, "f"), 3 + 5);
	ck_assert(place_of(w, k.p, "a")->done && !place_of(w, k.p, "a")->kept);
	ck_assert(place_of(w, k.p, "c")->kept);
	ck_assert_ptr_nonnull(strstr(place_of(w, k.p, "d")->reason, "late"));
	ck_assert_uint_eq(w->against_n, 0); /* what is done is not done wrong again */
	ck_assert_uint_eq(waves_number(w, 2)->machines, 2);
	ck_assert_ptr_null(waves_number(w, 1));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

static void shared_estate(struct estatekit *k)
{
	static const char *const app[] = { "a", "b", "c", "d" };

	for (unsigned i = 0; i < 4; i++)
		estatekit_group(k, app[i], 2);
	estatekit_shared(k, "names", 1, SERVICE_DNS);
	estatekit_shared(k, "files", 1, SERVICE_FILES);
	estatekit_shared(k, "ca", 1, SERVICE_PKI);
	estatekit_shared(k, "login", 1, SERVICE_SIGN_ON);
	for (unsigned i = 0; i < 4; i++) {
		estatekit_edge(k, app[i], "names", 53, 1000);
		estatekit_edge(k, app[i], "files", 445, i == 3 ? 1000 : 10);
		estatekit_edge(k, app[i], "ca", 80, 1);
		if (i)
			estatekit_edge(k, app[i], app[i - 1], 443, 5);
	}
}

START_TEST(shared_services_by_their_kind)
{
	struct wave_rules r = { .capacity = 3, .pilot = WAVES_NO_PILOT };
	struct estatekit k = { 0 };
	struct waves *w;

	shared_estate(&k);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "names"), 1);
	ck_assert(place_of(w, k.p, "names")->everywhere);
	ck_assert_uint_eq(wave_of(k.p, "login"), 1);
	ck_assert_uint_eq(wave_of(k.p, "files"), wave_of(k.p, "d")); /* its heaviest user */
	ck_assert_uint_ge(wave_of(k.p, "ca"), wave_of(k.p, "d"));
	ck_assert_uint_eq(w->wave[0].machines, 3); /* replicas are no machines that move */
	ck_assert_uint_eq(w->against_n, 0);
	ck_assert(waveskit_noted(w, "1 shared service must have a replica"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(shared_services_as_people_say)
{
	struct wave_shared say[] = { { (char *)"all", SERVICE_LAST },
				     { (char *)"ca", SERVICE_FIRST },
				     { (char *)"dns", SERVICE_STRETCH },
				     { (char *)"nobody", SERVICE_FIRST } };
	struct wave_rules r = { .capacity = 3, .shared = say, .shared_n = 4 };
	struct estatekit k = { 0 };
	struct waves *w;

	shared_estate(&k);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "ca"), 1);
	ck_assert(!place_of(w, k.p, "names")->everywhere);
	ck_assert_int_eq(place_of(w, k.p, "names")->advice, SERVICE_STRETCH);
	ck_assert_int_eq(place_of(w, k.p, "files")->advice, SERVICE_LAST);
	ck_assert_uint_ge(wave_of(k.p, "login"), wave_of(k.p, "d"));
	ck_assert(waveskit_noted(w, "\"nobody\""));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(nothing_at_all)
{
	struct estatekit k = { 0 };
	struct waves *w = waveskit_assign(&k, NULL);

	ck_assert_uint_eq(w->wave_n, 0);
	ck_assert_uint_eq(w->note_n, 0);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("waves");

	tcase_add_test(t, servers_are_not_after_their_clients);
	tcase_add_test(t, failed_edges_are_no_dependency);
	tcase_add_test(t, what_talks_much_moves_together);
	tcase_add_test(t, a_circle_stays_together_where_it_fits);
	tcase_add_test(t, a_circle_is_cut_where_it_is_cheapest);
	tcase_add_test(t, capacity_in_machines_and_bytes);
	tcase_add_test(t, lower_environments_move_first);
	tcase_add_test(t, environments_at_the_end_of_names);
	tcase_add_test(t, early_wave_is_small);
	tcase_add_test(t, moved_groups_are_done_and_approved_ones_stay);
	tcase_add_test(t, shared_services_by_their_kind);
	tcase_add_test(t, shared_services_as_people_say);
	tcase_add_test(t, nothing_at_all);
	return unit_run("waves", t);
}
