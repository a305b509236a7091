/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/merge_work.h"

double merge_probability(const struct merge_model *m, const double *f)
{
	double z = m->bias;

	for (unsigned i = 0; i < MERGE_FEATURES; i++)
		z += m->weight[i] * f[i];
	return 1 / (1 + exp(-fmax(-30, fmin(30, z))));
}

/* A number in [0, 1) that only its arguments decide. */
static double toss(uint64_t seed, uint64_t i)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15ull + i * 0xbf58476d1ce4e5b9ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.;
}

bool merge_takes_part(const struct merge *m, unsigned i)
{
	const struct contact *k = &m->c->contact[i];

	return m->job->keep[k->client] && m->job->keep[k->server] && k->class != PORT_ADMIN &&
	       (m->job->drop <= 0 || toss(m->job->seed, i) >= m->job->drop);
}

/* How many different others there are among the contacts LIST[0..n): groups, or the root of
 * machines where no grouping is known. */
static double breadth(struct merge *m, const unsigned *list, unsigned n, bool clients)
{
	const unsigned *group = m->job->group;
	unsigned distinct = 0;

	m->tick++;
	for (unsigned i = 0; i < n; i++) {
		const struct contact *k = &m->c->contact[list[i]];
		unsigned other = clients ? k->client : k->server;

		if (!merge_takes_part(m, list[i]))
			continue;
		if (group && m->mark[group[other]] == m->tick)
			continue;
		if (group)
			m->mark[group[other]] = m->tick;
		distinct++;
	}
	if (!distinct)
		distinct = 1;
	return group ? distinct : sqrt(distinct);
}

static void count_fan_in(struct merge *m)
{
	const struct contacts *c = m->c;

	for (unsigned s = 0; s < c->service_n; s++)
		for (unsigned i = c->service[s]; i < c->service[s + 1]; i++)
			m->fan_in[s] += merge_takes_part(m, c->by_service[i]);
}

/* By contact: the inverse frequency of its service among groups, and of its fan. */
static float *rarities(struct merge *m)
{
	const struct contacts *c = m->c;
	float *r = xcalloc(c->contact_n, sizeof(*r));

	for (unsigned s = 0; s < c->service_n; s++) {
		const unsigned *list = c->by_service + c->service[s];
		unsigned n = c->service[s + 1] - c->service[s];
		double b = breadth(m, list, n, true);

		for (unsigned i = 0; i < n; i++)
			r[list[i]] = (float)(1 / b);
	}
	for (unsigned f = 0; f < c->fan_n; f++) {
		const unsigned *list = c->by_fan + c->fan[f];
		unsigned n = c->fan[f + 1] - c->fan[f];
		double b = sqrt(breadth(m, list, n, false));

		for (unsigned i = 0; i < n; i++)
			r[list[i]] /= (float)b;
	}
	return r;
}

/* Setting up */

static void add_member(struct cluster *c, unsigned machine)
{
	MEM_GROW(c->member, c->member_n, c->member_cap);
	c->member[c->member_n++] = machine;
}

static void make_clusters(struct merge *m)
{
	const struct bonds *b = m->job->bonds;

	for (unsigned i = 0; i < m->c->machine_n; i++) {
		unsigned unit = b && m->job->keep[i] ? b->core[i] : i;
		struct cluster *c = &m->cluster[unit];

		m->where[i] = unit;
		if (!m->job->keep[i])
			continue;
		c->alive = true;
		add_member(c, i);
		if (!b || b->guest[i]) /* what is said of a guest holds where it goes */
			continue;
		c->label = b->label[i] ? b->label[i] : c->label;
		c->env = b->env[i] ? b->env[i] : c->env;
		c->site = b->site[i] ? b->site[i] : c->site;
		c->frozen |= b->frozen[i];
	}
}

struct between {
	unsigned a, b, contact;
};

static int by_between(const void *pa, const void *pb)
{
	const struct between *x = pa, *y = pb;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return (x->contact > y->contact) - (x->contact < y->contact);
}

static void add_link(struct cluster *c, unsigned to, unsigned pair)
{
	MEM_GROW(c->link, c->link_n, c->link_cap);
	c->link[c->link_n++] = (struct link){ to, pair };
}

static void add_contact(struct merge *m, struct pair *p, unsigned i, double rarity)
{
	const struct contact *k = &m->c->contact[i];
	double w = k->steady * rarity;

	p->weight += w;
	p->web += k->class == PORT_WEB ? w : 0;
	p->steady += k->steady;
	p->rarity += rarity;
	p->local += m->job->lesson ? m->job->lesson->local[i] : 0;
	p->strongest = fmaxf(p->strongest, (float)w);
	p->rate = fmaxf(p->rate, k->log_n);
	p->contacts++;
	m->next[i] = NOT;
	if (p->last == NOT)
		p->first = (int)i;
	else
		m->next[p->last] = (int)i;
	p->last = (int)i;
}

static int by_to(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;

	return (a->to > b->to) - (a->to < b->to);
}

static struct between *list_between(struct merge *m, const float *rarity, size_t *n)
{
	struct between *list = xcalloc(m->c->contact_n, sizeof(*list));

	*n = 0;
	for (unsigned i = 0; i < m->c->contact_n; i++) {
		const struct contact *k = &m->c->contact[i];
		unsigned a = m->where[k->client], b = m->where[k->server];

		if (!merge_takes_part(m, i))
			continue;
		if (a == b)
			m->cluster[a].inside += k->steady * rarity[i];
		else
			list[(*n)++] = (struct between){ a < b ? a : b, a < b ? b : a, i };
	}
	qsort(list, *n, sizeof(*list), by_between);
	return list;
}

static void make_pairs(struct merge *m)
{
	float *rarity = rarities(m);
	size_t n;
	struct between *list = list_between(m, rarity, &n);

	m->pair = xcalloc(n, sizeof(*m->pair));
	for (size_t i = 0; i < n; i++) {
		struct pair *p;

		if (!i || list[i - 1].a != list[i].a || list[i - 1].b != list[i].b) {
			m->pair[m->pair_n++] = (struct pair){ .first = NOT, .last = NOT };
			add_link(&m->cluster[list[i].a], list[i].b, m->pair_n - 1);
			add_link(&m->cluster[list[i].b], list[i].a, m->pair_n - 1);
		}
		p = &m->pair[m->pair_n - 1];
		add_contact(m, p, list[i].contact, rarity[list[i].contact]);
	}
	for (unsigned i = 0; i < m->c->machine_n; i++) {
		struct cluster *c = &m->cluster[i];

		if (c->link_n)
			qsort(c->link, c->link_n, sizeof(*c->link), by_to);
		for (unsigned k = 0; k < c->link_n; k++)
			c->outside += m->pair[c->link[k].pair].weight;
	}
	free(list);
	free(rarity);
}

/* May they meet at all?  Limits are for graph/split.h: what is cut late is cut cheaply. */

static bool enemies(const struct merge *m, unsigned a, unsigned b)
{
	const struct bonds *bonds = m->job->bonds;
	const struct cluster *c = &m->cluster[a];

	for (unsigned i = 0; i < c->member_n; i++) {
		unsigned machine = c->member[i];

		for (unsigned k = bonds->apart_start[machine];
		     k < bonds->apart_start[machine + 1]; k++)
			if (m->where[bonds->apart[k]] == b && m->job->keep[bonds->apart[k]])
				return true;
	}
	return false;
}

static bool differ(unsigned a, unsigned b)
{
	return a && b && a != b;
}

static bool may_meet(const struct merge *m, unsigned ai, unsigned bi)
{
	const struct cluster *a = &m->cluster[ai], *b = &m->cluster[bi];
	const struct bonds *bonds = m->job->bonds;

	if (a->member_n + b->member_n > m->job->cap)
		return false;
	if (!bonds)
		return true;
	if (a->frozen || b->frozen || differ(a->label, b->label) || differ(a->env, b->env) ||
	    differ(a->site, b->site))
		return false;
	return !enemies(m, ai, bi);
}

/* The heap of candidates; those that have changed since are skipped when they come up. */

static bool before(const struct candidate *x, const struct candidate *y)
{
	if (x->p > y->p || x->p < y->p)
		return x->p > y->p;
	return x->a != y->a ? x->a < y->a : x->b < y->b;
}

static void heap_push(struct merge *m, struct candidate x)
{
	size_t i;

	MEM_GROW(m->heap, m->heap_n, m->heap_cap);
	for (i = m->heap_n++; i && before(&x, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = x;
}

static struct candidate heap_pop(struct merge *m)
{
	struct candidate top = m->heap[0], x = m->heap[--m->heap_n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->heap_n) {
		if (child + 1 < m->heap_n && before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (before(&x, &m->heap[child]))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = x;
	return top;
}

static void consider(struct merge *m, unsigned a, unsigned b, unsigned pair)
{
	const struct merge_job *job = m->job;
	const struct cluster *x = &m->cluster[a], *y = &m->cluster[b];
	double f[MERGE_FEATURES], p;

	if (!may_meet(m, a, b) || m->pair[pair].weight <= 0)
		return;
	merge_describe(m, a, b, &m->pair[pair], f);
	if (job->judge)
		p = job->judge(f, x->member, x->member_n, y->member, y->member_n, job->ctx);
	else
		p = merge_probability(job->model, f);
	if (p < job->least)
		return;
	heap_push(m, a < b ? (struct candidate){ p, a, b, x->stamp, y->stamp }
			   : (struct candidate){ p, b, a, y->stamp, x->stamp });
}

/* Joining */

static void join_pairs(struct merge *m, struct pair *to, const struct pair *more)
{
	to->weight += more->weight;
	to->web += more->web;
	to->steady += more->steady;
	to->rarity += more->rarity;
	to->local += more->local;
	to->strongest = fmaxf(to->strongest, more->strongest);
	to->rate = fmaxf(to->rate, more->rate);
	to->contacts += more->contacts;
	m->next[to->last] = more->first;
	to->last = more->last;
}

static unsigned link_at(const struct cluster *c, unsigned to)
{
	unsigned lo = 0, hi = c->link_n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (c->link[mid].to < to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_link(struct cluster *c, unsigned to)
{
	unsigned i = link_at(c, to);

	memmove(c->link + i, c->link + i + 1, (c->link_n - i - 1) * sizeof(*c->link));
	c->link_n--;
}

static void put_link(struct cluster *c, unsigned to, unsigned pair)
{
	unsigned i = link_at(c, to);

	MEM_GROW(c->link, c->link_n, c->link_cap);
	memmove(c->link + i + 1, c->link + i, (c->link_n - i) * sizeof(*c->link));
	c->link[i] = (struct link){ to, pair };
	c->link_n++;
}

/* The neighbours of B become neighbours of A. */
static void join_links(struct merge *m, unsigned a, unsigned b)
{
	struct cluster *x = &m->cluster[a], *y = &m->cluster[b];

	drop_link(x, b);
	drop_link(y, a);
	for (unsigned i = 0; i < y->link_n; i++) {
		struct link l = y->link[i];
		unsigned at = link_at(x, l.to);

		drop_link(&m->cluster[l.to], b);
		if (at < x->link_n && x->link[at].to == l.to) {
			join_pairs(m, &m->pair[x->link[at].pair], &m->pair[l.pair]);
		} else {
			put_link(x, l.to, l.pair);
			put_link(&m->cluster[l.to], a, l.pair);
		}
	}
	free(y->link);
	y->link = NULL;
	y->link_n = y->link_cap = 0;
}

static void join(struct merge *m, unsigned a, unsigned b)
{
	struct cluster *x = &m->cluster[a], *y = &m->cluster[b];
	double w = m->pair[x->link[link_at(x, b)].pair].weight;

	x->inside += y->inside + w;
	x->outside += y->outside - 2 * w;
	for (unsigned i = 0; i < y->member_n; i++) {
		m->where[y->member[i]] = a;
		add_member(x, y->member[i]);
	}
	x->label = x->label ? x->label : y->label;
	x->env = x->env ? x->env : y->env;
	x->site = x->site ? x->site : y->site;
	y->alive = false;
	y->stamp++;
	x->stamp++;
	join_links(m, a, b);
}

static void agglomerate(struct merge *m)
{
	for (unsigned a = 0; a < m->c->machine_n; a++)
		for (unsigned i = 0; i < m->cluster[a].link_n; i++)
			if (m->cluster[a].link[i].to > a)
				consider(m, a, m->cluster[a].link[i].to,
					 m->cluster[a].link[i].pair);
	while (m->heap_n) {
		struct candidate x = heap_pop(m);
		struct cluster *a = &m->cluster[x.a];

		if (a->stamp != x.a_stamp || m->cluster[x.b].stamp != x.b_stamp)
			continue;
		join(m, x.a, x.b);
		for (unsigned i = 0; i < a->link_n; i++)
			consider(m, x.a, a->link[i].to, a->link[i].pair);
	}
}

static bool any_tags(const struct traits *t)
{
	for (unsigned i = 0; i < t->machine_n; i++)
		if (t->machine[i].application || t->machine[i].owner ||
		    (t->envs && *t->machine[i].env))
			return true;
	return false;
}

unsigned *merge_run(const struct merge_job *job)
{
	const struct contacts *c = job->contacts;
	unsigned marks = c->service_n > c->machine_n ? c->service_n : c->machine_n;
	struct merge m = { .job = job, .c = c, .tagged = any_tags(job->traits) };

	m.cluster = xcalloc(c->machine_n, sizeof(*m.cluster));
	m.where = xcalloc(c->machine_n, sizeof(*m.where));
	m.next = xcalloc(c->contact_n, sizeof(*m.next));
	m.fan_in = xcalloc(c->service_n, sizeof(*m.fan_in));
	m.mark = xcalloc(marks, sizeof(*m.mark));
	count_fan_in(&m);
	make_clusters(&m);
	make_pairs(&m);
	agglomerate(&m);
	for (unsigned i = 0; i < c->machine_n; i++) {
		free(m.cluster[i].member);
		free(m.cluster[i].link);
	}
	free(m.cluster);
	free(m.next);
	free(m.fan_in);
	free(m.mark);
	free(m.pair);
	free(m.heap);
	return m.where;
}
