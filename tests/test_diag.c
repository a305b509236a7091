/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/diag.h"

#include <arpa/inet.h>
#include <check.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "tests/unit.h"

enum { HEAD = sizeof(struct inet_diag_msg), INFO = sizeof(struct tcp_info) };

/* A message as the kernel makes it. */
struct message {
	uint8_t b[HEAD + 8 + 4 + INFO + 64];
	size_t n;
};

static void put_attr(struct message *m, uint16_t type, const void *p, uint16_t n)
{
	uint16_t head[2] = { (uint16_t)(4 + n), type };

	memcpy(m->b + m->n, head, 4);
	memcpy(m->b + m->n + 4, p, n);
	m->n += 4 + (size_t)((n + 3) & ~3);
}

static struct message message_of(const struct inet_diag_msg *head, const struct tcp_info *info,
				 uint16_t info_len)
{
	struct message m = { .n = HEAD };
	uint8_t tcp = IPPROTO_TCP;

	memcpy(m.b, head, HEAD);
	put_attr(&m, INET_DIAG_PROTOCOL, &tcp, 1);
	if (info)
		put_attr(&m, INET_DIAG_INFO, info, info_len);
	return m;
}

static struct inet_diag_msg head_v4(void)
{
	struct inet_diag_msg h = { .idiag_family = AF_INET,
				   .idiag_state = DIAG_ESTABLISHED,
				   .id = { .idiag_sport = htons(40000),
					   .idiag_dport = htons(80),
					   .idiag_cookie = { 7, 1 } },
				   .idiag_rqueue = 1,
				   .idiag_wqueue = 2,
				   .idiag_inode = 99 };

	h.id.idiag_src[0] = htonl(0x0a000001);
	h.id.idiag_dst[0] = htonl(0x0a000002);
	return h;
}

static const char *text(const uint8_t b[16])
{
	static char out[ADDR_TEXT];
	struct addr a;

	memcpy(a.b, b, 16);
	return addr_text(&a, out);
}

START_TEST(a_message_is_read)
{
	struct inet_diag_msg h = head_v4();
	struct tcp_info info = { .tcpi_bytes_acked = 8,
				 .tcpi_bytes_received = 1ull << 40,
				 .tcpi_bytes_sent = 9,
				 .tcpi_bytes_retrans = 2,
				 .tcpi_rtt = 55,
				 .tcpi_total_retrans = 3,
				 .tcpi_retransmits = 4,
				 .tcpi_segs_in = 5,
				 .tcpi_data_segs_in = 6,
				 .tcpi_notsent_bytes = 1 };
	struct message m = message_of(&h, &info, INFO);
	struct diag d;

	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert_uint_eq(d.cookie, 1ull << 32 | 7);
	ck_assert_uint_eq(d.inode, 99);
	ck_assert_uint_eq(d.local_port, 40000);
	ck_assert_uint_eq(d.remote_port, 80);
	ck_assert_str_eq(text(d.local), "10.0.0.1");
	ck_assert_str_eq(text(d.remote), "10.0.0.2");
	ck_assert(d.has_info && d.has_sent);
	ck_assert_uint_eq(d.acked, 8);
	ck_assert_uint_eq(d.received, 1ull << 40);
	ck_assert_uint_eq(d.sent, 9);
	ck_assert_uint_eq(d.resent, 2);
	ck_assert_uint_eq(d.rtt_us, 55);
	ck_assert_uint_eq(d.retransmits, 3);
	ck_assert_uint_eq(d.attempts, 4);
	ck_assert_uint_eq(d.segs_in, 5);
	ck_assert_uint_eq(d.data_segs_in, 6);
	ck_assert_uint_eq(d.notsent, 1);
}
END_TEST

START_TEST(older_and_newer_kernels_say_less_and_more)
{
	struct inet_diag_msg h = head_v4();
	struct tcp_info info = { .tcpi_bytes_acked = 8, .tcpi_data_segs_in = 6 };
	uint8_t longer[INFO + 32] = { 0 };
	struct message m;
	struct diag d;

	m = message_of(&h, &info, offsetof(struct tcp_info, tcpi_bytes_sent));
	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert(d.has_info && !d.has_sent);
	m = message_of(&h, &info, 104);
	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert(!d.has_info);
	memcpy(longer, &info, INFO);
	m = message_of(&h, (void *)longer, sizeof(longer));
	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert(d.has_sent);
	ck_assert_uint_eq(d.acked, 8);
	m = message_of(&h, NULL, 0);
	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert(!d.has_info);
}
END_TEST

START_TEST(ipv6_and_mapped_addresses)
{
	struct inet_diag_msg h = head_v4();
	struct message m;
	struct diag d;

	h.idiag_family = AF_INET6;
	inet_pton(AF_INET6, "fd00::1", h.id.idiag_src);
	inet_pton(AF_INET6, "::ffff:10.0.0.9", h.id.idiag_dst);
	m = message_of(&h, NULL, 0);
	ck_assert(diag_decode(m.b, m.n, &d));
	ck_assert_str_eq(text(d.local), "fd00::1");
	ck_assert_str_eq(text(d.remote), "10.0.0.9");
}
END_TEST

START_TEST(what_is_not_whole_is_refused)
{
	struct inet_diag_msg h = head_v4();
	struct tcp_info info = { .tcpi_bytes_acked = 8 };
	struct message m = message_of(&h, &info, INFO), bad;
	uint8_t udp = IPPROTO_UDP;
	struct diag d;

	for (size_t n = 0; n < m.n; n++) {
		uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees its end */
		bool good, whole;

		memcpy(copy, m.b, n);
		good = diag_decode(copy, n, &d);
		/* it may end between attributes, or in less than the head of one */
		whole = n >= HEAD &&
			(n - HEAD < 4 || n - HEAD == 5 || (n - HEAD >= 8 && n - HEAD < 12));
		ck_assert_msg(good == whole, "%zu of %zu", n, m.n);
		free(copy);
	}
	bad = m;
	memset(bad.b + HEAD, 0, 2); /* an attribute without a length: no endless loop */
	ck_assert(!diag_decode(bad.b, bad.n, &d));
	bad = m;
	memset(bad.b + HEAD, 0xff, 2);
	ck_assert(!diag_decode(bad.b, bad.n, &d));
	bad = m;
	bad.b[0] = AF_UNIX;
	ck_assert(!diag_decode(bad.b, bad.n, &d));
	bad = m;
	bad.b[HEAD + 4] = udp;
	ck_assert(!diag_decode(bad.b, bad.n, &d));
}
END_TEST

START_TEST(any_bytes_are_borne)
{
	struct inet_diag_msg h = head_v4();
	struct tcp_info info = { .tcpi_bytes_acked = 8 };
	struct message m = message_of(&h, &info, INFO);
	uint32_t seed = 1;
	struct diag d;

	for (int i = 0; i < 200000; i++) {
		struct message x = m;
		uint64_t tx, rx;

		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			x.b[(seed >> 8) % x.n] = (uint8_t)(seed >> 24);
		}
		if (!diag_decode(x.b, x.n, &d))
			continue;
		diag_payload(&d, diag_direction(&d), d.state, &tx, &rx);
		ck_assert_uint_le(rx, d.received);
		ck_assert_int_le(diag_fate(&d), FATE_UNREACHABLE);
	}
}
END_TEST

/* Notices as Linux 6.18 sent them, with what had happened. */
static const struct {
	const char *what;
	struct diag d;
	enum edge_dir dir; /* as the notice itself tells */
	enum edge_dir is;
	bool never_up, reset;
	enum diag_fate fate;
	uint64_t tx, rx;
} ends[] = {
	{ "client that closes first, 5 up, 7 down, the peer's FIN unread",
	  { .acked = 7,
	    .received = 8,
	    .sent = 5,
	    .unread = 1,
	    .rtt_us = 27,
	    .segs_in = 4,
	    .data_segs_in = 1 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .tx = 5,
	  .rx = 7 },
	{ "its server",
	  { .acked = 8,
	    .received = 6,
	    .sent = 7,
	    .rtt_us = 17,
	    .segs_in = 6,
	    .data_segs_in = 1 },
	  EDGE_UNKNOWN,
	  EDGE_SERVER,
	  .tx = 7,
	  .rx = 5 },
	{ "server that closes first, 5 up, 9 down",
	  { .acked = 10,
	    .received = 6,
	    .sent = 9,
	    .unread = 1,
	    .rtt_us = 22,
	    .segs_in = 5,
	    .data_segs_in = 1 },
	  EDGE_UNKNOWN,
	  EDGE_SERVER,
	  .tx = 9,
	  .rx = 5 },
	{ "its client",
	  { .acked = 7,
	    .received = 10,
	    .sent = 5,
	    .rtt_us = 26,
	    .segs_in = 5,
	    .data_segs_in = 1 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .tx = 5,
	  .rx = 9 },
	{ "client of a server that resets after 5 up",
	  { .acked = 6, .sent = 5, .rtt_us = 31, .segs_in = 3 },
	  EDGE_UNKNOWN,
	  EDGE_CLIENT,
	  .tx = 5 },
	{ "client of a server that resets at once",
	  { .acked = 1, .rtt_us = 35, .segs_in = 2 },
	  EDGE_UNKNOWN,
	  EDGE_CLIENT,
	  .reset = true },
	{ "client that says nothing and closes",
	  { .acked = 2, .received = 1, .rtt_us = 35, .segs_in = 3 },
	  EDGE_CLIENT,
	  EDGE_CLIENT },
	{ "server whose client resets at once",
	  { .rtt_us = 35, .segs_in = 2 },
	  EDGE_SERVER,
	  EDGE_SERVER,
	  .reset = true },
	{ "refused",
	  { .unacked = 1, .segs_in = 1 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .never_up = true,
	  .fate = FATE_REFUSED },
	{ "given up at once",
	  { .unacked = 1 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .never_up = true,
	  .fate = FATE_ABANDONED },
	{ "timed out",
	  { .unacked = 1, .retransmits = 2, .attempts = 2 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .never_up = true,
	  .fate = FATE_TIMEOUT },
	{ "nobody has the address",
	  { .unacked = 1, .attempts = 3 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .never_up = true,
	  .fate = FATE_UNREACHABLE },
	{ "sent twice, acknowledged once",
	  { .acked = 102, .sent = 150, .resent = 50, .retransmits = 1, .rtt_us = 9 },
	  EDGE_CLIENT,
	  EDGE_CLIENT,
	  .tx = 100 },
	{ "never acknowledged, given up",
	  { .acked = 1,
	    .sent = 100,
	    .resent = 50,
	    .unacked = 50,
	    .retransmits = 1,
	    .rtt_us = 9 },
	  EDGE_UNKNOWN,
	  EDGE_CLIENT,
	  .tx = 50 },
	{ "dropped before it was sent",
	  { .acked = 1, .sent = 100, .unacked = 100, .notsent = 100, .rtt_us = 9 },
	  EDGE_UNKNOWN,
	  EDGE_CLIENT,
	  .tx = 1 },
};

START_TEST(ends_are_understood)
{
	struct diag d = ends[_i].d;
	uint64_t tx, rx;

	d.state = DIAG_CLOSE;
	d.local_port = 40000;
	d.remote_port = 80;
	d.has_info = d.has_sent = true;
	diag_payload(&d, ends[_i].is, 0, &tx, &rx);
	ck_assert_msg(diag_direction(&d) == ends[_i].dir, "%s: direction", ends[_i].what);
	ck_assert_msg(diag_never_up(&d) == ends[_i].never_up, "%s: up", ends[_i].what);
	ck_assert_msg(tx == ends[_i].tx, "%s: tx %lu", ends[_i].what, tx);
	ck_assert_msg(rx == ends[_i].rx, "%s: rx %lu", ends[_i].what, rx);
	if (ends[_i].never_up)
		ck_assert_msg(diag_fate(&d) == ends[_i].fate, "%s: fate", ends[_i].what);
	else
		ck_assert_msg(diag_was_reset(&d, ends[_i].is) == ends[_i].reset, "%s: reset",
			      ends[_i].what);
}
END_TEST

START_TEST(what_the_program_took_back)
{
	struct diag d = { .state = DIAG_CLOSE,
			  .has_info = true,
			  .has_sent = true,
			  .unacked = 3,
			  .notsent = 2 };

	ck_assert(diag_is_wiped(&d));
	ck_assert(diag_never_up(&d)); /* a blocking connect that was refused */
	ck_assert_int_eq(diag_fate(&d), FATE_REFUSED);
	d.attempts = 2;
	ck_assert_int_eq(diag_fate(&d), FATE_TIMEOUT);
	d.unacked = 65538; /* SO_LINGER 0 on one that was up */
	ck_assert(!diag_never_up(&d));
	ck_assert_int_eq(diag_direction(&d), EDGE_UNKNOWN);
	ck_assert(!diag_was_reset(&d, EDGE_SERVER));
}
END_TEST

START_TEST(what_is_open)
{
	struct diag d = { .state = DIAG_ESTABLISHED,
			  .remote_port = 1,
			  .has_info = true,
			  .has_sent = true,
			  .acked = 6,
			  .sent = 5,
			  .received = 8,
			  .data_segs_in = 1 };
	uint64_t tx, rx;

	ck_assert_int_eq(diag_direction(&d), EDGE_CLIENT);
	d.acked = 5;
	ck_assert_int_eq(diag_direction(&d), EDGE_SERVER);
	d.unacked = 1;
	ck_assert_int_eq(diag_direction(&d), EDGE_UNKNOWN);
	d.state = DIAG_SYN_SENT;
	ck_assert_int_eq(diag_direction(&d), EDGE_CLIENT);
	d.state = DIAG_ESTABLISHED;
	diag_payload(&d, EDGE_SERVER, 0, &tx, &rx);
	ck_assert_uint_eq(rx, 8);
	d.state = DIAG_CLOSE_WAIT;
	diag_payload(&d, EDGE_SERVER, 0, &tx, &rx);
	ck_assert_uint_eq(rx, 7);
	/* it ended: where it was then tells whether the peer's FIN is among the bytes */
	d.state = DIAG_CLOSE;
	d.unacked = 0;
	d.acked = 6;
	diag_payload(&d, EDGE_SERVER, DIAG_FIN_WAIT2, &tx, &rx);
	ck_assert_uint_eq(rx, 8);
	d.unread = 1;
	diag_payload(&d, EDGE_SERVER, DIAG_FIN_WAIT2, &tx, &rx);
	ck_assert_uint_eq(rx, 7);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("diag");

	tcase_add_test(t, a_message_is_read);
	tcase_add_test(t, older_and_newer_kernels_say_less_and_more);
	tcase_add_test(t, ipv6_and_mapped_addresses);
	tcase_add_test(t, what_is_not_whole_is_refused);
	tcase_add_test(t, any_bytes_are_borne);
	tcase_add_loop_test(t, ends_are_understood, 0, sizeof(ends) / sizeof(*ends));
	tcase_add_test(t, what_the_program_took_back);
	tcase_add_test(t, what_is_open);
	return unit_run("diag", t);
}
