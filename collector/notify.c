/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/notify.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

enum { STATUS_MS = 30000, STUCK_MS = 30000 };

static struct sockaddr_un where;
static socklen_t where_n;

static void send_words(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void send_words(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int fd, n;

	if (!where_n)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (n > 0 && sendto(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
			    (struct sockaddr *)&where, where_n) < 0)
		log_debug("systemd cannot be told: %s", text);
	close(fd);
}

static void find_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(where.sun_path))
		return;
	where.sun_family = AF_UNIX;
	memcpy(where.sun_path, path, strlen(path));
	if (*path == '@') /* an abstract one */
		where.sun_path[0] = 0;
	where_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

void notify_start(struct notify *n)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	*n = (struct notify){ .moved_ms = stats_clock_ms() };
	find_socket();
	if (usec && (!pid || strtol(pid, NULL, 10) == getpid()))
		n->every_ms = strtoull(usec, NULL, 10) / 1000 / 2;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_ready(const char *address)
{
	send_words("READY=1\nSTATUS=listening on %s\n", address);
}

void notify_reloading(void)
{
	send_words("RELOADING=1\nMONOTONIC_USEC=%llu\n",
		   (unsigned long long)stats_clock_ms() * 1000);
}

void notify_stopping(const char *words)
{
	send_words("STOPPING=1\nSTATUS=%s\n", words);
}

void notify_turns(struct notify *n)
{
	uint64_t now = stats_clock_ms();

	if (!n->every_ms || now - n->last_ms + 1000 <= n->every_ms)
		return;
	send_words("WATCHDOG=1\n");
	n->last_ms = now;
}

static bool moves(struct notify *n, const struct stats *s, uint64_t now)
{
	uint64_t turns = s->commits + s->commits_failed + s->commits_waited;

	if (turns != n->turns || !s->queued) {
		n->turns = turns;
		n->moved_ms = now;
	}
	return now - n->moved_ms < STUCK_MS;
}

void notify_alive(struct notify *n, const struct stats *s)
{
	uint64_t now = stats_clock_ms();

	if (moves(n, s, now))
		notify_turns(n);
	if (now - n->status_ms < STATUS_MS)
		return;
	n->status_ms = now;
	send_words("STATUS=%llu sensors connected, %llu batches%s%s\n",
		   (unsigned long long)s->live, (unsigned long long)s->batches,
		   s->commit_failing ? "; the last transaction failed" : "",
		   s->http_down ? "; HTTP is down" : "");
}
