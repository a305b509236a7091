/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/sensor_change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/estate.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "store/audit.h"
#include "store/purge.h"
#include "store/realm.h"

static int status_of(int rc)
{
	return rc == -ENOENT || rc == -EPERM || rc == -EINVAL ? EXITS_NONE : EXITS_UNREACHED;
}

static void progress(const struct purge_done *d, bool end)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRIu64 " minutes, %" PRIu64 " edges%s", d->minutes,
			d->edges, end ? "\n" : "");
}

static int run(struct purge *p, struct purge_done *d, struct err *e)
{
	int rc;

	while ((rc = purge_step(p, d, e)) > 0 || rc == -EBUSY)
		progress(d, false);
	progress(d, true);
	return rc;
}

static void tell(const char *sensor, const struct purge_done *d)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT];

	estate_say("%s: %s row%s of minutes and %s edge%s are gone", sensor,
		   number_text(d->minutes, a), number_plural(d->minutes),
		   number_text(d->edges, b), number_plural(d->edges));
	if (d->shared)
		estate_say("of %s edge%s that others saw too, sums of what is older than the "
			   "minutes that are kept hold its part",
			   number_text(d->shared, c), number_plural(d->shared));
}

int sensor_purge(const char *dir, const char *sensor, int64_t since, bool quiet)
{
	const char *who = estate_author();
	struct purge_done done = { 0 };
	struct err e = { 0 };
	struct store *s = estate_open(dir, STORE_WRITE, &e);
	struct purge *p = s ? purge_begin(s, sensor, since, &e) : NULL;
	int rc = p ? audit_add(s, clock_ms(), who, "sensor purge", sensor, &e) : e.code;

	if (!rc)
		rc = run(p, &done, &e);
	if (rc)
		estate_say("%s", e.msg);
	else if (!quiet)
		tell(sensor, &done);
	purge_end(p);
	store_close(s);
	return rc ? status_of(rc) : EXITS_OK;
}

/* The change and its row in the audit come together or not at all. */
static int change_realm(struct store *s, const char *who, const char *sensor, const char *name,
			struct err *e)
{
	char *detail = xasprintf("%s to %s", sensor, name);
	int rc = store_begin(s, e);

	if (!rc) {
		rc = realm_sensor(s, sensor, name, e);
		if (!rc)
			rc = audit_add(s, clock_ms(), who, "sensor realm", detail, e);
		if (!rc)
			rc = store_commit(s, e);
		if (rc)
			store_rollback(s);
	}
	free(detail);
	return rc;
}

int sensor_realm(const char *dir, const char *sensor, const char *name, bool quiet)
{
	const char *who = estate_author();
	struct err e = { 0 };
	struct store *s = estate_open(dir, STORE_WRITE, &e);
	int rc = s ? change_realm(s, who, sensor, name, &e) : e.code;

	if (rc)
		estate_say("%s", e.msg);
	else if (!quiet)
		estate_say("%s sees the realm %s from now on", sensor, name);
	store_close(s);
	return rc ? status_of(rc) : EXITS_OK;
}
