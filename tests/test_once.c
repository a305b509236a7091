/* SPDX-License-Identifier: Apache-2.0 */
/* The way from records to one file, to clear text, and through the pipe. */
#include "sensor/once.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/exchange.h"
#include "common/file.h"
#include "sensor/batch.h"
#include "sensor/handover.h"
#include "sensor/show.h"
#include "tests/unit.h"

static struct owner_process person(const char *name)
{
	struct process p = { .name = name,
			     .unit = "",
			     .container = "",
			     .exe = "",
			     .user = "",
			     .app = "",
			     .args = "" };

	return (struct owner_process){ .p = p };
}

static struct addr at(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, &a), 0);
	return a;
}

static struct machine host(void)
{
	struct machine m = { .id = "m1",
			     .name = "web01",
			     .os = "",
			     .kernel = "",
			     .arch = "",
			     .extra = "{\"boot\":\"uefi\"}",
			     .addrs_n = 1 };

	m.addrs[0] = at("10.0.0.1");
	return m;
}

static struct flow seen(enum witness w, const char *client, const char *server, uint64_t opens)
{
	struct flow f = { .witness = w,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = at(client),
			  .server = at(server),
			  .first_ms = 1000000,
			  .last_ms = 2000000,
			  .c = { .opens = opens,
				 .bytes_to_server = 10 * opens,
				 .bytes_to_client = 20 * opens,
				 .has_bytes = true } };

	return f;
}

/* The file's flow lines, read back; returns how many. */
static unsigned written(struct once *o, struct buf *text)
{
	char path[] = "/tmp/skein-once-XXXXXX";
	struct err e = { 0 };
	struct stat st;
	unsigned n = 0;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(once_write(o, path, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	buf_reset(text);
	ck_assert_int_eq(file_read(path, 1 << 20, text, &e), 0);
	unlink(path);
	for (const char *p = buf_cstr(text); (p = strstr(p, "\"type\":\"flow\"")); p++)
		n++;
	return n;
}

static void whole(const struct output *out, const struct flow *f,
		  struct owner_process *const *who, unsigned n)
{
	struct machine m = host();
	struct cover c = { .start_ms = 1000, .end_ms = 2000 };

	out->begin(out->ctx, 1000, 2000);
	out->machine(out->ctx, &m);
	for (unsigned i = 0; i < n; i++)
		out->flow(out->ctx, &f[i], who[i]);
	out->end(out->ctx, &c);
}

START_TEST(both_ends_are_one_edge)
{
	struct owner_process curl = person("curl"), nginx = person("nginx");
	struct flow f[] = { seen(WITNESS_CLIENT, "127.0.0.1", "127.0.0.1", 3),
			    seen(WITNESS_SERVER, "127.0.0.1", "127.0.0.1", 3) };
	struct owner_process *who[] = { &curl, &nginx };
	struct once *o = once_new();
	struct output out = once_output(o);
	struct buf text = { 0 };

	whole(&out, f, who, 2);
	ck_assert_uint_eq(written(o, &text), 1);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"client_process\":\"curl\""));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"server_process\":\"nginx\""));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"opens\":3"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "[\"client\",\"server\"]"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"boot\":\"uefi\""));
	buf_fini(&text);
	once_free(o);
}
END_TEST

/* One client, two servers behind one port: each server's own count is the right one. */
START_TEST(the_side_with_several_processes_shares_out)
{
	struct owner_process ab = person("ab"), one = person("worker1"),
			     two = person("worker2");
	struct flow f[] = { seen(WITNESS_CLIENT, "10.0.0.1", "10.0.0.1", 10),
			    seen(WITNESS_SERVER, "10.0.0.1", "10.0.0.1", 7),
			    seen(WITNESS_SERVER, "10.0.0.1", "10.0.0.1", 3) };
	struct owner_process *who[] = { &ab, &one, &two };
	struct once *o = once_new();
	struct output out = once_output(o);
	struct buf text = { 0 };

	whole(&out, f, who, 3);
	ck_assert_uint_eq(written(o, &text), 2);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"opens\":7"));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "\"opens\":3"));
	ck_assert_ptr_null(strstr(buf_cstr(&text), "\"opens\":10"));
	buf_fini(&text);
	once_free(o);
}
END_TEST

START_TEST(intervals_add_up_and_order_does_not_matter)
{
	struct owner_process a = person("a"), b = person("b");
	struct flow f[] = { seen(WITNESS_CLIENT, "10.0.0.1", "10.0.0.9", 1),
			    seen(WITNESS_SERVER, "10.0.0.8", "10.0.0.1", 2),
			    seen(WITNESS_CLIENT, "10.0.0.1", "10.0.0.9", 4) };
	struct flow g[] = { f[1], f[2], f[0] };
	struct owner_process *who[] = { &a, &b, &a }, *how[] = { &b, &a, &a };
	struct once *o = once_new(), *p = once_new();
	struct output x = once_output(o), y = once_output(p);
	struct buf s = { 0 }, t = { 0 };

	whole(&x, f, who, 3);
	ck_assert_uint_eq(written(o, &s), 2);
	a.stamp = b.stamp = 0;
	whole(&y, g, how, 3);
	ck_assert_uint_eq(written(p, &t), 2);
	ck_assert_str_eq(buf_cstr(&s), buf_cstr(&t));
	ck_assert_ptr_nonnull(strstr(buf_cstr(&s), "\"opens\":5"));
	ck_assert_ptr_nonnull(
		strstr(buf_cstr(&s), "\"server\":null")); /* 10.0.0.9 is another's */
	buf_fini(&s);
	buf_fini(&t);
	once_free(o);
	once_free(p);
}
END_TEST

START_TEST(a_watch_that_was_not_whole_says_so)
{
	struct once *o = once_new();
	struct output out = once_output(o);
	struct cover c = { .degraded = DEGRADED_POLL | DEGRADED_READER, .overflow = 3 };
	char words[256];

	ck_assert(!once_degraded(o, words, sizeof(words)));
	out.begin(out.ctx, 1, 2);
	out.end(out.ctx, &c);
	ck_assert(once_degraded(o, words, sizeof(words)));
	ck_assert_ptr_nonnull(strstr(words, "poll"));
	ck_assert_ptr_nonnull(strstr(words, "3 connections"));
	once_free(o);
}
END_TEST

START_TEST(a_pipe_stays_a_pipe)
{
	char path[] = "/tmp/skein-once-XXXXXX";
	struct once *o = once_new();
	struct output out = once_output(o);
	struct machine m = host();
	char room[4096];
	struct stat st;
	int fd = mkstemp(path);

	close(fd);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	out.begin(out.ctx, 1, 2);
	out.machine(out.ctx, &m);
	ck_assert_int_eq(once_write(o, path, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_int_gt(read(fd, room, sizeof(room)), 0);
	close(fd);
	unlink(path);
	once_free(o);
}
END_TEST

/* Clear text, and the pipe: of batches as the batch output makes them. */

static struct buf pipe_bytes;

static void keep(const struct wire_writer *w, uint64_t start_ms, uint64_t end_ms, void *ctx)
{
	int fd[2];
	uint8_t room[65536];
	ssize_t n;

	show_batch(ctx, w);
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(handover_send(fd[1], w, start_ms, end_ms, NULL), 0);
	n = read(fd[0], room, sizeof(room));
	ck_assert_int_gt(n, 0);
	buf_put(&pipe_bytes, room, (size_t)n);
	close(fd[0]);
	close(fd[1]);
}

static void tell_everything(struct buf *clear)
{
	struct owner_process evil = person("evil\n\"},{\x1b[31m");
	struct batch *b = batch_new(keep, clear);
	struct output out = batch_output(b);
	struct machine m = host();
	struct flow f = seen(WITNESS_CLIENT, "10.0.0.1", "10.0.0.9", 1);
	struct listener l = { .addr = m.addrs[0], .port = 443, .proto = PROTO_TCP };
	struct capture c = { .netns = 5, .active_seen = 1, .active_kernel = 2 };
	struct usage u = {
		.metric = USAGE_DISK_READ_OPS, .device = "sd\"a", .mean = 5, .max = 9
	};
	struct translation t = { .proto = PROTO_TCP, .seen_port = 80, .port = 8080 };
	struct cover cover = { .start_ms = 1000, .end_ms = 2000, .unnamed = 4 };

	f.has_seen = true;
	f.seen = at("192.0.2.7");
	f.seen_port = 8443;
	out.begin(out.ctx, 1000, 2000);
	out.machine(out.ctx, &m);
	out.listener(out.ctx, &l, &evil);
	out.flow(out.ctx, &f, &evil);
	out.capture(out.ctx, &c);
	out.usage(out.ctx, &u);
	out.translation(out.ctx, &t);
	out.end(out.ctx, &cover);
	batch_free(b);
}

START_TEST(every_record_is_shown_and_escaped)
{
	static const char *const words[] = {
		"\"record\":\"machine\"",
		"\"record\":\"listener\"",
		"\"record\":\"flow\"",
		"\"record\":\"capture\"",
		"\"record\":\"usage\"",
		"\"record\":\"cover\"",
		"\"record\":\"translation\"",
		"192.0.2.7",
		"\"unnamed\":4",
	};
	struct buf clear = { 0 };
	unsigned lines = 0;

	tell_everything(&clear);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		ck_assert_msg(strstr(buf_cstr(&clear), words[i]) != NULL, "%s", words[i]);
	for (const char *p = buf_cstr(&clear); *p;) {
		size_t n = strcspn(p, "\n");
		struct json_in in = json_from(p, n);
		struct buf again = { 0 };
		struct json j = json_to(&again);

		ck_assert(json_copy(&in, &j) && json_at_end(&in));
		buf_fini(&again);
		p += n + 1;
		lines++;
	}
	ck_assert_uint_eq(lines, 7);
	buf_fini(&clear);
	buf_fini(&pipe_bytes);
}
END_TEST

START_TEST(batches_come_whole_out_of_the_pipe)
{
	struct handover_batch b;
	struct buf clear = { 0 }, again = { 0 };
	uint8_t end[64] = { 0 }, bad[64] = { 0xff };
	size_t used = 0;

	tell_everything(&clear);
	for (size_t n = 0; n < pipe_bytes.n; n++)
		ck_assert_int_eq(handover_next(pipe_bytes.p, n, &b, &used), 0);
	ck_assert_int_eq(handover_next(pipe_bytes.p, pipe_bytes.n, &b, &used), 1);
	ck_assert_uint_eq(used, pipe_bytes.n);
	ck_assert_uint_eq(b.start_ms, 1000);
	ck_assert_uint_eq(b.end_ms, 2000);
	ck_assert(!b.end);
	show_batch(&again, &b.w);
	ck_assert_str_eq(buf_cstr(&clear), buf_cstr(&again));
	ck_assert_int_eq(handover_next(end, sizeof(end), &b, &used), 1);
	ck_assert(b.end);
	ck_assert_int_eq(handover_next(bad, sizeof(bad), &b, &used), -EPROTO);
	buf_fini(&clear);
	buf_fini(&again);
	buf_fini(&pipe_bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, both_ends_are_one_edge);
	tcase_add_test(t, the_side_with_several_processes_shares_out);
	tcase_add_test(t, intervals_add_up_and_order_does_not_matter);
	tcase_add_test(t, a_watch_that_was_not_whole_says_so);
	tcase_add_test(t, a_pipe_stays_a_pipe);
	tcase_add_test(t, every_record_is_shown_and_escaped);
	tcase_add_test(t, batches_come_whole_out_of_the_pipe);
	return unit_run("once", t);
}
