/* SPDX-License-Identifier: Apache-2.0 */
/* How groups look: production, test and development are told apart at a glance. */
#ifndef GRAPH_DRAW_ENV_H
#define GRAPH_DRAW_ENV_H

#define GROUP_SURE 0.5 /* a group of less confidence has a dashed border */

enum env { ENV_OTHER, ENV_PROD, ENV_TEST, ENV_DEV, ENV_COUNT };

struct env_look {
	const char *word; /* for the legend */
	const char *fill, *line;
	const char *dark_fill, *dark_line;
};
extern const struct env_look env_look[ENV_COUNT];

/* Of the word in a plan: "prod", "uat", "" ... */
enum env env_of(const char *word);

#endif
