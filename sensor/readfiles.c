/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/readfiles.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cert.h"
#include "common/exits.h"
#include "common/json.h"
#include "common/utf8.h"
#include "sensor/confine.h"
#include "sensor/mirror/capfile.h"
#include "sensor/mirror/connections.h"
#include "sensor/mirror/observer.h"

enum {
	FLUSH = 1 << 16,
	LOOK_EVERY = 1 << 16, /* frames between two looks at the clock */
	SHOW_MS = 200,
};

struct reading {
	const struct readfiles_config *config;
	struct observer *observer;
	struct buf out;
	bool failed; /* standard output cannot be written */
	bool shown;  /* a line of progress stands on the terminal */
	uint64_t lines, shown_ms;
	unsigned opened, damaged;
};

static void wipe(struct reading *r)
{
	if (r->shown)
		fputs("\r\033[K", stderr);
	r->shown = false;
}

static void flush(struct reading *r)
{
	if (!r->failed && r->out.n && fwrite(r->out.p, 1, r->out.n, stdout) != r->out.n)
		r->failed = true;
	buf_reset(&r->out);
}

static void on_over(void *ctx, const struct flow_over *f)
{
	struct reading *r = ctx;

	r->lines++;
	if (r->config->names)
		return;
	if (r->config->format == READFILES_TSV)
		connections_tsv(&r->out, f);
	else
		connections_json(&r->out, f);
	if (r->out.n >= FLUSH)
		flush(r);
}

enum { TIME_TEXT = 32 };

/* Unix seconds, to the microsecond. */
static const char *time_text(uint64_t ns, char text[TIME_TEXT])
{
	snprintf(text, TIME_TEXT, "%" PRIu64 ".%06" PRIu64, ns / 1000000000,
		 ns / 1000 % 1000000);
	return text;
}

static void member_time(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	json_raw(j, text, strlen(text));
}

static void on_name(void *ctx, const struct name_row *row)
{
	static const char *const how[] = {
		[NAME_DNS] = "dns", [NAME_SNI] = "sni", [NAME_HOST] = "host"
	};
	struct reading *r = ctx;
	char ip[ADDR_TEXT], first[TIME_TEXT], last[TIME_TEXT];
	struct json j = json_to(&r->out);

	addr_text(&row->addr, ip);
	time_text(row->first_ns, first);
	time_text(row->last_ns, last);
	if (r->config->format == READFILES_TSV) {
		buf_printf(&r->out, "%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\n", ip, row->name,
			   how[row->how], first, last, row->times);
		return;
	}
	json_open(&j, '{');
	json_member_string(&j, "ip", ip);
	json_member_string(&j, "name", row->name);
	json_member_string(&j, "how", how[row->how]);
	member_time(&j, "first", first);
	member_time(&j, "last", last);
	json_member_uint(&j, "times", row->times);
	json_close(&j, '}');
	buf_str(&r->out, "\n");
}

/* Progress, on a terminal only */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Names of files come from strangers, too. */
static void put_shown(const char *text)
{
	struct buf b = { 0 };

	utf8_show(&b, text, strlen(text));
	fwrite(b.p, 1, b.n, stderr);
	buf_fini(&b);
}

static void show(struct reading *r, const struct capfile *f, const char *path)
{
	struct observer_counts n;
	uint64_t done, all, now = now_ms();

	if (now - r->shown_ms < SHOW_MS)
		return;
	r->shown_ms = now;
	r->shown = true;
	capfile_progress(f, &done, &all);
	observer_count(r->observer, &n);
	fputs("\r\033[K", stderr);
	put_shown(path);
	if (all)
		fprintf(stderr, "  %" PRIu64 " %%", done * 100 / all);
	fprintf(stderr, "  %" PRIu64 " packets, %" PRIu64 " connections", n.frames,
		n.flows.connections);
}

static void say(struct reading *r, const char *what)
{
	wipe(r);
	fputs("skein-sensor: ", stderr);
	put_shown(what);
	fputs("\n", stderr);
}

static void read_one(struct reading *r, const char *path, bool terminal)
{
	struct err e = { 0 };
	struct capfile *f = capfile_open(path, &e);
	struct frame_in frame;
	uint64_t n = 0;
	int rc;

	if (!f) {
		say(r, e.msg);
		if (e.code == -EBADMSG) {
			r->opened++;
			r->damaged++;
		}
		return;
	}
	r->opened++;
	while ((rc = capfile_next(f, &frame, &e)) > 0 && !r->failed) {
		observer_frame(r->observer, &frame);
		if (terminal && ++n % LOOK_EVERY == 0)
			show(r, f, path);
	}
	if (rc < 0) {
		say(r, e.msg);
		r->damaged++;
	}
	capfile_close(f);
}

/* What was not counted is said; on a terminal the sum, too. */
static bool conclude(struct reading *r, bool terminal)
{
	struct observer_counts n;

	observer_count(r->observer, &n);
	wipe(r);
	if (terminal)
		fprintf(stderr,
			"%" PRIu64 " connections in %" PRIu64 " packets, %" PRIu64
			" copies, %" PRIu64 " cut too short, %" PRIu64 " malformed, %" PRIu64
			" fragments, %" PRIu64 " gaps and %" PRIu64 " names lost\n",
			r->lines, n.frames, n.flows.copies, n.kind[DISSECTED_SHORT],
			n.kind[DISSECTED_BAD], n.fragments_lost, n.flows.gaps_lost,
			n.names_lost);
	if (n.flows.evicted)
		fprintf(stderr,
			"skein-sensor: %" PRIu64
			" connections were cut in two, as the table is "
			"full; --max-connections makes it larger\n",
			n.flows.evicted);
	return n.flows.evicted == 0;
}

static int status_of(const struct reading *r, bool whole)
{
	if (!r->opened)
		return EXITS_UNREACHED;
	if (r->damaged || r->failed)
		return EXITS_NONE;
	return r->opened < r->config->n || !whole ? EXITS_PARTIAL : EXITS_OK;
}

int readfiles_run(const struct readfiles_config *config)
{
	struct reading r = { .config = config };
	struct flowtab_sink sink = { &r, on_over };
	bool terminal = isatty(STDERR_FILENO), whole;
	struct err e = { 0 };
	uint64_t seed;

	cert_random(&seed, sizeof(seed)); /* nothing that comes out depends on it */
	if (confine_parser(NULL, &e))	  /* what strangers sent is read without a right */
		fprintf(stderr, "skein-sensor: %s; goes on\n", e.msg);
	r.observer = observer_new(config->max_connections, seed, &sink);
	if (config->format == READFILES_TSV)
		buf_str(&r.out, config->names ? "ip\tname\thow\tfirst\tlast\ttimes\n"
					      : connections_header);
	for (unsigned i = 0; i < config->n; i++)
		read_one(&r, config->path[i], terminal);
	observer_finish(r.observer);
	if (config->names)
		nametab_each(observer_names(r.observer), on_name, &r);
	if (r.opened) /* nothing was read: no table of nothing */
		flush(&r);
	if (fflush(stdout))
		r.failed = true;
	if (r.failed)
		say(&r, "standard output cannot be written");
	whole = conclude(&r, terminal);
	observer_free(r.observer);
	buf_fini(&r.out);
	return status_of(&r, whole);
}
