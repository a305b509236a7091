/* SPDX-License-Identifier: Apache-2.0 */
/* What a process is for, told from its name and port by one table; and what roles look like.
 */
#ifndef GRAPH_DRAW_ROLE_H
#define GRAPH_DRAW_ROLE_H

#include <stdint.h>

enum role {
	ROLE_NONE, /* serves nobody, or is everywhere and says nothing about a machine (ssh) */
	ROLE_INFRA, /* names, time, directory, mail, monitoring, backup */
	ROLE_APP,
	ROLE_WEB,
	ROLE_DATABASE,
	ROLE_COUNT
};

struct role_look {
	const char *word;
	const char *fill, *line; /* Okabe-Ito, a tint and a dark tone */
	const char *dark_fill, *dark_line;
};
extern const struct role_look role_look[ROLE_COUNT];

/* PROCESS may be "": then the port alone tells. */
enum role role_of(const char *process, uint16_t port);

/* "DNS" where everybody uses the service behind this port and nobody depends on it by design.
 */
const char *role_shared_service(uint16_t port);

#endif
