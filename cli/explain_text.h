/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations as text and as JSON (docs/explain.md has the fields). */
#ifndef CLI_EXPLAIN_TEXT_H
#define CLI_EXPLAIN_TEXT_H

#include "common/json.h"
#include "graph/explain.h"
#include "graph/watch.h"

/* What an explanation speaks of; DAYS as explain_new takes it. */
struct explained {
	const struct graph *g;
	const struct plan *p;
	const unsigned *days;
	unsigned most; /* edges that are shown of a tie; 0: all */
};

void explain_text_machine(const struct explained *x, const struct explain_machine *e);
void explain_text_group(const struct explained *x, const struct explain_group *e);
void explain_text_pair(const struct explained *x, const struct explain_pair *e);
/* NAME: the group that is spoken of, NULL: all. */
void explain_text_watch(const struct explained *x, const struct watch *w, const char *name);

/* Each writes one object. */
void explain_json_machine(struct json *j, const struct explained *x,
			  const struct explain_machine *e);
void explain_json_group(struct json *j, const struct explained *x,
			const struct explain_group *e);
void explain_json_pair(struct json *j, const struct explained *x,
		       const struct explain_pair *e);
void explain_json_watch(struct json *j, const struct explained *x, const struct watch *w,
			const char *name);
/* One edge of the graph as evidence. */
void explain_json_edge(struct json *j, const struct explained *x, unsigned edge);

#endif
