/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What well-known ports and process names usually stand for: a prior, from one table.  The
 * grouper leans on it where behaviour alone cannot tell (the kind of a shared service), and
 * learns the rest from the estate.
 */
#ifndef GRAPH_PORTBOOK_H
#define GRAPH_PORTBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/service.h"

enum port_class {
	PORT_OTHER,
	PORT_WEB,   /* anybody may call it: pages, APIs */
	PORT_DATA,  /* databases, caches, queues: close to their application */
	PORT_INFRA, /* directory, names, time, agents: everybody has it */
	PORT_ADMIN, /* people and jobs that log in: says nothing about an application */
};

enum port_class portbook_class(uint16_t port);
/* The kind of shared service that a server at this port is likely to be. */
enum service portbook_server(uint16_t port);
/* The kind that a client is likely to be, which calls this port at very many machines. */
enum service portbook_caller(uint16_t port);
/* By the short name of a process, whichever end; SERVICE_NONE where it says nothing. */
enum service portbook_process(const char *name);
/* What a server is likely to be whose clients have this name. */
enum service portbook_client(const char *name);

#endif
