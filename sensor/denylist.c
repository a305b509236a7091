/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/denylist.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* A row names its source; the order does not matter. */
static const struct denied_kernel denied[] = {
	{ "4.4.0-119-*",
	  "tracing programs make this Ubuntu kernel panic (weaveworks/scope 3131)" },
	{ "[0-4].*", "it is older than 5.10, and lacks what the programs need" },
	{ "5.[0-9].*", "it is older than 5.10, and lacks what the programs need" },
	{ "5.[0-9]-*", "it is older than 5.10, and lacks what the programs need" },
};

const char *denylist_why(const char *release, const char *extra)
{
	static const char seps[] = ", \t";
	char pattern[128];

	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		if (fnmatch(denied[i].pattern, release, 0) == 0)
			return denied[i].why;
	for (const char *p = extra; p && *(p += strspn(p, seps));) {
		size_t n = strcspn(p, seps);

		snprintf(pattern, sizeof(pattern), "%.*s", (int)n, p);
		if (n < sizeof(pattern) && fnmatch(pattern, release, 0) == 0)
			return "the configuration denies it (deny-kernels)";
		p += n;
	}
	return NULL;
}
