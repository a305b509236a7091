/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spend.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_proc(pid_t pid, const char *what)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", what);
	return fopen(path, "re");
}

/* Fields 14 and 15 of stat (proc(5)), counted from behind the name, which may hold anything.
 */
static uint64_t cpu_ns(pid_t pid)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user = 0, system = 0;
	FILE *f = open_proc(pid, "stat");
	char line[1024];
	const char *p;

	if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		       &system);
	if (f)
		fclose(f);
	return (user + system) * tick_ns;
}

/* KEY's value in a file of "Key:   123 kB" lines. */
static uint64_t kilobytes(pid_t pid, const char *what, const char *key)
{
	FILE *f = open_proc(pid, what);
	size_t n = strlen(key);
	uint64_t bytes = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0)
			bytes = strtoull(line + n, NULL, 10) << 10;
	if (f)
		fclose(f);
	return bytes;
}

void spend_add(pid_t pid, struct spend *out)
{
	uint64_t bytes = kilobytes(pid, "smaps_rollup", "Pss:");

	out->cpu_ns += cpu_ns(pid);
	out->memory_bytes += bytes ? bytes : kilobytes(pid, "status", "VmRSS:");
}
