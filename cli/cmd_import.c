/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each file is one transaction, and the hash of its bytes decides whether it was there
 * before.  A line that is no good is named and left out; the rest of its file counts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/sheet.h"
#include "cli/source.h"
#include "common/exchange.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "store/import.h"

enum { NAMED_LINES = 5, LINES_A_LOOK = 4096, SHEET_MAX = 64 << 20 };

struct own {
	bool csv;
};

static const struct options_row rows[] = {
	{ "csv", 0, NULL, options_flag, offsetof(struct own, csv),
	  "the files are CSV lists of machines, whatever they are called" },
	{ 0 },
};

static const struct options_command command = {
	.name = "import",
	.args = "FILE...",
	.about =
		"Bring machine and flow lines (JSON lines) into a database, which is made if it\n"
		"is not there.  \"-\" is standard input.  The same bytes are counted once.\n"
		"A file called .csv is a list of machines with a header line (hostname, ip,\n"
		"application, owner, environment ...): its rows tell more of machines that are\n"
		"known by id, name or address, or bring new ones.",
	.groups = OPTIONS_DB,
	.rows = rows,
	.examples = "skein import --db estate.db machines.jsonl flows.jsonl\n"
		    "zcat flows.jsonl.gz | skein import --db estate.db -\n"
		    "skein import --db estate.db cmdb.csv\n"
		    "skein edges --db a.db --json=lines | skein import --db b.db -\n",
};

struct job {
	struct store *store;
	struct exchange_reader *reader;
	struct buf extra;
	bool csv;			/* whatever files are called */
	bool taken, skipped, unreached; /* anywhere so far */
	bool stopped;			/* the database cannot be opened */
};

/* One file's lines by what became of them. */
struct tally {
	const struct source *source;
	uint64_t machines, flows, others, bad, lines;
	struct timespec begun;
	bool progress; /* a line of it stands on the terminal */
};

static double seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) +
	       1e-9 * (double)(now.tv_nsec - from->tv_nsec);
}

static void progress_clear(struct tally *t)
{
	if (t->progress)
		fputs("\r\x1b[K", stderr);
	t->progress = false;
}

static void progress(struct tally *t)
{
	char lines[NUMBER_TEXT], rate[NUMBER_TEXT];
	double s;

	if (t->lines % LINES_A_LOOK || say_quiet || !isatty(STDERR_FILENO))
		return;
	s = seconds_since(&t->begun);
	if (s < 1)
		return;
	fprintf(stderr, "\rskein: %s lines, %s a second, %d %%\x1b[K",
		number_text(t->lines, lines),
		number_text((uint64_t)((double)t->lines / s), rate),
		(int)(100 * source_offset(t->source) / source_size(t->source)));
	t->progress = true;
}

static void name_line(struct tally *t, uint64_t number, const char *words)
{
	progress_clear(t);
	if (t->bad++ < NAMED_LINES)
		say("%s:%llu: %s", source_name(t->source), (unsigned long long)number, words);
}

static int put_machine(struct import *im, const struct exchange_machine *m, struct err *e)
{
	const struct import_machine row = {
		.id = m->id,
		.name = m->name,
		.os = m->os,
		.kernel = m->kernel,
		.arch = m->arch,
		.site = m->site,
		.ips = m->ips,
		.ips_n = (unsigned)m->ips_n,
		.sensor = m->sensor,
		.cores = (uint32_t)m->cores,
		.memory_bytes = m->memory_bytes,
		.extra = m->extra,
	};

	return import_machine(im, &row, e);
}

static void keep(struct json *j, const char *key, const struct exchange_end *end)
{
	if (*end->id || !*end->name)
		return;
	json_key(j, key);
	json_string(j, end->name);
}

/* The further keys, and with them what the store has no place of its own for. */
static const char *extra_of(const struct exchange_flow *f, struct buf *b)
{
	struct json j = json_to(b);

	buf_reset(b);
	json_open(&j, '{');
	if (f->guess) {
		json_key(&j, "guess");
		json_bool(&j, true);
	}
	keep(&j, "client_name", &f->client);
	keep(&j, "server_name", &f->server);
	exchange_write_extra(&j, f->extra);
	json_close(&j, '}');
	return b->n > 2 ? buf_cstr(b) : "";
}

static int put_flow(struct import *im, const struct exchange_flow *f, struct buf *extra,
		    struct err *e)
{
	struct import_flow row = {
		.client_id = f->client.id,
		.server_id = f->server.id,
		.client_ip = f->client.ip,
		.server_ip = f->server.ip,
		.client = f->client.process,
		.server = f->server.process,
		.proto = f->proto,
		.port = f->port,
		.c = f->c,
		.live = f->live,
		.pending = f->pending,
		.first = f->first,
		.last = f->last,
		.witnesses = f->witnesses,
		.extra = extra_of(f, extra),
	};

	row.c.failed_other = f->failed - counters_failed(&f->c);
	return import_flow(im, &row, e);
}

/* 0, or negative errno with words where the store failed: then the file ends here. */
static int take(struct job *job, struct import *im, struct tally *t, const char *line,
		size_t n, uint64_t number)
{
	struct err e = { 0 };
	int kind = exchange_read(job->reader, line, n, &e);
	int rc = 0;

	if (kind == EXCHANGE_OTHER) {
		t->others++;
		return 0;
	}
	if (kind == EXCHANGE_MACHINE)
		rc = put_machine(im, exchange_machine(job->reader), &e);
	else if (kind == EXCHANGE_FLOW)
		rc = put_flow(im, exchange_flow(job->reader), &job->extra, &e);
	if (kind < 0 || rc == -EINVAL) {
		name_line(t, number, e.msg);
		return 0;
	}
	if (rc < 0) {
		name_line(t, number, e.msg);
		return rc;
	}
	t->machines += kind == EXCHANGE_MACHINE;
	t->flows += kind == EXCHANGE_FLOW;
	return 0;
}

static bool blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t')
			return false;
	return true;
}

static int take_lines(struct job *job, struct import *im, struct source *s, struct tally *t)
{
	struct err e = { 0 };
	const char *line;
	uint64_t number = 0;
	size_t n;
	int rc;

	while ((rc = source_line(s, &line, &n, &number, &e)) != 0) {
		if (rc < 0 && rc != -E2BIG) {
			progress_clear(t);
			say("%s", e.msg);
			return rc;
		}
		t->lines++;
		progress(t);
		if (rc == -E2BIG)
			name_line(t, number, "longer than 1 MiB");
		else if (!blank(line, n) && (rc = take(job, im, t, line, n, number)) < 0)
			return rc;
	}
	return 0;
}

/* Cells may go over several lines, so the file is read as a whole. */
static int read_whole(struct source *s, struct buf *out, struct err *e)
{
	const char *line;
	uint64_t number;
	size_t n;
	int rc;

	while ((rc = source_line(s, &line, &n, &number, e)) > 0) {
		if (out->n + n > SHEET_MAX)
			return err_set(e, -EFBIG, "more than %d MiB of CSV", SHEET_MAX >> 20);
		buf_put(out, line, n);
		buf_u8(out, '\n');
	}
	return rc == -E2BIG ? err_set(e, rc, "a line is longer than 1 MiB") : rc;
}

static int take_row(struct import *im, struct sheet *sheet, struct tally *t, struct csv *c)
{
	struct import_machine m;
	struct err e = { 0 };
	int rc = sheet_row(sheet, c, &m, &e);

	if (rc > 0)
		rc = import_machine(im, &m, &e);
	else if (rc == 0)
		return 0;
	if (rc < 0)
		name_line(t, c->line, e.msg);
	t->machines += rc == 0;
	return rc == -EINVAL ? 0 : rc;
}

/* 0, or negative errno where nothing of the file can be taken. */
static int take_rows(struct import *im, struct sheet *sheet, struct tally *t, struct buf *b)
{
	struct csv c = csv_from((const char *)b->p, b->n);
	struct err e = { 0 };
	int rc = csv_row(&c, &e);

	if (rc > 0)
		rc = sheet_header(sheet, &c, &e);
	while (rc >= 0 && (rc = csv_row(&c, &e)) > 0)
		rc = take_row(im, sheet, t, &c);
	if (rc < 0 && *e.msg)
		say("%s: %s", source_name(t->source), e.msg);
	csv_fini(&c);
	return rc;
}

static int take_sheet(struct job *job, struct import *im, struct source *s, struct tally *t)
{
	struct sheet *sheet = sheet_new();
	struct buf b = { 0 };
	struct err e = { 0 };
	int rc = read_whole(s, &b, &e);

	if (rc == 0)
		rc = sheet_know(sheet, job->store, &e);
	if (rc < 0)
		say("%s: %s", source_name(s), e.msg);
	else
		rc = take_rows(im, sheet, t, &b);
	buf_fini(&b);
	sheet_free(sheet);
	return rc;
}

static bool is_sheet(const struct job *job, const struct source *s)
{
	const char *name = source_name(s);
	size_t n = strlen(name);

	return job->csv || (n > 4 && strcasecmp(name + n - 4, ".csv") == 0);
}

static void sum_up(const struct tally *t)
{
	char machines[NUMBER_TEXT], flows[NUMBER_TEXT], more[NUMBER_TEXT];
	const char *name = source_name(t->source);

	if (t->bad > NAMED_LINES)
		say("%s: %s more lines like these", name,
		    number_text(t->bad - NAMED_LINES, more));
	if (t->others)
		say_note("%s: %s line%s of a type this program does not know, ignored", name,
			 number_text(t->others, more), number_plural(t->others));
	if (!t->machines && !t->flows)
		say("%s: nothing to import", name);
	else
		say_note("%s: %s machine%s, %s flow%s%s%s%s", name,
			 number_text(t->machines, machines), number_plural(t->machines),
			 number_text(t->flows, flows), number_plural(t->flows),
			 t->bad ? ", " : "", t->bad ? number_text(t->bad, more) : "",
			 t->bad ? " skipped" : "");
}

/* 0, or negative errno where the store failed. */
static int import_source(struct job *job, struct source *s)
{
	struct tally t = { .source = s };
	struct err e = { 0 };
	struct import *im = import_begin(job->store, source_name(s), source_sha256(s), &e);
	int rc;

	if (!im && e.code == -EALREADY) {
		say_note("%s: imported before, nothing to do", source_name(s));
		job->taken = true;
		return 0;
	}
	if (!im) {
		say("%s: %s", source_name(s), e.msg);
		return e.code;
	}
	clock_gettime(CLOCK_MONOTONIC, &t.begun);
	rc = is_sheet(job, s) ? take_sheet(job, im, s, &t) : take_lines(job, im, s, &t);
	progress_clear(&t);
	job->skipped |= t.bad > 0;
	if (rc < 0 || t.machines + t.flows == 0) {
		import_abort(im);
	} else {
		rc = import_commit(im, &e);
		if (rc < 0)
			say("%s: %s", source_name(s), e.msg);
		else
			job->taken = true;
	}
	if (rc == 0)
		sum_up(&t);
	else
		say("%s: nothing of it was imported", source_name(s));
	return rc;
}

/*
 * The database is opened with the first file that can be read, so that none is made for
 * nothing.
 */
static bool open_store(struct job *job, const char *path)
{
	struct err e = { 0 };

	if (!job->store)
		job->store = store_open(path, STORE_WRITE, &e);
	if (!job->store)
		say("%s", e.msg);
	job->stopped = !job->store;
	return job->store != NULL;
}

static void import_file(struct job *job, const char *path, const char *db)
{
	struct err e = { 0 };
	struct source *s = source_open(path, &e);

	if (!s)
		say("%s", e.msg);
	if (!s || !open_store(job, db) || import_source(job, s) < 0)
		job->unreached = true;
	source_close(s);
}

static int status_of(const struct job *job)
{
	if (job->unreached)
		return EXITS_UNREACHED;
	if (!job->taken)
		return EXITS_NONE;
	return job->skipped ? EXITS_PARTIAL : EXITS_OK;
}

int cmd_import(int argc, char **argv)
{
	struct options o = { 0 };
	struct job job = { 0 };
	struct own own = { 0 };

	if (!options_parse(&command, argc, argv, &o, &own))
		return o.status;
	job.csv = own.csv;
	if (!o.words_n)
		return options_usage(&command, "no file is named; \"-\" is standard input");
	job.reader = exchange_reader_new();
	for (int i = 0; i < o.words_n && !job.stopped; i++)
		import_file(&job, o.words[i], o.db);
	exchange_reader_free(job.reader);
	buf_fini(&job.extra);
	store_close(job.store);
	return status_of(&job);
}
