/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/conntab.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "tests/unit.h"

enum { NET = 5, CLIENT_PID = 100, SERVER_PID = 200, CHILD_PID = 201 };

#define SECOND 1000000000ull

/* What was told last. */
static struct {
	struct edge_key key[16];
	struct edge_val val[16];
	unsigned closed;
	struct live_record live[16];
	unsigned lives;
	struct listener_val listener[16];
	unsigned listeners;
} got;

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	(void)ctx;
	ck_assert_uint_lt(got.closed, 16);
	got.key[got.closed] = *key;
	got.val[got.closed++] = *val;
}

static void on_live(void *ctx, const struct live_record *r)
{
	(void)ctx;
	ck_assert_uint_lt(got.lives, 16);
	got.live[got.lives++] = *r;
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	(void)ctx;
	(void)key;
	ck_assert_uint_lt(got.listeners, 16);
	got.listener[got.listeners++] = *val;
}

static void tell(struct conntab *t)
{
	static const struct probe_sink sink = { .closed = on_closed,
						.live = on_live,
						.listener = on_listener };

	memset(&got, 0, sizeof(got));
	conntab_tell(t, &sink);
}

static struct conntab *new_table(void)
{
	return conntab_new(&(struct probe_config){ .max_edges = 8, .max_sockets = 8 });
}

static void put_addr(uint8_t out[16], const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, &a), 0);
	memcpy(out, a.b, 16);
}

/* An established connection that has carried nothing yet. */
static struct diag diag_of(uint64_t cookie, uint32_t inode, enum edge_dir dir)
{
	bool client = dir == EDGE_CLIENT;
	struct diag d = { .cookie = cookie,
			  .inode = inode,
			  .state = DIAG_ESTABLISHED,
			  .local_port = client ? 40000 : 80,
			  .remote_port = client ? 80 : 40000,
			  .has_info = true,
			  .has_sent = true,
			  .acked = client,
			  .rtt_us = 10 };

	put_addr(d.local, client ? "10.0.0.1" : "10.0.0.2");
	put_addr(d.remote, client ? "10.0.0.2" : "10.0.0.1");
	return d;
}

static struct diag carries(struct diag d, uint64_t tx, uint64_t rx)
{
	d.acked += tx - d.sent;
	d.sent = tx;
	d.received = rx;
	d.data_segs_in = rx > 0;
	return d;
}

/* Both FINs have been exchanged, the peer's is read. */
static struct diag ended(struct diag d)
{
	d.state = DIAG_CLOSE;
	d.inode = 0;
	d.acked++;
	d.received++;
	return d;
}

static struct diag listener(uint64_t cookie, uint32_t inode)
{
	struct diag d = {
		.cookie = cookie, .inode = inode, .state = DIAG_LISTEN, .local_port = 80
	};

	put_addr(d.local, "0.0.0.0");
	put_addr(d.remote, "0.0.0.0");
	return d;
}

/* Inode 1: the client's; 2: the server's listener; 3: a child has it beside its parent. */
static bool find(void *ctx, uint32_t inode, struct holders *out)
{
	(void)ctx;
	memset(out, 0, sizeof(*out));
	out->n = inode == 3 ? 2 : 1;
	out->who[0].tgid = inode == 1 ? CLIENT_PID : SERVER_PID;
	out->who[0].born = out->who[0].tgid;
	out->who[1].tgid = out->who[1].born = CHILD_PID;
	return inode >= 1 && inode <= 3;
}

static bool find_none(void *ctx, uint32_t inode, struct holders *out)
{
	(void)ctx, (void)inode, (void)out;
	return false;
}

/* One snapshot of a listener and up to two connections. */
static void look(struct conntab *t, uint64_t now, const struct diag *l, const struct diag *a,
		 const struct diag *b)
{
	conntab_pass(t, NET, now);
	if (l)
		conntab_listener(t, NET, l);
	if (a)
		conntab_seen(t, NET, a);
	if (b)
		conntab_seen(t, NET, b);
	conntab_own(t, find, NULL);
}

START_TEST(a_life_that_was_seen)
{
	struct conntab *t = new_table();
	struct diag d = diag_of(1, 1, EDGE_CLIENT), x = carries(d, 10, 70), y;

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	look(t, 2 * SECOND, NULL, &d, NULL);
	tell(t);
	ck_assert_uint_eq(got.closed, 1);
	ck_assert_uint_eq(got.key[0].tgid, CLIENT_PID);
	ck_assert_uint_eq(got.key[0].dir, EDGE_CLIENT);
	ck_assert_uint_eq(got.key[0].port, 80);
	ck_assert_uint_eq(got.val[0].opens, 1);
	ck_assert_uint_eq(got.val[0].sample[0].port, 40000);
	ck_assert_uint_eq(got.lives, 1);
	look(t, 3 * SECOND, NULL, &x, NULL);
	tell(t);
	ck_assert_uint_eq(got.closed, 0);
	ck_assert_uint_eq(got.live[0].tx, 10);
	ck_assert_uint_eq(got.live[0].rx, 70);
	y = ended(carries(d, 15, 71));
	conntab_ended(t, NET, &y, 4 * SECOND);
	look(t, 5 * SECOND, NULL, NULL, NULL);
	tell(t);
	ck_assert_uint_eq(got.lives, 0);
	ck_assert_uint_eq(got.val[0].opens, 0);
	ck_assert_uint_eq(got.val[0].closes, 1);
	ck_assert_uint_eq(got.val[0].tx, 15);
	ck_assert_uint_eq(got.val[0].rx, 71);
	ck_assert_uint_eq(got.val[0].rtt_n, 1);
	ck_assert_uint_eq(got.key[0].tgid, CLIENT_PID);
	ck_assert_uint_eq(conntab_count(t), 0);
	conntab_free(t);
}
END_TEST

START_TEST(what_was_open_before_counts_from_then_on)
{
	struct conntab *t = new_table();
	struct diag d = carries(diag_of(1, 1, EDGE_CLIENT), 100, 100), x;

	look(t, 1 * SECOND, NULL, &d, NULL);
	conntab_seeded(t);
	tell(t);
	ck_assert_uint_eq(got.closed, 0);
	ck_assert_uint_eq(got.live[0].tx, 0);
	x = ended(carries(d, 110, 101));
	conntab_ended(t, NET, &x, 2 * SECOND);
	tell(t);
	ck_assert_uint_eq(got.val[0].opens, 0);
	ck_assert_uint_eq(got.val[0].tx, 10);
	ck_assert_uint_eq(got.val[0].rx, 1);
	conntab_free(t);
}
END_TEST

START_TEST(what_ended_before_the_watch_is_not_told)
{
	struct conntab *t = new_table();
	struct diag d = ended(diag_of(1, 0, EDGE_CLIENT));

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_ended(t, NET, &d, 1 * SECOND);
	conntab_seeded(t);
	tell(t);
	ck_assert_uint_eq(got.closed, 0);
	conntab_free(t);
}
END_TEST

START_TEST(short_ones_have_the_owner_of_their_listener_or_none)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 2);
	struct diag s = ended(carries(diag_of(1, 0, EDGE_SERVER), 7, 5));
	struct diag c = ended(carries(diag_of(2, 0, EDGE_CLIENT), 5, 7));

	look(t, 1 * SECOND, &l, NULL, NULL);
	conntab_seeded(t);
	conntab_ended(t, NET, &s, 2 * SECOND);
	conntab_ended(t, NET, &c, 2 * SECOND);
	tell(t);
	ck_assert_uint_eq(got.closed, 2);
	ck_assert_uint_eq(got.key[0].dir, EDGE_SERVER);
	ck_assert_uint_eq(got.key[0].tgid, SERVER_PID);
	ck_assert_uint_eq(got.val[0].opens, 1);
	ck_assert_uint_eq(got.val[0].tx, 7);
	ck_assert_uint_eq(got.val[0].rx, 5);
	ck_assert_uint_eq(got.key[1].dir, EDGE_CLIENT);
	ck_assert_uint_eq(got.key[1].tgid, 0);
	ck_assert_uint_eq(got.val[1].opens, 1);
	ck_assert_uint_eq(got.listeners, 1);
	ck_assert_uint_eq(got.listener[0].tgid, SERVER_PID);
	conntab_free(t);
}
END_TEST

/* The same address and port in another namespace is another place. */
START_TEST(namespaces_are_kept_apart)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 2), s = ended(carries(diag_of(1, 0, EDGE_SERVER), 7, 5));

	look(t, 1 * SECOND, &l, NULL, NULL);
	conntab_seeded(t);
	conntab_ended(t, NET + 1, &s, 2 * SECOND);
	look(t, 3 * SECOND, &l, NULL, NULL);
	tell(t);
	ck_assert_uint_eq(got.closed, 1);
	ck_assert_uint_eq(got.key[0].netns, NET + 1);
	ck_assert_uint_eq(got.key[0].tgid, 0);
	conntab_free(t);
}
END_TEST

START_TEST(a_listener_that_no_snapshot_has_seen)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 0), s = ended(carries(diag_of(1, 0, EDGE_SERVER), 7, 5));

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	conntab_ended(t, NET, &s, 2 * SECOND); /* may be anybody's: it waits */
	tell(t);
	ck_assert_uint_eq(got.closed, 0);
	l.state = DIAG_CLOSE;
	l.has_info = true;
	conntab_ended(t, NET, &l, 2 * SECOND);
	look(t, 3 * SECOND, NULL, NULL, NULL);
	tell(t);
	ck_assert_uint_eq(got.closed, 1);
	ck_assert_uint_eq(got.key[0].dir, EDGE_SERVER);
	ck_assert_uint_eq(got.key[0].port, 80);
	ck_assert_uint_eq(got.listeners, 0);
	conntab_free(t);
}
END_TEST

START_TEST(a_child_serves_what_its_parent_has_accepted)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 2), s = diag_of(1, 3, EDGE_SERVER);

	look(t, 1 * SECOND, &l, NULL, NULL);
	conntab_seeded(t);
	look(t, 2 * SECOND, &l, &s, NULL);
	tell(t);
	ck_assert_uint_eq(got.live[0].key.tgid, CHILD_PID);
	conntab_free(t);
}
END_TEST

START_TEST(who_is_never_found)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 2), s = diag_of(1, 0, EDGE_SERVER),
		    c = diag_of(2, 77, EDGE_CLIENT);

	look(t, 1 * SECOND, &l, NULL, NULL);
	conntab_seeded(t);
	look(t, 2 * SECOND, &l, &s, &c);
	tell(t);
	ck_assert_uint_eq(got.closed, 0); /* may still be found */
	ck_assert_uint_eq(got.lives, 0);
	look(t, 20 * SECOND, &l, &s, &c);
	tell(t);
	ck_assert_uint_eq(got.closed, 2);
	ck_assert_uint_eq(got.lives, 2);
	ck_assert_uint_eq(got.live[0].key.tgid, SERVER_PID);
	ck_assert_uint_eq(got.live[1].key.tgid, 0);
	conntab_free(t);
}
END_TEST

START_TEST(failures)
{
	static const struct {
		uint32_t segs_in, retransmits, attempts;
	} how[4] = { { 1, 0, 0 }, { 0, 2, 2 }, { 0, 0, 3 }, { 0, 0, 0 } };
	struct conntab *t = new_table();

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	for (int i = 0; i < 4; i++) {
		struct diag d = diag_of(1 + (uint64_t)i, 0, EDGE_CLIENT);

		d.state = DIAG_CLOSE;
		d.acked = d.rtt_us = 0;
		d.unacked = 1;
		d.segs_in = how[i].segs_in;
		d.retransmits = how[i].retransmits;
		d.attempts = how[i].attempts;
		conntab_ended(t, NET, &d, 2 * SECOND);
	}
	tell(t);
	ck_assert_uint_eq(got.closed, 1);
	ck_assert_uint_eq(got.val[0].opens, 3);
	ck_assert_uint_eq(got.val[0].refused, 1);
	ck_assert_uint_eq(got.val[0].timeouts, 1);
	ck_assert_uint_eq(got.val[0].unreachable, 1);
	ck_assert_uint_eq(got.val[0].abandoned, 1);
	ck_assert_uint_eq(got.val[0].closes, 0);
	conntab_free(t);
}
END_TEST

START_TEST(a_connect_that_was_taken_back)
{
	struct conntab *t = new_table();
	struct diag d = diag_of(1, 1, EDGE_CLIENT), seen;
	uint64_t drops[DROP_COUNT] = { 0 };

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	d.acked = d.rtt_us = 0;
	seen = d;
	seen.state = DIAG_SYN_SENT;
	seen.attempts = 1;
	look(t, 2 * SECOND, NULL, &seen, NULL);
	tell(t);
	ck_assert_uint_eq(got.live[0].pending, 1);
	d.state = DIAG_CLOSE;
	d.remote_port = 0;
	d.unacked = 3;
	conntab_ended(t, NET, &d, 3 * SECOND); /* which one is known by its cookie */
	tell(t);
	ck_assert_uint_eq(got.val[0].timeouts, 1);
	ck_assert_uint_eq(got.key[0].tgid, CLIENT_PID);
	ck_assert_uint_eq(got.key[0].port, 80);
	d.cookie = 2; /* this one nobody saw */
	conntab_ended(t, NET, &d, 4 * SECOND);
	look(t, 5 * SECOND, NULL, NULL, NULL);
	tell(t);
	ck_assert_uint_eq(got.closed, 0);
	conntab_drops(t, drops);
	ck_assert_uint_eq(drops[DROP_FAILURE], 1);
	conntab_free(t);
}
END_TEST

START_TEST(a_notice_that_never_comes)
{
	struct conntab *t = new_table();
	struct diag d = carries(diag_of(1, 1, EDGE_CLIENT), 10, 20), x;
	unsigned closes = 0;

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	look(t, 2 * SECOND, NULL, &d, NULL);
	tell(t);
	for (int i = 0; i < 4; i++) {
		look(t, (3 + (uint64_t)i) * SECOND, NULL, NULL, NULL);
		tell(t);
		ck_assert_uint_eq(got.lives, 0);
		for (unsigned k = 0; k < got.closed; k++) {
			closes += got.val[k].closes;
			ck_assert_uint_eq(got.val[k].tx, 10);
		}
	}
	ck_assert_uint_eq(closes, 1);
	x = ended(carries(diag_of(1, 0, EDGE_CLIENT), 12, 20)); /* it was only late */
	conntab_ended(t, NET, &x, 9 * SECOND);
	tell(t);
	ck_assert_uint_eq(got.val[0].closes, 0);
	ck_assert_uint_eq(got.val[0].opens, 0);
	ck_assert_uint_eq(got.val[0].tx, 2);
	ck_assert_uint_eq(conntab_count(t), 0);
	conntab_free(t);
}
END_TEST

START_TEST(tables_are_bounded_and_say_so)
{
	struct conntab *t = new_table();
	uint64_t drops[DROP_COUNT] = { 0 };

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	for (unsigned i = 0; i < 12; i++) {
		struct diag d = diag_of(1 + i, 1, EDGE_CLIENT), x = d;

		look(t, 2 * SECOND, NULL, &d, NULL);
		x.cookie += 100;
		x.remote_port = (uint16_t)(100 + i);
		x = ended(x);
		conntab_ended(t, NET, &x, 2 * SECOND);
	}
	ck_assert_uint_eq(conntab_count(t), 8);
	tell(t);
	ck_assert_uint_eq(got.closed, 8);
	conntab_drops(t, drops);
	ck_assert_uint_eq(drops[DROP_SOCKET_FULL], 4);
	ck_assert_uint_gt(drops[DROP_EDGE_FULL], 0);
	conntab_free(t);
}
END_TEST

START_TEST(a_namespace_that_is_left)
{
	struct conntab *t = new_table();
	struct diag d = carries(diag_of(1, 1, EDGE_CLIENT), 10, 20), l = listener(9, 2);

	look(t, 1 * SECOND, NULL, NULL, NULL);
	conntab_seeded(t);
	look(t, 2 * SECOND, &l, &d, NULL);
	tell(t);
	ck_assert_uint_eq(got.lives, 1);
	ck_assert_uint_eq(got.listeners, 1);
	for (int i = 0; i < 3; i++) { /* no other look: nothing has changed */
		tell(t);
		ck_assert_uint_eq(got.lives, 1);
		ck_assert_uint_eq(got.closed, 0);
	}
	conntab_leave(t, NET);
	tell(t);
	ck_assert_uint_eq(got.lives, 0);
	ck_assert_uint_eq(got.listeners, 0);
	tell(t);
	ck_assert_uint_eq(got.val[0].closes, 1);
	ck_assert_uint_eq(got.val[0].tx, 10);
	conntab_free(t);
}
END_TEST

static void count_inode(void *ctx, uint32_t inode)
{
	*(unsigned *)ctx += inode;
}

START_TEST(only_the_unknown_are_looked_for)
{
	struct conntab *t = new_table();
	struct diag l = listener(9, 2), c = diag_of(2, 77, EDGE_CLIENT),
		    k = diag_of(3, 1, EDGE_CLIENT);
	unsigned sum = 0;

	conntab_pass(t, NET, SECOND);
	conntab_listener(t, NET, &l);
	conntab_seen(t, NET, &c);
	conntab_seen(t, NET, &k);
	ck_assert_uint_eq(conntab_wanted(t, count_inode, &sum), 3);
	ck_assert_uint_eq(sum, 2 + 77 + 1);
	conntab_own(t, find_none, NULL);
	ck_assert_uint_eq(conntab_wanted(t, count_inode, &sum), 3);
	conntab_own(t, find, NULL);
	sum = 0;
	ck_assert_uint_eq(conntab_wanted(t, count_inode, &sum), 1);
	ck_assert_uint_eq(sum, 77);
	conntab_free(t);
}
END_TEST

START_TEST(a_connection_whose_direction_is_a_guess)
{
	struct conntab *t = new_table();
	struct diag d = diag_of(1, 1, EDGE_SERVER);

	d.unacked = 5;
	look(t, SECOND, NULL, &d, NULL);
	ck_assert_uint_eq(conntab_guessed(t), 1);
	conntab_seeded(t);
	tell(t);
	ck_assert_uint_eq(got.live[0].key.dir, EDGE_SERVER);
	ck_assert_uint_eq(got.live[0].key.port, 80);
	conntab_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("conntab");

	tcase_add_test(t, a_life_that_was_seen);
	tcase_add_test(t, what_was_open_before_counts_from_then_on);
	tcase_add_test(t, what_ended_before_the_watch_is_not_told);
	tcase_add_test(t, short_ones_have_the_owner_of_their_listener_or_none);
	tcase_add_test(t, namespaces_are_kept_apart);
	tcase_add_test(t, a_listener_that_no_snapshot_has_seen);
	tcase_add_test(t, a_child_serves_what_its_parent_has_accepted);
	tcase_add_test(t, who_is_never_found);
	tcase_add_test(t, failures);
	tcase_add_test(t, a_connect_that_was_taken_back);
	tcase_add_test(t, a_notice_that_never_comes);
	tcase_add_test(t, tables_are_bounded_and_say_so);
	tcase_add_test(t, a_namespace_that_is_left);
	tcase_add_test(t, only_the_unknown_are_looked_for);
	tcase_add_test(t, a_connection_whose_direction_is_a_guess);
	return unit_run("conntab", t);
}
