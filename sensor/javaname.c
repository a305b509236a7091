/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/javaname.h"

#include <stdio.h>
#include <string.h>

/* Options whose value is the next argument; with "=" it is the same one. */
static const char *const takes[] = {
	"-cp",
	"-classpath",
	"--class-path",
	"-p",
	"--module-path",
	"--upgrade-module-path",
	"--add-modules",
	"--add-reads",
	"--add-exports",
	"--add-opens",
	"--limit-modules",
	"--patch-module",
	"--source",
	"--enable-native-access",
	"--describe-module",
	"-d",
};

bool javaname_is_java(const char *exe)
{
	return strcmp(exe, "java") == 0 || strcmp(exe, "javaw") == 0;
}

static bool takes_next(const char *arg)
{
	for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++)
		if (strcmp(arg, takes[i]) == 0)
			return true;
	return false;
}

static const char *last_part(const char *s)
{
	const char *slash = strrchr(s, '/');

	return slash && slash[1] ? slash + 1 : s;
}

static bool is_file(const char *s)
{
	size_t n = strlen(s);

	return n > 5 && strcmp(s + n - 5, ".java") == 0;
}

/* The argument after ARG, or NULL after the last that is whole. */
static const char *next_arg(const char *arg, const char *end)
{
	const char *next = arg + strnlen(arg, (size_t)(end - arg)) + 1;

	return next < end && memchr(next, 0, (size_t)(end - next)) ? next : NULL;
}

bool javaname(const char *args, size_t n, char *out, size_t cap)
{
	const char *end = args + n, *arg = n && memchr(args, 0, n) ? args : NULL;
	bool jar = false, module = false;

	*out = 0;
	while (arg && (arg = next_arg(arg, end))) {
		if (strncmp(arg, "--module=", 9) == 0) {
			arg += 9;
			module = true;
			break;
		}
		if (strcmp(arg, "-jar") == 0)
			jar = true;
		else if (strcmp(arg, "-m") == 0 || strcmp(arg, "--module") == 0)
			module = true;
		else if (takes_next(arg))
			arg = next_arg(arg, end);
		else if (*arg && *arg != '-' && *arg != '@')
			break;
	}
	if (!arg)
		return false;
	snprintf(out, cap, "%s", jar || module || is_file(arg) ? last_part(arg) : arg);
	return *out;
}
