/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a sensor (docs/wire.md, "A session").
 *
 * handshake -> stranger (no certificate: one ENROLL) -> closing
 *           -> known (certificate allowed: one HELLO) -> live (BATCH) -> closing
 *
 * In `closing` what was said last is written out, the peer's bytes are thrown away until it
 * has read that and hangs up too (or for two seconds): closing a socket with unread bytes
 * would reset it, and our last words would be lost.
 */
#ifndef COLLECTOR_SESSION_H
#define COLLECTOR_SESSION_H

#include "collector/hub.h"
#include "collector/porch.h"
#include "common/cert.h"
#include "common/wire.h"

/* Takes the connected, non-blocking socket FD. */
void session_start(struct hub *hub, int fd, const struct porch_guest *guest);
void session_free(struct session *s);

/* The one after S in the hub's list. */
struct session *session_next(const struct session *s);

/* Says why and closes.  Never frees in here. */
void session_fail(struct session *s, enum wire_error_code code, const char *reason);
/* Closes politely: everything that was said is written first. */
void session_finish(struct session *s);

/* There is room in the commit queue again. */
void session_go_on(struct hub *hub);

/* Ends live sessions whose sensor is no longer allowed. */
void session_sweep(struct hub *hub);

#endif
