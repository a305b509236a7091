/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With --json=lines the machines come first, then the edges: that is a whole exchange file,
 * which `skein import` takes.  Where a filter or a limit leaves edges out, only the machines
 * at the ends of those that are left are written; so the edges are read twice then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "cli/commands.h"
#include "store/lines.h"
#include "cli/list.h"
#include "common/addr.h"
#include "common/mem.h"
#include "store/realm.h"

static const struct options_command command = {
	.name = "edges",
	.args = "[MACHINE|:PORT|MACHINE:PORT]",
	.about = "List who depends on whom: client, server, service port, and what passed.",
	.groups = OPTIONS_DB | OPTIONS_FILTER | OPTIONS_WINDOW | OPTIONS_TABLE,
	.filter_words = true,
	.examples = "skein edges --db estate.db\n"
		    "skein edges db01:5432\n"
		    "skein edges --process java --since 7d --csv > java.csv\n"
		    "skein edges --json=lines | skein import --db copy.db -\n",
};

static const struct table_column columns[] = {
	{ "CLIENT", "client_name", TABLE_TEXT },
	{ NULL, "client", TABLE_TEXT },
	{ NULL, "client_ip", TABLE_TEXT },
	{ "PROCESS", "client_process", TABLE_TEXT },
	{ "SERVER", "server_name", TABLE_TEXT },
	{ NULL, "server", TABLE_TEXT },
	{ NULL, "server_ip", TABLE_TEXT },
	{ "PORT", "server_port", TABLE_COUNT },
	{ "PROCESS", "server_process", TABLE_TEXT },
	{ NULL, "protocol", TABLE_TEXT },
	{ "OPENS", "opens", TABLE_COUNT },
	{ "FAILED", "failed", TABLE_COUNT, .alarm = true },
	{ "TO SERVER", "bytes_to_server", TABLE_BYTES },
	{ "TO CLIENT", "bytes_to_client", TABLE_BYTES },
	{ NULL, "first", TABLE_TIME },
	{ "LAST SEEN", "last", TABLE_TIME },
	{ NULL, "live", TABLE_COUNT },
	{ NULL, "pending", TABLE_COUNT },
	{ NULL, "witnesses", TABLE_TEXT },
	{ NULL, "guess", TABLE_TEXT },
	{ NULL, "rtt_us", TABLE_COUNT },
	{ NULL, "retransmits", TABLE_COUNT },
	{ NULL, "unauthenticated", TABLE_TEXT },
	{ NULL, "sampled", TABLE_COUNT },
};

static const struct list_kind kind = {
	.command = &command,
	.columns = columns,
	.columns_n = sizeof(columns) / sizeof(columns[0]),
	.one = "edge",
	.many = "edges",
	.from = "\"skein import\" or a sensor brings them",
};

/* Outside of the first realm the same address may be several: it says which. */
static void put_end(struct table *t, const struct end_row *end)
{
	char far[ADDR_TEXT + REALM_NAME];

	snprintf(far, sizeof(far), "%s@%s", end->ip, end->realm);
	table_text(t, *end->name    ? end->name
		      : end->id	    ? end->id
		      : *end->realm ? far
				    : end->ip);
	table_text(t, end->id ? end->id : "");
	table_text(t, end->ip);
}

static void put_witnesses(struct table *t, unsigned bits)
{
	char all[64] = "", *p = all;

	for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++)
		if (bits & 1u << w)
			p = stpcpy(stpcpy(p, p == all ? "" : " "), witness_word[w]);
	table_text(t, all);
}

static void put_bytes(struct table *t, const struct counters *c)
{
	if (c->has_bytes) {
		table_number(t, c->bytes_to_server);
		table_number(t, c->bytes_to_client);
	} else {
		table_unknown(t);
		table_unknown(t);
	}
}

static void fill(struct table *t, const struct edge_row *r)
{
	put_end(t, &r->client);
	table_text(t, r->client.process.name);
	put_end(t, &r->server);
	table_port(t, r->port, r->proto == PROTO_UDP);
	table_text(t, r->server.process.name);
	table_text(t, r->proto == PROTO_UDP ? "udp" : "tcp");
	table_number(t, r->c.opens);
	table_number(t, counters_failed(&r->c));
	put_bytes(t, &r->c);
	table_time(t, r->first);
	table_time(t, r->last);
	table_number(t, r->live);
	table_number(t, r->pending);
	put_witnesses(t, r->witnesses);
	table_text(t, r->guess ? "yes" : "no");
	if (r->c.rtt_n)
		table_number(t, r->c.rtt_sum_us / r->c.rtt_n);
	else
		table_unknown(t);
	table_number(t, r->c.retransmits);
	table_text(t, r->unauthenticated ? "yes" : "no");
	table_number(t, r->sampling);
}

static int edge_row(const struct edge_row *r, void *ctx)
{
	struct list *l = ctx;

	if (!list_wants(l))
		return 0;
	if (list_table(l)) {
		fill(list_table(l), r);
	} else {
		lines_edge(list_object(l), r);
		list_emit(l);
	}
	return list_go_on(l);
}

/* The ids of machines, a set. */
struct id {
	UT_hash_handle hh;
	char text[];
};

struct ends {
	struct list *list;
	struct id *ids;
	uint64_t edges;
	bool every;
};

static void ends_add(struct ends *s, const char *id)
{
	struct id *found = NULL;
	size_t n;

	if (!id)
		return;
	n = strlen(id);
	HASH_FIND(hh, s->ids, id, n, found);
	if (found)
		return;
	found = xmalloc(sizeof(*found) + n + 1);
	memcpy(found->text, id, n + 1);
	HASH_ADD_KEYPTR(hh, s->ids, found->text, n, found);
}

static void ends_free(struct ends *s)
{
	struct id *at, *next;

	HASH_ITER (hh, s->ids, at, next) {
		HASH_DEL(s->ids, at);
		free(at);
	}
}

static int note_ends(const struct edge_row *r, void *ctx)
{
	struct ends *s = ctx;

	if (s->list->limit && ++s->edges > s->list->limit)
		return 0;
	ends_add(s, r->client.id);
	ends_add(s, r->server.id);
	return 0;
}

static int machine_line(const struct machine_row *m, void *ctx)
{
	struct ends *s = ctx;
	struct id *found = NULL;

	if (!s->every)
		HASH_FIND(hh, s->ids, m->id, strlen(m->id), found);
	if (s->every || found) {
		lines_machine(list_object(s->list), m);
		list_emit(s->list);
	}
	return list_go_on(s->list);
}

static int machine_lines(struct list *l, struct err *e)
{
	static const struct filter none;
	struct ends s = { .list = l, .every = !l->o.filtered && !l->limit };
	int rc = s.every ? 0 : query_edges(l->store, &l->o.filter, note_ends, &s, e);

	if (rc == 0)
		rc = query_machines(l->store, &none, machine_line, &s, e);
	ends_free(&s);
	return rc;
}

int cmd_edges(int argc, char **argv)
{
	struct err e = { 0 };
	struct list l;
	int rc = 0;

	if (!list_begin(&l, &kind, argc, argv))
		return l.o.status;
	if (l.o.format == FORMAT_JSON_LINES)
		rc = machine_lines(&l, &e);
	if (rc == 0)
		rc = query_edges(l.store, &l.o.filter, edge_row, &l, &e);
	return list_end(&l, rc, &e);
}
