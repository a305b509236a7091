/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cypher statements that fill a graph database; run twice they change nothing.  Rows come in
 * batches, each statement on lines of its own and ended by a semicolon.
 *
 *	(:SkeinMachine {key})-[:CALLS {service}]->(:SkeinMachine)
 *	(:SkeinMachine)-[:MEMBER_OF]->(:SkeinGroup {name})-[:MOVES_IN]->(:SkeinWave {number})
 *	(:SkeinGroup)-[:DEPENDS_ON]->(:SkeinGroup)
 *
 * Strangers' words stand in string literals alone, never as names of labels or properties.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "graph/arrows.h"
#include "graph/export.h"

enum { BATCH = 500 };

/*
 * Some versions turn \uXXXX into its character before anything else is read, wherever it
 * stands; so no backslash of a stranger's is ever followed by a u inside of one literal.
 */
static void escape(struct buf *b, uint32_t cp, char next)
{
	if (cp == '\\')
		buf_str(b, next == 'u' || next == 'U' ? "\\\\' + '" : "\\\\");
	else if (cp == '\'')
		buf_str(b, "\\'");
	else if (cp == '\n')
		buf_str(b, "\\n");
	else if (cp == '\r')
		buf_str(b, "\\r");
	else if (cp == '\t')
		buf_str(b, "\\t");
	else
		buf_printf(b, "\\u%04X", cp);
}

static void literal(struct buf *b, const char *s)
{
	size_t n = strlen(s), len;
	uint32_t cp;

	buf_u8(b, '\'');
	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_next(s + i, n - i, &cp);
		if (!len)
			buf_str(b, UTF8_REPLACEMENT);
		else if (cp == '\\' || cp == '\'' || utf8_control(cp))
			escape(b, cp, s[i + len]);
		else
			buf_put(b, s + i, len);
	}
	buf_u8(b, '\'');
}

static void text(struct buf *b, const char *key, const char *s)
{
	if (!*s)
		return;
	buf_printf(b, ", %s: ", key);
	literal(b, s);
}

static void number(struct buf *b, const char *key, uint64_t v)
{
	buf_printf(b, ", %s: %" PRIu64, key, v > INT64_MAX ? (uint64_t)INT64_MAX : v);
}

static void known_number(struct buf *b, const char *key, uint64_t v)
{
	if (v)
		number(b, key, v);
}

static void real(struct buf *b, const char *key, double v)
{
	buf_printf(b, ", %s: toFloat(", key);
	export_real(b, v);
	buf_u8(b, ')');
}

/* Rows of UNWIND: open_row before each, close_rows at the end. */
struct batch {
	struct export_sink *s;
	const char *statement;
	unsigned rows;
};

static void close_rows(struct batch *t)
{
	if (t->rows % BATCH)
		buf_printf(&t->s->out, "\n] AS row %s;\n", t->statement);
	t->rows = 0;
}

static struct buf *open_row(struct batch *t)
{
	if (t->rows % BATCH == 0)
		buf_str(&t->s->out, "UNWIND [\n");
	else
		buf_str(&t->s->out, ",\n");
	return &t->s->out;
}

static void close_row(struct batch *t)
{
	buf_u8(&t->s->out, '}');
	if (++t->rows % BATCH == 0)
		buf_printf(&t->s->out, "\n] AS row %s;\n", t->statement);
	export_flow(t->s);
}

/*
 * Known machines by id.  Addresses by their text, and where one address is at several places
 * (loopback) by their number too; they stand side by side in the graph.
 */
static void key(struct buf *b, const struct graph *g, unsigned m)
{
	const struct graph_machine *at = &g->machine[m];
	struct buf k = { 0 };
	unsigned same = 0;

	buf_printf(&k, "%s%s", at->known ? "id:" : "ip:", at->known ? at->id : at->name);
	while (!at->known && same < m && !g->machine[m - same - 1].known &&
	       strcmp(g->machine[m - same - 1].name, at->name) == 0)
		same++;
	if (same)
		buf_printf(&k, "#%u", same + 1);
	literal(b, buf_cstr(&k));
	buf_fini(&k);
}

static void addresses(struct buf *b, const struct graph_machine *m)
{
	buf_str(b, ", ips: [");
	for (unsigned i = 0; i < m->ips_n; i++) {
		buf_str(b, i ? ", " : "");
		literal(b, m->ips[i]);
	}
	buf_u8(b, ']');
}

static void machines(const struct export *x, struct export_sink *s)
{
	struct batch t = { s, "MERGE (m:SkeinMachine {key: row.key}) SET m += row", 0 };

	for (unsigned i = 0; i < x->graph->machine_n; i++) {
		const struct graph_machine *m = &x->graph->machine[i];
		struct buf *b = open_row(&t);

		buf_str(b, "{key: ");
		key(b, x->graph, i);
		text(b, "id", m->id);
		text(b, "name", m->name);
		buf_printf(b, ", known: %s", m->known ? "true" : "false");
		addresses(b, m);
		text(b, "os", m->os);
		text(b, "site", m->site);
		known_number(b, "cores", m->cores);
		known_number(b, "memory_bytes", m->memory_bytes);
		text(b, "extra", m->extra);
		close_row(&t);
	}
	close_rows(&t);
}

static void groups(const struct export *x, struct export_sink *s)
{
	struct batch t = { s, "MERGE (g:SkeinGroup {name: row.name}) SET g += row", 0 };

	for (unsigned i = 0; i < x->plan->group_n; i++) {
		const struct plan_group *g = &x->plan->group[i];
		struct buf *b = open_row(&t);

		buf_str(b, "{name: ");
		literal(b, g->name);
		text(b, "kind", plan_kind_word[g->kind]);
		text(b, "service", service_word(g->service));
		text(b, "env", g->env);
		text(b, "site", g->site);
		text(b, "state", plan_state_word[g->state]);
		text(b, "owner", g->owner);
		text(b, "notes", g->notes);
		text(b, "reason", g->reason);
		real(b, "confidence", g->confidence);
		known_number(b, "wave", g->wave);
		close_row(&t);
	}
	close_rows(&t);
}

static void members(const struct export *x, struct export_sink *s)
{
	struct batch t = { s,
			   "MATCH (m:SkeinMachine {key: row.key}), (g:SkeinGroup {name: "
			   "row.group}) MERGE (m)-[r:MEMBER_OF]->(g) "
			   "SET r.confidence = row.confidence, r.reason = row.reason",
			   0 };

	for (unsigned i = 0; i < x->graph->machine_n; i++) {
		const struct plan_group *g = export_group(x, i);
		struct buf *b;

		if (!g)
			continue;
		b = open_row(&t);
		buf_str(b, "{key: ");
		key(b, x->graph, i);
		text(b, "group", g->name);
		real(b, "confidence", x->plan->machine[i].confidence);
		text(b, "reason", x->plan->machine[i].reason);
		close_row(&t);
	}
	close_rows(&t);
}

static void moves(const struct export *x, struct export_sink *s)
{
	struct batch t = {
		s,
		"MATCH (g:SkeinGroup {name: row.group}) MERGE (w:SkeinWave {number: "
		"row.wave}) MERGE (g)-[:MOVES_IN]->(w)",
		0
	};

	for (unsigned i = 0; i < x->plan->group_n; i++) {
		struct buf *b;

		if (!x->plan->group[i].wave)
			continue;
		b = open_row(&t);
		buf_printf(b, "{wave: %u", x->plan->group[i].wave);
		text(b, "group", x->plan->group[i].name);
		close_row(&t);
	}
	close_rows(&t);
}

static void amounts(struct buf *b, const struct counters *c, int64_t first, int64_t last)
{
	number(b, "opens", c->opens);
	number(b, "failed", counters_failed(c));
	if (c->has_bytes)
		number(b, "bytes", c->bytes_to_server + c->bytes_to_client);
	known_number(b, "first", (uint64_t)first);
	known_number(b, "last", (uint64_t)last);
}

static void calls(const struct export *x, struct export_sink *s)
{
	struct batch t = { s,
			   "MATCH (c:SkeinMachine {key: row.client}), (s:SkeinMachine {key: "
			   "row.server}) MERGE (c)-[r:CALLS {service: row.service}]->(s) "
			   "SET r += row.what",
			   0 };
	const struct graph *g = x->graph;

	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		const struct graph_process *c = &g->process[e->client];
		const struct graph_process *d = &g->process[e->server];
		struct buf *b = open_row(&t), service = { 0 };

		buf_str(b, "{client: ");
		key(b, g, c->machine);
		buf_str(b, ", server: ");
		key(b, g, d->machine);
		buf_printf(&service, "%s %s %s %u %s %s %s %s", c->name, c->ip, c->container,
			   e->port, e->proto == PROTO_UDP ? "udp" : "tcp", d->name, d->ip,
			   d->container);
		text(b, "service", buf_cstr(&service));
		buf_printf(b, ", what: {port: %u", e->port);
		text(b, "protocol", e->proto == PROTO_UDP ? "udp" : "tcp");
		text(b, "client_process", c->name);
		text(b, "server_process", d->name);
		amounts(b, &e->c, e->first, e->last);
		buf_u8(b, '}');
		close_row(&t);
		buf_fini(&service);
	}
	close_rows(&t);
}

static void depends(const struct export *x, struct export_sink *s)
{
	struct batch t = { s,
			   "MATCH (c:SkeinGroup {name: row.client}), (s:SkeinGroup {name: "
			   "row.server}) MERGE (c)-[r:DEPENDS_ON]->(s) SET r += row.what",
			   0 };
	unsigned *of;
	struct arrows *all = export_arrows(x, &of);

	for (unsigned i = 0; i < all->arrow_n; i++) {
		const struct arrow *l = &all->arrow[i];
		struct buf *b = open_row(&t);

		buf_str(b, "{client: ");
		literal(b, x->plan->group[l->client].name);
		text(b, "server", x->plan->group[l->server].name);
		buf_printf(b, ", what: {edges: %u, ports: '", l->edges);
		export_ports(b, l);
		buf_u8(b, '\'');
		amounts(b, &l->c, l->first, l->last);
		buf_u8(b, '}');
		close_row(&t);
	}
	close_rows(&t);
	arrows_free(all);
	free(of);
}

void export_cypher(const struct export *x, struct export_sink *s)
{
	buf_str(&s->out, "CREATE CONSTRAINT skein_machine IF NOT EXISTS"
			 " FOR (m:SkeinMachine) REQUIRE m.key IS UNIQUE;\n"
			 "CREATE CONSTRAINT skein_group IF NOT EXISTS"
			 " FOR (g:SkeinGroup) REQUIRE g.name IS UNIQUE;\n"
			 "CREATE CONSTRAINT skein_wave IF NOT EXISTS"
			 " FOR (w:SkeinWave) REQUIRE w.number IS UNIQUE;\n");
	machines(x, s);
	if (x->plan) {
		groups(x, s);
		members(x, s);
		moves(x, s);
	}
	calls(x, s);
	if (x->plan)
		depends(x, s);
}
