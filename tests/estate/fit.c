/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fits the grouper's models on generated estates whose truth is known and prints graph/fit.c.
 *
 *	fit DB TRUTH.json [DB TRUTH.json]... > graph/fit.c        (tests/estate/fit.py calls
 *it)
 *
 * The models are fitted one after the other, each on what the ones before it make: the first
 * merging, the first look for shared services, then both again with lessons (graph/cluster.c).
 * Merging is imitated: the estates are clustered with a judge that knows the truth, then one
 * that half believes the model so far, then by the model alone; all pairs that come up are
 * kept, so that the model learns from its own mistakes too.
 *
 * So that no model leans on what only a generator makes so clean, half of the estates are
 * blurred: operating systems and addresses are changed by chance, and some get tags, a part
 * of them wrong.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "graph/contact.h"
#include "graph/lesson.h"
#include "graph/merge.h"
#include "graph/shared.h"
#include "store/store.h"

enum { MANY = 64, STEPS = 60, MERGE_CAP = 1000 };
#define RIDGE 1e-3

struct estate {
	struct graph *g;
	struct contacts *c;
	struct traits *t;
	unsigned *truth; /* by machine */
	bool *shared, *hub, *keep;
	unsigned *group, *former;
	struct lesson *l;
	uint64_t random;
};

struct data {
	double *x; /* rows of N */
	unsigned char *y;
	size_t rows, cap, cap_y;
	unsigned n;
};

static double chance(struct estate *e)
{
	e->random = e->random * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(e->random >> 33) / 2147483648.;
}

static void data_add(struct data *d, const double *x, bool y)
{
	if (d->rows == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 4096;
		d->x = xreallocarray(d->x, d->cap * d->n, sizeof(*d->x));
		d->y = xreallocarray(d->y, d->cap, sizeof(*d->y));
	}
	memcpy(d->x + d->rows * d->n, x, d->n * sizeof(*x));
	d->y[d->rows++] = y;
}

/* Solves A z = b in place, A symmetric and positive: Cholesky. */
static void solve(double *a, double *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j <= i; j++) {
			double s = a[i * n + j];

			for (unsigned k = 0; k < j; k++)
				s -= a[i * n + k] * a[j * n + k];
			a[i * n + j] = i == j ? sqrt(fmax(s, 1e-12)) : s / a[j * n + j];
		}
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++)
			b[i] -= a[i * n + k] * b[k];
		b[i] /= a[i * n + i];
	}
	for (unsigned i = n; i-- > 0;) {
		for (unsigned k = i + 1; k < n; k++)
			b[i] -= a[k * n + i] * b[k];
		b[i] /= a[i * n + i];
	}
}

struct scale {
	double *mean, *spread;
};

/* What hardly varies gets no more than its due. */
static struct scale scale_of(const struct data *d)
{
	struct scale s = { xcalloc(d->n, sizeof(double)), xcalloc(d->n, sizeof(double)) };

	for (size_t r = 0; r < d->rows; r++)
		for (unsigned i = 0; i < d->n; i++)
			s.mean[i] += d->x[r * d->n + i] / (double)d->rows;
	for (size_t r = 0; r < d->rows; r++)
		for (unsigned i = 0; i < d->n; i++)
			s.spread[i] +=
				pow(d->x[r * d->n + i] - s.mean[i], 2) / (double)d->rows;
	for (unsigned i = 0; i < d->n; i++)
		s.spread[i] = fmax(sqrt(s.spread[i]), .05);
	return s;
}

/* Logistic regression with a ridge, by Newton's method. */
static void fit(const struct data *d, const char *what, double *bias, double *weight)
{
	unsigned n = d->n + 1;
	struct scale s = scale_of(d);
	double *w = xcalloc(n, sizeof(*w)), *h = xcalloc((size_t)n * n, sizeof(*h));
	double *g = xcalloc(n, sizeof(*g)), *x = xcalloc(n, sizeof(*x));
	size_t right = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		double change = 0;

		memset(h, 0, (size_t)n * n * sizeof(*h));
		memset(g, 0, n * sizeof(*g));
		right = 0;
		for (size_t r = 0; r < d->rows; r++) {
			double z = 0, p;

			x[d->n] = 1;
			for (unsigned i = 0; i < d->n; i++)
				x[i] = (d->x[r * d->n + i] - s.mean[i]) / s.spread[i];
			for (unsigned i = 0; i < n; i++)
				z += w[i] * x[i];
			p = 1 / (1 + exp(-fmax(-30, fmin(30, z))));
			right += (p >= .5) == d->y[r];
			for (unsigned i = 0; i < n; i++) {
				g[i] += (d->y[r] - p) * x[i];
				for (unsigned j = 0; j <= i; j++)
					h[i * n + j] += p * (1 - p) * x[i] * x[j];
			}
		}
		for (unsigned i = 0; i < n; i++) {
			h[i * n + i] += 1 + RIDGE;
			g[i] -= i < d->n ? w[i] : 0;
		}
		solve(h, g, n);
		for (unsigned i = 0; i < n; i++) {
			w[i] += g[i];
			change = fmax(change, fabs(g[i]));
		}
		if (change < 1e-6)
			break;
	}
	*bias = w[d->n];
	for (unsigned i = 0; i < d->n; i++) {
		weight[i] = w[i] / s.spread[i];
		*bias -= weight[i] * s.mean[i];
	}
	fprintf(stderr, "%s: %zu rows, %.4f right\n", what, d->rows,
		(double)right / (double)d->rows);
	free(s.mean);
	free(s.spread);
	free(w);
	free(h);
	free(g);
	free(x);
}

/* Truth */

static int machine_of(const struct graph *g, const char *id)
{
	for (unsigned m = 0; m < g->machine_n; m++)
		if (strcmp(g->machine[m].id, id) == 0)
			return (int)m;
	return -1;
}

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	struct buf b = { 0 };
	int c;

	if (!f) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		exit(3);
	}
	while ((c = fgetc(f)) != EOF)
		buf_u8(&b, (uint8_t)c);
	fclose(f);
	*n = b.n;
	return buf_take(&b);
}

static char *text_of(struct json_in *in)
{
	struct buf b = { 0 };

	json_read_string(in, &b);
	return buf_take(&b);
}

static void skip(struct json_in *in)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_copy(in, &j);
	buf_fini(&b);
}

/* {"group": ..., "shared": ..., "hub": ..., ...} of one machine. */
static void read_truth_of(struct estate *e, struct json_in *in, int m, char **names,
			  unsigned *names_n)
{
	bool first = true;
	struct buf key = { 0 };

	json_enter(in, '{');
	while (json_more(in, '}', &first)) {
		buf_reset(&key);
		json_read_key(in, &key);
		buf_u8(&key, 0);
		if (m >= 0 && strcmp((char *)key.p, "group") == 0) {
			char *name = text_of(in);
			unsigned i = 0;

			while (i < *names_n && strcmp(names[i], name) != 0)
				i++;
			if (i == *names_n)
				names[(*names_n)++] = name;
			else
				free(name);
			e->truth[m] = i;
		} else if (m >= 0 && strcmp((char *)key.p, "shared") == 0) {
			e->shared[m] = json_peek(in) == JSON_TRUE;
			skip(in);
		} else if (m >= 0 && strcmp((char *)key.p, "hub") == 0) {
			e->hub[m] = json_peek(in) == JSON_TRUE;
			skip(in);
		} else {
			skip(in);
		}
	}
	buf_fini(&key);
}

static void read_truth(struct estate *e, const char *path)
{
	size_t n;
	char *text = slurp(path, &n);
	struct json_in in = json_from(text, n);
	char **names = xcalloc(e->g->machine_n, sizeof(*names));
	bool first = true, inner;
	unsigned names_n = 0;
	struct buf key = { 0 };

	json_enter(&in, '{');
	while (json_more(&in, '}', &first)) {
		buf_reset(&key);
		json_read_key(&in, &key);
		buf_u8(&key, 0);
		if (strcmp((char *)key.p, "machines") != 0) {
			skip(&in);
			continue;
		}
		inner = true;
		json_enter(&in, '{');
		while (json_more(&in, '}', &inner)) {
			buf_reset(&key);
			json_read_key(&in, &key);
			buf_u8(&key, 0);
			read_truth_of(e, &in, machine_of(e->g, (char *)key.p), names,
				      &names_n);
		}
	}
	for (unsigned i = 0; i < names_n; i++)
		free(names[i]);
	free(names);
	free(text);
	buf_fini(&key);
}

/* Estates */

static double one_of(struct estate *e, const double *list, unsigned n)
{
	return list[(unsigned)(chance(e) * n)];
}

static void blur(struct estate *e)
{
	static const double os[] = { 0, 0, .05, .15, .3 }, net[] = { 0, 0, .05, .2, 1 };
	static const double tags[] = { 0, 0, 0, .2, .5, .9 };
	double flip = one_of(e, os, 5), move = one_of(e, net, 5), tag = one_of(e, tags, 6);
	unsigned n = e->g->machine_n;

	for (unsigned m = 0; m < n; m++) {
		struct trait *t = &e->t->machine[m];
		unsigned other = (unsigned)(chance(e) * n);

		if (!e->g->machine[m].known || !e->g->machine[other].known)
			continue;
		if (chance(e) < flip)
			t->os = e->t->machine[other].os;
		if (chance(e) < move) {
			t->net = e->t->machine[other].net;
			t->has_net = e->t->machine[other].has_net;
		}
		if (chance(e) < tag)
			t->application = 1 + (chance(e) < .05 ? e->truth[other] : e->truth[m]);
		if (chance(e) < tag) /* an owner has several applications */
			t->owner = 1 + (chance(e) < .05 ? e->truth[other] : e->truth[m]) % 12;
	}
}

static struct estate load(const char *db, const char *truth, unsigned number)
{
	struct err err = { 0 };
	struct store *s = store_open(db, STORE_READ, &err);
	struct estate e = { .random = number * 7919 + 1 };
	unsigned n;

	e.g = s ? graph_load(s, NULL, &err) : NULL;
	if (!e.g) {
		fprintf(stderr, "%s\n", err.msg);
		exit(3);
	}
	store_close(s);
	n = e.g->machine_n;
	e.c = contacts_new(e.g);
	e.t = traits_new(e.g, TRAITS_NAMES | TRAITS_TAGS | TRAITS_SUBNETS);
	e.truth = xcalloc(n, sizeof(*e.truth));
	e.shared = xcalloc(n, sizeof(*e.shared));
	e.hub = xcalloc(n, sizeof(*e.hub));
	e.keep = xcalloc(n, sizeof(*e.keep));
	read_truth(&e, truth);
	if (number % 4 != 3)
		blur(&e);
	shared_first_look(e.c, e.keep);
	return e;
}

/* Merging */

struct judge {
	struct estate *e;
	struct data *d;
	const struct merge_model *m;
	double truth; /* how much of it is believed */
};

static double judge(const double *f, const unsigned *a, unsigned an, const unsigned *b,
		    unsigned bn, void *ctx)
{
	struct judge *j = ctx;
	unsigned same = 0;
	double p = j->truth < 1 ? merge_probability(j->m, f) : 0;
	bool y;

	for (unsigned i = 0; i < an; i++)
		for (unsigned k = 0; k < bn; k++)
			same += j->e->truth[a[i]] == j->e->truth[b[k]];
	y = 2 * same > an * bn;
	if (chance(j->e) < .3)
		data_add(j->d, f, y);
	return j->truth * (y ? .9 : .1) + (1 - j->truth) * p;
}

static unsigned *cluster(struct estate *e, const struct merge_model *m, struct judge *j)
{
	struct merge_job job = { .contacts = e->c,
				 .traits = e->t,
				 .lesson = e->l,
				 .group = e->group,
				 .keep = e->keep,
				 .model = m,
				 .least = .5,
				 .cap = MERGE_CAP,
				 .judge = j ? judge : NULL,
				 .ctx = j };

	return merge_run(&job);
}

static void fit_merge(struct estate *e, unsigned n, const char *what, struct merge_model *m)
{
	static const double believed[] = { 1, .5, 0 };
	struct data d = { .n = MERGE_FEATURES };

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < n; i++) {
			struct judge j = { &e[i], &d, m, believed[round] };

			free(cluster(&e[i], m, &j));
		}
		fit(&d, what, &m->bias, m->weight);
	}
	free(d.x);
	free(d.y);
}

static void group_all(struct estate *e, unsigned n, const struct merge_model *m)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned *group = cluster(&e[i], m, NULL);

		free(e[i].group);
		e[i].group = group;
	}
}

static void learn_all(struct estate *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		lesson_free(e[i].l);
		e[i].l = lesson_new(e[i].c, e[i].t, e[i].group, e[i].keep);
	}
}

static void fit_shared(struct estate *e, unsigned n, const char *what, struct shared_model *m)
{
	struct data d = { .n = SHARED_FEATURES };

	for (unsigned i = 0; i < n; i++) {
		double *f = shared_describe(e[i].c, e[i].group, e[i].keep, e[i].l);

		for (unsigned k = 0; k < e[i].g->machine_n; k++)
			if (e[i].g->machine[k].known && !e[i].hub[k])
				data_add(&d, f + (size_t)k * SHARED_FEATURES, e[i].shared[k]);
		free(f);
	}
	fit(&d, what, &m->bias, m->weight);
	free(d.x);
	free(d.y);
}

static void decide(struct estate *e, unsigned n, const struct shared_model *m)
{
	for (unsigned i = 0; i < n; i++) {
		double *f = shared_describe(e[i].c, e[i].group, e[i].keep, e[i].l);

		for (unsigned k = 0; k < e[i].g->machine_n; k++)
			e[i].keep[k] =
				e[i].g->machine[k].known &&
				shared_probability(m, f + (size_t)k * SHARED_FEATURES) < .5;
		free(f);
	}
}

/* Printing */

static void print(const char *type, const char *name, double bias, const double *w,
		  const char *const *word, unsigned n)
{
	printf("\nconst struct %s %s = {\n\t.bias = %.5g,\n\t.weight = {\n", type, name, bias);
	for (unsigned i = 0; i < n; i++)
		printf("\t\t%.5g, /* %s */\n", w[i], word[i]);
	printf("\t},\n};\n");
}

int main(int argc, char **argv)
{
	static struct merge_model first, next;
	static struct shared_model shared_first, shared_next;
	struct estate e[MANY];
	unsigned n = 0;

	for (int i = 1; i + 1 < argc && n < MANY; i += 2, n++)
		e[n] = load(argv[i], argv[i + 1], n);
	fit_merge(e, n, "merge, first", &first);
	group_all(e, n, &first);
	fit_shared(e, n, "shared, first", &shared_first);
	decide(e, n, &shared_first);
	for (unsigned i = 0; i < n; i++) {
		free(e[i].group);
		e[i].group = NULL;
	}
	group_all(e, n, &first);
	learn_all(e, n);
	fit_merge(e, n, "merge, next", &next);
	group_all(e, n, &next);
	learn_all(e, n);
	fit_shared(e, n, "shared, next", &shared_next);
	printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
	       "/* Made by tests/estate/fit.py; docs/grouping.md says from what. */\n"
	       "#include \"graph/merge.h\"\n#include \"graph/shared.h\"\n");
	print("merge_model", "merge_model_first", first.bias, first.weight, merge_feature_word,
	      MERGE_FEATURES);
	print("merge_model", "merge_model_next", next.bias, next.weight, merge_feature_word,
	      MERGE_FEATURES);
	print("shared_model", "shared_model_first", shared_first.bias, shared_first.weight,
	      shared_feature_word, SHARED_FEATURES);
	print("shared_model", "shared_model_next", shared_next.bias, shared_next.weight,
	      shared_feature_word, SHARED_FEATURES);
	return 0;
}
