/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/cut.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "graph/between.h"
#include "graph/firewall.h"
#include "tests/estatekit.h"
#include "tests/unit.h"

/* a -> b (database, 100 a day), b -> c (https), c -> a (ssh); a in wave 1, b 2, c 3. */
static void three(struct estatekit *k)
{
	estatekit_group(k, "a", 2);
	estatekit_group(k, "b", 2);
	estatekit_group(k, "c", 2);
	estatekit_edge(k, "a", "b", 5432, 1000);
	k->edge[0].c.bytes_to_client = 1000 * 40000; /* ten questions and 1,000 bytes each */
	estatekit_edge(k, "b", "c", 443, 50000);
	k->edge[1].c.refused = 100;
	estatekit_edge(k, "c", "a", 22, 10);
	estatekit_edge(k, "a", "c", 8080, 70);
	k->edge[3].c.timeouts = 70;
	estatekit_done(k);
	for (unsigned i = 0; i < 3; i++)
		k->p->group[i].wave = i + 1;
}

START_TEST(price_of_a_cut)
{
	struct estatekit k = { 0 };
	struct cut_options o = { .rtt_ms = 50 };
	const struct cut_price *p;
	struct cuts *c;

	three(&k);
	c = cut_between(k.g, k.p, &o);
	ck_assert_double_eq(c->days, 10);
	ck_assert_uint_eq(c->pair_n, 4);
	p = &c->pair[0].price; /* a -> b */
	ck_assert_int_eq(c->pair[0].class, CUT_DB);
	ck_assert_uint_eq(p->edges, 1);
	ck_assert_uint_eq(p->hard, 1);
	ck_assert_double_eq(p->connections, 100);
	ck_assert_double_eq(p->bytes, 4100000);
	ck_assert_double_eq(p->round_trips, 100 * (1 + 11)); /* 41,000 bytes by 4,096 */
	ck_assert_double_eq_tol(p->wait, 60, 1e-9);
	ck_assert_uint_eq(p->chatty, 1); /* 1,200 round trips to a database */
	p = &c->pair[2].price;		 /* b -> c */
	ck_assert_double_eq(p->failed, 10);
	ck_assert_double_eq(p->connections, 4990);
	ck_assert_uint_eq(p->chatty, 1);
	p = &c->pair[1].price; /* a -> c: it never worked */
	ck_assert_uint_eq(p->edges, 0);
	ck_assert_uint_eq(p->failed_only, 1);
	ck_assert_double_eq(p->failed, 7);
	cut_free(c);
	estatekit_fini(&k);
}
END_TEST

START_TEST(cut_by_waves)
{
	struct estatekit k = { 0 };
	struct cuts *c;
	unsigned n, *at;

	three(&k);
	c = cut_between(k.g, k.p, NULL);
	ck_assert_uint_eq(c->wave_n, 3);
	ck_assert_uint_eq(c->wave[0].all.edges, 0);
	ck_assert_uint_eq(c->wave[1].all.edges, 2); /* a -> b, c -> a */
	ck_assert_uint_eq(c->wave[1].fresh.edges, 2);
	ck_assert_uint_eq(c->wave[2].all.edges, 2); /* b -> c, c -> a */
	ck_assert_uint_eq(c->wave[2].fresh.edges, 1);
	ck_assert_uint_eq(c->wave[2].healed.edges, 1);
	ck_assert_uint_eq(c->wave[3].all.edges, 0);
	ck_assert_uint_eq(c->wave[3].healed.edges, 2);
	ck_assert_uint_eq(c->wave[1].all.hard, 1); /* ssh is soft */
	at = cut_strongest(c, 2, &n);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(c->pair[at[0]].class, CUT_RPC);
	ck_assert_int_eq(c->pair[at[1]].class, CUT_ADMIN);
	ck_assert_uint_eq(c->pair[at[2]].price.edges, 0);
	free(at);
	cut_free(c);
	estatekit_fini(&k);
}
END_TEST

START_TEST(done_everywhere_and_never)
{
	bool everywhere[3] = { false, true, false };
	struct cut_options o = { .everywhere = everywhere };
	struct estatekit k = { 0 };
	struct cuts *c;

	three(&k);
	k.p->group[0].state = PLAN_MOVED;
	c = cut_between(k.g, k.p, &o);
	ck_assert(!cut_crosses(&c->pair[0], 1)); /* b has a replica */
	ck_assert_uint_eq(c->pair[3].from, 0);	 /* c -> a is over the link today */
	ck_assert_uint_eq(c->pair[3].until, 3);
	ck_assert_uint_eq(c->wave[0].all.edges, 1);
	cut_free(c);
	k.p->group[2].wave = 0; /* c stays */
	c = cut_between(k.g, k.p, &o);
	ck_assert_uint_eq(c->pair[3].until, PLAN_NONE);
	ck_assert(cut_crosses(&c->pair[3], 1000));
	cut_free(c);
	estatekit_fini(&k);
}
END_TEST

/* Cuts of a random estate counted the slow way. */
START_TEST(cuts_are_those_of_the_edges)
{
	struct estatekit k = { 0 };
	struct cuts *c;
	unsigned seed = 5;
	char a[8], b[8];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(a, sizeof(a), "g%02u", i);
		estatekit_group(&k, a, 3);
	}
	for (unsigned i = 0; i < 300; i++) {
		seed = seed * 1103515245u + 12345u;
		snprintf(a, sizeof(a), "g%02u", (seed >> 8) % 40);
		snprintf(b, sizeof(b), "g%02u", (seed >> 16) % 40);
		if (strcmp(a, b) != 0)
			estatekit_edge(&k, a, b, (uint16_t)(20 + i % 9), seed % 50);
	}
	estatekit_done(&k);
	for (unsigned i = 0; i < 40; i++)
		k.p->group[i].wave = 1 + i * 7 % 5;
	c = cut_between(k.g, k.p, NULL);
	for (unsigned w = 0; w <= 5; w++) {
		unsigned edges = 0;

		for (unsigned i = 0; i < k.g->edge_n; i++) {
			const struct graph_edge *e = &k.g->edge[i];
			unsigned x = k.p->group[k.p->machine[e->client].group].wave;
			unsigned y = k.p->group[k.p->machine[e->server].group].wave;

			edges += (x <= w) != (y <= w) && between_worked(e);
		}
		ck_assert_uint_eq(c->wave[w].all.edges, edges);
	}
	cut_free(c);
	estatekit_fini(&k);
}
END_TEST

START_TEST(ports_have_classes)
{
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 5432), CUT_DB);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 50000), CUT_DB);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 20), CUT_BATCH);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 2049), CUT_FILES);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 3389), CUT_ADMIN);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 443), CUT_RPC);
	ck_assert_int_eq(cut_class_of(PROTO_TCP, 0), CUT_RPC);
	ck_assert(!cut_class_hard(CUT_BATCH) && cut_class_hard(CUT_FILES));
}
END_TEST

/* Firewall */

static void set_ips(struct estatekit *k, unsigned machine, const char *v4, const char *v6)
{
	struct graph_machine *m = &k->machine[machine];

	free(m->ips[0]);
	free(m->ips);
	m->ips_n = 0;
	m->ips = xcalloc(2, sizeof(*m->ips));
	m->ips[m->ips_n++] = xstrdup(v4);
	if (v6)
		m->ips[m->ips_n++] = xstrdup(v6);
}

#define HOSTILE "a\"; drop }\n\\\xff\xc3\xbc\xe2\x80\xae#"

/* Three clients beside each other, two ports beside each other, one of them in a range. */
static void hostile(struct estatekit *k)
{
	estatekit_group(k, HOSTILE, 3);
	estatekit_group(k, "srv", 2);
	for (unsigned i = 0; i < 3; i++) {
		char ip[32], ip6[32];

		snprintf(ip, sizeof(ip), "10.9.%u.%u", i ? 1 : 0, i ? i - 1 : 255);
		snprintf(ip6, sizeof(ip6), "fd00::%s", i ? "1:0" : "ffff");
		set_ips(k, i, ip, i < 2 ? ip6 : NULL);
	}
	set_ips(k, 3, "10.8.0.1", "fd00:8::1");
	set_ips(k, 4, "127.0.0.1", "fe80::1");
	for (unsigned i = 0; i < 3; i++) {
		for (uint16_t port = 443; port < 445; port++) {
			estatekit_edge(k, HOSTILE, "srv", port, 5);
			k->edge[k->edge_n - 1].client = i;
		}
	}
	estatekit_edge(k, HOSTILE, "srv", 0, 5);
	estatekit_edge(k, HOSTILE, "srv", 5432, 5);
	estatekit_edge(k, HOSTILE, "srv", 53, 5);
	k->edge[k->edge_n - 1].proto = PROTO_UDP;
	estatekit_edge(k, HOSTILE, "srv", 99, 5);
	k->edge[k->edge_n - 1].c.refused = 5;
	estatekit_edge(k, HOSTILE, "srv", 99, 5);
	k->edge[k->edge_n - 1].server = 4; /* which nothing can reach */
	estatekit_done(k);
	k->p->group[0].wave = 1;
	k->p->group[1].wave = 2;
}

static void check_nft(struct buf *b)
{
	char path[] = "/tmp/skein-nft-XXXXXX", line[256];
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	fwrite(b->p, 1, b->n, f);
	fclose(f);
	snprintf(line, sizeof(line),
		 "PATH=$PATH:/usr/sbin:/sbin; nft -c -f %s 2>/dev/null || "
		 "unshare -rn nft -c -f %s",
		 path, path);
	ck_assert_msg(system(line) == 0, "nft does not take this:\n%s", buf_cstr(b));
	unlink(path);
}

START_TEST(rules_of_a_firewall)
{
	struct estatekit k = { 0 };
	struct firewall *f;

	hostile(&k);
	f = firewall_of(k.g, k.p, NULL, 1);
	/* 443 and 444 of three clients, two of them with IPv6 too; 0, 53 and 5432 of one */
	ck_assert_uint_eq(f->rule_n, 2 * (3 + 2) + 2 * 3);
	ck_assert_uint_eq(f->without, 1);
	for (size_t i = 0; i < f->rule_n; i++) {
		ck_assert_uint_ne(f->rule[i].port, 99);
		ck_assert_uint_eq(f->rule[i].from, 1);
		ck_assert_uint_eq(f->rule[i].until, 2);
	}
	firewall_free(f);
	f = firewall_of(k.g, k.p, NULL, 2); /* all are in the target */
	ck_assert_uint_eq(f->rule_n, 0);
	firewall_free(f);
	estatekit_fini(&k);
}
END_TEST

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

START_TEST(nft_takes_it)
{
	struct estatekit k = { 0 };
	struct buf b = { 0 };
	struct firewall *f;

	hostile(&k);
	f = firewall_of(k.g, k.p, NULL, 0);
	firewall_nft(f, k.p, 0, &b);
	ck_assert_ptr_nonnull(
		strstr(buf_cstr(&b), "10.9.0.255-10.9.1.1 . 10.8.0.1 . tcp . 443-444 "));
	ck_assert_ptr_nonnull(
		strstr(buf_cstr(&b), "fd00::ffff-fd00::1:0 . fd00:8::1 . tcp . 443-444 "));
	ck_assert_uint_eq(count(buf_cstr(&b), ". tcp . 1024-65535 "), 2);
	ck_assert_uint_eq(count(buf_cstr(&b), "5432"), 0); /* the range has it */
	ck_assert_uint_eq(count(buf_cstr(&b), ". udp . 53 "), 2);
	/* a'; drop }??u-umlaut?# */
	ck_assert_uint_eq(count(buf_cstr(&b), "comment \"a'; drop }???\xc3\xbc?# -> srv\",\n"),
			  6);
	check_nft(&b);
	firewall_free(f);
	buf_fini(&b);
	estatekit_fini(&k);
}
END_TEST

START_TEST(nft_takes_nothing_and_much)
{
	struct estatekit k = { 0 };
	struct buf b = { 0 };
	struct firewall *f;
	char long_name[300];

	memset(long_name, 'x', sizeof(long_name));
	memcpy(long_name + sizeof(long_name) - 4, "\xe2\x82\xac", 4);
	memcpy(long_name + 57, "\xe2\x82\xac", 3); /* would be cut in two */
	estatekit_group(&k, long_name, 1);
	estatekit_group(&k, "srv", 250);
	for (unsigned i = 0; i < 900; i++) {
		estatekit_edge(&k, long_name, "srv", (uint16_t)(i * 71 % 60000), 1);
		k.edge[i].server = 1 + i % 250;
	}
	estatekit_done(&k);
	f = firewall_of(k.g, k.p, NULL, 3);
	ck_assert_uint_eq(f->rule_n, 0); /* nothing has a wave */
	firewall_nft(f, k.p, 3, &b);
	check_nft(&b);
	firewall_free(f);
	buf_reset(&b);
	for (unsigned i = 0; i < k.p->group_n; i++)
		k.p->group[i].wave = i + 1;
	f = firewall_of(k.g, k.p, NULL, 1);
	ck_assert_uint_ge(f->rule_n, 890);
	firewall_nft(f, k.p, 1, &b);
	check_nft(&b);
	firewall_free(f);
	buf_fini(&b);
	estatekit_fini(&k);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cut");

	tcase_add_test(t, price_of_a_cut);
	tcase_add_test(t, cut_by_waves);
	tcase_add_test(t, done_everywhere_and_never);
	tcase_add_test(t, cuts_are_those_of_the_edges);
	tcase_add_test(t, ports_have_classes);
	tcase_add_test(t, rules_of_a_firewall);
	tcase_add_test(t, nft_takes_it);
	tcase_add_test(t, nft_takes_nothing_and_much);
	return unit_run("cut", t);
}
