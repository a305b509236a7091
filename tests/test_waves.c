/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/waves.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/between.h"
#include "graph/calendar.h"
#include "tests/estatekit.h"
#include "tests/unit.h"

enum { DAY = 86400 };

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

static bool noted(const struct waves *w, const char *words)
{
	for (unsigned i = 0; i < w->note_n; i++)
		if (strstr(w->note[i], words))
			return true;
	return false;
}

static struct waves *assign(struct estatekit *k, const struct wave_rules *r)
{
	estatekit_done(k);
	return waves_assign(k->g, k->p, r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
	ck_assert_uint_eq(w->wave_n, 3);
	ck_assert_uint_eq(w->against_n, 1);
	ck_assert_uint_eq(w->against[0].client, plan_find(k.p, "c"));
	ck_assert_uint_eq(w->against[0].server, plan_find(k.p, "a"));
	ck_assert_uint_eq(w->against[0].connections, 3);
	ck_assert(w->against[0].cycle);
	ck_assert_uint_eq(w->cycle[0].waves, 3);
	ck_assert(noted(w, "1 dependency run"));
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
	w = assign(&k, &r);
	ck_assert_uint_ne(wave_of(k.p, "fat"), wave_of(k.p, "fat2"));
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "big"))->machines, 7);
	ck_assert(waves_number(w, wave_of(k.p, "big"))->over);
	ck_assert(noted(w, "is one group of 7 machines"));
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "fat2"))->bytes, 50000000000);
	ck_assert_uint_eq(waves_number(w, wave_of(k.p, "big"))->bytes_unknown, 7);
	ck_assert(noted(w, "of 9 machines nobody said"));
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
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
	w = assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "names"), 1);
	ck_assert(place_of(w, k.p, "names")->everywhere);
	ck_assert_uint_eq(wave_of(k.p, "login"), 1);
	ck_assert_uint_eq(wave_of(k.p, "files"), wave_of(k.p, "d")); /* its heaviest user */
	ck_assert_uint_ge(wave_of(k.p, "ca"), wave_of(k.p, "d"));
	ck_assert_uint_eq(w->wave[0].machines, 3); /* replicas are no machines that move */
	ck_assert_uint_eq(w->against_n, 0);
	ck_assert(noted(w, "1 shared service must have a replica"));
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
	w = assign(&k, &r);
	ck_assert_uint_eq(wave_of(k.p, "ca"), 1);
	ck_assert(!place_of(w, k.p, "names")->everywhere);
	ck_assert_int_eq(place_of(w, k.p, "names")->advice, SERVICE_STRETCH);
	ck_assert_int_eq(place_of(w, k.p, "files")->advice, SERVICE_LAST);
	ck_assert_uint_ge(wave_of(k.p, "login"), wave_of(k.p, "d"));
	ck_assert(noted(w, "\"nobody\""));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(freezes_and_hours)
{
	struct wave_freeze freeze[] = { { 1000 * DAY + 1, 1010 * DAY } };
	struct wave_rules r = { .capacity = 1,
				.start = 1000 * DAY,
				.every = 4 * DAY,
				.freeze = freeze,
				.freeze_n = 1,
				.link_bits = 8000000,
				.assume_bytes = 1000000 * 7200ul };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	estatekit_group(&k, "c", 1);
	estatekit_extra(&k, "c", "{\"disk_used_bytes\": 1000000000000}");
	estatekit_edge(&k, "c", "b", 443, 9);
	estatekit_edge(&k, "b", "a", 443, 9);
	w = assign(&k, &r);
	ck_assert_int_eq(w->wave[0].cutover, 1000 * DAY);
	ck_assert_int_eq(w->wave[1].cutover, 1012 * DAY); /* 1004 and 1008 are frozen */
	ck_assert_int_eq(w->wave[2].cutover, 1016 * DAY);
	ck_assert_double_eq(w->wave[0].hours, 2);
	ck_assert_int_eq(w->wave[0].replicate_from, 1000 * DAY - 7200);
	ck_assert(!w->wave[1].tight);
	ck_assert(w->wave[2].tight); /* 11.6 days between two that are 4 apart */
	ck_assert(noted(w, "cannot be replicated between two cutovers: wave 3"));
	ck_assert(noted(w, "what was assumed is counted"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(waves_that_moved_had_their_cutover)
{
	struct wave_rules r = {
		.capacity = 1, .start = 1000 * DAY, .every = 7 * DAY, .deadline = 1014 * DAY
	};
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	estatekit_group(&k, "c", 1);
	estatekit_state(&k, "a", PLAN_MOVED, 1);
	w = assign(&k, &r);
	ck_assert_uint_eq(w->wave[0].number, 2);
	ck_assert_int_eq(w->wave[0].cutover, 1007 * DAY);
	ck_assert_int_eq(w->wave[1].cutover, 1014 * DAY);
	ck_assert_uint_eq(w->slots, 2);
	ck_assert(!w->late);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(deadline_counts_back)
{
	struct wave_rules r = { .capacity = 1, .deadline = 2000 * DAY, .every = 7 * DAY };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	w = assign(&k, &r);
	ck_assert_int_eq(w->wave[1].cutover, 2000 * DAY);
	ck_assert_int_eq(w->wave[0].cutover, 1993 * DAY);
	ck_assert_int_eq(w->finish, 2000 * DAY);
	ck_assert(!noted(w, "does not fit") && !w->late);
	waves_free(w);
	r.today = 1995 * DAY;
	w = waves_assign(k.g, k.p, &r);
	ck_assert(w->late);
	ck_assert(noted(w, "does not fit: counted back from the deadline on 1975-06-24"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(deadline_that_does_not_fit)
{
	struct wave_rules r = {
		.capacity = 2, .start = 1000 * DAY, .every = 7 * DAY, .deadline = 1008 * DAY
	};
	struct estatekit k = { 0 };
	struct waves *w;

	for (const char *n = "abcdef"; *n; n++)
		estatekit_group(&k, (char[]){ *n, 0 }, 1);
	w = assign(&k, &r);
	ck_assert_uint_eq(w->slots, 2);
	ck_assert_uint_eq(w->wave_n, 3);
	ck_assert_int_gt(w->finish, r.deadline);
	ck_assert(noted(w, "3 machines a wave would do"));
	for (unsigned i = 0; i < w->wave_n; i++)
		ck_assert_uint_eq(w->wave[i].machines, 2);
	ck_assert(noted(w, "does not fit: the last cutover is on 1972-10-11"));
	waves_free(w);
	r.capacity = 0; /* then it is made to fit */
	w = waves_assign(k.g, k.p, &r);
	ck_assert_uint_le(w->wave_n, 2);
	ck_assert(!w->late);
	ck_assert_int_le(w->finish, r.deadline);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

/* Random estates */

struct shape {
	unsigned groups, arcs, seed;
	bool backwards;
};

static unsigned next(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 12) % n;
}

static void name_group(char *name, size_t cap, unsigned i)
{
	static const char *const env[] = { "", "-dev", "-test", "-prod", "-acc" };

	snprintf(name, cap, "app%03u%s", i / 2, env[(i * 7 + i / 2) % 5]);
}

static void random_groups(struct estatekit *k, const struct shape *s)
{
	unsigned size[64];
	unsigned seed = s->seed;

	for (unsigned i = 0; i < s->groups; i++)
		size[i] = 1 + next(&seed, 6);
	for (unsigned n = 0; n < s->groups; n++) {
		unsigned i = s->backwards ? s->groups - 1 - n : n;
		char name[32];

		name_group(name, sizeof(name), i);
		if (i % 11 == 10)
			estatekit_shared(k, name, size[i], (enum service)(1 + i % 20));
		else
			estatekit_group(k, name, size[i]);
		if (i % 13 == 5)
			estatekit_state(k, name, PLAN_APPROVED, 1 + i % 4);
		else if (i % 13 == 7)
			estatekit_state(k, name, PLAN_MOVED, 1);
	}
}

static void random_edges(struct estatekit *k, const struct shape *s)
{
	unsigned arc[200][3], seed = s->seed ^ 77;

	for (unsigned i = 0; i < s->arcs; i++) {
		arc[i][0] = next(&seed, s->groups);
		arc[i][1] = next(&seed, s->groups);
		arc[i][2] = 1 + next(&seed, 10000);
	}
	for (unsigned n = 0; n < s->arcs; n++) {
		unsigned i = s->backwards ? s->arcs - 1 - n : n;
		char a[32], b[32];

		name_group(a, sizeof(a), arc[i][0]);
		name_group(b, sizeof(b), arc[i][1]);
		if (strcmp(a, b) != 0)
			estatekit_edge(k, a, b, arc[i][0] % 3 ? 443 : 5432, arc[i][2]);
	}
}

static void check_capacity(const struct waves *w, const struct plan *p)
{
	unsigned machines = 0, moving = 0;

	for (unsigned i = 0; i < w->wave_n; i++) {
		const struct wave *at = &w->wave[i];
		bool person = false;

		for (unsigned g = 0; g < p->group_n; g++)
			person |= w->place[g].kept && p->group[g].wave == at->number;
		machines += at->machines;
		ck_assert_uint_gt(at->groups, 0);
		if (!person && at->groups > 1)
			ck_assert_uint_le(at->machines, w->capacity);
		if (i)
			ck_assert_uint_gt(at->number, w->wave[i - 1].number);
	}
	for (unsigned g = 0; g < p->group_n; g++)
		if (!w->place[g].done && !w->place[g].everywhere)
			moving += p->group[g].machine_n;
	ck_assert_uint_eq(machines, moving);
}

static void check_places(const struct waves *w, const struct plan *p,
			 const unsigned *wave_before)
{
	for (unsigned g = 0; g < p->group_n; g++) {
		const struct wave_place *at = &w->place[g];

		ck_assert_uint_eq(at->wave, p->group[g].wave);
		ck_assert_uint_ge(at->wave, 1);
		ck_assert(at->reason && *at->reason);
		if (at->done || at->kept)
			ck_assert_uint_eq(at->wave, wave_before[g]);
		else
			ck_assert_uint_ge(at->wave, w->first);
		if (!at->done && !at->everywhere)
			ck_assert_ptr_nonnull(waves_number(w, at->wave));
	}
}

static bool listed(const struct waves *w, const struct between *a)
{
	for (unsigned i = 0; i < w->against_n; i++)
		if (w->against[i].client == a->client && w->against[i].server == a->server &&
		    w->against[i].connections == a->connections)
			return true;
	return false;
}

static void check_against(const struct waves *w, const struct graph *g, const struct plan *p)
{
	unsigned n, broken = 0;
	struct between *a = between_groups(g, p, &n);

	for (unsigned i = 0; i < n; i++) {
		bool is = p->group[a[i].client].wave < p->group[a[i].server].wave;

		if (w->place[a[i].client].done || w->place[a[i].server].done ||
		    p->group[a[i].client].kind == PLAN_SHARED ||
		    p->group[a[i].server].kind == PLAN_SHARED)
			is = false;
		broken += is;
		ck_assert_int_eq(is, listed(w, &a[i]));
	}
	ck_assert_uint_eq(broken, w->against_n);
	free(a);
}

static void check_environments(const struct waves *w, const struct plan *p)
{
	for (unsigned a = 0; a < p->group_n; a++) {
		for (unsigned b = 0; b < p->group_n; b++) {
			const struct plan_group *x = &p->group[a], *y = &p->group[b];

			if (strncmp(x->name, y->name, 6) != 0 || x->kind || y->kind ||
			    w->place[a].done || w->place[b].done || w->place[a].kept ||
			    w->place[b].kept || !strstr(x->name, "-dev") ||
			    strstr(y->name, "-dev"))
				continue;
			ck_assert_uint_lt(x->wave, y->wave);
		}
	}
}

static void check_same(struct estatekit *a, const struct wave_rules *r, struct shape s)
{
	struct estatekit b = { 0 };
	struct waves *w;

	s.backwards = true;
	random_groups(&b, &s);
	random_edges(&b, &s);
	w = assign(&b, r);
	ck_assert_uint_eq(a->p->group_n, b.p->group_n);
	for (unsigned i = 0; i < a->p->group_n; i++) {
		ck_assert_str_eq(a->p->group[i].name, b.p->group[i].name);
		ck_assert_uint_eq(a->p->group[i].wave, b.p->group[i].wave);
	}
	waves_free(w);
	estatekit_fini(&b);
}

static void one_random(unsigned seed)
{
	struct shape s = { .groups = 2 + seed % 30, .arcs = seed * 7 % 100, .seed = seed };
	struct wave_rules r = { .capacity = 1 + seed * 5 % 23, .pilot = seed % 4 };
	unsigned before[64];
	struct estatekit k = { 0 };
	struct waves *w;

	random_groups(&k, &s);
	random_edges(&k, &s);
	estatekit_done(&k);
	for (unsigned i = 0; i < k.p->group_n; i++)
		before[i] = k.p->group[i].wave;
	w = waves_assign(k.g, k.p, &r);
	check_capacity(w, k.p);
	check_places(w, k.p, before);
	check_against(w, k.g, k.p);
	check_environments(w, k.p);
	if (seed % 10 == 0)
		check_same(&k, &r, s);
	waves_free(w);
	estatekit_fini(&k);
}

START_TEST(random_estates_keep_every_rule)
{
	for (unsigned seed = 0; seed < 1000; seed++)
		one_random(seed);
}
END_TEST

START_TEST(nothing_at_all)
{
	struct estatekit k = { 0 };
	struct waves *w = assign(&k, NULL);

	ck_assert_uint_eq(w->wave_n, 0);
	ck_assert_uint_eq(w->note_n, 0);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(calendar_ends)
{
	struct wave_freeze ever[] = { { 0, INT64_MAX / 2 } };
	struct wave_rules r = { .start = DAY, .every = DAY, .freeze = ever, .freeze_n = 1 };
	int64_t slot[4];

	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 0);
	r.freeze_n = 0;
	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 4);
	ck_assert_int_eq(slot[3], 4 * DAY);
	r.deadline = 3 * DAY;
	ck_assert_uint_eq(calendar_count(&r), 3);
	r.start = 0;
	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 3);
	ck_assert_int_eq(slot[0], DAY);
	ck_assert_int_eq(slot[2], 3 * DAY);
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
	tcase_add_test(t, freezes_and_hours);
	tcase_add_test(t, waves_that_moved_had_their_cutover);
	tcase_add_test(t, deadline_counts_back);
	tcase_add_test(t, deadline_that_does_not_fit);
	tcase_add_test(t, random_estates_keep_every_rule);
	tcase_add_test(t, nothing_at_all);
	tcase_add_test(t, calendar_ends);
	return unit_run("waves", t);
}
