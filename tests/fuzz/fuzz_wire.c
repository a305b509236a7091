/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that either end decodes: a stream of frames, and the records of each batch in it.
 * An input that begins with 0xff is, after that byte, the records of one batch.
 *
 * The seeds are written by `SKEIN_SEEDS=tests/fuzz/seeds/wire build/tests/test_wire`.
 */
#include <stdlib.h>
#include <string.h>

#include "common/token.h"
#include "common/wire.h"
#include "common/wire_record.h"
#include "common/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static size_t use(const char *s)
{
	return strlen(s);
}

/* Touches what a record borrows, so that a bad pointer shows. */
static size_t use_process(const struct process *p)
{
	return p ? use(p->name) + use(p->unit) + use(p->container) + use(p->exe) +
			       use(p->user) + use(p->app)
		 : 0;
}

static size_t use_record(const struct wire_record *r)
{
	switch (r->kind) {
	case WIRE_R_FLOW:
		return use_process(r->flow.client_process) +
		       use_process(r->flow.server_process);
	case WIRE_R_LISTENER:
		return use_process(r->listener.process);
	case WIRE_R_MACHINE:
		return use(r->machine.id) + use(r->machine.name) + use(r->machine.os);
	default:
		return 0;
	}
}

static void records(struct cur body)
{
	static struct wire_record r;
	struct wire_reader reader;
	size_t used = 0;

	wire_reader_begin(&reader, body);
	while (wire_reader_next(&reader, &r) > 0)
		used += use_record(&r);
	wire_reader_fini(&reader);
	if (used == SIZE_MAX)
		abort();
}

static void open_batch(const struct wire_batch *m)
{
	static struct unzip *unzipper;
	uint8_t *raw;

	if (m->encoding == WIRE_PLAIN) {
		records(m->body);
		return;
	}
	if (!unzipper)
		unzipper = unzip_new();
	if (m->raw_length > WIRE_BODY_MAX)
		abort();
	raw = malloc(m->raw_length + 1);
	if (unzip(unzipper, m->body, raw, m->raw_length) == 0)
		records(cur_of(raw, m->raw_length));
	free(raw);
}

static void frame(const struct wire_frame *f)
{
	struct wire_hello hello;
	struct wire_welcome welcome;
	struct wire_batch batch;
	struct wire_ack ack;
	struct wire_error error;
	struct wire_enroll enroll;
	struct wire_cert cert;
	struct token token;

	if (f->type == WIRE_HELLO && wire_get_hello(f->body, &hello) == 0)
		use(hello.program);
	else if (f->type == WIRE_WELCOME && wire_get_welcome(f->body, &welcome) == 0)
		use(welcome.program);
	else if (f->type == WIRE_BATCH && wire_get_batch(f->body, &batch) == 0)
		open_batch(&batch);
	else if (f->type == WIRE_ACK)
		wire_get_ack(f->body, &ack);
	else if (f->type == WIRE_ERROR && wire_get_error(f->body, &error) == 0)
		use(error.reason);
	else if (f->type == WIRE_ENROLL && wire_get_enroll(f->body, &enroll) == 0)
		token_parse(enroll.token, &token);
	else if (f->type == WIRE_CERT && wire_get_cert(f->body, &cert) == 0)
		use(cert.authority);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct wire_frame f;
	size_t used;

	if (n && p[0] == 0xff) {
		records(cur_of(p + 1, n - 1));
		return 0;
	}
	while (wire_frame_next(p, n, &f, &used) > 0) {
		frame(&f);
		p += used;
		n -= used;
	}
	return 0;
}
