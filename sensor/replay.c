/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/cert.h"
#include "common/clock.h"
#include "common/exchange.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/source.h"
#include "sensor/confine.h"
#include "sensor/courier.h"
#include "sensor/handover.h"
#include "sensor/identity.h"
#include "sensor/retell.h"

enum {
	BATCH_BYTES = 256 << 10,
	BATCH_RECORDS = 4000,
	NAMED_LINES = 5,
};

/* What a place says (spool.h), besides its order. */
enum { PLACE_FILES, PLACE_LINES, PLACE_SHIFT, PLACE_STATE };
/* Beside how many lines were left out: that all is told, and that who goes on must learn all
 * again. */
static const uint64_t place_finished = UINT64_C(1) << 63;
static const uint64_t place_needs_all = UINT64_C(1) << 62;

/* The processes that the batch has named. */
struct named {
	UT_hash_handle hh;
	uint32_t index;
	char key[];
};

struct replay {
	const struct replay_config *config;
	struct source **source;
	struct exchange_reader *reader;
	struct retell *retell;
	struct courier courier;
	struct spool_place place;
	uint64_t files;	 /* the hash of all */
	uint64_t lines;	 /* read so far, over all files */
	uint64_t before; /* lines that the life before this one left out */
	uint64_t bad, foreign, machines, flows;
	struct wire_writer w;
	struct named *named;
	struct buf key;
	uint64_t start_ms, end_ms; /* that the batch speaks of */
	int rc;
	struct err e;
};

/* Lines */

/* What is done with a line that can be read; NUMBER counts within its file. */
typedef void line_fn(struct replay *r, const struct source *s, int kind, uint64_t number,
		     const struct err *why);

static bool blank(const char *line, size_t n)
{
	return strspn(line, " \t") >= n;
}

static int each_line_of(struct replay *r, struct source *s, uint64_t skip, line_fn *fn)
{
	const char *line;
	uint64_t number = 0;
	size_t n;
	int rc;

	while ((rc = source_line(s, &line, &n, &number, &r->e)) != 0 && !r->rc) {
		struct err why = { 0 };
		int kind = EXCHANGE_OTHER;

		if (rc < 0 && rc != -E2BIG)
			return rc;
		if (++r->lines <= skip)
			continue;
		if (rc == -E2BIG)
			kind = err_set(&why, -EINVAL, "longer than 1 MiB");
		else if (!blank(line, n))
			kind = exchange_read(r->reader, line, n, &why);
		fn(r, s, kind, number, &why);
	}
	return r->rc;
}

/* All lines of all files but the first SKIP. */
static int each_line(struct replay *r, uint64_t skip, line_fn *fn)
{
	int rc = 0;

	r->lines = 0;
	for (unsigned i = 0; i < r->config->n && !rc; i++) {
		rc = source_rewind(r->source[i], &r->e);
		if (!rc)
			rc = each_line_of(r, r->source[i], skip, fn);
	}
	return rc;
}

static void learn(struct replay *r, const struct source *s, int kind, uint64_t number,
		  const struct err *why)
{
	(void)s, (void)number, (void)why;
	if (kind == EXCHANGE_MACHINE)
		retell_learn_machine(r->retell, exchange_machine(r->reader));
	else if (kind == EXCHANGE_FLOW)
		retell_learn_flow(r->retell, exchange_flow(r->reader));
}

static void leave_out(struct replay *r, const struct source *s, uint64_t number,
		      const char *words)
{
	if (r->bad++ < NAMED_LINES)
		log_warn("%s:%" PRIu64 ": %s; left out", source_name(s), number, words);
}

/* Batches */

static void begin_batch(struct replay *r)
{
	struct named *n, *next;

	HASH_ITER (hh, r->named, n, next) {
		HASH_DELETE(hh, r->named, n);
		free(n);
	}
	r->start_ms = r->end_ms = clock_ms();
	wire_writer_begin(&r->w, r->start_ms);
}

static uint64_t left_out(const struct replay *r)
{
	return r->before + r->bad + r->foreign;
}

static void take_left_out(struct replay *r)
{
	r->before = r->place.v[PLACE_STATE] & ~(place_finished | place_needs_all);
}

/* Everything up to line DONE is in this batch or in one before it. */
static void send_batch(struct replay *r, uint64_t done, bool finished)
{
	r->place.order++;
	r->place.v[PLACE_FILES] = r->files;
	r->place.v[PLACE_LINES] = done;
	r->place.v[PLACE_STATE] = left_out(r) | (finished ? place_finished : 0) |
				  (r->place.v[PLACE_STATE] & place_needs_all);
	r->rc = handover_send(r->courier.out, &r->w, r->start_ms, r->end_ms, &r->place);
	if (r->rc)
		err_sys(&r->e, r->rc, "the sending process is gone");
	begin_batch(r);
}

static uint32_t index_of(struct replay *r, const struct process *p)
{
	struct named *n;

	if (!p)
		return 0;
	buf_reset(&r->key);
	buf_zstr(&r->key, p->name);
	buf_zstr(&r->key, p->unit);
	buf_zstr(&r->key, p->container);
	buf_zstr(&r->key, p->exe);
	buf_zstr(&r->key, p->user);
	buf_zstr(&r->key, p->app);
	HASH_FIND(hh, r->named, r->key.p, r->key.n, n);
	if (n)
		return n->index;
	n = xcalloc(1, sizeof(*n) + r->key.n);
	memcpy(n->key, r->key.p, r->key.n);
	n->index = wire_write_process(&r->w, p);
	HASH_ADD_KEYPTR(hh, r->named, n->key, r->key.n, n);
	return n->index;
}

static int tell_machine(struct replay *r, struct err *e)
{
	static struct machine m;
	int rc = retell_machine(r->retell, exchange_machine(r->reader), &m, e);

	if (rc > 0)
		wire_write_machine(&r->w, &m);
	r->machines += rc > 0;
	return rc;
}

static int tell_flow(struct replay *r, struct err *e)
{
	struct flow f;
	int rc = retell_flow(r->retell, exchange_flow(r->reader), &f, e);
	uint32_t client, server;

	if (rc <= 0)
		return rc;
	client = index_of(r, f.client_process);
	server = index_of(r, f.server_process);
	wire_write_flow(&r->w, &f, client, server);
	if (f.first_ms < r->start_ms)
		r->start_ms = f.first_ms;
	r->flows++;
	return rc;
}

static bool full(const struct replay *r)
{
	return wire_writer_full(&r->w) || r->w.body.n >= BATCH_BYTES ||
	       r->w.records >= BATCH_RECORDS;
}

static void tell(struct replay *r, const struct source *s, int kind, uint64_t number,
		 const struct err *why)
{
	struct err e = { 0 };
	int rc = 1;

	if (full(r))
		send_batch(r, r->lines - 1, false);
	if (kind < 0)
		leave_out(r, s, number, why->msg);
	else if (kind == EXCHANGE_MACHINE)
		rc = tell_machine(r, &e);
	else if (kind == EXCHANGE_FLOW)
		rc = tell_flow(r, &e);
	r->foreign += rc == 0;
	if (rc < 0)
		leave_out(r, s, number, e.msg);
}

/* The whole */

static int open_sources(struct replay *r)
{
	const struct replay_config *c = r->config;
	struct buf all = { 0 };
	uint8_t digest[32];
	int rc = 0;

	r->source = xcalloc(c->n, sizeof(struct source *));
	for (unsigned i = 0; i < c->n && !rc; i++) {
		r->source[i] = source_open(c->path[i], &r->e);
		if (r->source[i])
			buf_put(&all, source_sha256(r->source[i]), 32);
		else
			rc = r->e.code;
	}
	if (!rc) {
		cert_sha256(all.p, all.n, digest);
		for (int i = 0; i < 8; i++)
			r->files = r->files << 8 | digest[i];
	}
	buf_fini(&all);
	return rc;
}

static int start(struct replay *r)
{
	const struct replay_config *c = r->config;
	struct courier_config courier = { .host = c->host,
					  .port = c->port,
					  .dir = c->dir,
					  .spool_bytes = c->spool_bytes,
					  .spool_free = c->spool_free,
					  .proxy = c->proxy,
					  .only_disk = true,
					  .patient = true };
	struct identity id;
	int rc = identity_load(c->dir, &id, &r->e);

	if (!rc)
		rc = open_sources(r);
	if (!rc)
		rc = courier_start(&courier, &r->courier, &r->e);
	if (!rc)
		rc = confine_parser(NULL, &r->e);
	r->reader = exchange_reader_new();
	r->retell = retell_new(!rc && strcmp(id.role, "host") == 0);
	return rc;
}

/* Where an earlier replay of the same files has come to: 1, 0: nowhere; or negative errno. */
static int find_place(struct replay *r)
{
	const struct spool_place *was = &r->courier.place;

	r->place.order = was->order;
	if (r->config->again)
		return 0;
	if (!r->courier.place_known)
		return err_set(&r->e, -EBADMSG,
			       "%s/spool/place is damaged: nobody knows what was told before; "
			       "--again tells everything from the beginning",
			       r->config->dir);
	if (!was->order)
		return 0;
	if (was->v[PLACE_FILES] == r->files) {
		r->place = *was;
		return 1;
	}
	if (!(was->v[PLACE_STATE] & place_finished))
		log_warn("an earlier replay of other files was not finished, after %" PRIu64
			 " lines, and now cannot be gone on with",
			 was->v[PLACE_LINES]);
	return 0;
}

static int tell_all(struct replay *r, bool goes_on)
{
	uint64_t *v = r->place.v, skip = goes_on ? v[PLACE_LINES] : 0;
	int rc = 0;

	begin_batch(r);
	if (!goes_on || v[PLACE_STATE] & place_needs_all)
		rc = each_line(r, 0, learn);
	if (rc)
		return rc;
	if (goes_on) {
		log_info("goes on behind line %" PRIu64, skip);
		take_left_out(r);
	} else {
		v[PLACE_SHIFT] = (uint64_t)retell_shift(r->retell, clock_ms());
		v[PLACE_STATE] = retell_needs_all(r->retell) ? place_needs_all : 0;
		send_batch(r, 0, false); /* what was learnt is kept */
	}
	retell_set_shift(r->retell, (int64_t)v[PLACE_SHIFT]);
	rc = r->rc ? r->rc : each_line(r, skip, tell);
	if (!rc)
		send_batch(r, r->lines, true);
	return rc ? rc : r->rc;
}

static void sum_up(const struct replay *r)
{
	log_info("%" PRIu64 " lines: told %" PRIu64 " flows and %" PRIu64
		 " machines, waiting for the collector",
		 r->lines, r->flows, r->machines);
	if (r->foreign)
		log_warn("%" PRIu64
			 " lines are of other machines, which a sensor of role host "
			 "may not tell of; enroll one with a token of role mirror",
			 r->foreign);
	if (r->bad > NAMED_LINES || r->before)
		log_warn("%" PRIu64 " lines were left out", left_out(r));
}

static int run(struct replay *r)
{
	int rc = start(r), place;

	if (rc)
		return rc;
	place = find_place(r);
	if (place < 0)
		return place;
	if (place && r->place.v[PLACE_STATE] & place_finished) {
		log_info("these lines were told before, to the end: nothing is told; --again "
			 "tells them once more");
		take_left_out(r);
		return courier_finish(&r->courier, &r->e);
	}
	rc = tell_all(r, place > 0);
	if (!rc)
		sum_up(r);
	return rc ? rc : courier_finish(&r->courier, &r->e);
}

static void fini(struct replay *r)
{
	courier_abandon(&r->courier); /* where it was not finished: it goes on there */
	begin_batch(r);
	wire_writer_fini(&r->w);
	buf_fini(&r->key);
	for (unsigned i = 0; r->source && i < r->config->n; i++)
		source_close(r->source[i]);
	free(r->source);
	exchange_reader_free(r->reader);
	retell_free(r->retell);
}

int replay_run(const struct replay_config *config)
{
	struct replay r = { .config = config };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	rc = run(&r);
	if (rc)
		log_err("%s", r.e.msg);
	fini(&r);
	if (rc)
		return rc == -EAGAIN ? EXITS_PARTIAL : EXITS_UNREACHED;
	return left_out(&r) ? EXITS_PARTIAL : EXITS_OK;
}
