/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own counters of network namespaces, read from /proc/PID/net of a process that
 * is in them.  Those that have a name (ip-netns(8), Docker) and no process now are entered for
 * a moment, where CAP_SYS_ADMIN allows it.
 */
#ifndef SENSOR_NETSTAT_H
#define SENSOR_NETSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ActiveOpens and PassiveOpens in the text of /proc/net/snmp; false: not there. Pure. */
bool netstat_parse(const char *text, uint64_t *active, uint64_t *passive);

enum { NETSTAT_NAMESPACES = 1024 };

/* Which process to ask for which namespace. */
struct netstat;
struct netstat *netstat_new(void);
void netstat_free(struct netstat *s);
/* TGID was seen in NETNS. */
void netstat_hint(struct netstat *s, uint32_t netns, uint32_t tgid);
/* Looks for the namespaces that processes are in, and for those that have a name. */
void netstat_scan(struct netstat *s);
/* Begins a round: all that are known; how many. */
unsigned netstat_list(struct netstat *s, uint32_t out[NETSTAT_NAMESPACES]);
/* False when no process is in it; one look through /proc a round is spent on finding one. */
bool netstat_read(struct netstat *s, uint32_t netns, uint64_t *active, uint64_t *passive);

#endif
