/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the map from being whole, from the database alone. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "common/exits.h"
#include "store/examine.h"

enum { SENSORS = 50 }; /* lines of sensors that are well, without --all */

struct doctor {
	struct options o;
	bool json, all;
	/* while it runs */
	struct store *store;
	struct check_report report;
	struct check check;
	unsigned well;
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

/* Those that miss something are all told, of the others as many as a person reads. */
static int tell(const struct check *c, bool sensor, void *ctx)
{
	struct doctor *d = ctx;

	if (sensor && c->status == CHECK_OK && d->well++ >= SENSORS && !d->all && !d->json)
		return 0;
	if (!sensor && d->well > SENSORS && !d->all && !d->json) {
		say_note("with %u further sensors all is well; --all names them",
			 d->well - SENSORS);
		d->well = 0;
	}
	check_say(&d->report, c);
	return ferror(stdout) ? 1 : 0;
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
	check_say(&d->report, &d->check);
	return check_end(&d->report);
}

static int run(struct doctor *d)
{
	struct err e = { 0 };
	int rc = examine(d->store, (int64_t)time(NULL), tell, d, &e);

	return rc < 0 ? unopened(d, &e) : check_end(&d->report);
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
	status = d.store ? run(&d) : unopened(&d, &e);
	store_close(d.store);
	return status;
}
