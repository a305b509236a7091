/* SPDX-License-Identifier: Apache-2.0 */
#include "common/token.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { PART = 43 }; /* base64 characters of 32 bytes */

static const char prefix[] = "skein1.", api_prefix[] = "skeinapi1.";
static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const uint8_t in[32], char out[PART])
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < 32; i++) {
		bits = bits << 8 | in[i];
		for (n += 8; n >= 6; n -= 6)
			*out++ = alphabet[bits >> (n - 6) & 63];
	}
	*out = alphabet[bits << (6 - n) & 63];
}

static int decode(const char in[PART], uint8_t out[32])
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < PART; i++) {
		const char *at = memchr(alphabet, in[i], 64);

		if (!at)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		n += 6;
		if (n >= 8) {
			n -= 8;
			*out++ = (uint8_t)(bits >> n);
		}
	}
	return bits & ((1U << n) - 1) ? -EINVAL : 0;
}

static void put(const struct token *t, const char *before, char *out)
{
	size_t n = strlen(before);

	memcpy(out, before, n);
	encode(t->secret, out + n);
	out[n + PART] = '.';
	encode(t->pin, out + n + PART + 1);
	out[n + PART + 1 + PART] = 0;
}

static int parse(const char *s, const char *before, struct token *out)
{
	size_t n = strlen(before);

	if (strlen(s) != n + PART + 1 + PART || strncmp(s, before, n) != 0 ||
	    s[n + PART] != '.')
		return -EINVAL;
	if (decode(s + n, out->secret) < 0 || decode(s + n + PART + 1, out->pin) < 0)
		return -EINVAL;
	return 0;
}

void token_text(const struct token *t, char out[TOKEN_TEXT])
{
	put(t, prefix, out);
}

int token_parse(const char *s, struct token *out)
{
	return parse(s, prefix, out);
}

void token_api_text(const struct token *t, char out[TOKEN_API_TEXT])
{
	put(t, api_prefix, out);
}

int token_api_parse(const char *s, struct token *out)
{
	return parse(s, api_prefix, out);
}
