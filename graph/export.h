/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph and its plan in other people's formats.  A format is a row in export_formats, and
 * one file, export_NAME.c, that writes it.
 *
 * Pure: what is written goes into a buffer that is handed on whenever it is full, so that an
 * estate of any size needs little memory.  The same input gives the same bytes.  All names
 * are strangers': each format escapes them by its own rules, and shows U+FFFD for what it
 * cannot hold.
 */
#ifndef GRAPH_EXPORT_H
#define GRAPH_EXPORT_H

#include <stdbool.h>

#include "common/buf.h"
#include "graph/cut.h"
#include "graph/explain.h"
#include "graph/plan.h"
#include "graph/ties.h"
#include "graph/watch.h"
#include "graph/waves.h"

/* Everything but the graph may be NULL: it is not known then, and left out. */
struct export
{
	const struct graph *graph;
	const struct plan *plan;
	const struct ties *ties;
	const struct explain *explain;
	const struct waves *waves;
	const struct cuts *cuts;
	const struct watch *watch;
	const unsigned *days; /* for each edge on how many days it was seen, 0: unknown */
	const char *table;    /* of a format that has several */
	bool edges;	      /* each single edge too, where a format can do without */
};

/* Where it goes; the caller fills WRITE and CTX, and frees OUT. */
struct export_sink {
	struct buf out;
	/* Takes all of it: 0, or negative errno.  NULL: everything stays in OUT. */
	int (*write)(void *ctx, const void *p, size_t n);
	void *ctx;
	int rc; /* of the first write that failed; later ones are not tried */
};

typedef void export_fn(const struct export *x, struct export_sink *s);

struct export_format {
	const char *name;
	const char *ending; /* of a file's name, with the dot */
	export_fn *write;
	bool tables; /* x->table must be set to one of export_tables */
	const char *help;
};
extern const struct export_format export_formats[]; /* ended by a NULL name */

/* NULL for none. */
const struct export_format *export_find(const char *name);
const struct export_format *export_of_file(const char *path);

struct export_table {
	const char *name;
	bool planned; /* needs a plan */
	const char *help;
};
extern const struct export_table export_tables[]; /* ended by a NULL name */
const struct export_table *export_find_table(const char *name);

/* Writes X; returns s->rc with all of it handed on. */
int export_write(const struct export_format *f, const struct export *x, struct export_sink *s);

/* For the formats */

export_fn export_csv, export_json, export_graphml, export_gexf, export_drawio, export_cypher,
	export_mermaid;

/* To be called after every few rows. */
void export_flow(struct export_sink *s);
/* A number without locale, exponent or noise; what is not finite is 0. */
void export_real(struct buf *b, double v);
/* The group that a machine is in, or NULL. */
const struct plan_group *export_group(const struct export *x, unsigned machine);
/* "5432", "53/udp", "dynamic". */
void export_port(struct buf *b, uint8_t proto, uint16_t port);
/* The ports of a link for people: "5432, 53/udp, 80 and 4 more". */
struct arrow;
void export_ports(struct buf *b, const struct arrow *l);
/* The waves [from, until) for which a pair lies over the link; 0: never, 0: for good. */
unsigned export_crosses_from(const struct cut_pair *c);
unsigned export_crosses_until(const struct cut_pair *c);
/* The groups' arrows, and the groups that machines are in by index; the caller frees OF. */
struct arrows *export_arrows(const struct export *x, unsigned **of);

#endif
