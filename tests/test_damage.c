/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The captures of tests/captures, cut at every length and changed in every byte, read in this
 * process up to the last connection.
 */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"
#include "sensor/mirror/capfile.h"
#include "sensor/mirror/connections.h"
#include "sensor/mirror/observer.h"
#include "tests/unit.h"

enum {
	CUT_MAX = 4096,	   /* bytes of a file that is cut at each of them */
	CHANGE_MAX = 1024, /* and changed */
	CONNECTIONS = 1024,
#ifdef __SANITIZE_ADDRESS__
	STRIDE = 4, /* of the bytes that are changed: the captures are much alike */
#else
	STRIDE = 1,
#endif
};

static int fd;
static char path[32];

static struct {
	char name[256];
	uint8_t b[65536];
	size_t n, number;
} whole;

/* What came of one reading. */
struct outcome {
	int rc; /* of the last call of the reader */
	struct err e;
	unsigned frames, connections;
	uint64_t packets, bytes; /* of the connections */
	struct buf text;
};

static void take_connection(void *ctx, const struct flow_over *f)
{
	struct outcome *o = ctx;
	const struct conn *c = f->c;

	ck_assert_uint_lt(f->client, 2);
	ck_assert_uint_lt(f->how, HOW_KINDS);
	ck_assert_uint_lt(f->state, CONN_STATES);
	ck_assert_uint_eq(strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]"),
			  strlen(f->name));
	ck_assert_uint_ge(c->last_ns, c->first_ns);
	ck_assert_uint_gt(c->side[0].packets + c->side[1].packets, 0);
	o->connections++;
	o->packets += c->side[0].packets + c->side[1].packets;
	o->bytes += c->side[0].bytes + c->side[1].bytes;
	connections_tsv(&o->text, f);
	connections_json(&o->text, f);
}

static void set_file(const uint8_t *p, size_t n)
{
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, p, n, 0), (ssize_t)n);
}

static void check_words(const struct outcome *o)
{
	ck_assert_msg(o->rc == 0 || o->rc == -EBADMSG, "%s: %d", whole.name, o->rc);
	if (o->rc) {
		ck_assert_int_eq(o->e.code, o->rc);
		ck_assert_uint_gt(strlen(o->e.msg), strlen(path));
		ck_assert_ptr_null(strchr(o->e.msg, '\n'));
	}
}

/* The frames that N bytes give; with an observer where OBSERVE. */
static void read_bytes(const uint8_t *p, size_t n, bool observe, struct outcome *o)
{
	struct flowtab_sink sink = { o, take_connection };
	struct observer *seen = observe ? observer_new(CONNECTIONS, 1, &sink) : NULL;
	struct observer_counts count;
	struct frame_in frame;
	struct capfile *f;
	uint64_t kinds = 0;

	*o = (struct outcome){ 0 };
	set_file(p, n);
	f = capfile_open(path, &o->e);
	o->rc = f ? 1 : o->e.code;
	while (o->rc == 1) {
		o->rc = capfile_next(f, &frame, &o->e);
		o->frames += o->rc == 1;
		if (o->rc == 1 && seen)
			observer_frame(seen, &frame);
	}
	capfile_close(f);
	check_words(o);
	if (!seen)
		return;
	observer_finish(seen);
	observer_count(seen, &count);
	for (unsigned i = 0; i < DISSECTED_KINDS; i++)
		kinds += count.kind[i];
	ck_assert_uint_eq(count.frames, o->frames);
	ck_assert_uint_eq(kinds, o->frames);
	ck_assert_uint_eq(count.flows.packets, count.kind[DISSECTED_TCP]);
	ck_assert_uint_eq(count.flows.packets, o->packets + count.flows.copies);
	ck_assert_uint_eq(count.flows.connections, o->connections);
	ck_assert_uint_eq(count.flows.now, 0);
	observer_free(seen);
}

/* Each cut gives what the one before gave, or a frame more; and amounts only grow. */
static void cut(void)
{
	struct outcome last = { 0 }, o;
	size_t end = whole.n < CUT_MAX ? whole.n : CUT_MAX;
	unsigned complaints = 0;

	for (size_t n = 0; n <= end; n++) {
		read_bytes(whole.b, n, false, &o);
		complaints += o.rc != 0;
		ck_assert_uint_le(o.frames - last.frames, 1);
		if (o.frames == last.frames)
			continue;
		read_bytes(whole.b, n, true, &o);
		ck_assert_uint_ge(o.connections, last.connections);
		ck_assert_uint_ge(o.packets, last.packets);
		ck_assert_uint_ge(o.bytes, last.bytes);
		buf_fini(&last.text);
		last = o;
	}
	buf_fini(&last.text);
	ck_assert_uint_ge(last.frames, 1);
	ck_assert_uint_gt(complaints, 24);
	if (end == whole.n)
		ck_assert_int_eq(o.rc, 0);
}

/* All bits of each byte, then one of them. */
static void change(void)
{
	size_t end = whole.n < CHANGE_MAX ? whole.n : CHANGE_MAX;
	struct outcome good, o;
	unsigned differ = 0;

	read_bytes(whole.b, whole.n, true, &good);
	ck_assert_uint_gt(good.connections, 0);
	for (size_t at = whole.number % STRIDE; at < end; at += STRIDE) {
		uint8_t was = whole.b[at];

		whole.b[at] ^= at / STRIDE % 2 ? 0xff : (uint8_t)(1u << at / STRIDE / 2 % 8);
		read_bytes(whole.b, whole.n, true, &o);
		whole.b[at] = was;
		differ += o.text.n != good.text.n ||
			  memcmp(o.text.p, good.text.p, good.text.n) != 0;
		buf_fini(&o.text);
	}
	ck_assert_uint_gt(differ, 60 / STRIDE);
	read_bytes(whole.b, whole.n, true, &o);
	ck_assert_uint_eq(o.text.n, good.text.n);
	ck_assert_mem_eq(o.text.p, good.text.p, good.text.n);
	buf_fini(&o.text);
	buf_fini(&good.text);
}

static void load(const char *name, size_t number)
{
	FILE *f = fopen(name, "r");

	ck_assert_msg(f != NULL, "%s", name);
	snprintf(whole.name, sizeof(whole.name), "%s", name);
	whole.number = number;
	whole.n = fread(whole.b, 1, sizeof(whole.b), f);
	ck_assert_uint_lt(whole.n, sizeof(whole.b));
	fclose(f);
}

static void each_capture(void (*fn)(void))
{
	glob_t g;

	ck_assert_int_eq(glob("tests/captures/*.pcap", 0, NULL, &g), 0);
	ck_assert_int_eq(glob("tests/captures/*.pcapng", GLOB_APPEND, NULL, &g), 0);
	ck_assert_uint_gt(g.gl_pathc, 50);
	fd = memfd_create("capture", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		load(g.gl_pathv[i], i);
		fn();
	}
	close(fd);
	globfree(&g);
}

START_TEST(cut_at_every_byte)
{
	each_capture(cut);
}
END_TEST

START_TEST(every_byte_changed)
{
	each_capture(change);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, cut_at_every_byte);
	tcase_add_test(t, every_byte_changed);
	return unit_run("damage", t);
}
