/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/conv.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/fold.h"
#include "store/intake.h"
#include "store/machine.h"
#include "store/nat.h"
#include "store/rejoin.h"

/*
 * Within one machine its own addresses are in its own realm: those of a container bridge are
 * the same on every machine that has one.
 */
static bool stays_inside(const struct sensor *x, const struct flow *f)
{
	return x->host && x->machine && sensor_owns(x, &f->client) &&
	       sensor_owns(x, &f->server);
}

static bool may_say(const struct sensor *x, const struct flow *f)
{
	const struct addr *own = f->witness == WITNESS_CLIENT ? &f->client : &f->server;

	if (x->flow)
		return f->witness == WITNESS_NETFLOW;
	if (!x->host)
		return f->witness == WITNESS_MIRROR || f->witness == WITNESS_NETFLOW;
	if (f->witness != WITNESS_CLIENT && f->witness != WITNESS_SERVER)
		return false;
	return addr_is_scoped(own) || sensor_speaks(x, own) || stays_inside(x, f);
}

static bool flow_sane(const struct flow *f)
{
	return f->proto && !addr_is_any(&f->client) && !addr_is_any(&f->server) &&
	       amount_sane(&f->c);
}

/* A host's sensor is believed about the processes of its own machine. */
static bool may_name(const struct sensor *x, const struct flow *f, enum witness side)
{
	const struct addr *a = side == WITNESS_CLIENT ? &f->client : &f->server;

	if (x->flow)
		return false;
	return !x->host || f->witness == side || addr_is_loopback(a) || sensor_owns(x, a);
}

static int64_t realm_of(const struct sensor *x, const struct flow *f, const struct addr *a)
{
	if (!addr_is_scoped(a) && !stays_inside(x, f))
		return x->realm;
	return x->machine ? dict_realm_machine(x->machine) : dict_realm_sensor(x->id);
}

static int endpoint_of(struct intake *in, const struct flow *f, enum witness side,
		       struct endpoint **out, struct err *e)
{
	const struct addr *a = side == WITNESS_CLIENT ? &f->client : &f->server;
	const struct sensor *x = in->sensor;
	bool own = f->witness == side || addr_is_loopback(a) || stays_inside(x, f);
	int64_t realm = realm_of(x, f, a);
	int rc;

	rc = dict_endpoint(in->s, realm, a, out, e);
	if (!rc && dict_realm_is_site(realm))
		*out = dict_endpoint_when(*out, in->flow_ms);
	if (rc || dict_realm_is_site(realm) || !x->machine || !own)
		return rc;
	return machine_lease(in->s, *out, x->machine, in->base_ms, e);
}

int intake_fold(struct intake *in, struct addr *client, struct err *e)
{
	struct endpoint *p;
	int rc;

	if (!in->s->fold)
		return 0;
	rc = dict_endpoint_seek(in->s, in->sensor->realm, client, &p, e);
	if (!rc && !(p && p->machine))
		fold_address(in->s->fold, client);
	return rc;
}

int intake_process(struct intake *in, const struct process *p, int64_t *out, struct err *e)
{
	static const struct process other = { "other", "", "", "", "", "", "" };
	struct sensor *x = in->sensor;
	int rc = dict_process_seek(in->s, p, out, e);

	if (rc || *out || !p || !*p->name)
		return rc;
	if (quota_left(&x->quota, x->host, QUOTA_NAMES)) {
		quota_spend(&x->quota, QUOTA_NAMES);
		return dict_process(in->s, p, out, e);
	}
	in->folded++;
	return dict_process(in->s, &other, out, e);
}

static int process_of(struct intake *in, const struct flow *f, enum witness side,
		      int64_t endpoint, int64_t *out, struct err *e)
{
	const struct process *p =
		side == WITNESS_CLIENT ? f->client_process : f->server_process;
	int rc;

	*out = 0;
	if (!p || !may_name(in->sensor, f, side))
		return 0;
	rc = intake_process(in, p, out, e);
	return rc ? rc : dict_detail(in->s, endpoint, *out, p, DICT_LATEST, e);
}

static int conv_of(struct intake *in, const struct flow *f, struct conv **v, struct err *e)
{
	struct endpoint *client = NULL, *server = NULL;
	struct conv_key key;
	int rc = endpoint_of(in, f, WITNESS_CLIENT, &client, e);

	if (!rc)
		rc = endpoint_of(in, f, WITNESS_SERVER, &server, e);
	if (rc)
		return rc;
	key = conv_key(client, server, f->scope, f->port, f->proto);
	return conv_get(in->s, &key, v, e);
}

/* Whether this conversation is there. */
static int is_known(struct intake *in, const struct flow *f, bool *out, struct err *e)
{
	const struct sensor *x = in->sensor;
	struct endpoint *client = NULL, *server = NULL;
	struct conv_key key;
	struct conv *v = NULL;
	int rc = dict_endpoint_seek(in->s, realm_of(x, f, &f->client), &f->client, &client, e);

	if (!rc)
		rc = dict_endpoint_seek(in->s, realm_of(x, f, &f->server), &f->server, &server,
					e);
	*out = false;
	if (rc || !client || !server)
		return rc;
	key = conv_key(dict_endpoint_when(client, in->flow_ms),
		       dict_endpoint_when(server, in->flow_ms), f->scope, f->port, f->proto);
	rc = conv_seek(in->s, &key, &v, e);
	*out = v != NULL;
	return rc < 0 ? rc : 0;
}

/* What is beyond the quota: of a host's sensor its own end stays. */
static void put_to_others(const struct sensor *x, struct flow *f)
{
	if (!x->host || f->witness != WITNESS_CLIENT) {
		f->client = (struct addr){ { 0 } };
		f->client_process = NULL;
	}
	if (!x->host || f->witness != WITNESS_SERVER) {
		f->server = (struct addr){ { 0 } };
		f->server_process = NULL;
	}
	f->port = 0;
	f->scope = 0;
	f->samples_n = 0;
	f->has_seen = false;
}

static int within_quota(struct intake *in, struct flow *f, struct err *e)
{
	const struct sensor *x = in->sensor;
	bool known;
	int rc;

	if (quota_left(&x->quota, x->host, QUOTA_EDGES))
		return 0;
	rc = is_known(in, f, &known, e);
	if (rc || known)
		return rc;
	put_to_others(x, f);
	in->folded++;
	return 0;
}

/* The conversation that F is of, and the claim that it is, paired. */
static int claim_of(struct intake *in, const struct flow *f, struct conv **v, struct claim **c,
		    struct err *e)
{
	struct claim w = { .origin = in->sensor->id, .witnesses = 1u << f->witness };
	struct rejoin how = { .sensor = in->sensor,
			      .witness = f->witness,
			      .minute = in->flow_ms / INTAKE_MINUTE_MS,
			      .at_ms = in->flow_ms };
	int rc = conv_of(in, f, v, e);

	if (!rc)
		rc = rejoin_find(in->s, v, &how, e);
	if (!rc)
		rc = process_of(in, f, WITNESS_CLIENT, (*v)->client->id,
				&w.process[PAIR_CLIENT], e);
	if (!rc)
		rc = process_of(in, f, WITNESS_SERVER, (*v)->server->id,
				&w.process[PAIR_SERVER], e);
	if (rc)
		return rc;
	w.via = how.via;
	return conv_claim(in->s, *v, &w, c, e);
}

/* True if a gauge has changed.  What only helps to pair is written when the minute is over. */
static bool gauge(struct claim *c, const struct flow *f, int64_t run)
{
	bool same = c->run == run && c->live == f->live && c->pending == f->pending &&
		    f->sampling <= c->sampling;

	c->unsaved |= f->c.opens || f->samples_n;
	c->run = run;
	c->live = f->live;
	c->pending = f->pending;
	c->opens += f->c.opens;
	if (f->sampling > c->sampling)
		c->sampling = f->sampling;
	for (unsigned i = 0; i < f->samples_n; i++)
		conv_remember_port(c, f->samples[i].client_port);
	return !same;
}

/*
 * What its own machine hides behind an address (containers, whose addresses are the same
 * everywhere) is told as others see it.
 */
static int uncover(struct intake *in, struct flow *f, int64_t minute, struct err *e)
{
	const struct nat_rule *r = NULL;
	int rc = 0;

	if (nat_any(in->s) && in->sensor->host && f->witness == WITNESS_CLIENT && !f->scope &&
	    !sensor_owns(in->sensor, &f->server) && sensor_owns(in->sensor, &f->client))
		rc = nat_own(in->s, in->sensor, f, minute, &r, e);
	if (rc || !r)
		return rc;
	f->client = r->real.client;
	f->server = r->real.server;
	f->port = r->real.port;
	return 0;
}

/* F becomes what is kept of it. */
static int reshape(struct intake *in, struct flow *f, const struct count_report *r,
		   enum fate *fate, struct err *e)
{
	int rc = uncover(in, f, r->minute, e);

	if (!rc && !may_say(in->sensor, f))
		*fate = FATE_QUARANTINED;
	if (rc || *fate != FATE_COUNTED)
		return rc;
	in->flow_ms = r->minute == in->base_ms / INTAKE_MINUTE_MS
			      ? in->base_ms
			      : r->minute * INTAKE_MINUTE_MS;
	if (f->witness != WITNESS_CLIENT)
		rc = intake_fold(in, &f->client, e);
	return rc ? rc : within_quota(in, f, e);
}

/* The claim that F is, made or changed by it. */
static int tell(struct intake *in, const struct flow *f, struct conv **v, struct claim **c,
		struct err *e)
{
	bool pair, save;
	int rc = claim_of(in, f, v, c, e);

	if (rc < 0)
		return rc;
	if (rc > 0)
		quota_spend(&in->sensor->quota, QUOTA_EDGES);
	pair = rc > 0 || (f->samples_n && edge_guessed(*v));
	save = gauge(*c, f, in->sensor->run);
	if (pair)
		rc = edge_pair(in->s, *v, e);
	if (pair && rc >= 0)
		rc = rejoin_pair(in->s, *v, e);
	return rc >= 0 && save ? conv_save(in->s, *c, e) : rc;
}

/*
 * Its minute is gone, so nobody can say whether another one counted there: what it brings is
 * lost.  That the edge is there, and how many are open, stays.
 */
static int lose(struct intake *in, const struct claim *c, const struct count_report *r,
		enum fate *fate, struct err *e)
{
	struct lost *l = &in->late;
	uint64_t start = (uint64_t)(r->minute * INTAKE_MINUTE_MS);

	if (!l->records || start < l->start_ms)
		l->start_ms = start;
	if (start + INTAKE_MINUTE_MS > l->end_ms)
		l->end_ms = start + INTAKE_MINUTE_MS;
	l->records++;
	*fate = FATE_LATE;
	return count_late(in->s, c, r, e);
}

int intake_flow(struct intake *in, const struct flow *told, enum fate *fate, struct err *e)
{
	struct count_report r = { .amounts = amount_of(&told->c) }, rest;
	struct flow f = *told;
	struct claim *c;
	struct conv *v;
	int rc;

	*fate = flow_sane(&f) ? FATE_COUNTED : FATE_REJECTED;
	if (*fate != FATE_COUNTED)
		return 0;
	intake_times(in, &f, &r);
	rc = reshape(in, &f, &r, fate, e);
	if (rc || *fate != FATE_COUNTED)
		return rc;
	rc = tell(in, &f, &v, &c, e);
	if (rc >= 0 && count_gone(in->s, r.minute))
		return lose(in, c, &r, fate, e);
	if (rc >= 0 && intake_split(in, &f, &r, &rest))
		rc = count_add(in->s, v, c, &rest, e);
	return rc < 0 ? rc : count_add(in->s, v, c, &r, e);
}
