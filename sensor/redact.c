/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules mark the bytes that are secret, each by itself; at the end every run of marked bytes
 * is written as stars.  So no rule has to know of another, and marking twice does no harm.
 */
#include "sensor/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sensor/secret.h"

struct text {
	const char *s;
	size_t n;
	uint8_t *mark;
};

static void mark(struct text *t, size_t from, size_t to)
{
	if (from < to && to <= t->n)
		memset(t->mark + from, 1, to - from);
}

static char at(const struct text *t, size_t i)
{
	return i < t->n ? t->s[i] : 0;
}

static size_t span(const struct text *t, size_t i, const char *set)
{
	size_t from = i;

	while (i < t->n && t->s[i] && strchr(set, t->s[i]))
		i++;
	return i - from;
}

/* Where the first of SET or the end of the argument is, from I. */
static size_t until(const struct text *t, size_t i, const char *set)
{
	while (i < t->n && t->s[i] && !strchr(set, t->s[i]))
		i++;
	return i;
}

#define SPACE " \t\r\n"
#define QUOTES "\"'`"

static bool is_key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_any(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Names and values */

/* "NAME" and ending here: where its value begins, or 0. *COLON: said with a colon. */
static size_t value_at(const struct text *t, size_t end, bool *colon)
{
	size_t i = end + span(t, end, "\\" QUOTES "])"), space;

	space = span(t, i, SPACE);
	if (at(t, i + space) == '=' || at(t, i + space) == ':')
		i += space;
	else
		return 0;
	*colon = at(t, i) == ':';
	if (*colon && at(t, i + 1) == '/' && at(t, i + 2) == '/')
		return 0; /* a URL's scheme */
	i += span(t, i, "=:>");
	return *colon || space ? i + span(t, i, SPACE) : i;
}

/* A value in quotes ends with the same one, any other where its surroundings go on. */
static size_t value_end(const struct text *t, size_t key, size_t i)
{
	char before = key ? at(t, key - 1) : 0;
	size_t end, from = i;

	i += span(t, i, "\\");
	if (is_any(at(t, i), QUOTES)) {
		char quote[2] = { at(t, i), 0 };

		end = until(t, i + 1, quote);
		return end;
	}
	if (!before || before == '/' || before == '@')
		return until(t, from, ""); /* the argument is nothing else */
	if (before == '?' || before == '&')
		return until(t, from, "&#" SPACE QUOTES);
	if (before == ';')
		return until(t, from, ";" QUOTES);
	if (before == ',')
		return until(t, from, "," SPACE QUOTES);
	if (is_any(before, QUOTES "{[(\\"))
		return until(t, from, ",})" SPACE QUOTES);
	return until(t, from, SPACE QUOTES);
}

/* "Authorization: Bearer SECRET": the scheme stays. */
static size_t past_scheme(const struct text *t, size_t i)
{
	static const char *const schemes[] = { "Bearer",	  "Basic",  "Token",
					       "Digest",	  "ApiKey", "Negotiate",
					       "AWS4-HMAC-SHA256" };

	for (size_t k = 0; k < sizeof(schemes) / sizeof(*schemes); k++) {
		size_t n = strlen(schemes[k]);

		if (i + n < t->n && strncasecmp(t->s + i, schemes[k], n) == 0 &&
		    is_any(at(t, i + n), SPACE))
			return i + n + span(t, i + n, SPACE);
	}
	return i;
}

static bool is_port(const struct text *t, size_t i, size_t end)
{
	return end > i && end - i <= 5 && span(t, i, "0123456789") >= end - i;
}

static void mark_value(struct text *t, size_t key, size_t end)
{
	struct secret_name name = secret_name(t->s + key, end - key);
	bool colon, dashed = at(t, key) == '-';
	size_t value, stop;

	if (!name.secret)
		return;
	value = value_at(t, end, &colon);
	if (!value || value >= t->n)
		return;
	if (colon && !name.exact && !is_any(at(t, end), QUOTES "\\") &&
	    !is_any(at(t, end + 1), SPACE))
		return; /* "vault-secret:v1", "token-server:8443" */
	stop = name.header ? until(t, value, QUOTES) : value_end(t, key, value);
	if (dashed && (key == 0 || !at(t, key - 1)))
		stop = until(t, value, "");
	if (name.path && at(t, value) == '/')
		return; /* PWD=/root */
	if (colon && !name.header && is_port(t, value, stop))
		return;
	value += span(t, value, "\\");
	value += is_any(at(t, value), QUOTES) ? 1 : 0;
	mark(t, name.header ? past_scheme(t, value) : value, stop);
}

static void mark_values(struct text *t)
{
	for (size_t i = 0; i < t->n;) {
		size_t from = i;

		while (i < t->n && is_key_char(t->s[i]))
			i++;
		if (i > from)
			mark_value(t, from, i);
		else
			i++;
	}
}

/* URLs */

/* "user:password@", AUTHORITY being what follows the two slashes. */
static void mark_userinfo(struct text *t, size_t authority)
{
	size_t end = until(t, authority, "/?#" SPACE QUOTES "<>,");
	size_t word = until(t, authority, SPACE QUOTES "<>");
	size_t colon = until(t, authority, ":"), last = 0;
	bool whole = word < t->n;

	if (colon >= end || at(t, authority) == '[')
		return;
	for (size_t i = colon; i < end; i++)
		if (t->s[i] == '@')
			last = i;
	/* A password may have slashes in it; a port has digits alone. */
	for (size_t i = colon; i < word && !last && !is_port(t, colon + 1, end); i++)
		if (t->s[i] == '@' && i > end)
			last = i;
	if (last)
		mark(t, colon + 1, last);
	else if (!is_port(t, colon + 1, end) && (!whole || end == word))
		mark(t, colon + 1, end); /* cut off before its "@" */
}

static void mark_urls(struct text *t)
{
	static const char oracle[] = "jdbc:oracle:thin:";

	for (size_t i = 0; i + 3 < t->n; i++) {
		if (memcmp(t->s + i, "://", 3) == 0)
			mark_userinfo(t, i + 3);
		if (i + sizeof(oracle) < t->n &&
		    !memcmp(t->s + i, oracle, sizeof(oracle) - 1)) {
			size_t from = i + sizeof(oracle) - 1;
			size_t slash = until(t, from, "/@"), end = until(t, from, "@");

			if (at(t, slash) == '/' && at(t, end) == '@')
				mark(t, slash + 1, end);
		}
	}
}

/* Words by themselves */

/* Marks what is secret of the word at I; where the rest of it begins. */
static size_t mark_word(struct text *t, size_t i, bool path)
{
	size_t n = secret_word(t->s + i, t->n - i, path);

	mark(t, i, i + n);
	i += n;
	while (i < t->n && secret_word_char(t->s[i]) && !(path && t->s[i] == '/'))
		i++;
	return i;
}

static void mark_words(struct text *t)
{
	bool path = false;

	for (size_t i = 0; i < t->n;) {
		if (!secret_word_char(t->s[i])) {
			path = false;
			i++;
			continue;
		}
		path = path || t->s[i] == '/';
		i = t->s[i] == '/' ? i + 1 : mark_word(t, i, path);
	}
}

static void mark_pem(struct text *t)
{
	static const char begin[] = "-----BEGIN ";

	for (size_t i = 0; i + sizeof(begin) - 1 <= t->n; i++)
		if (memcmp(t->s + i, begin, sizeof(begin) - 1) == 0) {
			size_t end = until(t, i, "");

			mark(t, i, end);
			i = end;
		}
}

/* Options of programs */

/* What the walk along the words of a command line remembers. */
struct walk {
	const struct secret_tool *tool; /* the program whose options they are */
	enum secret_part next;		/* what is secret of the next word */
	bool whole;			/* all of the next argument, spaces too */
};

static void mark_part(struct text *t, size_t from, size_t to, enum secret_part part)
{
	static const char separator[] = { [PART_COLON] = ':',
					  [PART_PERCENT] = '%',
					  [PART_COMMA] = ',',
					  [PART_EQUALS] = '=',
					  [PART_SLASH] = '/' };
	size_t i = from;

	if (part == PART_NONE)
		return;
	if (part == PART_ALL) {
		mark(t, from, to);
		return;
	}
	while (i < to && t->s[i] != separator[part])
		i++;
	for (size_t host = i; part == PART_SLASH && host < to; host++)
		if (t->s[host] == '@')
			to = host;
	mark(t, i + 1, to);
}

/* An option whose value is the next argument: "--password x", "-token x". */
static bool asks_for_next(const struct text *t, size_t from, size_t to)
{
	struct secret_name name;

	if (to - from < 3)
		return false;
	for (size_t i = from; i < to; i++)
		if (!is_key_char(t->s[i]))
			return false;
	name = secret_name(t->s + from, to - from);
	return name.secret && !name.flag;
}

static void walk_option(struct text *t, struct walk *w, size_t from, size_t to)
{
	enum secret_part attached = PART_NONE;
	size_t value = to;

	if (w->tool)
		w->next = secret_option(w->tool, t->s + from, to - from, &value, &attached);
	mark_part(t, from + value, to, attached);
	if (w->next == PART_NONE && asks_for_next(t, from, to))
		w->next = PART_ALL;
	w->whole = !at(t, to);
}

static void walk_word(struct text *t, struct walk *w, size_t from, size_t to)
{
	const struct secret_tool *tool;
	bool option = at(t, from) == '-' && to - from > 1;

	if (w->next != PART_NONE) {
		enum secret_part part = w->next;
		bool another = option && (at(t, from + 1) == '-' || to - from == 2);

		w->next = PART_NONE;
		if (!another) {
			mark_part(t, from, w->whole ? until(t, from, "") : to, part);
			return;
		}
	}
	if (option) {
		walk_option(t, w, from, to);
		return;
	}
	tool = secret_tool(t->s + from, to - from);
	if (w->tool && !tool && !is_any(at(t, from), "@/"))
		mark_part(t, from, to, secret_positional(w->tool));
	w->tool = tool ? tool : w->tool;
	w->next = secret_scheme(t->s + from, to - from) ? PART_ALL : PART_NONE;
	w->whole = false;
}

static void mark_options(struct text *t)
{
	struct walk w = { .next = PART_NONE };

	for (size_t i = 0; i < t->n;) {
		size_t from = i;

		i = until(t, i, SPACE QUOTES "|;()");
		if (i > from)
			walk_word(t, &w, from, i);
		if (i < t->n && i == from)
			i++;
	}
}

/* All of it */

static size_t write_all(const struct text *t, char *out, size_t cap)
{
	size_t o = 0, stars = 0;

	for (size_t i = 0; i < t->n && o + 1 < cap; i++) {
		char c = t->s[i] ? t->s[i] : ' ';

		stars = t->mark[i] ? stars + 1 : 0;
		if (stars <= 3)
			out[o++] = stars ? '*' : c;
	}
	out[o] = 0;
	return o;
}

/* The last NUL and a cut argument left out. */
static size_t whole_part(const char *args, size_t n)
{
	size_t most = n < REDACT_MAX ? n : REDACT_MAX;
	const char *nul = most ? memrchr(args, 0, most) : NULL;

	if (nul && (most < n || args[n - 1] != 0))
		most = (size_t)(nul - args);
	while (most && args[most - 1] == 0)
		most--;
	return most;
}

void redact_args(const char *args, size_t n, char *out, size_t cap)
{
	uint8_t marks[REDACT_MAX] = { 0 };
	struct text t = { .s = args, .n = whole_part(args, n), .mark = marks };

	if (!cap)
		return;
	mark_values(&t);
	mark_urls(&t);
	mark_words(&t);
	mark_pem(&t);
	mark_options(&t);
	write_all(&t, out, cap);
}
