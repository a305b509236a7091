/* SPDX-License-Identifier: Apache-2.0 */
/* For each process of a view the ports it serves, and who uses it. */
#ifndef GRAPH_DRAW_SERVED_H
#define GRAPH_DRAW_SERVED_H

#include "graph/draw/scene.h"

struct served_process {
	unsigned first, n; /* of served.port */
	unsigned clients;  /* processes that call it */
	uint64_t opens, self;
	bool calls, shows; /* shows: an arrow touches it, or it is a shared service */
	enum role role;
};

struct served {
	struct scene_port *port; /* by process, number, protocol */
	struct served_process *process;
};

void served_init(struct served *s, const struct view *v);
void served_fini(struct served *s);

#endif
