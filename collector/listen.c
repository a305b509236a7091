/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	FEW = 1024,    /* descriptors where nobody says how many */
	MANY = 1 << 24 /* more are never used */
};

static int open_socket(const struct addrinfo *ai)
{
	bool tcp = ai->ai_socktype == SOCK_STREAM;
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, rc;

	if (fd < 0)
		return -errno;
	if (tcp) /* of datagrams another process would take its share */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6) /* [::] takes IPv4 as well */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && (!tcp || listen(fd, BACKLOG) == 0))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int cannot_listen(const char *host, uint16_t port, const char *option, int code,
			 struct err *e)
{
	bool v6 = strchr(host, ':') != NULL;
	size_t n;

	err_sys(e, code, "cannot listen on %s%s%s:%u", v6 ? "[" : "", *host ? host : "0.0.0.0",
		v6 ? "]" : "", port);
	if (e && code == -EADDRINUSE) {
		n = strlen(e->msg);
		snprintf(e->msg + n, sizeof(e->msg) - n,
			 "; another collector? choose another with %s", option);
	}
	return code;
}

static int listen_on(int type, const char *host, uint16_t port, const char *option,
		     char address[SOCK_TEXT], struct err *e)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = type };
	struct sockaddr_storage bound;
	socklen_t n = sizeof(bound);
	struct addrinfo *list;
	char service[8];
	int rc, fd;

	hints.ai_family = *host ? AF_UNSPEC : AF_INET;
	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(*host ? host : NULL, service, &hints, &list);
	if (rc)
		return err_set(e, -EINVAL, "cannot listen on %s:%u: %s", host, port,
			       gai_strerror(rc));
	fd = open_socket(list);
	freeaddrinfo(list);
	if (fd < 0)
		return cannot_listen(host, port, option, fd, e);
	getsockname(fd, (struct sockaddr *)&bound, &n);
	sock_text((struct sockaddr *)&bound, address);
	return fd;
}

unsigned listen_descriptors(void)
{
	struct rlimit lim;
	rlim_t had;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return FEW;
	had = lim.rlim_cur;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) == 0)
		had = lim.rlim_max;
	return had < MANY ? (unsigned)had : MANY;
}

void listen_tell(int fd, const char *address)
{
	if (fd < 0)
		return;
	dprintf(fd, "%s\n", address);
	close(fd);
}

int listen_tcp(const char *host, uint16_t port, const char *option, char address[SOCK_TEXT],
	       struct err *e)
{
	return listen_on(SOCK_STREAM, host, port, option, address, e);
}

int listen_udp(const char *host, uint16_t port, const char *option, char address[SOCK_TEXT],
	       struct err *e)
{
	return listen_on(SOCK_DGRAM, host, port, option, address, e);
}
