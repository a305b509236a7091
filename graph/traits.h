/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a machine beside its traffic, as numbers that can be compared: operating
 * system, site, address, rare words of its name, and the tags that came with it (columns of a
 * CMDB or of an import: application, owner, environment).
 *
 * Tags are read from the further keys of a machine line, by the names that people use:
 * application, app, application_name, service_name, system; owner, owned_by, team,
 * business_owner; environment, env, stage.
 */
#ifndef GRAPH_TRAITS_H
#define GRAPH_TRAITS_H

#include "graph/model.h"

enum traits_mask { TRAITS_NAMES = 1, TRAITS_TAGS = 2, TRAITS_SUBNETS = 4 };

enum { TRAIT_WORDS = 6 };

/* 0 is "unknown" in all of them; equal numbers are equal texts. */
struct trait {
	unsigned os, site, application, owner;
	uint32_t net; /* IPv4 address, or the upper bits of an IPv6 one */
	bool has_net;
	unsigned word[TRAIT_WORDS]; /* rare words of its name, ascending */
	unsigned word_n;
	char env[8];   /* "prod", "test", "dev", "uat", "stage"; "": nobody says so */
	bool env_told; /* by a tag or a person, not guessed from a name */
};

struct traits {
	struct trait *machine; /* by index of the graph */
	unsigned machine_n;
	char **text; /* of applications, owners and words, by number */
	unsigned text_n;
};

/* MASK: what may be looked at, enum traits_mask. */
struct traits *traits_new(const struct graph *g, unsigned mask);
void traits_free(struct traits *t);

/* "production" and "prd" are "prod" ...; "" for a word that names no environment. */
const char *traits_environment(const char *word, size_t n);
/* Leading bits that two addresses share, 0 to 32. */
unsigned traits_prefix(uint32_t a, uint32_t b);

#endif
