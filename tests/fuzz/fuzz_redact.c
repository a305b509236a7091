/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines from strangers: nothing grows, the room is kept, what follows no rule is as it
 * was, and a password in the places that are tried here is never in what comes out.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* The input before and behind an argument with a password. */
static void check_planted(const uint8_t *data, size_t size, const char *planted)
{
	static char args[REDACT_MAX + 64], out[REDACT_MAX + 64];
	size_t half = size / 2, m = strlen(planted) + 1, n = 0;

	if (size + m + 2 > REDACT_MAX || memmem(data, size, "hunter2", 7))
		return;
	memcpy(args, data, half);
	n = half;
	args[n++] = 0;
	memcpy(args + n, planted, m);
	n += m;
	memcpy(args + n, data + half, size - half);
	n += size - half;
	args[n++] = 0;
	redact_args(args, n, out, sizeof(out));
	check(!strstr(out, "hunter2"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *out = malloc(size + 2);
	size_t n;

	memset(out, 'x', size + 2);
	redact_args((const char *)data, size, out, size + 2);
	n = strlen(out);
	check(n <= size && n <= REDACT_MAX);
	for (size_t i = 0; i < n; i++)
		check(out[i] == ' ' || out[i] == '*' || memchr(data, out[i], size));
	redact_args((const char *)data, size, out, size / 2 + 1);
	check(strlen(out) <= size / 2);
	free(out);
	check_planted(data, size, "--password=hunter2");
	check_planted(data, size, "PGPASSWORD=hunter2");
	check_planted(data, size, "postgres://joe:hunter2@db/shop");
	check_planted(data, size, "Authorization: Bearer hunter2");
	return 0;
}
