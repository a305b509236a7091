/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/traits.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

enum {
	WORD_MIN = 2, /* letters of a word that counts */
	RARE_MIN =
		12, /* machines that may share a rare word, whatever the size of the estate */
	WORD_BUF = 64,
};
#define RARE_SHARE .02

/* SURE: in a host name too, where "int" or "acc" may be anything. */
static const struct {
	const char *word, *env;
	bool sure;
} environments[] = {
	{ "prod", "prod", true },	{ "prd", "prod", true },
	{ "production", "prod", true }, { "live", "prod", false },
	{ "test", "test", true },	{ "tst", "test", true },
	{ "testing", "test", true },	{ "qa", "test", false },
	{ "int", "test", false },	{ "integration", "test", false },
	{ "dev", "dev", true },		{ "devel", "dev", true },
	{ "development", "dev", true }, { "sandbox", "dev", true },
	{ "uat", "uat", true },		{ "acc", "uat", false },
	{ "acceptance", "uat", true },	{ "stage", "stage", true },
	{ "staging", "stage", true },	{ "stg", "stage", true },
	{ "preprod", "stage", true },	{ "pre", "stage", false },
	{ "dr", "dr", false },
};

static const char *environment(const char *word, size_t n, bool sure)
{
	for (unsigned i = 0; i < sizeof(environments) / sizeof(environments[0]); i++)
		if (strlen(environments[i].word) == n && (!sure || environments[i].sure) &&
		    strncasecmp(environments[i].word, word, n) == 0)
			return environments[i].env;
	return "";
}

const char *traits_environment(const char *word, size_t n)
{
	return environment(word, n, false);
}

unsigned traits_prefix(uint32_t a, uint32_t b)
{
	return a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
}

/* One text of one machine, before it has a number. */
struct said {
	char *text;
	unsigned machine;
	enum { SAID_WORD, SAID_APPLICATION, SAID_OWNER, SAID_OS, SAID_SITE } what;
};

struct reader {
	struct said *said;
	size_t n, cap;
};

static void say(struct reader *r, unsigned machine, int what, const char *p, size_t n)
{
	struct said *s;

	MEM_GROW(r->said, r->n, r->cap);
	s = &r->said[r->n++];
	s->machine = machine;
	s->what = what;
	s->text = xstrndup(p, n);
	for (char *c = s->text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* Runs of letters, as in "prod-shop-web01"; a domain behind the first dot is left out. */
static void read_words(struct reader *r, unsigned machine, const char *name, struct trait *t)
{
	while (*name && *name != '.') {
		size_t n = 0;

		while (isalpha((unsigned char)name[n]))
			n++;
		if (n) {
			const char *env = environment(name, n, true);

			if (*env && !*t->env)
				snprintf(t->env, sizeof(t->env), "%s", env);
			if (n >= WORD_MIN && n < WORD_BUF && !*env)
				say(r, machine, SAID_WORD, name, n);
		}
		name += n ? n : 1;
	}
}

static const char *family(const char *os)
{
	static const char *const known[] = { "windows", "aix", "solaris", "hp-ux", "bsd" };

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasestr(os, known[i]))
			return known[i];
	return *os ? "linux" : "";
}

static const struct {
	const char *key;
	int what; /* -1: environment */
} tag_keys[] = {
	{ "application", SAID_APPLICATION },
	{ "app", SAID_APPLICATION },
	{ "application_name", SAID_APPLICATION },
	{ "service_name", SAID_APPLICATION },
	{ "system", SAID_APPLICATION },
	{ "owner", SAID_OWNER },
	{ "owned_by", SAID_OWNER },
	{ "team", SAID_OWNER },
	{ "business_owner", SAID_OWNER },
	{ "environment", -1 },
	{ "env", -1 },
	{ "stage", -1 },
};

static void tag_environment(struct trait *t, const char *p, size_t n)
{
	const char *env = traits_environment(p, n);

	if (*env)
		snprintf(t->env, sizeof(t->env), "%s", env);
	else /* an environment of their own */
		snprintf(t->env, sizeof(t->env), "%.*s", (int)(n < 7 ? n : 7), p);
	t->env_told = n > 0;
}

static bool read_tag(struct reader *r, unsigned machine, struct trait *t, const char *key,
		     struct json_in *in)
{
	struct buf value = { 0 };
	bool good = json_read_string(in, &value);

	for (unsigned i = 0; i < sizeof(tag_keys) / sizeof(tag_keys[0]); i++) {
		if (!good || !value.n || strcasecmp(tag_keys[i].key, key) != 0)
			continue;
		if (tag_keys[i].what < 0)
			tag_environment(t, (const char *)value.p, value.n);
		else
			say(r, machine, tag_keys[i].what, (const char *)value.p, value.n);
	}
	buf_fini(&value);
	return good;
}

static void read_tags(struct reader *r, unsigned machine, const char *extra, struct trait *t)
{
	struct json_in in = json_from(extra, strlen(extra));
	struct buf key = { 0 };
	bool first = true;

	if (!*extra || !json_enter(&in, '{'))
		return;
	while (json_more(&in, '}', &first)) {
		struct buf skip = { 0 };
		struct json out = json_to(&skip);

		buf_reset(&key);
		if (!json_read_key(&in, &key))
			break;
		buf_u8(&key, 0);
		if (json_peek(&in) == JSON_STRING)
			read_tag(r, machine, t, (const char *)key.p, &in);
		else
			json_copy(&in, &out);
		buf_fini(&skip);
		if (in.why)
			break;
	}
	buf_fini(&key);
}

static void read_net(const struct graph_machine *m, struct trait *t)
{
	for (unsigned i = 0; i < m->ips_n; i++) {
		struct addr a;
		bool v4;

		if (addr_parse(m->ips[i], &a) < 0 || addr_is_scoped(&a))
			continue;
		v4 = addr_is_v4(&a);
		if (t->has_net && !v4)
			continue;
		t->net = 0;
		for (unsigned k = v4 ? 12 : 4, n = 0; n < 4; n++)
			t->net = t->net << 8 | a.b[k + n];
		t->has_net = true;
		if (v4)
			return;
	}
}

static int by_said(const void *pa, const void *pb)
{
	const struct said *a = pa, *b = pb;
	int d;

	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	if ((d = strcmp(a->text, b->text)))
		return d;
	return (a->machine > b->machine) - (a->machine < b->machine);
}

static void keep_word(struct trait *t, unsigned number)
{
	if (t->word_n < TRAIT_WORDS && (!t->word_n || t->word[t->word_n - 1] != number))
		t->word[t->word_n++] = number;
}

/* A word that one machine has, or very many, says nothing about belonging. */
static bool worth(const struct said *s, size_t n, unsigned machines)
{
	size_t distinct = 1;

	if (s->what != SAID_WORD)
		return true;
	for (size_t i = 1; i < n; i++)
		distinct += s[i].machine != s[i - 1].machine;
	return distinct >= 2 && (double)distinct <= fmax(RARE_MIN, RARE_SHARE * machines);
}

static void set_number(struct trait *t, const struct said *s, unsigned number)
{
	switch (s->what) {
	case SAID_WORD:
		keep_word(t, number);
		break;
	case SAID_APPLICATION:
		t->application = number;
		break;
	case SAID_OWNER:
		t->owner = number;
		break;
	case SAID_OS:
		t->os = number;
		break;
	case SAID_SITE:
		t->site = number;
		break;
	}
}

static void give_numbers(struct traits *t, struct reader *r)
{
	unsigned next = 1;

	if (r->n)
		qsort(r->said, r->n, sizeof(*r->said), by_said);
	t->text = xcalloc(r->n + 1, sizeof(*t->text));
	t->text[0] = xstrdup("");
	for (size_t i = 0, end; i < r->n; i = end) {
		for (end = i + 1; end < r->n && r->said[end].what == r->said[i].what &&
				  strcmp(r->said[end].text, r->said[i].text) == 0;)
			end++;
		if (!worth(&r->said[i], end - i, t->machine_n))
			continue;
		for (size_t k = i; k < end; k++)
			set_number(&t->machine[r->said[k].machine], &r->said[k], next);
		t->text[next++] = xstrdup(r->said[i].text);
	}
	t->text_n = next;
}

static void read_machine(struct reader *r, const struct graph *g, unsigned m, unsigned mask,
			 struct trait *t)
{
	const struct graph_machine *gm = &g->machine[m];
	const char *os = family(gm->os);

	if (*os)
		say(r, m, SAID_OS, os, strlen(os));
	if (*gm->site)
		say(r, m, SAID_SITE, gm->site, strlen(gm->site));
	if (mask & TRAITS_SUBNETS)
		read_net(gm, t);
	if (mask & TRAITS_NAMES)
		read_words(r, m, gm->name, t);
	if (mask & TRAITS_TAGS)
		read_tags(r, m, gm->extra, t);
}

struct traits *traits_new(const struct graph *g, unsigned mask)
{
	struct traits *t = xcalloc(1, sizeof(*t));
	struct reader r = { 0 };

	t->machine_n = g->machine_n;
	t->machine = xcalloc(g->machine_n, sizeof(*t->machine));
	for (unsigned m = 0; m < g->machine_n; m++)
		if (g->machine[m].known)
			read_machine(&r, g, m, mask, &t->machine[m]);
	give_numbers(t, &r);
	for (size_t i = 0; i < r.n; i++)
		free(r.said[i].text);
	free(r.said);
	return t;
}

void traits_free(struct traits *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->text_n; i++)
		free(t->text[i]);
	free(t->text);
	free(t->machine);
	free(t);
}
