/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/env.h"

#include <stddef.h>
#include <strings.h>

/* Tones that no role has (role.h), from the same palette, for the colour-blind too. */
const struct env_look env_look[ENV_COUNT] = {
	[ENV_OTHER] = { "environment unknown", "#F1F3F6", "#5A6270", "#232a36", "#8f9bb0" },
	[ENV_PROD] = { "production", "#E6EBF7", "#34518F", "#1c2a4a", "#8fabea" },
	[ENV_TEST] = { "test", "#F3E1EC", "#9C4A7E", "#40203a", "#e39cc6" },
	[ENV_DEV] = { "development", "#F7F3C9", "#7F750A", "#3a3708", "#d9cd4a" },
};

static const struct {
	const char *word;
	enum env env;
} words[] = {
	{ "prod", ENV_PROD },	{ "production", ENV_PROD }, { "prd", ENV_PROD },
	{ "live", ENV_PROD },	{ "test", ENV_TEST },	    { "tst", ENV_TEST },
	{ "qa", ENV_TEST },	{ "uat", ENV_TEST },	    { "stage", ENV_TEST },
	{ "stg", ENV_TEST },	{ "staging", ENV_TEST },    { "preprod", ENV_TEST },
	{ "int", ENV_TEST },	{ "acc", ENV_TEST },	    { "dev", ENV_DEV },
	{ "sandbox", ENV_DEV }, { "lab", ENV_DEV },
};

enum env env_of(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i].word, word) == 0)
			return words[i].env;
	return ENV_OTHER;
}
