/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAT and load balancers: the client c calls an address of n, which hands it on to s1 or s2,
 * with mirrors in front of n and behind it.  What really happened is one edge from client to
 * server, whoever tells of it and in whatever order.
 */
#include "tests/storekit.h"

enum { MINUTE_N = 6 };

static struct kit kit;
static bool over; /* every minute is, as soon as something came */

#define VIP "192.0.2.1"
#define GATEWAY "10.0.0.254"

static void describe(const char *sensor, const char *id, const char *one, const char *two)
{
	static struct machine m;

	m = (struct machine){ .id = id, .name = id, .os = "", .kernel = "", .arch = "" };
	m.addrs[m.addrs_n++] = kit_addr(one);
	if (two)
		m.addrs[m.addrs_n++] = kit_addr(two);
	wire_write_machine(&kit.w, &m);
	kit_send(&kit, sensor);
}

/* Sensors: C on the client, N on what translates, S and T on the servers, mirrors M and O. */
static void setup(void)
{
	kit_open(&kit);
	kit.closing = over;
	for (const char *p = "CNST"; *p; p++)
		kit_enrol(&kit, (const char[]){ *p, 0 }, "host");
	kit_enrol(&kit, "M", "mirror");
	kit_enrol(&kit, "O", "mirror");
	describe("N", "n", VIP, GATEWAY);
}

static void client_is_watched(void)
{
	describe("C", "c", "10.0.0.1", NULL);
}

static void servers_are_watched(void)
{
	describe("S", "s1", "10.0.1.1", NULL);
	describe("T", "s2", "10.0.1.2", NULL);
}

static void all_are_watched(void)
{
	client_is_watched();
	servers_are_watched();
}

static void teardown(void)
{
	kit_close(&kit);
}

/* One report and what was watched. */
struct word {
	char sensor;
	enum witness witness;
	const char *client, *server;
	uint16_t port;
	unsigned opens;
	const char *name; /* of the process that it knows */
	bool watch_later; /* that it watched is told by another */
};

static void say(const struct word *w, unsigned minute)
{
	const char sensor[] = { w->sensor, 0 };
	const struct kit_flow f = {
		.client = w->client,
		.server = w->server,
		.client_name = w->witness == WITNESS_CLIENT ? w->name : NULL,
		.server_name = w->witness == WITNESS_SERVER ? w->name : NULL,
		.port = w->port,
		.minute = minute,
		.opens = w->opens,
		.witness = w->witness,
	};

	if (w->opens)
		kit_flow(&kit, &f);
	if (!w->watch_later)
		kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, sensor);
}

struct nat {
	const char *client, *client_seen, *seen;
	uint16_t seen_port;
	const char *server;
	uint16_t port;
	unsigned opens;
};

static void put_nat(const struct nat *n, unsigned minute)
{
	const struct translation t = {
		.proto = PROTO_TCP,
		.client = kit_addr(n->client),
		.client_seen = kit_addr(n->client_seen ? n->client_seen : n->client),
		.seen = kit_addr(n->seen),
		.seen_port = n->seen_port,
		.server = kit_addr(n->server),
		.port = n->port,
		.first_ms = KIT_NOW + (uint64_t)minute * KIT_MINUTE + 1000,
		.last_ms = KIT_NOW + (uint64_t)minute * KIT_MINUTE + 50000,
		.opens = n->opens,
	};

	wire_write_translation(&kit.w, &t);
}

static void cover_flawed(const char *sensor, unsigned minute, uint32_t degraded)
{
	const uint64_t start = KIT_NOW + (uint64_t)minute * KIT_MINUTE;
	const struct cover c = { start, start + KIT_MINUTE, 0, 0, degraded };

	wire_write_cover(&kit.w, &c);
	kit_send(&kit, sensor);
}

static void tell_nats(const struct nat *list, unsigned n, unsigned minute)
{
	for (unsigned i = 0; i < n; i++)
		put_nat(&list[i], minute);
	cover_flawed("N", minute, 0);
}

static void expect_all(const char *want)
{
	const struct filter hours = { .since = KIT_NOW / 1000 - 7200,
				      .until = KIT_NOW / 1000 + 7200 };
	const struct filter minutes = { .since = KIT_NOW / 1000,
					.until = KIT_NOW / 1000 + 1800 };

	kit_expect(&kit, want);
	kit_expect_in(&kit, &hours, want);
	kit_expect_in(&kit, &minutes, want);
}

/* One server behind the address */

static const struct word one_server[] = {
	{ 'C', WITNESS_CLIENT, "10.0.0.1", VIP, 80, 5, "curl" },
	{ 'S', WITNESS_SERVER, "10.0.0.1", "10.0.1.1", 8080, 5, "nginx" },
	{ 'M', WITNESS_MIRROR, "10.0.0.1", VIP, 80, 5, NULL },
	{ 'O', WITNESS_MIRROR, "10.0.0.1", "10.0.1.1", 8080, 5, NULL },
};
static const struct nat dnat = { "10.0.0.1", NULL, VIP, 80, "10.0.1.1", 8080, 5 };

enum { ONE_WORDS = 4, ONE_SETS = 1 << ONE_WORDS };

static void shuffle(unsigned *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)rand() % i, x = order[j];

		order[j] = order[i - 1];
		order[i - 1] = x;
	}
}

/*
 * All of one minute, as it comes; that N watched it is told with each translation (WHOLE), or
 * at the end.
 */
static void tell_shuffled(const struct word *words, unsigned words_n, const struct nat *nats,
			  unsigned nats_n, bool whole)
{
	unsigned order[8];

	shuffle(order, words_n + nats_n);
	for (unsigned i = 0; i < words_n + nats_n; i++) {
		if (order[i] < words_n) {
			say(&words[order[i]], 0);
		} else if (whole) {
			tell_nats(&nats[order[i] - words_n], 1, 0);
		} else {
			put_nat(&nats[order[i] - words_n], 0);
			kit_send(&kit, "N");
		}
	}
	if (!whole)
		cover_flawed("N", 0, 0);
}

static void expect_one_edge(unsigned members, unsigned opens)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s -> %s :8080 opens %u", members & 1 ? "c/curl" : "10.0.0.1/",
		   members & 2 ? "s1/nginx" : "10.0.1.1/", opens);
	if (members)
		buf_printf(&b, " bytes %u+%u", opens * 100, opens * 10);
	buf_printf(&b, " %s%s%stranslation\n", members & 1 ? "client," : "",
		   members & 2 ? "server," : "", members & 12 ? "mirror," : "");
	expect_all(buf_cstr(&b));
	buf_fini(&b);
}

/* Every set of witnesses beside the host that translates, in many orders, over minutes. */
START_TEST(one_server_is_one_edge)
{
	unsigned members = (unsigned)_i, order[ONE_WORDS + 1];

	for (unsigned seed = 0; seed < 4; seed++) {
		srand(seed * 100 + members);
		if (members & 1)
			client_is_watched();
		if (members & 2)
			describe("S", "s1", "10.0.1.1", NULL);
		for (unsigned m = 0; m < 3; m++) {
			shuffle(order, ONE_WORDS + 1);
			for (unsigned i = 0; i <= ONE_WORDS; i++)
				if (order[i] == ONE_WORDS)
					tell_nats(&dnat, 1, m);
				else if (members & 1u << order[i])
					say(&one_server[order[i]], m);
		}
		expect_one_edge(members, 15);
		teardown();
		setup();
	}
}
END_TEST

static int keep_seen(const struct edge_row *row, void *ctx)
{
	snprintf(ctx, 128, "%s", row->server_seen);
	return 0;
}

START_TEST(the_seen_end_is_kept)
{
	static const struct filter all;
	char seen[128] = "nothing";

	client_is_watched();
	say(&one_server[0], 0);
	tell_nats(&dnat, 1, 0);
	ck_assert_int_eq(query_edges(kit.s, &all, keep_seen, seen, NULL), 0);
	ck_assert_str_eq(seen, VIP ":80");
}
END_TEST

/* All was told before the translation was. */
START_TEST(a_late_translation_corrects_the_past)
{
	all_are_watched();
	for (unsigned m = 0; m < MINUTE_N; m++) {
		say(&one_server[0], m);
		say(&one_server[1], m);
	}
	for (unsigned m = 0; m < MINUTE_N; m++)
		cover_flawed("N", m, 0);
	put_nat(&dnat, 2); /* before that nobody knows */
	kit_send(&kit, "N");
	expect_all("c/curl -> n/ :80 opens 10 bytes 1000+100 client\n"
		   "c/curl -> s1/nginx :8080 opens 20 bytes 2000+200 "
		   "client,server,translation\n");
	put_nat(&dnat, 0);
	kit_send(&kit, "N");
	expect_all("c/curl -> n/ :80 opens 10 bytes 1000+100 client\n"
		   "c/curl -> s1/nginx :8080 opens 20 bytes 2000+200 "
		   "client,server,translation\n");
}
END_TEST

/* A balancer */

static const struct word balanced[] = {
	{ 'C', WITNESS_CLIENT, "10.0.0.1", VIP, 80, 10, "curl" },
	{ 'S', WITNESS_SERVER, "10.0.0.1", "10.0.1.1", 8080, 6, "nginx" },
	{ 'T', WITNESS_SERVER, "10.0.0.1", "10.0.1.2", 8080, 4, "nginx" },
	{ 'M', WITNESS_MIRROR, "10.0.0.1", VIP, 80, 10, NULL },
};
static const struct nat balancer[] = {
	{ "10.0.0.1", NULL, VIP, 80, "10.0.1.1", 8080, 6 },
	{ "10.0.0.1", NULL, VIP, 80, "10.0.1.2", 8080, 4 },
};
enum { BALANCED = 4, BALANCED_SETS = 1 << BALANCED };

static void put_server(struct buf *b, unsigned members, unsigned bit, unsigned opens,
		       const char *known, const char *address)
{
	buf_printf(b, "%s -> %s :8080 opens %u", members & 1 ? "c/curl" : "10.0.0.1/",
		   members & bit ? known : address, opens);
	if (members & bit)
		buf_printf(b, " bytes %u+%u", opens * 100, opens * 10);
	buf_printf(b, " %stranslation\n", members & bit ? "server," : "");
}

/* Opens are exact whoever watches; bytes where a server is. */
START_TEST(two_servers_are_two_edges)
{
	unsigned members = (unsigned)_i, order[BALANCED + 2];
	struct buf b = { 0 };

	for (unsigned seed = 0; seed < 4; seed++) {
		srand(seed * 100 + members);
		if (members & 1)
			client_is_watched();
		if (members & 2)
			describe("S", "s1", "10.0.1.1", NULL);
		if (members & 4)
			describe("T", "s2", "10.0.1.2", NULL);
		shuffle(order, BALANCED + 2);
		for (unsigned i = 0; i < BALANCED + 2; i++)
			if (order[i] >= BALANCED)
				tell_nats(&balancer[order[i] - BALANCED], 1, 0);
			else if (members & 1u << order[i])
				say(&balanced[order[i]], 0);
		buf_reset(&b);
		if ((members & 6) == 2) { /* by name, and an address comes first */
			put_server(&b, members, 4, 4, "s2/nginx", "10.0.1.2/");
			put_server(&b, members, 2, 6, "s1/nginx", "10.0.1.1/");
		} else {
			put_server(&b, members, 2, 6, "s1/nginx", "10.0.1.1/");
			put_server(&b, members, 4, 4, "s2/nginx", "10.0.1.2/");
		}
		expect_all(buf_cstr(&b));
		teardown();
		setup();
	}
	buf_fini(&b);
}
END_TEST

/* What did not tell of all translations explains nothing: the client's word counts again. */
START_TEST(what_is_not_explained_counts)
{
	all_are_watched();
	say(&balanced[0], 0);
	say(&balanced[1], 0);
	say(&balanced[2], 0);
	put_nat(&balancer[0], 0);
	put_nat(&balancer[1], 0);
	cover_flawed("N", 0, DEGRADED_NAT_LOST);
	kit_expect(&kit, "c/curl -> n/ :80 opens 10 bytes 1000+100 client\n"
			 "c/curl -> s1/nginx :8080 opens 0 server,translation\n"
			 "c/curl -> s2/nginx :8080 opens 0 server,translation\n");
}
END_TEST

/* For an hour there was one server, then another one came: what was joined comes back. */
START_TEST(a_second_server_comes)
{
	static const struct word before = { 'S', WITNESS_SERVER, "10.0.0.1", "10.0.1.1", 8080,
					    10,	 "nginx" };

	all_are_watched();
	for (unsigned m = 0; m < 4; m++)
		say(&balanced[0], m);
	for (unsigned m = 0; m < 2; m++) {
		const struct nat all = { "10.0.0.1", NULL, VIP, 80, "10.0.1.1", 8080, 10 };

		say(&before, m);
		tell_nats(&all, 1, m);
	}
	for (unsigned m = 2; m < 4; m++) {
		say(&balanced[1], m);
		say(&balanced[2], m);
		put_nat(&balancer[0], m);
		tell_nats(balancer + 1, 1, m);
	}
	expect_all("c/curl -> s1/nginx :8080 opens 32 bytes 3200+320 "
		   "client,server,translation\n"
		   "c/curl -> s2/nginx :8080 opens 8 bytes 800+80 server,translation\n");
}
END_TEST

/* A gateway */

static const struct nat masquerade[] = {
	{ "10.0.0.1", GATEWAY, "10.0.1.1", 80, "10.0.1.1", 80, 5 },
	{ "10.0.0.2", GATEWAY, "10.0.1.1", 80, "10.0.1.1", 80, 4 },
};

/* One client is watched, one is not, and the gateway calls, too. */
START_TEST(clients_behind_one_address)
{
	static const struct word words[] = {
		{ 'C', WITNESS_CLIENT, "10.0.0.1", "10.0.1.1", 80, 5, "curl" },
		{ 'S', WITNESS_SERVER, GATEWAY, "10.0.1.1", 80, 11, "nginx" },
		{ 'N', WITNESS_CLIENT, GATEWAY, "10.0.1.1", 80, 2, "apt", true },
	};

	srand((unsigned)_i);
	all_are_watched();
	tell_shuffled(words, 3, masquerade, 2, false);
	expect_all("10.0.0.2/ -> s1/nginx :80 opens 4 translation\n"
		   "c/curl -> s1/nginx :80 opens 5 bytes 500+50 client,translation\n"
		   "n/apt -> s1/nginx :80 opens 2 bytes 200+20 client,server\n");
}
END_TEST

/* One client alone: then what the server sees of the gateway is that client. */
START_TEST(one_client_behind_an_address)
{
	static const struct word words[] = {
		{ 'C', WITNESS_CLIENT, "10.0.0.1", "10.0.1.1", 80, 5, "curl" },
		{ 'S', WITNESS_SERVER, GATEWAY, "10.0.1.1", 80, 5, "nginx" },
		{ 'O', WITNESS_MIRROR, GATEWAY, "10.0.1.1", 80, 5, NULL },
	};

	srand((unsigned)_i);
	all_are_watched();
	tell_shuffled(words, 3, masquerade, 1, true);
	expect_all("c/curl -> s1/nginx :80 opens 5 bytes 500+50 "
		   "client,server,mirror,translation\n");
}
END_TEST

/* A container has the address that containers have everywhere; outside it is its host. */
START_TEST(containers_are_their_host)
{
	static const struct nat hidden = { "172.17.0.2", GATEWAY, "10.0.1.1", 80,
					   "10.0.1.1",	 80,	  5 };
	static const struct word words[] = {
		{ 'N', WITNESS_CLIENT, "172.17.0.2", "10.0.1.1", 80, 5, "app" },
		{ 'S', WITNESS_SERVER, GATEWAY, "10.0.1.1", 80, 5, "nginx" },
	};

	describe("C", "c", "10.0.0.1", _i & 1 ? "172.17.0.2" : NULL);
	describe("N", "n", GATEWAY, "172.17.0.2");
	servers_are_watched();
	if (_i & 1)
		tell_nats(&hidden, 1, 0);
	if (_i & 2)
		say(&words[1], 0);
	say(&words[0], 0);
	if (!(_i & 1))
		tell_nats(&hidden, 1, 0);
	if (!(_i & 2))
		say(&words[1], 0);
	expect_all("n/app -> s1/nginx :80 opens 5 bytes 500+50 client,server,translation\n");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 0);
}
END_TEST

/* Both: a balancer that hides its clients. */
START_TEST(a_balancer_that_hides_its_clients)
{
	static const struct nat both[] = {
		{ "10.0.0.1", GATEWAY, VIP, 80, "10.0.1.1", 8080, 6 },
		{ "10.0.0.1", GATEWAY, VIP, 80, "10.0.1.2", 8080, 4 },
		{ "10.0.0.2", GATEWAY, VIP, 80, "10.0.1.1", 8080, 3 },
		{ "10.0.0.2", GATEWAY, VIP, 80, "10.0.1.2", 8080, 2 },
	};
	static const struct word words[] = {
		{ 'C', WITNESS_CLIENT, "10.0.0.1", VIP, 80, 10, "curl" },
		{ 'S', WITNESS_SERVER, GATEWAY, "10.0.1.1", 8080, 9, "nginx" },
		{ 'T', WITNESS_SERVER, GATEWAY, "10.0.1.2", 8080, 6, "nginx" },
	};

	srand((unsigned)_i);
	all_are_watched();
	tell_shuffled(words, 3, both, 4, false);
	expect_all("10.0.0.2/ -> s1/nginx :8080 opens 3 translation\n"
		   "10.0.0.2/ -> s2/nginx :8080 opens 2 translation\n"
		   "c/curl -> s1/nginx :8080 opens 6 translation\n"
		   "c/curl -> s2/nginx :8080 opens 4 translation\n");
}
END_TEST

/* Two translations one after the other. */
START_TEST(two_translations_in_a_row)
{
	static const struct nat outer = { "10.0.0.1", NULL, VIP, 80, "10.0.1.2", 81, 5 };
	static const struct nat inner = {
		"10.0.0.1", NULL, "10.0.1.2", 81, "10.0.1.1", 82, 5
	};
	static const struct word words[] = {
		{ 'C', WITNESS_CLIENT, "10.0.0.1", VIP, 80, 5, "curl" },
		{ 'S', WITNESS_SERVER, "10.0.0.1", "10.0.1.1", 82, 5, "nginx" },
	};

	all_are_watched();
	tell_nats(&outer, 1, 0);
	put_nat(&inner, 0);
	cover_flawed("T", 0, 0);
	say(&words[0], 0);
	say(&words[1], 0);
	expect_all("c/curl -> s1/nginx :82 opens 5 bytes 500+50 client,server,translation\n");
}
END_TEST

/* Rights */

static void expect_quarantined(const char *sensor, const struct nat *n, unsigned more)
{
	uint64_t before = kit_health(&kit).quarantined;

	put_nat(n, 0);
	kit_send(&kit, sensor);
	ck_assert_uint_eq(kit_health(&kit).quarantined, before + more);
}

START_TEST(nobody_translates_for_others)
{
	static const struct nat steal = {
		"10.0.0.1", NULL, "10.0.1.1", 8080, "10.0.1.2", 1, 5
	};
	static const struct nat hide = { "10.0.0.1", "10.0.1.1", "10.0.1.2", 1,
					 "10.0.1.2", 1,		 5 };

	all_are_watched();
	say(&one_server[0], 0);
	say(&one_server[1], 0);
	expect_quarantined("S", &dnat, 0); /* of its own end it may say so: evidence */
	expect_quarantined("T", &dnat, 1);
	expect_quarantined("M", &dnat, 1);
	expect_quarantined("N", &steal, 1);
	expect_quarantined("N", &hide, 1);
	expect_quarantined("C", &hide, 1);
	kit_expect(&kit, "c/curl -> n/ :80 opens 5 bytes 500+50 client\n"
			 "c/ -> s1/nginx :8080 opens 0 server\n");
}
END_TEST

/* Nobody translates: a proxy's two connections are two. */
START_TEST(a_proxy_is_two_edges)
{
	static const struct word words[] = {
		{ 'C', WITNESS_CLIENT, "10.0.0.1", VIP, 80, 5, "curl" },
		{ 'N', WITNESS_SERVER, "10.0.0.1", VIP, 80, 5, "haproxy" },
		{ 'N', WITNESS_CLIENT, GATEWAY, "10.0.1.1", 8080, 3, "haproxy" },
		{ 'S', WITNESS_SERVER, GATEWAY, "10.0.1.1", 8080, 3, "nginx" },
	};

	all_are_watched();
	for (unsigned i = 0; i < 4; i++)
		say(&words[i], 0);
	expect_all("c/curl -> n/haproxy :80 opens 5 bytes 500+50 client,server\n"
		   "n/haproxy -> s1/nginx :8080 opens 3 bytes 300+30 client,server\n");
}
END_TEST

/* All of it is in the file. */
START_TEST(restarts_do_not_matter)
{
	all_are_watched();
	for (unsigned i = 0; i < 5; i++) {
		if (i == 3)
			tell_nats(balancer, 2, 0);
		else
			say(&balanced[i % 3], 0);
		store_close(kit.s);
		kit.s = store_open(kit.path, STORE_WRITE, NULL);
		ck_assert(kit.s != NULL);
	}
	expect_all("c/curl -> s1/nginx :8080 opens 12 bytes 1200+120 server,translation\n"
		   "c/curl -> s2/nginx :8080 opens 4 bytes 400+40 server,translation\n");
}
END_TEST

static TCase *cases(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, one_server_is_one_edge, 0, ONE_SETS);
	tcase_add_test(t, the_seen_end_is_kept);
	tcase_add_test(t, a_late_translation_corrects_the_past);
	tcase_add_loop_test(t, two_servers_are_two_edges, 0, BALANCED_SETS);
	tcase_add_test(t, what_is_not_explained_counts);
	tcase_add_test(t, a_second_server_comes);
	tcase_add_loop_test(t, clients_behind_one_address, 0, 12);
	tcase_add_loop_test(t, one_client_behind_an_address, 0, 12);
	tcase_add_loop_test(t, containers_are_their_host, 0, 4);
	tcase_add_loop_test(t, a_balancer_that_hides_its_clients, 0, 12);
	tcase_add_test(t, two_translations_in_a_row);
	tcase_add_test(t, nobody_translates_for_others);
	tcase_add_test(t, a_proxy_is_two_edges);
	tcase_add_test(t, restarts_do_not_matter);
	return t;
}

int main(void)
{
	int failed = unit_run("once_nat", cases("nat"));

	over = true;
	return unit_run("once_nat, minutes over", cases("nat")) | failed;
}
