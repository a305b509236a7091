/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire_record.h"
#include "store/close.h"
#include "store/count.h"
#include "store/cover.h"
#include "store/host.h"
#include "store/intake.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/machine.h"
#include "store/mark.h"
#include "store/nat.h"
#include "store/priv.h"
#include "store/rejoin.h"
#include "store/sensor.h"
#include "store/skew.h"

/* What is above AMOUNT_MAX has stopped to mean anything. */
static int64_t saturated(int64_t a, uint64_t more)
{
	return a + (int64_t)more < (int64_t)AMOUNT_MAX ? a + (int64_t)more
						       : (int64_t)AMOUNT_MAX;
}

/* Machines, listeners, losses */

/*
 * A machine that another sensor speaks for stays with that one until it is revoked or a person
 * decides (roster_allow): whoever comes later is a clone, a thief, or was installed anew.
 */
static int owned_by_another(struct intake *in, int64_t machine, bool *out, struct err *e)
{
	int64_t sensor;
	int rc = machine_sensor(in->s, machine, &sensor, e);

	*out = false;
	if (rc || !sensor || sensor == in->sensor->id)
		return rc;
	return machine_held(in->s, machine, out, e);
}

/* What a person is to decide about; 0 for nothing. */
static int put_claim(struct intake *in, int64_t machine, struct err *e)
{
	return db_run(in->s, e, "UPDATE sensor SET claims = ?1 WHERE id = ?2 AND claims != ?1",
		      DB(I(machine), I(in->sensor->id)));
}

/* One that nobody has heard of is within the sensor's quota, or not made. */
static int machine_of(struct intake *in, const char *ident, int64_t *id, enum fate *fate,
		      struct err *e)
{
	struct sensor *x = in->sensor;
	int rc = machine_find(in->s, ident, id, e);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!quota_left(&x->quota, x->host, QUOTA_NAMES)) {
		in->folded++;
		*fate = FATE_QUARANTINED;
		return 0;
	}
	quota_spend(&x->quota, QUOTA_NAMES);
	return machine_make(in->s, ident, id, e);
}

static int take_machine(struct intake *in, const struct machine *m, enum fate *fate,
			struct err *e)
{
	struct sensor *x = in->sensor;
	char ident[NAME_LEN + 1];
	int64_t id;
	bool other;
	int rc;

	if (x->flow) {
		*fate = FATE_QUARANTINED;
		return 0;
	}
	rc = machine_of(in, dict_clean(m->id, ident, sizeof(ident)), &id, fate, e);
	if (!rc && *fate == FATE_COUNTED)
		rc = owned_by_another(in, id, &other, e);
	if (rc || *fate != FATE_COUNTED)
		return rc;
	if (x->host)
		rc = put_claim(in, other ? id : 0, e);
	if (rc)
		return rc;
	if (other) {
		*fate = FATE_QUARANTINED;
		return 0;
	}
	if (x->host)
		rc = sensor_bind(in->s, x, id, e);
	if (!rc)
		rc = machine_describe(in->s, id, x->realm, m, in->base_ms, e);
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

static int is_known_listener(struct intake *in, const struct listener *l, int64_t process,
			     bool *out, struct err *e)
{
	return db_any(
		in->s, e, out,
		"SELECT 1 FROM listener WHERE machine = ? AND port = ? AND proto = ? "
		"AND address = ? AND process = ?",
		DB(I(in->sensor->machine), I(l->port), I(l->proto), A(&l->addr), I(process)));
}

static int take_listener(struct intake *in, const struct listener *l, enum fate *fate,
			 struct err *e)
{
	struct quota *q = &in->sensor->quota;
	int64_t process;
	bool known;
	int rc;

	if (!in->sensor->machine) {
		*fate = FATE_QUARANTINED;
		return 0;
	}
	rc = intake_process(in, l->process, &process, e);
	if (!rc)
		rc = is_known_listener(in, l, process, &known, e);
	if (rc)
		return rc;
	if (!known && !quota_left(q, in->sensor->host, QUOTA_EDGES)) {
		in->folded++;
		return 0;
	}
	if (!known)
		quota_spend(q, QUOTA_EDGES);
	return put_listener(in, l, process, e);
}

/* The newest one of the sensor becomes wider, if it is no further than that from L. */
static int widen_gap(struct intake *in, const struct lost *l, int64_t away_ms, bool *done,
		     struct err *e)
{
	int rc = db_run(
		in->s, e,
		"UPDATE gap SET start_ms = min(start_ms, ?1), end_ms = max(end_ms, ?2), "
		"records = min(records + ?3, 9007199254740992) WHERE id = "
		"(SELECT id FROM gap WHERE sensor = ?4 ORDER BY id DESC LIMIT 1) "
		"AND end_ms + ?5 >= ?1 AND start_ms - ?5 <= ?2",
		DB(I(l->start_ms), I(l->end_ms), I(l->records), I(in->sensor->id),
		   I(away_ms)));

	*done = !rc && sqlite3_changes(in->s->db) > 0;
	return rc;
}

/* AFTER_MS: widened as well where it lies no further from the newest one; -1: does not. */
static int put_gap(struct intake *in, const struct lost *l, int64_t after_ms, struct err *e)
{
	struct quota *q = &in->sensor->quota;
	bool done = false;
	int rc = 0;

	if (!quota_left(q, in->sensor->host, QUOTA_EDGES))
		rc = widen_gap(in, l, INT64_MAX / 2, &done, e);
	else if (after_ms >= 0)
		rc = widen_gap(in, l, after_ms, &done, e);
	if (rc || done)
		return rc;
	quota_spend(q, QUOTA_EDGES);
	return db_run(in->s, e,
		      "INSERT INTO gap(sensor, start_ms, end_ms, records) VALUES(?, ?, ?, ?)",
		      DB(I(in->sensor->id), I(l->start_ms), I(l->end_ms), I(l->records)));
}

static int take_lost(struct intake *in, const struct lost *l, enum fate *fate, struct err *e)
{
	if (l->records > AMOUNT_MAX || l->start_ms > INT64_MAX || l->end_ms > INT64_MAX) {
		*fate = FATE_REJECTED;
		return 0;
	}
	in->lost = saturated(in->lost, l->records);
	return put_gap(in, l, -1, e);
}

/* What came too late is a gap, as if its sensor had not kept it; batch after batch the same.
 */
static int account_late(struct intake *in, struct err *e)
{
	int rc;

	if (!in->late.records)
		return 0;
	in->lost = saturated(in->lost, in->late.records);
	rc = mark_add(in->s, MARK_LATE, (int64_t)in->late.records, e);
	return rc ? rc : put_gap(in, &in->late, INTAKE_MINUTE_MS, e);
}

/* What it covers is applied already. */
static void see_cover(struct intake *in, const struct cover *c, enum fate *fate)
{
	if (!intake_cover_sane(c) || c->overflow > AMOUNT_MAX || c->unnamed > AMOUNT_MAX) {
		*fate = FATE_REJECTED;
		return;
	}
	in->overflow = saturated(in->overflow, c->overflow);
	in->unnamed = saturated(in->unnamed, c->unnamed);
	in->degraded = c->degraded;
}

static int take_translation(struct intake *in, struct translation *t, enum fate *fate,
			    struct err *e)
{
	enum nat_right right = nat_right(in->sensor, t);
	struct nat_rule *r;
	bool good = intake_in_time(in, t->first_ms) && intake_in_time(in, t->last_ms), fresh;
	int rc = intake_fold(in, &t->client, e);

	if (!rc)
		rc = intake_fold(in, &t->client_seen, e);
	if (rc)
		return rc;
	if (right == NAT_FORGED)
		*fate = FATE_QUARANTINED;
	else if (good)
		rc = host_translation(in->s, in->sensor, t, &good, e);
	if (!good)
		*fate = FATE_REJECTED;
	if (rc || right != NAT_RULE || !good)
		return rc;
	rc = nat_learn(in->s, in->sensor, t, &r, &fresh, e);
	if (!rc && r && fresh)
		rc = rejoin_past(in->s, r, e);
	return rc || !r ? rc : rejoin_told(in->s, in->sensor, t, r, e);
}

static int take_usage(struct intake *in, const struct usage *u, enum fate *fate, struct err *e)
{
	enum host_fate got = HOST_REJECTED;
	int rc = intake_in_time(in, u->start_ms) ? host_usage(in->s, in->sensor, u, &got, e)
						 : 0;

	in->folded += got == HOST_FOLDED;
	if (got == HOST_REJECTED)
		*fate = FATE_REJECTED;
	return rc;
}

static int take(struct intake *in, struct wire_record *rec, struct err *e)
{
	enum fate fate = FATE_COUNTED;
	bool good = true;
	int rc = 0;

	switch (rec->kind) {
	case WIRE_R_FLOW:
		rc = intake_flow(in, &rec->flow, &fate, e);
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
		good = intake_in_time(in, rec->capture.start_ms);
		if (good)
			rc = host_capture(in->s, in->sensor, &rec->capture, &good, e);
		break;
	case WIRE_R_USAGE:
		rc = take_usage(in, &rec->usage, &fate, e);
		break;
	case WIRE_R_TRANSLATION:
		rc = take_translation(in, &rec->translation, &fate, e);
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

/*
 * After a record that makes no sense the rest cannot be read: it is rejected, all of it.  So
 * are kinds that nobody knows here, and what was announced and is not there.
 */
static int take_records(struct intake *in, const struct wire_batch *b, struct err *e)
{
	struct wire_reader r;
	struct wire_record rec;
	int64_t rest;
	int rc = 0, got;

	wire_reader_begin(&r, b->body);
	r.base_ms -=
		(uint64_t)in->skew_ms; /* all times but a flow's minute are told from it */
	while ((got = wire_reader_next(&r, &rec)) > 0 && !rc)
		rc = take(in, &rec, e);
	in->seen += r.process_n;
	wire_reader_fini(&r);
	rest = (int64_t)b->records - in->seen;
	if (rest < (got < 0))
		rest = got < 0;
	if (rest > WIRE_BODY_MAX) /* it claims more than it holds */
		rest = WIRE_BODY_MAX;
	in->rejected += rest;
	in->seen += rest;
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
	return db_run(
		in->s, e,
		"UPDATE sensor SET last_ms = max(last_ms, ?), covered_ms = ?, run = ?, "
		"skew_ms = ?, clock_base_ms = ?, clock_end_ms = ?, clock_jumps = ?, "
		"records = records + ?, quarantined = quarantined + ?, "
		"rejected = rejected + ?, lost = min(lost + ?, 9007199254740992), "
		"overflow = min(overflow + ?, 9007199254740992), "
		"unnamed = min(unnamed + ?, 9007199254740992), "
		"quota_hour = ?, quota_edges = ?, quota_names = ?, "
		"folded = min(folded + ?, 9007199254740992), "
		"degraded = iif(? < 0, degraded, ?) WHERE id = ?",
		DB(I(in->received_ms), I(x->covered_ms), I(x->run), I(x->skew.ms),
		   I(x->skew.base_ms), I(x->skew.end_ms), I(x->jumps),
		   I(in->seen - in->quarantined - in->rejected - (int64_t)in->late.records),
		   I(in->quarantined), I(in->rejected), I(in->lost), I(in->overflow),
		   I(in->unnamed), I(x->quota.hour), I(x->quota.used[QUOTA_EDGES]),
		   I(x->quota.used[QUOTA_NAMES]), I(in->folded), I(in->degraded),
		   I(in->degraded), I(x->id)));
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
	int rc = intake_watch(in, b, from, e);

	if (!rc)
		rc = take_records(in, b, e);
	if (!rc)
		rc = settle_minutes(in, e);
	if (!rc)
		rc = account_late(in, e);
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
	quota_turn(&in.sensor->quota, in.received_ms);
	rc = apply(&in, batch, from, e);
	free(in.minutes);
	free(in.covers);
	free(in.losses);
	return rc;
}
