/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sock.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

void sock_tune(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, SOCK_DEAD_S / 2);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, SOCK_DEAD_S / 6);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SOCK_DEAD_S * 1000);
	set(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
}

bool sock_address(int fd, struct addr *out)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 &&
	       addr_of_sockaddr((struct sockaddr *)&sa, out);
}

uint16_t sock_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return 0;
}

const char *sock_text(const struct sockaddr *sa, char out[SOCK_TEXT])
{
	char text[ADDR_TEXT];
	struct addr a;

	if (!addr_of_sockaddr(sa, &a)) {
		snprintf(out, SOCK_TEXT, "(no address)");
		return out;
	}
	snprintf(out, SOCK_TEXT, addr_is_v4(&a) ? "%s:%u" : "[%s]:%u", addr_text(&a, text),
		 sock_port(sa));
	return out;
}
