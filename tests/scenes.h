/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Estates for tests of graph/, and a store that holds one of them: query_* are defined here,
 * so a test program that includes this links nothing of store/query.c.  Include it once.
 */
#ifndef TESTS_SCENES_H
#define TESTS_SCENES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/model.h"

enum { SCENES_T0 = 1795418400 }; /* 2026-11-23 07:20 UTC */

struct scenes {
	struct machine_row *machine;
	struct edge_row *edge;
	struct listener_row *listener;
	unsigned machine_n, edge_n, listener_n;
	char **string;
	unsigned string_n;
	const char ***list;
	unsigned list_n;
	struct health health;
	bool backwards; /* hand out rows in the opposite order */
	int fail;	/* what query_edges returns instead */
};

static const char *scenes_string(struct scenes *s, char *owned)
{
	s->string = xreallocarray(s->string, s->string_n + 1, sizeof(*s->string));
	return s->string[s->string_n++] = owned;
}

static void scenes_machine(struct scenes *s, const char *id, const char *name, const char *os,
			   const char *ip, bool sensor)
{
	const char **ips = xcalloc(1, sizeof(*ips));

	ips[0] = ip;
	s->list = xreallocarray(s->list, s->list_n + 1, sizeof(*s->list));
	s->list[s->list_n++] = ips;
	s->machine = xreallocarray(s->machine, s->machine_n + 1, sizeof(*s->machine));
	s->machine[s->machine_n++] = (struct machine_row){
		.id = id,
		.name = name,
		.os = os,
		.kernel = "6.1.0",
		.arch = "x86_64",
		.site = "",
		.ips = ips,
		.ips_n = ip ? 1 : 0,
		.sensor = sensor,
		.extra = "",
	};
}

/* "id ip process"; "-" for the id of an unknown machine, nothing for an unknown process. */
static struct end_row scenes_end(struct scenes *s, const char *text)
{
	char id[256] = "", ip[256] = "", process[1024] = "";
	struct end_row e = { .process = { "", "", "", "", "", "" } };

	sscanf(text, "%255s %255s %1023[^\n]", id, ip, process);
	e.name = "";
	if (strcmp(id, "-"))
		e.id = scenes_string(s, xstrdup(id));
	for (unsigned i = 0; e.id && i < s->machine_n; i++)
		if (!strcmp(s->machine[i].id, e.id))
			e.name = s->machine[i].name;
	e.ip = scenes_string(s, xstrdup(ip));
	e.process.name = scenes_string(s, xstrdup(process));
	return e;
}

static struct edge_row *scenes_edge(struct scenes *s, const char *client, const char *server,
				    uint16_t port, uint64_t opens)
{
	struct edge_row *e;

	s->edge = xreallocarray(s->edge, s->edge_n + 1, sizeof(*s->edge));
	e = &s->edge[s->edge_n++];
	*e = (struct edge_row){
		.edge = s->edge_n,
		.client = scenes_end(s, client),
		.server = scenes_end(s, server),
		.proto = PROTO_TCP,
		.port = port,
		.c = { .opens = opens,
		       .bytes_to_server = opens * 700,
		       .bytes_to_client = opens * 3100,
		       .has_bytes = true },
		.first = SCENES_T0 + (int64_t)s->edge_n,
		.last = SCENES_T0 + 3000,
		.extra = "",
		.witnesses = 1u << WITNESS_CLIENT | 1u << WITNESS_SERVER,
	};
	return e;
}

static void scenes_listener(struct scenes *s, const char *machine, const char *process,
			    uint16_t port, uint8_t proto)
{
	s->listener = xreallocarray(s->listener, s->listener_n + 1, sizeof(*s->listener));
	s->listener[s->listener_n++] = (struct listener_row){
		.machine = machine,
		.machine_name = machine,
		.process = { process, "", "", "", "", "" },
		.ip = "0.0.0.0",
		.proto = proto,
		.port = port,
		.current = true,
	};
}

static void scenes_fini(struct scenes *s)
{
	for (unsigned i = 0; i < s->string_n; i++)
		free(s->string[i]);
	for (unsigned i = 0; i < s->list_n; i++)
		free(s->list[i]);
	free(s->string);
	free(s->list);
	free(s->machine);
	free(s->edge);
	free(s->listener);
	memset(s, 0, sizeof(*s));
}

/* (a) One host, four network namespaces, loopback too. */
static inline void scenes_one_host(struct scenes *s)
{
	struct edge_row *e;

	scenes_machine(s, "h1", "buildhost", "Debian GNU/Linux 12 (bookworm)", "192.0.2.10",
		       true);
	scenes_edge(s, "h1 10.77.0.2 curl", "h1 10.77.1.2 nginx", 80, 240);
	scenes_edge(s, "h1 10.77.1.2 nginx", "h1 10.77.2.2 app.py", 8000, 240);
	scenes_edge(s, "h1 10.77.2.2 app.py", "h1 10.77.3.2 postgres", 5432, 480);
	e = scenes_edge(s, "h1 10.77.0.2 curl", "h1 10.77.1.2", 81, 3);
	e->c.refused = 3;
	e = scenes_edge(s, "h1 10.77.0.2 psql", "h1 10.77.3.2 postgres", 5432, 0);
	e->live = 1;
	scenes_edge(s, "h1 127.0.0.1 app.py", "h1 127.0.0.1 redis-server", 6379, 1200);
	scenes_listener(s, "h1", "sshd", 22, PROTO_TCP);
	scenes_listener(s, "h1", "nginx", 80, PROTO_TCP);
	scenes_listener(s, "h1", "postgres", 5432, PROTO_TCP);
}

/* (b) Twelve machines in three tiers, DNS for all, clients without a sensor. */
static inline void scenes_three_tiers(struct scenes *s)
{
	static const char *const names[] = { "web01", "web02",	 "web03", "app01",
					     "app02", "app03",	 "app04", "db01",
					     "db02",  "cache01", "dns01", "bak01" };
	char a[64], b[64];
	struct edge_row *e;

	for (unsigned i = 0; i < 12; i++) {
		snprintf(a, sizeof(a), "10.14.0.%u", 11 + i);
		scenes_machine(s, names[i], names[i],
			       i == 7 ? "Red Hat Enterprise Linux 9.4 (Plow)"
				      : "Debian GNU/Linux 12 (bookworm)",
			       scenes_string(s, xstrdup(a)), i != 11);
	}
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 37; k++) {
			snprintf(a, sizeof(a), "- 198.51.100.%u", 20 + k);
			snprintf(b, sizeof(b), "web0%u 10.14.0.%u nginx", i + 1, 11 + i);
			scenes_edge(s, a, b, 443, 40 + k);
		}
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 4; k++) {
			if ((i + k) % 3 == 2)
				continue;
			snprintf(a, sizeof(a), "web0%u 10.14.0.%u nginx", i + 1, 11 + i);
			snprintf(b, sizeof(b), "app0%u 10.14.0.%u java", k + 1, 14 + k);
			scenes_edge(s, a, b, 8080, 900 * (k + 1));
		}
	for (unsigned k = 0; k < 4; k++) {
		snprintf(a, sizeof(a), "app0%u 10.14.0.%u java", k + 1, 14 + k);
		scenes_edge(s, a, "db01 10.14.0.18 postgres", 5432, 20000);
		scenes_edge(s, a, "cache01 10.14.0.20 redis-server", 6379, 90000);
	}
	e = scenes_edge(s, "app04 10.14.0.17 java", "db02 10.14.0.19 postgres", 5433, 120);
	e->c.timeouts = 31;
	e = scenes_edge(s, "db02 10.14.0.19 postgres", "db01 10.14.0.18 postgres", 5432, 0);
	e->live = 1;
	e = scenes_edge(s, "app01 10.14.0.14 batch.py", "- 203.0.113.40", 443, 12);
	e->witnesses = 1u << WITNESS_CLIENT;
	e = scenes_edge(s, "bak01 10.14.0.22 bacula-dir", "db02 10.14.0.19 bacula-fd", 9102,
			2);
	e->witnesses = 1u << WITNESS_SERVER;
	e = scenes_edge(s, "web03 10.14.0.13 node_exporter", "app01 10.14.0.14 java", 9404, 7);
	e->witnesses = 1u << WITNESS_CLIENT;
	for (unsigned i = 0; i < 12; i++) {
		if (i == 10)
			continue;
		snprintf(a, sizeof(a), "%s 10.14.0.%u systemd-resolve", names[i], 11 + i);
		e = scenes_edge(s, a, "dns01 10.14.0.21 named", 53, 5000);
		e->proto = PROTO_UDP;
	}
	for (unsigned i = 0; i < 12; i++)
		scenes_listener(s, names[i], "sshd", 22, PROTO_TCP);
}

/* (c) One machine that listens and has not been called. */
static inline void scenes_listening(struct scenes *s)
{
	static const struct {
		const char *name;
		uint16_t port;
		uint8_t proto;
	} l[] = { { "sshd", 22, 6 },
		  { "nginx", 80, 6 },
		  { "nginx", 443, 6 },
		  { "postgres", 5432, 6 },
		  { "redis-server", 6379, 6 },
		  { "chronyd", 323, 17 },
		  { "rpcbind", 111, 6 },
		  { "app.py", 8000, 6 },
		  { "systemd-resolve", 53, 17 },
		  { "cupsd", 631, 6 } };

	scenes_machine(s, "h2", "web01", "Debian GNU/Linux 12 (bookworm)", "10.0.0.5", true);
	for (unsigned i = 0; i < sizeof(l) / sizeof(l[0]); i++)
		scenes_listener(s, "h2", l[i].name, l[i].port, l[i].proto);
	s->health =
		(struct health){ .sensors = 1, .first = SCENES_T0, .last = SCENES_T0 + 60 };
}

/* (d) N machines in groups of six to nine, three tiers each, some calls between groups. */
static inline void scenes_estate(struct scenes *s, unsigned n)
{
	unsigned group = 0, *tier = xcalloc(n, sizeof(*tier)), *of = xcalloc(n, sizeof(*of));
	static const char *const tiers[] = { "web", "app", "db" };
	static const char *const process[] = { "nginx", "java", "postgres" };
	static const uint16_t port[] = { 443, 8080, 5432 };
	char a[160], b[160];
	const char *name;

	for (unsigned i = 0; i < n; group++) {
		unsigned size = 6 + group % 4;

		for (unsigned k = 0; k < size && i < n; k++, i++) {
			of[i] = group;
			tier[i] = k < size / 3 ? 0 : k < size - 2 ? 1 : 2;
			snprintf(a, sizeof(a), "g%02u-%s%02u", group, tiers[tier[i]], k + 1);
			snprintf(b, sizeof(b), "10.%u.%u.%u", group / 200, group % 200, k + 1);
			name = scenes_string(s, xstrdup(a));
			scenes_machine(s, name, name, "Debian GNU/Linux 12 (bookworm)",
				       scenes_string(s, xstrdup(b)), true);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < n; k++) {
			bool next = of[i] == of[k] && tier[k] == tier[i] + 1;
			bool cross = of[k] == (of[i] * 7 + 3) % group && tier[i] == 1 &&
				     !tier[k] && of[i] % 3 == 0 && of[i] != of[k];

			if (!next && !cross)
				continue;
			snprintf(a, sizeof(a), "%s %s %s", s->machine[i].id,
				 s->machine[i].ips[0], process[tier[i]]);
			snprintf(b, sizeof(b), "%s %s %s", s->machine[k].id,
				 s->machine[k].ips[0], process[tier[k]]);
			scenes_edge(s, a, b, port[tier[k]], 10 + i * 37 % 900);
		}
	}
	free(tier);
	free(of);
}

/* (e) Names that want out. */
static inline void scenes_hostile(struct scenes *s)
{
	static const char *const names[] = {
		"<b>bold</b>",
		"a\"; } digraph x {",
		"</td></tr></table>>];",
		"back\\slash\\",
		"&lt;amp&amp;",
		"\x1b[31mred\x07",
		"\xff\xfe broken utf8 \xc3",
		"rtl \xe2\x80\xae gnp.exe",
		"a-very-long-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on.example.com",
		"日本語のホスト名",
		"\\N \\G \\E %s%n",
		"<IMG SRC=\"/etc/passwd\"/>",
		"]]><script>alert(1)</script>",
		"--><!--",
		"\\",
		"x\xf0\x9f\x92\xa9y",
	};
	char a[1200], b[1200];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		scenes_machine(s, names[i], names[i], names[(i + 3) % 16], names[(i + 5) % 16],
			       true);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct edge_row *e;

		snprintf(a, sizeof(a), "- 10.0.0.%u %s", i, names[(i + 1) % 16]);
		snprintf(b, sizeof(b), "- 10.0.0.%u %s", (i + 1) % 16, names[(i + 2) % 16]);
		e = scenes_edge(s, a, b, (uint16_t)(1000 + i), i);
		e->client.id = e->client.name = names[i];
		e->server.id = e->server.name = names[i * 5 % 16];
	}
}

static struct scenes *scenes_of(struct store *s)
{
	return (struct scenes *)s;
}

static inline struct store *scenes_store(struct scenes *s)
{
	return (struct store *)s;
}

int query_machines(struct store *store, const struct filter *f, query_machine_fn *fn,
		   void *ctx, struct err *e)
{
	struct scenes *s = scenes_of(store);
	int rc = 0;

	(void)f;
	(void)e;
	for (unsigned i = 0; i < s->machine_n && !rc; i++)
		rc = fn(&s->machine[s->backwards ? s->machine_n - 1 - i : i], ctx);
	return rc;
}

int query_edges(struct store *store, const struct filter *f, query_edge_fn *fn, void *ctx,
		struct err *e)
{
	struct scenes *s = scenes_of(store);
	int rc = 0;

	if (s->fail)
		return err_set(e, s->fail, "the store is broken");
	for (unsigned i = 0; i < s->edge_n && !rc; i++) {
		struct edge_row *row = &s->edge[s->backwards ? s->edge_n - 1 - i : i];

		if (!f->port || f->port == row->port)
			rc = fn(row, ctx);
	}
	return rc;
}

int query_listeners(struct store *store, const struct filter *f, query_listener_fn *fn,
		    void *ctx, struct err *e)
{
	struct scenes *s = scenes_of(store);
	int rc = 0;

	(void)f;
	(void)e;
	for (unsigned i = 0; i < s->listener_n && !rc; i++)
		rc = fn(&s->listener[s->backwards ? s->listener_n - 1 - i : i], ctx);
	return rc;
}

int query_health(struct store *store, struct health *out, struct err *e)
{
	(void)e;
	*out = scenes_of(store)->health;
	return 0;
}

#endif
