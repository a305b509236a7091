/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that others come to, and what a program needs that has one. */
#ifndef COLLECTOR_LISTEN_H
#define COLLECTOR_LISTEN_H

#include <stdint.h>

#include "common/err.h"
#include "common/sock.h"

/*
 * HOST "" is any IPv4 address, "::" any of both kinds; port 0 a free one.  The descriptor,
 * non-blocking, with the address in ADDRESS; or negative errno with words, which name OPTION.
 */
int listen_tcp(const char *host, uint16_t port, const char *option, char address[SOCK_TEXT],
	       struct err *e);
/* The same for datagrams. */
int listen_udp(const char *host, uint16_t port, const char *option, char address[SOCK_TEXT],
	       struct err *e);

/* Raises the limit to all descriptors that may be had; how many that are. */
unsigned listen_descriptors(void);

/* ADDRESS as a line into FD, which is closed; nothing where that is -1. */
void listen_tell(int fd, const char *address);

#endif
