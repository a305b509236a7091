/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/close.h"
#include "store/count.h"
#include "store/cover.h"
#include "store/host.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/machine.h"
#include "store/priv.h"
#include "store/sensor.h"
#include "store/skew.h"

static const int64_t minute_ms = 60000;
static const int64_t hour_ms = 3600000;
static const int64_t day_ms = 86400000;

enum {
	LATE_DAYS = 7,	   /* older than a spool can be; then its time is not believed */
	EARLY_MINUTES = 5, /* a clock that is ahead */
	KEPT_DAYS = 400,
	SPOILT_SIDE = 60,      /* minutes at each end of a loss */
	SPOILT_MINUTES = 1440, /* by one batch */
	BREAK_MS = 1000,       /* between two COVERs: the sensor was not watching */
};

/* One batch on its way in. */
struct intake {
	struct store *s;
	struct sensor *sensor;
	int64_t received_ms, base_ms;
	int64_t skew_ms; /* what the sensor's clock is ahead of ours */
	struct cover *covers;
	size_t covers_n, covers_cap;
	struct lost *losses;
	size_t losses_n, losses_cap;
	int64_t *minutes; /* whose coverage this batch has changed */
	size_t minutes_n, minutes_cap;
	int64_t seen, quarantined, rejected, lost, overflow, unnamed;
	unsigned spoilt;  /* minutes */
	int64_t degraded; /* of the newest cover; -1: none was among them */
};

/* What became of a record: counted unless it says otherwise. */
enum fate { FATE_COUNTED, FATE_QUARANTINED, FATE_REJECTED };

/* What is above AMOUNT_MAX has stopped to mean anything. */
static int64_t saturated(int64_t a, uint64_t more)
{
	return a + (int64_t)more < (int64_t)AMOUNT_MAX ? a + (int64_t)more
						       : (int64_t)AMOUNT_MAX;
}

/* Times */

static bool plausible(const struct intake *in, int64_t ms)
{
	return ms >= in->received_ms - LATE_DAYS * day_ms &&
	       ms <= in->received_ms + EARLY_MINUTES * minute_ms;
}

/* Rows are kept by time, so a time out of a hat would make as many as anybody likes. */
static bool in_time(const struct intake *in, uint64_t ms)
{
	return ms <= INT64_MAX && plausible(in, (int64_t)ms);
}

/*
 * LAST is kept within the minute, so that the buckets of an edge lie within its life.  A
 * minute of the sensor's is one of ours only where its clock is right: else the one in which
 * FIRST lies.
 */
static void times_of(const struct intake *in, const struct flow *f, struct count_report *r)
{
	int64_t start = (int64_t)f->minute * minute_ms - in->skew_ms;
	int64_t first = f->first_ms <= INT64_MAX ? (int64_t)f->first_ms : INT64_MAX;
	int64_t last = f->last_ms <= INT64_MAX ? (int64_t)f->last_ms : INT64_MAX;

	if (!plausible(in, start)) {
		start = in->received_ms - in->received_ms % minute_ms;
		last = in->received_ms;
	} else if (start % minute_ms) {
		if (first > start)
			start = first < start + minute_ms ? first : start + minute_ms - 1;
		start -= start % minute_ms;
	}
	if (last < start)
		last = start;
	if (last >= start + minute_ms)
		last = start + minute_ms - 1;
	if (first > last)
		first = last;
	if (first < in->received_ms - KEPT_DAYS * day_ms)
		first = in->received_ms - KEPT_DAYS * day_ms;
	if (first < 1000)
		first = last;
	r->minute = start / minute_ms;
	r->first = first / 1000;
	r->last = last / 1000;
}

/*
 * Of a report in two of our minutes, which only a clock that is off can make, the part in the
 * second one, by time; a single connection stays whole.
 */
static bool split(const struct intake *in, const struct flow *f, struct count_report *r,
		  struct count_report *rest)
{
	int64_t start = r->minute * minute_ms, border = start + minute_ms;
	int64_t first = (int64_t)f->first_ms, last = (int64_t)f->last_ms;

	if (in->skew_ms % minute_ms == 0 || f->c.opens == 1 || !in_time(in, f->first_ms) ||
	    !in_time(in, f->last_ms) || first >= border || last <= border ||
	    last >= border + minute_ms)
		return false;
	*rest = *r;
	rest->minute++;
	rest->first = border / 1000;
	rest->last = last / 1000;
	rest->amounts = amount_share(&r->amounts, last - border,
				     last - (first > start ? first : start));
	return true;
}

/* Coverage comes last in a batch and is applied first: then less has to change sides. */

static bool cover_sane(const struct cover *c)
{
	return c->start_ms <= INT64_MAX && c->end_ms >= c->start_ms &&
	       c->end_ms - c->start_ms <= (uint64_t)hour_ms;
}

/* A sensor that looked away tells all its gauges again, so those from before are void. */
static void run_on(struct sensor *x, int64_t start, int64_t end)
{
	if (x->covered_ms && start > x->covered_ms + BREAK_MS)
		x->run++;
	if (end > x->covered_ms)
		x->covered_ms = end;
}

/* A spool begins, or lost something: the sensor is about to tell its gauges anew. */
static void begin_run(struct intake *in)
{
	in->sensor->run++;
	in->sensor->covered_ms = in->base_ms;
}

static int64_t corrected(const struct intake *in, uint64_t ms)
{
	return ms <= INT64_MAX / 2 ? (int64_t)ms - in->skew_ms : INT64_MAX;
}

static void remember_minute(struct intake *in, int64_t minute)
{
	MEM_GROW(in->minutes, in->minutes_n, in->minutes_cap);
	in->minutes[in->minutes_n++] = minute;
}

static unsigned flaws_of(const struct cover *c)
{
	return c->degraded | (c->overflow ? COVER_OVERFLOW : 0u);
}

static int take_cover(struct intake *in, const struct cover *c, struct err *e)
{
	int64_t start = corrected(in, c->start_ms), end = corrected(in, c->end_ms);

	if (!plausible(in, start) || !plausible(in, end))
		return 0;
	run_on(in->sensor, start, end);
	for (int64_t m = start / minute_ms; m * minute_ms < end; m++)
		remember_minute(in, m);
	return cover_add(in->s, in->sensor->id, start, end, flaws_of(c), e);
}

/*
 * What was dropped are whole batches with their covers, so what is left to be spoilt are the
 * minutes at both ends.
 */
static int spoil(struct intake *in, int64_t start, int64_t end, struct err *e)
{
	int64_t first = start / minute_ms, last = (end - 1) / minute_ms;
	int rc = 0;

	if (!plausible(in, start) || !plausible(in, end))
		return 0;
	for (int64_t m = first; m <= last && !rc && in->spoilt < SPOILT_MINUTES; m++) {
		if (m == first + SPOILT_SIDE && last - SPOILT_SIDE > m)
			m = last - SPOILT_SIDE;
		in->spoilt++;
		remember_minute(in, m);
		rc = cover_spoil(in->s, in->sensor->id, m, COVER_LOST, e);
	}
	return rc;
}

/* What is said of the watch itself, by the sensor's clock; FIRST of its times to LAST. */
static void read_covers(struct intake *in, struct cur body, int64_t *base, int64_t *end)
{
	struct wire_reader r;
	struct wire_record rec;

	wire_reader_begin(&r, body);
	*base = *end = r.base_ms <= INT64_MAX / 2 ? (int64_t)r.base_ms : 0;
	while (wire_reader_next(&r, &rec) > 0) {
		if (rec.kind == WIRE_R_LOST) {
			MEM_GROW(in->losses, in->losses_n, in->losses_cap);
			in->losses[in->losses_n++] = rec.lost;
		} else if (rec.kind == WIRE_R_COVER && cover_sane(&rec.cover)) {
			MEM_GROW(in->covers, in->covers_n, in->covers_cap);
			in->covers[in->covers_n++] = rec.cover;
			if ((int64_t)rec.cover.end_ms > *end)
				*end = (int64_t)rec.cover.end_ms;
		}
	}
	wire_reader_fini(&r);
}

/* Whether the minute of a batch that goes back was watched already. */
static int watched_before(struct intake *in, int64_t ms, bool *out, struct err *e)
{
	struct cover_minute c;
	int rc = cover_get(in->s, in->sensor->id, ms / minute_ms, &c, e);

	*out = !rc && c.ms >= minute_ms - BREAK_MS;
	return rc;
}

/* A correction that makes sense of nothing is none. */
static int follow_clock(struct intake *in, bool first, int64_t base, int64_t end,
			const struct ledger_from *from, struct err *e)
{
	struct sensor *x = in->sensor;
	struct skew_batch b = { .first = first,
				.base_ms = base,
				.end_ms = end,
				.received_ms = in->received_ms,
				.told_ms = from->greeted ? from->skew_ms : x->skew.ms };
	int64_t before = x->skew.ms;
	enum skew_change change;
	int rc = 0;

	if (!plausible(in, base - b.told_ms) && plausible(in, base - before))
		b.told_ms = before;
	if (skew_goes_back(&x->skew, base))
		rc = watched_before(in, base - before, &b.again, e);
	if (rc)
		return rc;
	change = skew_follow(&x->skew, &b);
	if (change == SKEW_REFINED)
		x->covered_ms += before - x->skew.ms;
	x->jumps += change == SKEW_STEPPED;
	in->skew_ms = x->skew.ms;
	if (!plausible(in, base - in->skew_ms) && plausible(in, base))
		in->skew_ms = 0;
	return 0;
}

static int take_covers(struct intake *in, const struct wire_batch *batch,
		       const struct ledger_from *from, struct err *e)
{
	bool first = batch->sequence == 1;
	int64_t base, end;
	int rc;

	read_covers(in, batch->body, &base, &end);
	rc = follow_clock(in, first, base, end, from, e);
	if (rc)
		return rc;
	in->base_ms = plausible(in, base - in->skew_ms) ? base - in->skew_ms : in->received_ms;
	if (first || in->losses_n)
		begin_run(in);
	for (size_t i = 0; i < in->losses_n && !rc; i++)
		rc = spoil(in, corrected(in, in->losses[i].start_ms),
			   corrected(in, in->losses[i].end_ms), e);
	for (size_t i = 0; i < in->covers_n && !rc; i++)
		rc = take_cover(in, &in->covers[i], e);
	return rc;
}

/* Flows */

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

	return !x->host || f->witness == side || addr_is_loopback(a) || sensor_owns(x, a);
}

static int endpoint_of(struct intake *in, const struct flow *f, enum witness side,
		       struct endpoint **out, struct err *e)
{
	const struct addr *a = side == WITNESS_CLIENT ? &f->client : &f->server;
	const struct sensor *x = in->sensor;
	bool inside = stays_inside(x, f);
	bool own = f->witness == side || addr_is_loopback(a) || inside;
	int64_t realm = 0;
	int rc;

	if (addr_is_scoped(a) || inside)
		realm = x->machine ? dict_realm_machine(x->machine) : dict_realm_sensor(x->id);
	rc = dict_endpoint(in->s, realm, a, out, e);
	if (rc || realm <= 0 || !own)
		return rc;
	return machine_lease(in->s, *out, x->machine, in->base_ms, e);
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
	rc = dict_process(in->s, p, out, e);
	return rc ? rc : dict_detail(in->s, endpoint, *out, p, DICT_LATEST, e);
}

/* The conversation that F is of, and the claim that it is, paired. */
static int claim_of(struct intake *in, const struct flow *f, struct conv **v, struct claim **c,
		    struct err *e)
{
	struct claim w = { .origin = in->sensor->id, .witnesses = 1u << f->witness };
	struct endpoint *client = NULL, *server = NULL;
	struct conv_key key;
	int rc = endpoint_of(in, f, WITNESS_CLIENT, &client, e);

	if (!rc)
		rc = endpoint_of(in, f, WITNESS_SERVER, &server, e);
	if (!rc)
		rc = process_of(in, f, WITNESS_CLIENT, client->id, &w.process[PAIR_CLIENT], e);
	if (!rc)
		rc = process_of(in, f, WITNESS_SERVER, server->id, &w.process[PAIR_SERVER], e);
	if (rc)
		return rc;
	key = conv_key(client, server, f->scope, f->port, f->proto);
	rc = conv_get(in->s, &key, v, e);
	return rc ? rc : conv_claim(in->s, *v, &w, c, e);
}

/* True if a gauge has changed.  What only helps to pair is written when the minute is over. */
static bool gauge(struct claim *c, const struct flow *f, int64_t run)
{
	bool same = c->run == run && c->live == f->live && c->pending == f->pending;

	c->unsaved |= f->c.opens || f->samples_n;
	c->run = run;
	c->live = f->live;
	c->pending = f->pending;
	c->opens += f->c.opens;
	for (unsigned i = 0; i < f->samples_n; i++)
		conv_remember_port(c, f->samples[i].client_port);
	return !same;
}

static int take_flow(struct intake *in, const struct flow *f, enum fate *fate, struct err *e)
{
	struct count_report r = { .amounts = amount_of(&f->c) }, rest;
	struct claim *c;
	struct conv *v;
	bool pair, save;
	int rc;

	if (!flow_sane(f))
		*fate = FATE_REJECTED;
	else if (!may_say(in->sensor, f))
		*fate = FATE_QUARANTINED;
	if (*fate != FATE_COUNTED)
		return 0;
	times_of(in, f, &r);
	rc = claim_of(in, f, &v, &c, e);
	if (rc < 0)
		return rc;
	pair = rc > 0 || (f->samples_n && edge_guessed(v));
	save = gauge(c, f, in->sensor->run);
	if (pair)
		rc = edge_pair(in->s, v, e);
	if (rc >= 0 && save)
		rc = conv_save(in->s, c, e);
	if (rc >= 0 && split(in, f, &r, &rest))
		rc = count_add(in->s, v, c, &rest, e);
	return rc < 0 ? rc : count_add(in->s, v, c, &r, e);
}

/* Machines, listeners, losses */

/*
 * A machine that another sensor speaks for is taken over when that one is revoked or silent
 * (it was installed again); else this is a clone.
 */
static int owned_by_another(struct intake *in, int64_t machine, bool *out, struct err *e)
{
	int64_t sensor;
	int rc = machine_sensor(in->s, machine, &sensor, e);

	*out = false;
	if (rc || !sensor || sensor == in->sensor->id)
		return rc;
	return machine_heard(in->s, machine, in->received_ms, out, e);
}

static int take_machine(struct intake *in, const struct machine *m, enum fate *fate,
			struct err *e)
{
	struct sensor *x = in->sensor;
	char ident[NAME_LEN + 1];
	int64_t id;
	bool other;
	int rc = machine_make(in->s, dict_clean(m->id, ident, sizeof(ident)), &id, e);

	if (!rc)
		rc = owned_by_another(in, id, &other, e);
	if (rc)
		return rc;
	if (other) {
		*fate = FATE_QUARANTINED;
		return 0;
	}
	if (x->host)
		rc = sensor_bind(in->s, x, id, e);
	if (!rc)
		rc = machine_describe(in->s, id, m, in->base_ms, e);
	if (!rc)
		rc = host_inventory(in->s, id, m->extra, e);
	return rc ? rc : sensor_reload(in->s, x, e);
}

static int put_listener(struct intake *in, const struct listener *l, int64_t process,
			struct err *e)
{
	static const struct process unknown = { "", "", "", "", "", "" };
	const struct process *p = l->process ? l->process : &unknown;
	char exe[PATH_LEN + 1], user[NAME_LEN + 1], app[PATH_LEN + 1];

	return db_run(
		in->s, e,
		"INSERT INTO listener VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?9, ?9) ON CONFLICT "
		"DO UPDATE SET exe = excluded.exe, user = excluded.user, "
		"app = excluded.app, last_ms = max(last_ms, excluded.last_ms)",
		DB(I(in->sensor->machine), I(l->port), I(l->proto), A(&l->addr), I(process),
		   T(dict_clean(p->exe, exe, sizeof(exe))),
		   T(dict_clean(p->user, user, sizeof(user))),
		   T(dict_clean(p->app, app, sizeof(app))), I(in->base_ms)));
}

static int take_listener(struct intake *in, const struct listener *l, enum fate *fate,
			 struct err *e)
{
	int64_t process;
	int rc;

	if (!in->sensor->machine) {
		*fate = FATE_QUARANTINED;
		return 0;
	}
	rc = dict_process(in->s, l->process, &process, e);
	return rc ? rc : put_listener(in, l, process, e);
}

static int take_lost(struct intake *in, const struct lost *l, enum fate *fate, struct err *e)
{
	if (l->records > AMOUNT_MAX || l->start_ms > INT64_MAX || l->end_ms > INT64_MAX) {
		*fate = FATE_REJECTED;
		return 0;
	}
	in->lost = saturated(in->lost, l->records);
	return db_run(in->s, e,
		      "INSERT INTO gap(sensor, start_ms, end_ms, records) VALUES(?, ?, ?, ?)",
		      DB(I(in->sensor->id), I(l->start_ms), I(l->end_ms), I(l->records)));
}

/* What it covers is applied already. */
static void see_cover(struct intake *in, const struct cover *c, enum fate *fate)
{
	if (!cover_sane(c) || c->overflow > AMOUNT_MAX || c->unnamed > AMOUNT_MAX) {
		*fate = FATE_REJECTED;
		return;
	}
	in->overflow = saturated(in->overflow, c->overflow);
	in->unnamed = saturated(in->unnamed, c->unnamed);
	in->degraded = c->degraded;
}

static int take(struct intake *in, const struct wire_record *rec, struct err *e)
{
	enum fate fate = FATE_COUNTED;
	bool good = true;
	int rc = 0;

	switch (rec->kind) {
	case WIRE_R_FLOW:
		rc = take_flow(in, &rec->flow, &fate, e);
		break;
	case WIRE_R_LISTENER:
		rc = take_listener(in, &rec->listener, &fate, e);
		break;
	case WIRE_R_MACHINE:
		rc = take_machine(in, &rec->machine, &fate, e);
		break;
	case WIRE_R_COVER:
		see_cover(in, &rec->cover, &fate);
		break;
	case WIRE_R_LOST:
		rc = take_lost(in, &rec->lost, &fate, e);
		break;
	case WIRE_R_CAPTURE:
		good = in_time(in, rec->capture.start_ms);
		if (good)
			rc = host_capture(in->s, in->sensor, &rec->capture, &good, e);
		break;
	case WIRE_R_USAGE:
		good = in_time(in, rec->usage.start_ms);
		if (good)
			rc = host_usage(in->s, in->sensor, &rec->usage, &good, e);
		break;
	case WIRE_R_TRANSLATION:
		rc = host_translation(in->s, in->sensor, &rec->translation, &good, e);
		break;
	case WIRE_R_PROCESS:
		break;
	}
	if (!good)
		fate = FATE_REJECTED;
	in->seen++;
	in->quarantined += fate == FATE_QUARANTINED;
	in->rejected += fate == FATE_REJECTED;
	return rc;
}

/* After a record that makes no sense the rest cannot be read: it is rejected, all of it. */
static int take_records(struct intake *in, const struct wire_batch *b, struct err *e)
{
	struct wire_reader r;
	struct wire_record rec;
	int rc = 0, got;

	wire_reader_begin(&r, b->body);
	r.base_ms -=
		(uint64_t)in->skew_ms; /* all times but a flow's minute are told from it */
	while ((got = wire_reader_next(&r, &rec)) > 0 && !rc)
		rc = take(in, &rec, e);
	in->seen += r.process_n;
	wire_reader_fini(&r);
	if (!rc && got < 0) {
		int64_t rest = (int64_t)b->records - in->seen;

		rest = rest > 0 ? rest : 1;
		rest = rest < WIRE_BODY_MAX ? rest
					    : WIRE_BODY_MAX; /* it claims more than it holds */
		in->rejected += rest;
		in->seen += rest;
	}
	return rc;
}

static int by_minute(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int settle_minutes(struct intake *in, struct err *e)
{
	int rc = 0;

	if (in->minutes_n)
		qsort(in->minutes, in->minutes_n, sizeof(*in->minutes), by_minute);
	for (size_t i = 0; i < in->minutes_n && !rc; i++)
		if (i == 0 || in->minutes[i] != in->minutes[i - 1])
			rc = count_covered(in->s, in->sensor->id, in->minutes[i], e);
	return rc;
}

static int account(struct intake *in, const struct wire_batch *b, struct err *e)
{
	const struct sensor *x = in->sensor;
	int rc = db_run(in->s, e,
			"INSERT INTO position VALUES(?, ?, ?) "
			"ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
			DB(I(x->id), I(b->epoch), I(b->sequence)));

	if (rc)
		return rc;
	return db_run(in->s, e,
		      "UPDATE sensor SET last_ms = max(last_ms, ?), covered_ms = ?, run = ?, "
		      "skew_ms = ?, clock_base_ms = ?, clock_end_ms = ?, clock_jumps = ?, "
		      "records = records + ?, quarantined = quarantined + ?, "
		      "rejected = rejected + ?, lost = min(lost + ?, 9007199254740992), "
		      "overflow = min(overflow + ?, 9007199254740992), "
		      "unnamed = min(unnamed + ?, 9007199254740992), "
		      "degraded = iif(? < 0, degraded, ?) WHERE id = ?",
		      DB(I(in->received_ms), I(x->covered_ms), I(x->run), I(x->skew.ms),
			 I(x->skew.base_ms), I(x->skew.end_ms), I(x->jumps),
			 I(in->seen - in->quarantined - in->rejected), I(in->quarantined),
			 I(in->rejected), I(in->lost), I(in->overflow), I(in->unnamed),
			 I(in->degraded), I(in->degraded), I(x->id)));
}

static int position_of(struct store *s, int64_t sensor, uint64_t epoch, uint64_t *sequence,
		       struct err *e)
{
	int64_t v = 0;
	int rc = db_int(s, e, &v,
			"SELECT sequence FROM position WHERE sensor = ? AND epoch = ?",
			DB(I(sensor), I(epoch)));

	*sequence = (uint64_t)v;
	return rc < 0 ? rc : 0;
}

int ledger_resume(struct store *s, const char *sensor, uint64_t epoch, uint64_t *sequence,
		  struct err *e)
{
	int64_t id;
	int rc = db_int(s, e, &id, "SELECT id FROM sensor WHERE name = ?", DB(T(sensor)));

	*sequence = 0;
	return rc <= 0 ? rc : position_of(s, id, epoch, sequence, e);
}

static int apply(struct intake *in, const struct wire_batch *b, const struct ledger_from *from,
		 struct err *e)
{
	int rc = take_covers(in, b, from, e);

	if (!rc)
		rc = take_records(in, b, e);
	if (!rc)
		rc = settle_minutes(in, e);
	return rc ? rc : account(in, b, e);
}

int ledger_apply(struct store *s, const char *sensor, const struct wire_batch *batch,
		 const struct ledger_from *from, enum ledger_verdict *out, struct err *e)
{
	struct intake in = { .s = s,
			     .received_ms = (int64_t)from->received_ms,
			     .degraded = -1 };
	uint64_t sequence;
	int rc = close_begin(s, e);

	if (!rc)
		rc = sensor_get(s, sensor, in.received_ms, &in.sensor, e);
	if (!rc)
		rc = position_of(s, in.sensor->id, batch->epoch, &sequence, e);
	if (rc)
		return rc;
	*out = batch->sequence <= sequence ? LEDGER_KNOWN : LEDGER_GAP;
	if (batch->sequence != sequence + 1)
		return 0;
	*out = LEDGER_APPLIED;
	rc = apply(&in, batch, from, e);
	free(in.minutes);
	free(in.covers);
	free(in.losses);
	return rc;
}
