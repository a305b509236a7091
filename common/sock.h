/* SPDX-License-Identifier: Apache-2.0 */
/* TCP sockets, the way both ends of the wire want them. */
#ifndef COMMON_SOCK_H
#define COMMON_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/addr.h"

enum { SOCK_TEXT = 64, SOCK_DEAD_S = 30 };

/*
 * No delay for small frames, repeats without doubling while few are under way (Linux 2.6.34,
 * Documentation/networking/tcp-thin), and a peer that is gone without a word is noticed
 * SOCK_DEAD_S seconds after the last that came or, where something is sent, the first that was
 * not taken.
 */
void sock_tune(int fd);

/* The address that FD is bound to, or came in at. */
bool sock_address(int fd, struct addr *out);

/* 0 for a family that is neither IPv4 nor IPv6. */
uint16_t sock_port(const struct sockaddr *sa);

/* "10.0.0.1:7700" or "[2001:db8::1]:7700" into OUT, which it returns. */
const char *sock_text(const struct sockaddr *sa, char out[SOCK_TEXT]);

#endif
