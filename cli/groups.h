/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands of `skein groups` have in common: the command line, what was loaded,
 * changes that are tried before they are kept, and words about what they cost.
 *
 *	cmd_groups.c	 the command line, and which function does what
 *	groups_run.c	 loading, trying changes, saving
 *	groups_list.c	 the plan as table and JSON; one group
 *	groups_plans.c	 the plans that are kept
 *	groups_edit.c	 rules: pin, together, apart, shared, env, site, limit, undo
 *	groups_label.c	 what is said of a group: rename, accept, lock, state, owner, note
 *	groups_send.c	 changes sent to a collector (--server)
 *	groups_cost.c	 what changes cost
 *	groups_sheet.c	 a spreadsheet read and checked
 *	groups_csv.c	 export, and import: the sheet against the plan
 */
#ifndef CLI_GROUPS_H
#define CLI_GROUPS_H

#include "cli/options.h"
#include "common/buf.h"
#include "common/json.h"
#include "graph/revise.h"

struct groups {
	struct options o;
	struct revise_run run;
	uint64_t plan; /* --plan, 0: the newest */
	const char *out;
	bool dry_run;

	char **words; /* behind the subcommand */
	int words_n;
	struct store *store;
	struct graph *graph;
	struct plan *saved; /* NULL: none yet */
};

extern const struct options_command groups_command;

/* groups_run.c.  An int is the exit status, after words, unless it is said otherwise. */

enum groups_need {
	GROUPS_STORE, /* to read */
	GROUPS_PLAN,  /* and the graph, and the saved plan; 1 if there is none */
	GROUPS_GRAPH, /* to write; the graph, and the saved plan if there is one */
	GROUPS_WRITE, /* to write; where there is no plan yet one is made first */
};
int groups_open(struct groups *x, enum groups_need need);
void groups_close(struct groups *x);
/*
 * Tries the changes, runs the grouper under them and keeps both, or neither: rules that
 * contradict each other are refused with words.  With --dry-run nothing is kept.
 */
int groups_rerun(struct groups *x, struct revise_change *change, size_t n,
		 struct revise_outcome *out);
/* Keeps changes that need no new plan: labels, names. */
int groups_keep(struct groups *x, struct revise_change *change, size_t n);
/* On a terminal, until the next call; NULL: clears it. */
void groups_progress(const char *doing);

/* PLAN_NONE after words with the nearest name. */
unsigned groups_find_machine(const struct groups *x, const char *word);
unsigned groups_find_group(const struct groups *x, const char *name);
/* The name that people know; borrowed. */
const char *groups_machine_name(const struct groups *x, unsigned machine);
/* True if NAME can be a group's, else words. */
bool groups_name_fits(const char *name);
struct group_label_row groups_label_of(const struct plan_group *group);

/*
 * groups_send.c: what was tried on a copy is made by the collector, if the plan is still the
 * one of the copy.  Negative errno with words.
 */
int groups_send(const struct groups *x, const struct revise_change *change, size_t n,
		struct err *e);

/* groups_cost.c: words about costs, added to B. */

/* "12,400 connections and 3.1 GB a day" */
void groups_cost_rate(struct buf *b, const struct rescore_part *part);
/* "3 of its 4 ties (92 % of their weight: ...) CROSS" */
void groups_cost_ties(struct buf *b, const struct rescore *r, const char *whose,
		      const char *cross);
/* What R is, for JSON and tables. */
void groups_cost_json(struct json *j, const char *key, const struct rescore *r);
/* On standard output: who else changed groups, and what passes between groups now. */
void groups_cost_print(const struct groups *x, const struct revise_outcome *out,
		       const unsigned *named, unsigned named_n);
/*
 * What a run under CHANGE did, as WORDS and what it costs, or as a JSON object; WORDS are
 * freed.  NAMED are the machines that the words name already.
 */
void groups_say_outcome(const struct groups *x, const struct revise_change *change, size_t n,
			const struct revise_outcome *out, const unsigned *named,
			unsigned named_n, struct buf *words);
/* True for a word of graph/service.h, else words. */
bool groups_service_fits(const char *word);
/* Prints B, escaped, as a line of standard output and frees it. */
void groups_print(struct buf *b);

/* What is put into JSON everywhere here. */
void groups_json_text(struct json *j, const char *key, const char *s);
void groups_json_uint(struct json *j, const char *key, uint64_t v);
void groups_json_bool(struct json *j, const char *key, bool v);
void groups_json_share(struct json *j, const char *key, double v); /* two decimals */
/* The words from FROM on as one text, which the caller frees. */
char *groups_text(const struct groups *x, int from);

/* The subcommands: the exit status. */
int groups_propose(struct groups *x);
int groups_show(struct groups *x);
int groups_plans(struct groups *x);
int groups_plan_label(struct groups *x);
int groups_pin(struct groups *x);
int groups_together(struct groups *x);
int groups_apart(struct groups *x);
int groups_shared(struct groups *x);
int groups_not_shared(struct groups *x);
int groups_env(struct groups *x);
int groups_site(struct groups *x);
int groups_limit(struct groups *x);
int groups_edits(struct groups *x);
int groups_undo(struct groups *x);
int groups_rename(struct groups *x);
int groups_accept(struct groups *x);
int groups_lock(struct groups *x);
int groups_unlock(struct groups *x);
int groups_state(struct groups *x);
int groups_owner(struct groups *x);
int groups_note(struct groups *x);
int groups_export(struct groups *x);
int groups_import(struct groups *x);

#endif
