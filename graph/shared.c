/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/shared.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

enum {
	WIDE = 40, /* steady peers that no application has */
	MIX = 12,  /* users that are compared with each other */
	PORTS_TOLD = 3,
	TOLD_LEAST = 3, /* groups of a port that is told of */
	TOLD_PART = 10, /* of what the broadest port has */
};
#define ACCIDENT .1 /* steadiness of what hardly ever happens is below */

const char *const shared_feature_word[SHARED_FEATURES] = { "in-breadth",
							   "out-breadth",
							   "in-top",
							   "out-top",
							   "top",
							   "home",
							   "in-machines",
							   "out-machines",
							   "port-in",
							   "port-out",
							   "port-in-infra",
							   "port-out-infra",
							   "infra-in",
							   "infra-out",
							   "both-ways",
							   "calls-none",
							   "called-by-none",
							   "web",
							   "data",
							   "net-mix",
							   "os-mix",
							   "home-size",
							   "wide",
							   "in-top-breadth",
							   "sink",
							   "data-breadth",
							   "ties" };

/* Amounts by group, with a list of the groups that have any. */
struct spread {
	double *of; /* by group */
	unsigned *touched, n;
	double sum;
};

static struct spread spread_new(unsigned groups)
{
	return (struct spread){ .of = xcalloc(groups, sizeof(double)),
				.touched = xcalloc(groups, sizeof(unsigned)) };
}

static void spread_free(struct spread *s)
{
	free(s->of);
	free(s->touched);
}

static void spread_add(struct spread *s, unsigned group, double w)
{
	if (s->of[group] <= 0)
		s->touched[s->n++] = group;
	s->of[group] += w;
	s->sum += w;
}

static void spread_clear(struct spread *s)
{
	for (unsigned i = 0; i < s->n; i++)
		s->of[s->touched[i]] = 0;
	s->n = 0;
	s->sum = 0;
}

/* The effective number of groups: the exponential of the entropy. */
static double spread_breadth(const struct spread *s)
{
	double h = 0;

	if (s->sum <= 0)
		return 0;
	for (unsigned i = 0; i < s->n; i++) {
		double p = s->of[s->touched[i]] / s->sum;

		h -= p * log(p);
	}
	return exp(h);
}

static double spread_top(const struct spread *s)
{
	double max = 0;

	for (unsigned i = 0; i < s->n; i++)
		max = fmax(max, s->of[s->touched[i]]);
	return s->sum > 0 ? max / s->sum : 0;
}

struct look {
	const struct contacts *c;
	const unsigned *group;
	const bool *keep;
	const struct lesson *lesson;
	unsigned *size;		     /* kept machines by group */
	unsigned *users, *calls;     /* groups by service, by fan */
	struct spread in, out, ties; /* application contacts by group */
	struct spread port;	     /* of one port */
	struct spread infra_in, infra_out;
	unsigned *order; /* the contacts of one machine, by direction and port */
};

static unsigned distinct_groups(struct look *l, const unsigned *list, unsigned n, bool clients)
{
	unsigned distinct;

	for (unsigned i = 0; i < n; i++) {
		const struct contact *k = &l->c->contact[list[i]];

		spread_add(&l->port, l->group[clients ? k->client : k->server], 1);
	}
	distinct = l->port.n;
	spread_clear(&l->port);
	return distinct;
}

static void count_users(struct look *l)
{
	const struct contacts *c = l->c;

	for (unsigned s = 0; s < c->service_n; s++)
		l->users[s] = distinct_groups(l, c->by_service + c->service[s],
					      c->service[s + 1] - c->service[s], true);
	for (unsigned f = 0; f < c->fan_n; f++)
		l->calls[f] = distinct_groups(l, c->by_fan + c->fan[f],
					      c->fan[f + 1] - c->fan[f], false);
	for (unsigned m = 0; m < c->machine_n; m++)
		if (l->keep[m])
			l->size[l->group[m]]++;
}

static void look_init(struct look *l)
{
	unsigned n = l->c->machine_n, most = 0;

	l->size = xcalloc(n, sizeof(*l->size));
	l->users = xcalloc(l->c->service_n, sizeof(*l->users));
	l->calls = xcalloc(l->c->fan_n, sizeof(*l->calls));
	l->in = spread_new(n);
	l->out = spread_new(n);
	l->ties = spread_new(n);
	l->port = spread_new(n);
	l->infra_in = spread_new(n);
	l->infra_out = spread_new(n);
	for (unsigned m = 0; m < n; m++)
		if (l->c->machine[m + 1] - l->c->machine[m] > most)
			most = l->c->machine[m + 1] - l->c->machine[m];
	l->order = xcalloc(most, sizeof(*l->order));
	count_users(l);
}

static void look_fini(struct look *l)
{
	free(l->size);
	free(l->users);
	free(l->calls);
	free(l->order);
	spread_free(&l->in);
	spread_free(&l->out);
	spread_free(&l->ties);
	spread_free(&l->port);
	spread_free(&l->infra_in);
	spread_free(&l->infra_out);
}

static void look_clear(struct look *l)
{
	spread_clear(&l->in);
	spread_clear(&l->out);
	spread_clear(&l->ties);
	spread_clear(&l->infra_in);
	spread_clear(&l->infra_out);
}

static const struct contact *sort_contacts;
static unsigned sort_machine;

static int by_port(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct contact *a = &sort_contacts[x], *b = &sort_contacts[y];
	bool out_a = a->client == sort_machine, out_b = b->client == sort_machine;

	if (out_a != out_b)
		return out_a ? 1 : -1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The contacts of M that serve first, then those that call, each by port. */
static unsigned order_contacts(struct look *l, unsigned m)
{
	const struct contacts *c = l->c;
	unsigned n = c->machine[m + 1] - c->machine[m];

	memcpy(l->order, c->by_machine + c->machine[m], n * sizeof(*l->order));
	sort_contacts = c->contact;
	sort_machine = m;
	qsort(l->order, n, sizeof(*l->order), by_port);
	return n;
}

struct port_breadth {
	uint16_t port;
	bool out, infra;
	double breadth;
	unsigned groups, machines;
	unsigned process; /* of M at it, by number; and of a peer */
	unsigned peer;
};

/* The breadth of the run of contacts of one port that begins at I; its end is returned. */
static unsigned port_run(struct look *l, unsigned m, unsigned i, unsigned n,
			 struct port_breadth *p)
{
	const struct contact *first = &l->c->contact[l->order[i]];

	*p = (struct port_breadth){ .port = first->port,
				    .out = first->client == m,
				    .infra = first->class == PORT_INFRA };
	for (; i < n; i++) {
		const struct contact *k = &l->c->contact[l->order[i]];
		unsigned process = p->out ? k->client_process : k->server_process;

		if (k->port != p->port || (k->client == m) != p->out)
			break;
		spread_add(&l->port, l->group[p->out ? k->server : k->client], k->steady);
		p->machines++;
		p->process = p->process ? p->process : process;
		process = p->out ? k->server_process : k->client_process;
		p->peer = p->peer ? p->peer : process;
	}
	p->breadth = spread_breadth(&l->port);
	p->groups = l->port.n;
	spread_clear(&l->port);
	return i;
}

static void broadest_ports(struct look *l, unsigned m, unsigned n, double *f)
{
	struct port_breadth p, best[2] = { { 0 } };

	for (unsigned i = 0; i < n;) {
		i = port_run(l, m, i, n, &p);
		if (portbook_class(p.port) != PORT_ADMIN && p.breadth > best[p.out].breadth)
			best[p.out] = p;
	}
	f[SHARED_PORT_IN] = log(1 + best[0].breadth);
	f[SHARED_PORT_OUT] = log(1 + best[1].breadth);
	f[SHARED_PORT_IN_INFRA] = best[0].infra && portbook_class(best[0].port) == PORT_INFRA;
	f[SHARED_PORT_OUT_INFRA] = best[1].infra;
}

/* Sorts the contacts of M to where they count; what is left is told by kind. */
static void gather(struct look *l, unsigned m, unsigned n, double *kind)
{
	for (unsigned i = 0; i < n; i++) {
		const struct contact *k = &l->c->contact[l->order[i]];
		bool out = k->client == m;
		unsigned other = l->group[out ? k->server : k->client];

		if ((k->class == PORT_INFRA && k->steady > ACCIDENT) || k->class == PORT_ADMIN)
			spread_add(out ? &l->infra_out : &l->infra_in, other, 1);
		if (k->class == PORT_INFRA || k->class == PORT_ADMIN)
			continue;
		spread_add(out ? &l->out : &l->in, other, k->steady);
		spread_add(&l->ties, other,
			   k->steady / l->users[k->service] / sqrt(l->calls[k->fan]));
		if (!out)
			kind[k->class]++;
	}
}

static unsigned peers(const struct look *l, unsigned m, unsigned n, bool out)
{
	unsigned count = 0, last = UINT_MAX;

	/* by_machine stands by client, server: equal peers of one direction are neighbours */
	for (unsigned i = 0; i < n; i++) {
		const struct contact *k =
			&l->c->contact[l->c->by_machine[l->c->machine[m] + i]];
		unsigned other = out ? k->server : k->client;

		if ((k->client == m) != out || k->class == PORT_INFRA ||
		    k->class == PORT_ADMIN)
			continue;
		count += other != last;
		last = other;
	}
	return count;
}

/* Users of different groups, compared with each other. */
static void compare_users(const struct look *l, unsigned m, unsigned n, bool out, double *f)
{
	unsigned user[MIX], users = 0, pairs = 0;

	for (unsigned i = 0; i < n && users < MIX; i++) {
		const struct contact *k =
			&l->c->contact[l->c->by_machine[l->c->machine[m] + i]];
		unsigned other = out ? k->server : k->client;

		if ((k->client == m) == out && k->class != PORT_INFRA &&
		    k->class != PORT_ADMIN && (!users || user[users - 1] != other))
			user[users++] = other;
	}
	for (unsigned i = 0; i < users; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (l->group[user[i]] == l->group[user[j]])
				continue;
			pairs++;
			f[SHARED_NET_MIX] += lesson_net(l->lesson, user[i], user[j]);
			f[SHARED_OS_MIX] += lesson_os(l->lesson, user[i], user[j]);
		}
	}
	if (!pairs)
		return;
	f[SHARED_NET_MIX] /= pairs;
	f[SHARED_OS_MIX] /= pairs;
}

static void describe(struct look *l, unsigned m, double *f)
{
	unsigned n = order_contacts(l, m), home = l->keep[m] ? l->group[m] : UINT_MAX;
	double kind[PORT_ADMIN + 1] = { 0 }, kinds, in, out;
	unsigned in_n = peers(l, m, n, false), out_n = peers(l, m, n, true);

	gather(l, m, n, kind);
	broadest_ports(l, m, n, f);
	in = spread_breadth(&l->in);
	out = spread_breadth(&l->out);
	kinds = fmax(1, kind[PORT_WEB] + kind[PORT_DATA] + kind[PORT_OTHER]);
	if (home != UINT_MAX && l->size[home] < 2)
		home = UINT_MAX;
	f[SHARED_IN_BREADTH] = log(1 + in);
	f[SHARED_OUT_BREADTH] = log(1 + out);
	f[SHARED_IN_TOP] = spread_top(&l->in);
	f[SHARED_OUT_TOP] = spread_top(&l->out);
	f[SHARED_TOP] = spread_top(&l->ties);
	if (home != UINT_MAX && l->ties.sum > 0)
		f[SHARED_HOME] = l->ties.of[home] / l->ties.sum;
	f[SHARED_IN_MACHINES] = log(1 + in_n);
	f[SHARED_OUT_MACHINES] = log(1 + out_n);
	f[SHARED_INFRA_IN] = log(1 + l->infra_in.n);
	f[SHARED_INFRA_OUT] = log(1 + l->infra_out.n);
	f[SHARED_BOTH_WAYS] = log(1 + fmin(in, out));
	f[SHARED_CALLS_NONE] = out < .5;
	f[SHARED_CALLED_BY_NONE] = in < .5;
	f[SHARED_WEB] = kind[PORT_WEB] / kinds;
	f[SHARED_DATA] = kind[PORT_DATA] / kinds;
	if (l->lesson)
		compare_users(l, m, n, in_n == 0, f);
	f[SHARED_HOME_SIZE] = home != UINT_MAX ? log(l->size[home]) : 0;
	f[SHARED_WIDE] = !l->keep[m];
	f[SHARED_IN_TOP_BREADTH] = f[SHARED_IN_BREADTH] * f[SHARED_IN_TOP];
	f[SHARED_SINK] = f[SHARED_IN_BREADTH] * f[SHARED_CALLS_NONE];
	f[SHARED_DATA_BREADTH] = f[SHARED_IN_BREADTH] * f[SHARED_DATA];
	f[SHARED_TIES] = l->ties.sum > 0 ? log(l->ties.sum + .01) : 0;
	look_clear(l);
}

double *shared_describe(const struct contacts *c, const unsigned *group, const bool *keep,
			const struct lesson *lesson)
{
	struct look l = { .c = c, .group = group, .keep = keep, .lesson = lesson };
	double *f = xcalloc((size_t)c->machine_n * SHARED_FEATURES, sizeof(*f));

	look_init(&l);
	for (unsigned m = 0; m < c->machine_n; m++)
		if (c->g->machine[m].known)
			describe(&l, m, f + (size_t)m * SHARED_FEATURES);
	look_fini(&l);
	return f;
}

double shared_probability(const struct shared_model *m, const double *f)
{
	double z = m->bias;

	for (unsigned i = 0; i < SHARED_FEATURES; i++)
		z += m->weight[i] * f[i];
	return 1 / (1 + exp(-fmax(-30, fmin(30, z))));
}

void shared_first_look(const struct contacts *c, bool *keep)
{
	for (unsigned m = 0; m < c->machine_n; m++) {
		unsigned in = 0, out = 0, last_in = UINT_MAX, last_out = UINT_MAX;

		for (unsigned i = c->machine[m]; i < c->machine[m + 1]; i++) {
			const struct contact *k = &c->contact[c->by_machine[i]];

			if (k->client == m &&
			    (k->steady > ACCIDENT || k->class == PORT_ADMIN)) {
				out += k->server != last_out;
				last_out = k->server;
			} else if (k->client != m && k->steady > ACCIDENT &&
				   k->class != PORT_ADMIN) {
				in += k->client != last_in;
				last_in = k->client;
			}
		}
		keep[m] = c->g->machine[m].known && in <= WIDE && out <= WIDE;
	}
}

/* The story */

static bool calls_for_a_living(enum service s)
{
	switch (s) {
	case SERVICE_MONITORING:
	case SERVICE_BACKUP:
	case SERVICE_SCANNER:
	case SERVICE_JUMP:
	case SERVICE_CI:
	case SERVICE_CONFIG:
	case SERVICE_SCHEDULER:
	case SERVICE_BALANCER:
		return true;
	default:
		return false;
	}
}

static void vote_kind(const struct look *l, const struct port_breadth *p, double *vote)
{
	enum service by_port = p->out ? portbook_caller(p->port) : portbook_server(p->port);
	enum service by_name = portbook_process(l->c->process[p->process]);
	double weight = log(p->breadth > 1 ? p->breadth : 1);

	if (p->out && p->port == 22 && strcmp(l->c->process[p->process], "java") == 0)
		by_name = by_port = SERVICE_CI; /* people do not log in by java */
	if (by_port)
		vote[by_port] += weight;
	if (by_name && (!p->out || calls_for_a_living(by_name)))
		vote[by_name] += weight;
	if (!p->out && portbook_client(l->c->process[p->peer]))
		vote[portbook_client(l->c->process[p->peer])] += weight;
}

static int by_breadth(const void *pa, const void *pb)
{
	const struct port_breadth *a = pa, *b = pb;

	if (a->breadth > b->breadth || a->breadth < b->breadth)
		return a->breadth > b->breadth ? -1 : 1;
	if (a->out != b->out)
		return a->out ? 1 : -1;
	return (a->port > b->port) - (a->port < b->port);
}

static char *reason_of(const struct look *l, struct port_breadth *p, unsigned n)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < n && i < PORTS_TOLD; i++) {
		const char *process = l->c->process[p[i].process];

		if (i && p[i].breadth < fmax(TOLD_LEAST, p[0].breadth / TOLD_PART))
			break;
		buf_printf(&b, "%s%s ", i ? ", " : "", p[i].out ? "calls" : "serves");
		if (p[i].port)
			buf_printf(&b, "%u", p[i].port);
		else
			buf_str(&b, "dynamic");
		buf_printf(&b, "%s%s%s %s %u machine%s of %u group%s", *process ? " (" : "",
			   process, *process ? ")" : "", p[i].out ? "on" : "to", p[i].machines,
			   p[i].machines == 1 ? "" : "s", p[i].groups,
			   p[i].groups == 1 ? "" : "s");
	}
	if (!b.n)
		buf_str(&b, "a person said so");
	return buf_take(&b);
}

struct shared_story shared_tell(const struct contacts *c, const unsigned *group, unsigned m)
{
	bool *keep = xcalloc(c->machine_n, sizeof(*keep));
	struct look l = { .c = c, .group = group, .keep = keep };
	unsigned n, ports = 0;
	double vote[SERVICE_COUNT] = { 0 };
	struct port_breadth *p;
	struct shared_story s = { .kind = SERVICE_PLATFORM };

	l.port = spread_new(c->machine_n);
	l.order = xcalloc(c->machine[m + 1] - c->machine[m], sizeof(*l.order));
	n = order_contacts(&l, m);
	p = xcalloc(n, sizeof(*p));
	for (unsigned i = 0; i < n; ports++) {
		i = port_run(&l, m, i, n, &p[ports]);
		vote_kind(&l, &p[ports], vote);
	}
	qsort(p, ports, sizeof(*p), by_breadth);
	for (int k = SERVICE_NONE + 1; k < SERVICE_COUNT; k++)
		if (vote[k] > vote[s.kind])
			s.kind = (enum service)k;
	s.users = ports ? p[0].groups : 0;
	s.port = ports ? p[0].port : 0;
	s.process = ports ? c->process[p[0].process] : "";
	s.reason = reason_of(&l, p, ports);
	spread_free(&l.port);
	free(l.order);
	free(keep);
	free(p);
	return s;
}
