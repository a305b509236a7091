/* SPDX-License-Identifier: Apache-2.0 */
/* A socket that listens for TCP. */
#ifndef COLLECTOR_LISTEN_H
#define COLLECTOR_LISTEN_H

#include <stdint.h>

#include "common/err.h"
#include "common/sock.h"

/*
 * HOST "" is any address, PORT 0 any that is free; ADDRESS says what became of them.  The
 * socket, which does not block, or a negative errno with words.
 */
int listen_open(const char *host, uint16_t port, char address[SOCK_TEXT], struct err *e);

#endif
