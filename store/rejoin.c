/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rejoin.h"

#include "store/count.h"
#include "store/db.h"
#include "store/edge.h"
#include "store/repoint.h"

enum { HOPS = 4, MINUTE_MS = 60000 };

/* X's own sockets, which it did not translate for others: a gateway that calls, too. */
static bool own_word(const struct nat_rule *r, const struct nat_key *key, int64_t origin,
		     enum witness w)
{
	if (origin != r->sensor)
		return false;
	return (w == WITNESS_CLIENT && nat_same(&r->after, key)) ||
	       (w == WITNESS_SERVER && nat_same(&r->before, key) &&
		!nat_same(&r->before, &r->after));
}

/* Where the translating host has connections of its own, the two cannot be told apart. */
static bool is_mixed(const struct conv *v, const struct nat_rule *r, const struct nat_key *key)
{
	for (unsigned i = 0; i < v->claims_n; i++)
		if (own_word(r, key, v->claims[i].origin, conv_witness(&v->claims[i])))
			return true;
	return false;
}

static int real_of(struct store *s, const struct nat_rule *r, int64_t at_ms, struct conv **out,
		   struct err *e)
{
	struct conv_key key;
	int rc = nat_conv_key(s, &r->real, at_ms, &key, e);

	return rc ? rc : conv_get(s, &key, out, e);
}

int rejoin_find(struct store *s, struct conv **v, struct rejoin *how, struct err *e)
{
	how->via = 0;
	for (int hop = 0; hop < HOPS; hop++) {
		const struct nat_view *view;
		const struct nat_rule *r;
		int64_t seen = (*v)->id;
		int rc = nat_view_of(s, *v, &view, e);

		r = !rc && view ? nat_joins(view, how->minute) : NULL;
		if (rc || !r || own_word(r, &view->key, how->sensor->id, how->witness) ||
		    is_mixed(*v, r, &view->key))
			return rc;
		rc = real_of(s, r, how->at_ms, v, e);
		if (rc)
			return rc;
		how->via = how->via ? how->via : seen;
	}
	return 0;
}

/* The past */

static int seek(struct store *s, const struct nat_key *key, int64_t at_ms, struct conv **out,
		struct err *e)
{
	struct conv_key k;
	int rc = nat_conv_key(s, key, at_ms, &k, e);

	return rc ? rc : conv_seek(s, &k, out, e);
}

static int settle_since(struct store *s, struct conv *v, int64_t from, struct err *e)
{
	int64_t newest;
	int rc = count_newest(s, &newest, e);

	if (rc || !v->claims_n)
		return rc;
	if (newest - from >= REPOINT_MINUTES)
		from = newest - REPOINT_MINUTES + 1;
	for (; from <= newest && !rc; from++)
		rc = count_settle(s, v, from, e);
	return rc;
}

/* What others took for V's real one comes back: there is more than one now. */
static int come_back(struct store *s, const struct nat_view *view, struct conv *v,
		     const struct nat_rule *new, int64_t from, struct err *e)
{
	const struct repoint p = { .from = from, .to = INT64_MAX, .of = v->id };
	int rc = 0;

	for (unsigned i = 0; i < view->n && !rc; i++) {
		const struct nat_rule *r = view->rule[i];
		struct conv *real;

		if (r == new || nat_same(&r->real, &view->key))
			continue;
		rc = seek(s, &r->real, new->first *MINUTE_MS, &real, e);
		if (!rc && real)
			rc = repoint_conv(s, real, v, &p, e);
	}
	return rc;
}

/* One side of a new rule. */
static int rejoin_side(struct store *s, const struct nat_rule *r, const struct nat_key *key,
		       struct conv *real, int64_t from, struct err *e)
{
	const struct nat_view *view = nat_view_at(s, key);
	struct repoint p = { .from = from, .to = INT64_MAX };
	const struct nat_rule *joins;
	struct conv *v;
	int rc;

	if (!view || nat_same(key, &r->real))
		return 0;
	rc = seek(s, key, r->first * MINUTE_MS, &v, e);
	if (rc || !v)
		return rc;
	joins = nat_joins(view, r->last > r->first ? r->last : r->first);
	if (!joins)
		rc = come_back(s, view, v, r, from, e);
	else if (!is_mixed(v, joins, key)) {
		p.via = v->id;
		rc = repoint_conv(s, v, real, &p, e);
	}
	return rc ? rc : settle_since(s, v, from, e);
}

/*
 * An address that means something on its machine alone was taken for everybody's: its key in
 * the realm of all.
 */
static struct nat_key open_key(const struct nat_rule *r)
{
	struct nat_key k = r->before;

	k.realm = r->real.realm;
	return k;
}

static int rejoin_hidden(struct store *s, const struct nat_rule *r, struct conv *real,
			 int64_t from, struct err *e)
{
	const struct repoint p = { .from = from, .to = INT64_MAX };
	struct nat_key key = open_key(r);
	int64_t speaker;
	struct conv *v;
	int rc = seek(s, &key, r->first * MINUTE_MS, &v, e);

	if (rc || !v)
		return rc;
	rc = sensor_of_machine(s, v->client->machine, &speaker, e);
	if (rc || speaker != r->sensor)
		return rc;
	return repoint_conv(s, v, real, &p, e);
}

/* From when R corrects: what is older than a transaction may look at stays as it is. */
static int since(struct store *s, const struct nat_rule *r, int64_t *from, struct err *e)
{
	int64_t newest;
	int rc = count_newest(s, &newest, e);

	*from = r->first;
	if (rc)
		return rc;
	if (newest > r->first)
		s->late_minutes -= newest - r->first;
	if (s->late_minutes < 0 && newest - 1 > r->first)
		*from = newest - 1;
	return 0;
}

int rejoin_past(struct store *s, const struct nat_rule *r, struct err *e)
{
	struct conv *real;
	int64_t from;
	int rc = since(s, r, &from, e);

	if (!rc)
		rc = real_of(s, r, r->first * MINUTE_MS, &real, e);
	if (rc)
		return rc;
	if (r->before.realm == r->real.realm)
		rc = rejoin_side(s, r, &r->before, real, from, e);
	else
		rc = rejoin_hidden(s, r, real, from, e);
	if (!rc)
		rc = rejoin_side(s, r, &r->after, real, from, e);
	if (!rc && real->claims_n)
		rc = edge_pair(s, real, e);
	return rc ? rc : settle_since(s, real, from, e);
}

int rejoin_told(struct store *s, const struct sensor *x, const struct translation *t,
		const struct nat_rule *r, struct err *e)
{
	struct claim want = { .origin = x->id, .witnesses = 1u << WITNESS_TRANSLATION };
	struct count_report report = {
		.minute = (int64_t)t->first_ms / MINUTE_MS,
		.first = (int64_t)t->first_ms / 1000,
		.last = (int64_t)t->last_ms / 1000,
		.amounts = { .records = 1, .opens = (int64_t)t->opens },
	};
	struct claim *c;
	struct conv *v;
	int rc;

	if (!t->opens || count_gone(s, report.minute))
		return 0;
	rc = real_of(s, r, (int64_t)t->first_ms, &v, e);
	if (!rc)
		rc = conv_claim(s, v, &want, &c, e);
	if (rc > 0)
		rc = edge_pair(s, v, e);
	return rc ? rc : count_add(s, v, c, &report, e);
}

int rejoin_pair(struct store *s, struct conv *v, struct err *e)
{
	const struct nat_view *view;
	int rc = nat_view_of(s, v, &view, e);

	for (unsigned i = 0; view && i < view->n && !rc; i++) {
		struct conv *real;

		if (nat_same(&view->rule[i]->real, &view->key))
			continue;
		rc = seek(s, &view->rule[i]->real, INT64_MAX, &real, e);
		if (!rc && real && real != v && real->claims_n)
			rc = edge_pair(s, real, e);
	}
	return rc;
}
