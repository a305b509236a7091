/* SPDX-License-Identifier: Apache-2.0 */
#include "common/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *number_text(uint64_t v, char *out)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v);
	char *p = out;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = 0;
	return out;
}

const char *number_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

bool number_parse(const char *text, unsigned long least, unsigned long most,
		  unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *out >= least &&
	       *out <= most;
}
