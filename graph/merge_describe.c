/* SPDX-License-Identifier: Apache-2.0 */
/* Two clusters compared: the signs that the model weighs. */
#include <math.h>
#include <string.h>

#include "graph/merge_work.h"

enum {
	SAMPLE = 6,	  /* machines of a cluster that are compared by their traits */
	WORD_SAMPLE = 16, /* and by their names and tags */
};

const char *const merge_feature_word[MERGE_FEATURES] = {
	"share-max",	"share-min",	"outside",   "weight",	 "steady",     "rarity",
	"web",		"size-min",	"size-max",  "net",	 "os",	       "site",
	"words",	"words-differ", "contacts",  "local",	 "rate",       "strongest",
	"share-size",	"exclusive",	"triangles", "app-same", "app-differ", "owner-same",
	"owner-differ", "env-differ"
};

static double log_odds(double x)
{
	x = fmin(fmax(x, 1e-3), 1 - 1e-3);
	return log(x / (1 - x));
}

static double common_ties(const struct merge *m, const struct cluster *a,
			  const struct cluster *b)
{
	double sum = 0;

	for (unsigned i = 0, k = 0; i < a->link_n && k < b->link_n;) {
		if (a->link[i].to < b->link[k].to) {
			i++;
		} else if (a->link[i].to > b->link[k].to) {
			k++;
		} else {
			sum += fmin(m->pair[a->link[i].pair].weight,
				    m->pair[b->link[k].pair].weight);
			i++;
			k++;
		}
	}
	return sum;
}

/* Of each service between the two: which share of its clients is in one of them. */
static double exclusive(struct merge *m, const struct pair *p, unsigned a, unsigned b)
{
	const struct contacts *c = m->c;
	double sum = 0;
	unsigned n = 0;

	m->tick++;
	for (int i = p->first; i != NOT; i = m->next[i]) {
		unsigned s = c->contact[i].service, own = 0;

		if (m->mark[s] == m->tick)
			continue;
		m->mark[s] = m->tick;
		n++;
		for (unsigned k = c->service[s]; k < c->service[s + 1]; k++) {
			unsigned w = m->where[c->contact[c->by_service[k]].client];

			own += (w == a || w == b) && merge_takes_part(m, c->by_service[k]);
		}
		sum += (double)own / m->fan_in[s];
	}
	return sum / n;
}

static void compare_traits(const struct merge *m, const struct cluster *a,
			   const struct cluster *b, double *f)
{
	const struct lesson *l = m->job->lesson;
	unsigned an = a->member_n < SAMPLE ? a->member_n : SAMPLE;
	unsigned bn = b->member_n < SAMPLE ? b->member_n : SAMPLE;

	if (!l)
		return;
	for (unsigned i = 0; i < an; i++) {
		for (unsigned k = 0; k < bn; k++) {
			f[MERGE_NET] += lesson_net(l, a->member[i], b->member[k]);
			f[MERGE_OS] += lesson_os(l, a->member[i], b->member[k]);
			f[MERGE_SITE] += lesson_site(l, a->member[i], b->member[k]);
		}
	}
	f[MERGE_NET] /= an * bn;
	f[MERGE_OS] /= an * bn;
	f[MERGE_SITE] /= an * bn;
}

static unsigned common_words(const struct trait *a, const struct trait *b)
{
	unsigned n = 0;

	for (unsigned i = 0, k = 0; i < a->word_n && k < b->word_n;) {
		if (a->word[i] == b->word[k])
			n++;
		if (a->word[i] <= b->word[k])
			i++;
		else
			k++;
	}
	return n;
}

static double words_each(const struct merge *m, const struct cluster *c, unsigned n)
{
	unsigned words = 0;

	for (unsigned i = 0; i < n; i++)
		words += m->job->traits->machine[c->member[i]].word_n;
	return (double)words / n;
}

static void compare_words(const struct merge *m, const struct cluster *a,
			  const struct cluster *b, double *f)
{
	const struct trait *t = m->job->traits->machine;
	unsigned an = a->member_n < WORD_SAMPLE ? a->member_n : WORD_SAMPLE;
	unsigned bn = b->member_n < WORD_SAMPLE ? b->member_n : WORD_SAMPLE, common = 0;
	double each;

	for (unsigned i = 0; i < an; i++)
		for (unsigned k = 0; k < bn; k++)
			common += common_words(&t[a->member[i]], &t[b->member[k]]);
	each = (double)common / (an * bn);
	f[MERGE_WORDS] = fmin(1, each);
	f[MERGE_WORDS_DIFFER] =
		each < .05 && words_each(m, a, an) > .5 && words_each(m, b, bn) > .5;
}

/* Equal and different pairs of what both know. */
struct tags {
	unsigned app[2], owner[2], env[2];
};

static void count_tags(struct tags *n, const struct trait *x, const struct trait *y, bool envs)
{
	if (x->application && y->application)
		n->app[x->application == y->application]++;
	if (x->owner && y->owner)
		n->owner[x->owner == y->owner]++;
	if (envs && *x->env && *y->env)
		n->env[strcmp(x->env, y->env) == 0]++;
}

static void share_of(const unsigned *n, double *differ, double *same)
{
	if (!(n[0] + n[1]))
		return;
	*same = (double)n[1] / (n[0] + n[1]);
	*differ = (double)n[0] / (n[0] + n[1]);
}

static void compare_tags(const struct merge *m, const struct cluster *a,
			 const struct cluster *b, double *f)
{
	const struct trait *t = m->job->traits->machine;
	unsigned an = a->member_n < WORD_SAMPLE ? a->member_n : WORD_SAMPLE;
	unsigned bn = b->member_n < WORD_SAMPLE ? b->member_n : WORD_SAMPLE;
	struct tags n = { 0 };

	if (!m->tagged)
		return;
	for (unsigned i = 0; i < an; i++)
		for (unsigned k = 0; k < bn; k++)
			count_tags(&n, &t[a->member[i]], &t[b->member[k]],
				   m->job->traits->envs);
	share_of(n.app, &f[MERGE_APP_DIFFER], &f[MERGE_APP_SAME]);
	share_of(n.owner, &f[MERGE_OWNER_DIFFER], &f[MERGE_OWNER_SAME]);
	if (n.env[0])
		f[MERGE_ENV_DIFFER] = (double)n.env[0] / (n.env[0] + n.env[1]);
}

void merge_describe(struct merge *m, unsigned ai, unsigned bi, const struct pair *p, double *f)
{
	const struct cluster *a = &m->cluster[ai], *b = &m->cluster[bi];
	double all_a = a->outside + 2 * a->inside, all_b = b->outside + 2 * b->inside;
	double w = p->weight, max = w / fmin(all_a, all_b), min = w / fmax(all_a, all_b);
	unsigned small = a->member_n < b->member_n ? a->member_n : b->member_n;
	unsigned large = a->member_n < b->member_n ? b->member_n : a->member_n;

	memset(f, 0, MERGE_FEATURES * sizeof(*f));
	f[MERGE_SHARE_MAX] = log_odds(max);
	f[MERGE_SHARE_MIN] = log_odds(min);
	f[MERGE_OUTSIDE] = log_odds(w / fmax(a->outside, b->outside));
	f[MERGE_WEIGHT] = log(w + 1e-3);
	f[MERGE_STEADY] = log(p->steady + 1e-3);
	f[MERGE_RARITY] = log(p->rarity / p->contacts + 1e-3);
	f[MERGE_WEB] = p->web / w;
	f[MERGE_SIZE_MIN] = log(small);
	f[MERGE_SIZE_MAX] = log(large);
	f[MERGE_CONTACTS] = log(p->contacts);
	f[MERGE_LOCAL] = p->local / p->contacts;
	f[MERGE_RATE] = p->rate;
	f[MERGE_STRONGEST] = log(p->strongest + 1e-3);
	f[MERGE_SHARE_SIZE] = f[MERGE_SHARE_MAX] * f[MERGE_SIZE_MIN];
	f[MERGE_EXCLUSIVE] = exclusive(m, p, ai, bi);
	f[MERGE_TRIANGLES] = common_ties(m, a, b) / fmin(all_a, all_b);
	compare_traits(m, a, b, f);
	compare_words(m, a, b, f);
	compare_tags(m, a, b, f);
}
