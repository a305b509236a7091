/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pair.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { CURL = 1, WGET = 2, NGINX = 11, HAPROXY = 12 };

struct want {
	int64_t client, server;
	bool guess;
};

static struct pair_claim claim(int64_t client, int64_t server, uint64_t opens)
{
	return (struct pair_claim){ .process = { client, server }, .opens = opens };
}

static void with_ports(struct pair_claim *c, uint16_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		c->port[c->ports_n++] = (uint16_t)(first + i);
}

static void expect(struct pair_claim *c, unsigned n, const struct want *w)
{
	pair_resolve(c, n);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_msg(c[i].edge[PAIR_CLIENT] == w[i].client &&
				      c[i].edge[PAIR_SERVER] == w[i].server &&
				      c[i].guess == w[i].guess,
			      "claim %u: %d -> %d, guess %d", i, (int)c[i].edge[0],
			      (int)c[i].edge[1], c[i].guess);
	}
}

START_TEST(one_alone_stays_as_it_is)
{
	struct pair_claim c[] = { claim(CURL, 0, 5) };

	expect(c, 1, (struct want[]){ { CURL, 0, false } });
	c[0] = claim(0, 0, 5);
	expect(c, 1, (struct want[]){ { 0, 0, false } });
	pair_resolve(NULL, 0);
}
END_TEST

START_TEST(two_sides_are_one_edge)
{
	struct pair_claim c[] = { claim(CURL, 0, 5), claim(0, NGINX, 5), claim(0, 0, 5) };

	expect(c, 3,
	       (struct want[]){ { CURL, NGINX, false },
				{ CURL, NGINX, false },
				{ CURL, NGINX, false } });
}
END_TEST

START_TEST(two_clients_of_one_server)
{
	struct pair_claim c[] = { claim(CURL, 0, 5), claim(WGET, 0, 9), claim(0, NGINX, 14) };

	expect(c, 3,
	       (struct want[]){ { CURL, NGINX, false },
				{ WGET, NGINX, false },
				{ WGET, NGINX, true } });
}
END_TEST

START_TEST(ports_in_common_decide)
{
	struct pair_claim c[] = { claim(CURL, 0, 1), claim(WGET, 0, 1), claim(0, NGINX, 1),
				  claim(0, HAPROXY, 100) };

	with_ports(&c[0], 40000, 4);
	with_ports(&c[1], 50000, 4);
	with_ports(&c[2], 40002, 4);
	with_ports(&c[3], 50001, 4);
	expect(c, 4,
	       (struct want[]){ { CURL, NGINX, false },
				{ WGET, HAPROXY, false },
				{ CURL, NGINX, false },
				{ WGET, HAPROXY, false } });
}
END_TEST

START_TEST(ports_with_both_are_a_guess)
{
	struct pair_claim c[] = { claim(CURL, 0, 9), claim(0, NGINX, 1),
				  claim(0, HAPROXY, 1) };

	with_ports(&c[0], 40000, 8);
	with_ports(&c[1], 40000, 2);
	with_ports(&c[2], 40002, 4);
	expect(c, 3,
	       (struct want[]){ { CURL, HAPROXY, true },
				{ CURL, NGINX, false },
				{ CURL, HAPROXY, false } });
}
END_TEST

START_TEST(who_knows_both_is_believed)
{
	struct pair_claim c[] = { claim(CURL, NGINX, 5), claim(WGET, HAPROXY, 50),
				  claim(CURL, 0, 5) };

	expect(c, 3,
	       (struct want[]){ { CURL, NGINX, false },
				{ WGET, HAPROXY, false },
				{ CURL, NGINX, true } });
}
END_TEST

START_TEST(order_does_not_matter)
{
	struct pair_claim c[] = { claim(CURL, 0, 7), claim(WGET, 0, 7), claim(0, NGINX, 7),
				  claim(0, HAPROXY, 7), claim(0, 0, 7) };
	struct pair_claim r[5];

	for (unsigned i = 0; i < 5; i++)
		r[i] = c[4 - i];
	pair_resolve(c, 5);
	pair_resolve(r, 5);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert(memcmp(c[i].edge, r[4 - i].edge, sizeof(c[i].edge)) == 0);
		ck_assert(c[i].guess && r[4 - i].guess);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, one_alone_stays_as_it_is);
	tcase_add_test(t, two_sides_are_one_edge);
	tcase_add_test(t, two_clients_of_one_server);
	tcase_add_test(t, ports_in_common_decide);
	tcase_add_test(t, ports_with_both_are_a_guess);
	tcase_add_test(t, who_knows_both_is_believed);
	tcase_add_test(t, order_does_not_matter);
	return unit_run("pair", t);
}
