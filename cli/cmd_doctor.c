/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the map from being whole, from the database alone. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/options.h"
#include "cli/say.h"
#include "common/exits.h"
#include "common/mem.h"

enum {
	SENSORS = 50,  /* lines of sensors that are well, without --all */
	STRANGERS = 5, /* that are named */
	CONTESTED = 3,
};

struct doctor {
	struct options o;
	bool json, all;
	/* while it runs */
	struct store *store;
	struct check_report report;
	struct check check;
	struct health health;
	int64_t newest; /* the last word of any sensor */
	unsigned sensors, well;
	struct buf list;
	unsigned contested;
	char ip[64]; /* the last one that was listed */
};

static const struct options_row rows[] = {
	{ "json", 0, NULL, options_flag, offsetof(struct doctor, json), "a JSON array" },
	{ "all", 0, NULL, options_flag, offsetof(struct doctor, all),
	  "every sensor, those too with which all is well" },
	{ 0 },
};

static const struct options_command command = {
	.name = "doctor",
	.about =
		"Say what keeps the map from being whole, each with what mends it: the database,\n"
		"sensors that are silent or miss something, machines without one.",
	.groups = OPTIONS_DB,
	.rows = rows,
	.examples = "skein doctor --db estate.db\n"
		    "skein doctor --all\n"
		    "skein doctor --json\n",
};

static void tell(struct doctor *d)
{
	check_say(&d->report, &d->check);
}

static int database(struct doctor *d, struct err *e)
{
	char words[DOCTOR_WORDS];
	int rc = doctor_damage(d->store, words, e);

	if (rc < 0)
		return rc;
	doctor_judge_damage(&d->check, store_path(d->store), rc ? words : NULL);
	tell(d);
	return 0;
}

static bool is_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *there = xasprintf("%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, name);
	bool yes = access(there, F_OK) == 0;

	free(there);
	return yes;
}

static int set_aside(struct doctor *d, struct err *e)
{
	struct doctor_aside a;
	int rc = doctor_aside(d->store, &a, e);

	if (rc <= 0)
		return rc;
	doctor_judge_aside(&d->check, &a, is_beside(store_path(d->store), a.file));
	tell(d);
	return 0;
}

static int size(struct doctor *d, struct err *e)
{
	struct doctor_file f;
	struct statvfs fs;
	uint64_t room = 0;
	int rc = doctor_file(d->store, &f, e);

	if (rc)
		return rc;
	if (statvfs(store_path(d->store), &fs) == 0)
		room = (uint64_t)fs.f_bavail * fs.f_frsize;
	doctor_judge_size(&d->check, &f, room);
	tell(d);
	return 0;
}

static int note_newest(const struct doctor_sensor *s, void *ctx)
{
	struct doctor *d = ctx;

	if (s->records && s->last > d->newest)
		d->newest = s->last;
	return 0;
}

static int records(struct doctor *d, struct err *e)
{
	int rc = query_health(d->store, &d->health, e);

	if (!rc)
		rc = doctor_sensors(d->store, note_newest, d, e);
	if (rc)
		return rc;
	doctor_judge_records(&d->check, &d->health, d->newest, (int64_t)time(NULL));
	tell(d);
	return 0;
}

/* Those that miss something are all told, of the others as many as a person reads. */
static int one_sensor(const struct doctor_sensor *s, void *ctx)
{
	struct doctor *d = ctx;

	d->sensors++;
	doctor_judge_sensor(&d->check, s, d->newest);
	if (d->check.status == CHECK_OK && d->well++ >= SENSORS && !d->all && !d->json)
		return 0;
	tell(d);
	return ferror(stdout) ? -EIO : 0;
}

static int sensors(struct doctor *d, struct err *e)
{
	int rc = doctor_sensors(d->store, one_sensor, d, e);

	if (!rc && d->well > SENSORS && !d->all && !d->json)
		say_note("with %u further sensors all is well; --all names them",
			 d->well - SENSORS);
	return rc;
}

static int add_stranger(const struct doctor_stranger *s, void *ctx)
{
	struct doctor *d = ctx;

	buf_printf(&d->list, "%s%.100s (%llu)", d->list.n ? ", " : "",
		   *s->name ? s->name : s->ip, (unsigned long long)s->edges);
	return 0;
}

static int strangers(struct doctor *d, struct err *e)
{
	struct doctor_strangers sums;
	int rc = doctor_strangers(d->store, STRANGERS, &sums, add_stranger, d, e);

	if (rc)
		return rc;
	doctor_judge_strangers(&d->check, &sums, buf_cstr(&d->list));
	tell(d);
	return 0;
}

/* An address is told once, with the first of those that list it. */
static int add_contested(const struct doctor_contested *a, void *ctx)
{
	struct doctor *d = ctx;

	if (strcmp(d->ip, a->ip) == 0)
		return 0;
	snprintf(d->ip, sizeof(d->ip), "%s", a->ip);
	if (d->contested++ >= CONTESTED)
		return 0;
	buf_printf(&d->list, "%s%s (%.60s%s%.60s)", d->list.n ? ", " : "", a->ip, a->machine,
		   *a->holder ? ", " : "", a->holder);
	return 0;
}

static int quarantine(struct doctor *d, struct err *e)
{
	int rc;

	buf_reset(&d->list);
	rc = doctor_contested(d->store, add_contested, d, e);
	if (rc)
		return rc;
	if (d->contested > CONTESTED)
		buf_printf(&d->list, " and %u more", d->contested - CONTESTED);
	doctor_judge_quarantine(&d->check, &d->health, d->contested, buf_cstr(&d->list));
	tell(d);
	return 0;
}

/* A file that is ours and cannot be read as it is: that is what the doctor was asked for. */
static bool is_finding(int code)
{
	return code == -EBADMSG || code == -EPROTONOSUPPORT;
}

static int unopened(struct doctor *d, const struct err *e)
{
	if (!is_finding(e->code)) {
		say("%s", e->msg);
		return EXITS_UNREACHED;
	}
	check_found(&d->check, CHECK_FAIL, "database", "%s", e->msg);
	check_mend(&d->check,
		   e->code == -EPROTONOSUPPORT
			   ? "an older file is brought up to date by this version's "
			     "collector (it keeps a copy); a newer one takes the newer "
			     "skein"
			   : "is it the right file? Go back to a copy if it is");
	tell(d);
	return check_end(&d->report);
}

static int examine(struct doctor *d)
{
	struct err e = { 0 };
	int rc = database(d, &e);

	if (!rc)
		rc = set_aside(d, &e);
	if (!rc)
		rc = size(d, &e);
	if (!rc)
		rc = records(d, &e);
	if (!rc)
		rc = sensors(d, &e);
	if (!rc)
		rc = strangers(d, &e);
	if (!rc)
		rc = quarantine(d, &e);
	return rc ? unopened(d, &e) : check_end(&d->report);
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor d = { .json = false };
	struct err e = { 0 };
	int status;

	if (!options_parse(&command, argc, argv, &d.o, &d))
		return d.o.status;
	d.report = check_begin(stdout, d.json);
	d.report.color = !d.json && options_color(&d.o, stdout);
	d.store = store_open(d.o.db, STORE_READ, &e);
	status = d.store ? examine(&d) : unopened(&d, &e);
	store_close(d.store);
	buf_fini(&d.list);
	return status;
}
