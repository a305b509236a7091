/* SPDX-License-Identifier: Apache-2.0 */
#include "store/examine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/mem.h"
#include "store/judge.h"

enum { STRANGERS = 5, CONTESTED = 3 };

struct examination {
	struct store *store;
	examine_fn *fn;
	void *ctx;
	int64_t now, newest; /* newest: last word of any sensor */
	struct check check;
	struct health health;
	struct buf list;
	unsigned contested;
	char ip[64]; /* the last one that was listed */
};

static int tell(struct examination *x)
{
	return x->fn(&x->check, false, x->ctx);
}

static int database(struct examination *x, struct err *e)
{
	char words[DOCTOR_WORDS];
	int rc = doctor_damage(x->store, words, e);

	if (rc < 0)
		return rc;
	judge_damage(&x->check, store_path(x->store), rc ? words : NULL);
	return tell(x);
}

static bool is_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *there = xasprintf("%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, name);
	bool yes = access(there, F_OK) == 0;

	free(there);
	return yes;
}

static int set_aside(struct examination *x, struct err *e)
{
	struct doctor_aside a;
	int rc = doctor_aside(x->store, &a, e);

	if (rc <= 0)
		return rc;
	judge_aside(&x->check, &a, is_beside(store_path(x->store), a.file));
	return tell(x);
}

static int size(struct examination *x, struct err *e)
{
	struct doctor_file f;
	struct statvfs fs;
	uint64_t room = 0;
	int rc = doctor_file(x->store, &f, e);

	if (rc)
		return rc;
	if (statvfs(store_path(x->store), &fs) == 0)
		room = (uint64_t)fs.f_bavail * fs.f_frsize;
	judge_size(&x->check, &f, room);
	return tell(x);
}

static int note_newest(const struct doctor_sensor *s, void *ctx)
{
	struct examination *x = ctx;

	if (s->records && s->last > x->newest)
		x->newest = s->last;
	return 0;
}

static int records(struct examination *x, struct err *e)
{
	int rc = query_health(x->store, &x->health, e);

	if (!rc)
		rc = doctor_sensors(x->store, note_newest, x, e);
	if (rc)
		return rc;
	judge_records(&x->check, &x->health, x->newest, x->now);
	return tell(x);
}

static int one_sensor(const struct doctor_sensor *s, void *ctx)
{
	struct examination *x = ctx;

	judge_sensor(&x->check, s, x->newest);
	return x->fn(&x->check, true, x->ctx);
}

static int add_stranger(const struct doctor_stranger *s, void *ctx)
{
	struct examination *x = ctx;

	buf_printf(&x->list, "%s%.100s (%llu)", x->list.n ? ", " : "",
		   *s->name ? s->name : s->ip, (unsigned long long)s->edges);
	return 0;
}

static int strangers(struct examination *x, struct err *e)
{
	struct doctor_strangers sums;
	int rc = doctor_strangers(x->store, STRANGERS, &sums, add_stranger, x, e);

	if (rc)
		return rc;
	judge_strangers(&x->check, &sums, buf_cstr(&x->list));
	return tell(x);
}

/* An address is told once, with the first of those that list it. */
static int add_contested(const struct doctor_contested *a, void *ctx)
{
	struct examination *x = ctx;

	if (strcmp(x->ip, a->ip) == 0)
		return 0;
	snprintf(x->ip, sizeof(x->ip), "%s", a->ip);
	if (x->contested++ >= CONTESTED)
		return 0;
	buf_printf(&x->list, "%s%s (%.60s%s%.60s)", x->list.n ? ", " : "", a->ip, a->machine,
		   *a->holder ? ", " : "", a->holder);
	return 0;
}

static int quarantine(struct examination *x, struct err *e)
{
	int rc;

	buf_reset(&x->list);
	rc = doctor_contested(x->store, add_contested, x, e);
	if (rc)
		return rc;
	if (x->contested > CONTESTED)
		buf_printf(&x->list, " and %u more", x->contested - CONTESTED);
	judge_quarantine(&x->check, &x->health, x->contested, buf_cstr(&x->list));
	return tell(x);
}

int examine(struct store *s, int64_t now, examine_fn *fn, void *ctx, struct err *e)
{
	struct examination x = { .store = s, .fn = fn, .ctx = ctx, .now = now };
	int rc = database(&x, e);

	if (!rc)
		rc = set_aside(&x, e);
	if (!rc)
		rc = size(&x, e);
	if (!rc)
		rc = records(&x, e);
	if (!rc)
		rc = doctor_sensors(s, one_sensor, &x, e);
	if (!rc)
		rc = strangers(&x, e);
	if (!rc)
		rc = quarantine(&x, e);
	buf_fini(&x.list);
	return rc;
}
