/* SPDX-License-Identifier: Apache-2.0 */
/* Waves of random estates keep every rule. */
#include <check.h>
#include <stdlib.h>

#include "graph/between.h"
#include "tests/unit.h"
#include "tests/waveskit.h"

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
	w = waveskit_assign(&b, r);
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

int main(void)
{
	TCase *t = tcase_create("waves_random");

	tcase_add_test(t, random_estates_keep_every_rule);
	return unit_run("waves_random", t);
}
