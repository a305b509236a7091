/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int open_socket(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, rc;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6) /* [::] takes IPv4 as well */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int cannot_listen(const char *host, uint16_t port, int code, struct err *e)
{
	bool v6 = strchr(host, ':') != NULL;

	err_sys(e, code, "cannot listen on %s%s%s:%u", v6 ? "[" : "", *host ? host : "0.0.0.0",
		v6 ? "]" : "", port);
	if (e && code == -EADDRINUSE)
		strncat(e->msg, "; another collector? choose another with --listen",
			sizeof(e->msg) - strlen(e->msg) - 1);
	return code;
}

int listen_open(const char *host, uint16_t port, char address[SOCK_TEXT], struct err *e)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
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
		return cannot_listen(host, port, fd, e);
	getsockname(fd, (struct sockaddr *)&bound, &n);
	sock_text((struct sockaddr *)&bound, address);
	return fd;
}
