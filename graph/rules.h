/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people decided: the grouper never breaks it.  Each rule came from an edit in the store
 * (store/edit.h), whose number it bears so that a contradiction can be named.
 */
#ifndef GRAPH_RULES_H
#define GRAPH_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum rule_kind {
	RULE_TOGETHER,	 /* MACHINE and OTHER in one group */
	RULE_APART,	 /* MACHINE and OTHER never in one group */
	RULE_PIN,	 /* MACHINE in the group NAME (pin and move are the same rule) */
	RULE_SHARED,	 /* MACHINE is a shared service; NAME is its kind or "" */
	RULE_NOT_SHARED, /* MACHINE is not */
	RULE_ENV,	 /* MACHINE is of the environment NAME; environments are kept apart */
	RULE_SITE,	 /* MACHINE is at the site NAME */
	RULE_LIMIT, /* no group has more than SIZE machines; NAME: that group alone, or "" */
	RULE_KINDS
};
/* "together", "apart", "pin", "shared", "not-shared", "env", "site", "limit" */
extern const char *const rule_kind_word[RULE_KINDS];

struct rule {
	enum rule_kind kind;
	int64_t id;		 /* of the edit */
	unsigned machine, other; /* indexes in the graph; PLAN_NONE where there is none */
	const char *name;	 /* borrowed; never NULL */
	unsigned size;
};

struct rules {
	const struct rule *rule;
	unsigned rule_n;
	bool sites_apart; /* machines of different sites never stand in one group */
	bool envs_mixed;  /* do not keep environments apart, as far as nobody said so */
	bool no_names;	  /* host names say nothing */
	bool no_tags;	  /* the columns that came with machines say nothing */
	bool no_subnets;  /* addresses say nothing */
};

#endif
