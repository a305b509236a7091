/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection to HOST:PORT, without ever blocking: names are looked up by libevent's own
 * resolver (/etc/hosts and /etc/resolv.conf, read anew each time), and each address is tried
 * in turn for a few seconds.  With a proxy all that is done for the proxy, which is then asked
 * to CONNECT to HOST:PORT, and whose answer is waited for a few seconds.
 */
#ifndef COMMON_DIAL_H
#define COMMON_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sock.h"

struct event_base;
struct dial;
struct proxy;

enum { DIAL_PEER = 384 };

struct dial_result {
	int fd;	       /* the callee's from now on; negative errno when nobody answered */
	bool loopback; /* the address that was tried last is this machine, and no proxy */
	bool proxied;  /* there is a proxy, and the words name it */
	bool unknown;  /* the name of whom to call has no address */
	char peer[DIAL_PEER];  /* that address, or "HOST:PORT through the proxy ADDRESS" */
	char words[DIAL_PEER]; /* what went wrong */
};
typedef void dial_fn(const struct dial_result *result, void *ctx);

/*
 * FN is called once, from the loop and never from in here, unless dial_cancel comes before.
 * PROXY is copied; NULL, or one without a host, is none.
 */
struct dial *dial_start(struct event_base *base, const char *host, uint16_t port,
			const struct proxy *proxy, dial_fn *fn, void *ctx);
/* NULL is allowed; not after FN was called, and D is gone in both cases. */
void dial_cancel(struct dial *d);

#endif
