/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/settle.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

#define FOLDER "/etc/skein/sensor.d"

static int give(const char *path, const struct passwd *pw, struct err *e)
{
	return lchown(path, pw->pw_uid, pw->pw_gid) < 0
		       ? err_sys(e, -errno, "%s: give to user " SETTLE_USER, path)
		       : 0;
}

int settle_owner(const char *dir, struct err *e)
{
	static const char *const names[] = { "sensor.key", "sensor.crt", "ca.crt",
					     "identity" };
	const struct passwd *pw = geteuid() == 0 ? getpwnam(SETTLE_USER) : NULL;
	int rc;

	if (!pw)
		return 0;
	rc = give(dir, pw, e);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names) && !rc; i++) {
		char *path = file_path(dir, names[i]);

		rc = give(path, pw, e);
		free(path);
	}
	return rc;
}

int settle_collector(const char *host, uint16_t port, const char *proxy, const char *login,
		     struct err *e)
{
	char *at, *text;
	int rc;

	if (geteuid() != 0 || access(FOLDER, W_OK) < 0)
		return 0;
	at = strchr(host, ':') ? xasprintf("[%s]:%u", host, port)
			       : xasprintf("%s:%u", host, port);
	text = xasprintf("# Written by skein-sensor enroll.\ncollector = %s\n%s%s%s%s%s%s", at,
			 proxy ? "proxy = " : "", proxy ? proxy : "", proxy ? "\n" : "",
			 login ? "proxy-login = " : "", login ? login : "", login ? "\n" : "");
	rc = file_replace(FOLDER "/collector.conf", 0644, text, strlen(text), e);
	free(at);
	free(text);
	return rc ? rc : 1;
}
