/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which address of this host talks to another one, where the socket does not say: one that is
 * bound to no address, as most servers' of UDP are.  It is the one that the routes choose, as
 * the kernel does when such a socket sends; asked of the kernel, which has the rules too
 * (RTM_GETROUTE, rtnetlink(7)), in the network namespace of the socket.
 *
 * To enter another namespace takes CAP_SYS_ADMIN.  Answers are kept for some minutes.
 */
#ifndef SENSOR_OWNADDR_H
#define SENSOR_OWNADDR_H

#include <stdbool.h>
#include <stdint.h>

struct ownaddr;

struct ownaddr *ownaddr_new(void);
void ownaddr_free(struct ownaddr *o);
/* The namespace in which this process is at home. */
uint32_t ownaddr_own(const struct ownaddr *o);

enum ownaddr_kind {
	OWNADDR_FOUND,
	OWNADDR_NOBODY, /* REMOTE is a broadcast address there */
	OWNADDR_UNKNOWN,
};
/*
 * A server that names its own address when it answers (IP_PKTINFO), where it has several, says
 * so only then, not when it is asked.  So who waits for an answer is asked for first
 * (ownaddr_expect, all of an interval), then what answers have said is told (ownaddr_learn).
 */
void ownaddr_expect(struct ownaddr *o, uint32_t netns, uint16_t port,
		    const uint8_t remote[16]);
void ownaddr_learn(struct ownaddr *o, uint32_t netns, uint16_t port, const uint8_t remote[16],
		   const uint8_t local[16]);

/*
 * Addresses as common/addr.h has them; PORT is the own one, or 0 where it is a client's. TGID:
 * a process that is in NETNS, if it still lives. May leave this thread in another namespace:
 * ownaddr_home when all is asked.
 */
enum ownaddr_kind ownaddr_find(struct ownaddr *o, uint32_t netns, uint32_t tgid, uint16_t port,
			       const uint8_t remote[16], uint8_t local[16]);
void ownaddr_home(struct ownaddr *o);

#endif
