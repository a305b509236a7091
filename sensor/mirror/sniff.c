/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/sniff.h"

#include "sensor/mirror/sniff_parts.h"

static bool is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char sniff_letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	switch (c) {
	case '-':
	case '.':
	case '_':
	case ':':
	case '[':
	case ']':
		return (char)c;
	default:
		return is_alnum(c) ? (char)c : 0;
	}
}

bool sniff_name(const uint8_t *p, size_t n, char *name)
{
	bool says = false;

	if (n && p[n - 1] == '.')
		n--;
	if (n > SNIFF_NAME)
		return false;
	for (size_t i = 0; i < n; i++) {
		name[i] = sniff_letter(p[i]);
		if (!name[i])
			return false;
		says = says || is_alnum(p[i]);
	}
	name[n] = 0;
	return says;
}
