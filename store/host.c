/* SPDX-License-Identifier: Apache-2.0 */
#include "store/host.h"

#include <string.h>

#include "common/buf.h"
#include "common/exchange.h"
#include "common/json.h"
#include "store/amount.h"
#include "store/db.h"
#include "store/dict.h"

enum { MINUTE_MS = 60000, SLOT_MS = 600000, HOUR_MS = 3600000 };

static const uint64_t largest = 1ull << 53;

static bool span_good(uint64_t start_ms, uint64_t end_ms, uint64_t longest_ms)
{
	return end_ms >= start_ms && end_ms <= INT64_MAX && end_ms - start_ms <= longest_ms;
}

/* Namespaces come and go with containers: a sensor has a number of rows, no more. */
static int namespace_row(struct store *s, const struct sensor *x, uint32_t netns, int64_t *row,
			 struct err *e)
{
	int64_t n = 0, known = 0;
	int rc = db_int(s, e, &known,
			"SELECT count(*) FROM capture WHERE sensor = ? AND netns = ?",
			DB(I(x->id), I(netns)));

	*row = netns;
	if (rc < 0 || known)
		return rc < 0 ? rc : 0;
	rc = db_int(s, e, &n, "SELECT count(*) FROM capture WHERE sensor = ?", DB(I(x->id)));
	if (n >= HOST_NAMESPACES)
		*row = 0;
	return rc < 0 ? rc : 0;
}

static int add_total(struct store *s, const struct sensor *x, const struct capture *c,
		     struct err *e)
{
	int64_t netns;
	int rc = namespace_row(s, x, c->netns, &netns, e);

	if (rc)
		return rc;
	return db_run(
		s, e,
		"INSERT INTO capture VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
		"first_ms = min(first_ms, excluded.first_ms), "
		"last_ms = max(last_ms, excluded.last_ms), "
		"active_seen = active_seen + excluded.active_seen, "
		"active_kernel = active_kernel + excluded.active_kernel, "
		"passive_seen = passive_seen + excluded.passive_seen, "
		"passive_kernel = passive_kernel + excluded.passive_kernel",
		DB(I(x->id), I(netns), I(c->start_ms), I(c->end_ms), I(c->active_seen),
		   I(c->active_kernel), I(c->passive_seen), I(c->passive_kernel)));
}

int host_capture(struct store *s, const struct sensor *x, const struct capture *c, bool *good,
		 struct err *e)
{
	int rc;

	*good = span_good(c->start_ms, c->end_ms, HOUR_MS) && c->active_seen < largest >> 20 &&
		c->active_kernel < largest >> 20 && c->passive_seen < largest >> 20 &&
		c->passive_kernel < largest >> 20;
	if (!*good)
		return 0;
	rc = add_total(s, x, c, e);
	if (rc)
		return rc;
	return db_run(
		s, e,
		"INSERT INTO capture_hour VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
		"active_seen = active_seen + excluded.active_seen, "
		"active_kernel = active_kernel + excluded.active_kernel, "
		"passive_seen = passive_seen + excluded.passive_seen, "
		"passive_kernel = passive_kernel + excluded.passive_kernel",
		DB(I(c->start_ms / HOUR_MS), I(x->id), I(c->active_seen), I(c->active_kernel),
		   I(c->passive_seen), I(c->passive_kernel)));
}

/* A device that is new is a name that is. */
static int has_quota(struct store *s, struct sensor *x, const struct usage *u,
		     const char *device, bool *left, struct err *e)
{
	int rc = db_any(s, e, left,
			"SELECT 1 FROM usage WHERE machine = ? AND metric = ? AND device = ? "
			"LIMIT 1",
			DB(I(x->machine), I(u->metric), T(device)));

	if (rc || *left)
		return rc;
	*left = quota_left(&x->quota, x->host, QUOTA_NAMES);
	if (*left)
		quota_spend(&x->quota, QUOTA_NAMES);
	return 0;
}

/* Two of one minute are one, or a sensor could fill a disk with them. */
int host_usage(struct store *s, struct sensor *x, const struct usage *u, enum host_fate *fate,
	       struct err *e)
{
	char device[NAME_LEN + 1];
	bool left;
	int rc;

	*fate = HOST_REJECTED;
	if (!x->machine || !span_good(u->start_ms, u->end_ms, SLOT_MS) || !u->samples ||
	    u->samples >= largest || u->mean > u->max || u->max >= largest)
		return 0;
	dict_clean(u->device, device, sizeof(device));
	rc = has_quota(s, x, u, device, &left, e);
	*fate = left ? HOST_TAKEN : HOST_FOLDED;
	if (rc || !left)
		return rc;
	return db_run(s, e, "INSERT OR REPLACE INTO usage VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		      DB(I(x->machine), I(u->metric), T(device),
			 I(u->start_ms - u->start_ms % MINUTE_MS), I(u->end_ms), I(u->samples),
			 I(u->mean), I(u->max)));
}

static int has_room(struct store *s, const struct sensor *x, const struct translation *t,
		    bool *room, struct err *e)
{
	int64_t n = 0;
	int rc = db_int(s, e, &n,
			"SELECT count(*) FROM translation WHERE sensor = ? AND proto = ? AND "
			"client = ? AND client_seen = ? AND seen = ? AND seen_port = ? AND "
			"server = ? AND port = ?",
			DB(I(x->id), I(t->proto), A(&t->client), A(&t->client_seen),
			   A(&t->seen), I(t->seen_port), A(&t->server), I(t->port)));

	*room = n > 0;
	if (rc < 0 || *room)
		return rc < 0 ? rc : 0;
	rc = db_int(s, e, &n, "SELECT count(*) FROM translation WHERE sensor = ?",
		    DB(I(x->id)));
	*room = n < HOST_TRANSLATIONS;
	return rc < 0 ? rc : 0;
}

int host_translation(struct store *s, const struct sensor *x, const struct translation *t,
		     bool *good, struct err *e)
{
	int rc = 0;

	*good = span_good(t->first_ms, t->last_ms, INT64_MAX) && t->opens < largest >> 20;
	if (*good)
		rc = has_room(s, x, t, good, e);
	if (rc || !*good)
		return rc;
	return db_run(
		s, e,
		"INSERT INTO translation VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		"ON CONFLICT DO UPDATE SET first_ms = min(first_ms, excluded.first_ms), "
		"last_ms = max(last_ms, excluded.last_ms), opens = opens + excluded.opens",
		DB(I(x->id), I(t->proto), A(&t->client), A(&t->client_seen), A(&t->seen),
		   I(t->seen_port), A(&t->server), I(t->port), I(t->first_ms), I(t->last_ms),
		   I(t->opens)));
}

/* An inventory says what a machine is made of, not who it is or how well it is watched. */
static bool is_reserved(const void *ctx, const char *key)
{
	return exchange_is_machine_key(ctx, key) || exchange_is_watch_key(ctx, key);
}

static bool is_object(const char *text)
{
	struct json_in in = json_from(text, strlen(text));
	struct buf nowhere = { 0 };
	struct json j = json_to(&nowhere);
	bool good = json_peek(&in) == JSON_OBJECT && json_copy(&in, &j) && json_at_end(&in);

	buf_fini(&nowhere);
	return good;
}

/* Written again by our own writer, so that nothing in it is anything but clean JSON. */
int host_inventory(struct store *s, int64_t machine, const char *text, struct err *e)
{
	struct buf clean = { 0 };
	struct json j = json_to(&clean);
	int rc;

	if (!is_object(text))
		return 0;
	json_open(&j, '{');
	exchange_write_some(&j, text, is_reserved, NULL);
	json_close(&j, '}');
	rc = db_run(s, e,
		    "UPDATE machine SET inventory = ?1 WHERE id = ?2 AND inventory != ?1",
		    DB(T(buf_cstr(&clean)), I(machine)));
	buf_fini(&clean);
	return rc;
}
