/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/tier.h"

#include <stdbool.h>
#include <string.h>

#include "common/buf.h"

static const struct {
	const char *word;
	enum tier tier;
} words[] = {
	{ "dev", TIER_DEV },	  { "devl", TIER_DEV },	     { "development", TIER_DEV },
	{ "sandbox", TIER_DEV },  { "sbx", TIER_DEV },	     { "lab", TIER_DEV },
	{ "poc", TIER_DEV },	  { "test", TIER_TEST },     { "tst", TIER_TEST },
	{ "testing", TIER_TEST }, { "qa", TIER_TEST },	     { "sit", TIER_TEST },
	{ "ont", TIER_DEV },	  { "uat", TIER_STAGE },     { "acc", TIER_STAGE },
	{ "acpt", TIER_STAGE },	  { "accept", TIER_STAGE },  { "acceptance", TIER_STAGE },
	{ "stg", TIER_STAGE },	  { "stage", TIER_STAGE },   { "staging", TIER_STAGE },
	{ "pre", TIER_STAGE },	  { "preprod", TIER_STAGE }, { "ppd", TIER_STAGE },
	{ "prod", TIER_PROD },	  { "prd", TIER_PROD },	     { "production", TIER_PROD },
	{ "live", TIER_PROD },
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Letters, digits, and every byte above ASCII: part of a word. */
static bool in_word(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* TIERS for a word that tells none. */
static enum tier tier_of_word(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t k = 0;

		while (k < n && words[i].word[k] && lower(p[k]) == words[i].word[k])
			k++;
		if (k == n && !words[i].word[k])
			return words[i].tier;
	}
	return TIERS;
}

/* The next word of *AT; its length, 0 at the end. */
static size_t next_word(const char **at)
{
	size_t n = 0;

	while (**at && !in_word(**at))
		(*at)++;
	while (in_word((*at)[n]))
		n++;
	return n;
}

static enum tier tier_within(const char *text)
{
	enum tier found = TIERS;
	size_t n;

	for (; found == TIERS && (n = next_word(&text)); text += n)
		found = tier_of_word(text, n);
	return found;
}

enum tier tier_of(const char *env, const char *name)
{
	enum tier t = tier_within(env);

	if (t == TIERS)
		t = tier_within(name);
	return t == TIERS ? TIER_PROD : t;
}

char *tier_family(const char *name)
{
	struct buf b = { 0 };
	size_t n;

	for (; (n = next_word(&name)); name += n) {
		if (tier_of_word(name, n) != TIERS)
			continue;
		if (b.n)
			buf_u8(&b, '-');
		for (size_t i = 0; i < n; i++)
			buf_u8(&b, (uint8_t)lower(name[i]));
	}
	return buf_take(&b);
}

/* How much of P[0..N) is left without what stands for the environment at its end. */
static size_t without_ending(const char *p, size_t n, enum tier tier)
{
	static const char *const ending[TIERS][6] = {
		[TIER_DEV] = { "dev", "d" },
		[TIER_TEST] = { "test", "tst", "qa", "t", "q" },
		[TIER_STAGE] = { "uat", "acc", "stg", "u", "a", "s" },
		[TIER_PROD] = { "prod", "prd", "p" },
	};

	for (unsigned i = 0; i < 6 && ending[tier][i]; i++) {
		size_t len = strlen(ending[tier][i]), same = 0;

		while (same < len && n >= len + 2 &&
		       lower(p[n - len + same]) == ending[tier][i][same])
			same++;
		if (same == len)
			return n - len;
	}
	return n;
}

char *tier_stem(const char *env, const char *name)
{
	enum tier told = tier_within(env);
	char *family = tier_family(name);
	size_t n = strlen(family), left = n;

	if (told != TIERS && tier_within(name) == TIERS)
		left = without_ending(family, n, told);
	family[left < n ? left : 0] = 0;
	return family;
}
