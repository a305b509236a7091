/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lets a new sensor in: a secret that the collector knows by its hash, and the SHA-256 of
 * the collector's authority, so that the sensor knows whom it gives the secret to.
 * As text: "skein1." SECRET "." PIN, both in base64url without padding (RFC 4648 section 5).
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdint.h>

enum {
	TOKEN_TEXT = 7 + 43 + 1 + 43 + 1,
	TOKEN_API_TEXT = TOKEN_TEXT + 3,
};

struct token {
	uint8_t secret[32];
	uint8_t pin[32];
};

void token_text(const struct token *t, char out[TOKEN_TEXT]);
/* 0, or -EINVAL for anything that token_text would not write. */
int token_parse(const char *s, struct token *out);

/* The same for whoever asks over HTTP, with "skeinapi1." before it. */
void token_api_text(const struct token *t, char out[TOKEN_API_TEXT]);
int token_api_parse(const char *s, struct token *out);

#endif
