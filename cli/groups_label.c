/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people say of groups.  It belongs to a group's name and needs no new plan: the next
 * run keeps to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"

static void done(const struct groups *x, struct buf *words)
{
	groups_print(words);
	if (x->dry_run)
		say_note("a dry run: nothing of this was kept");
}

/* What CHANGE does to one label, and what is said of it then. */
typedef void change_fn(struct group_label_row *label, const char *text);

static int label_one(struct groups *x, const char *name, change_fn *change, const char *text,
		     const char *what)
{
	struct groups_change c = { .what = GROUPS_LABEL };
	struct buf b = { 0 };
	unsigned group;
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	group = groups_find_group(x, name);
	if (group == PLAN_NONE)
		return EXITS_NONE;
	c.label = groups_label_of(&x->saved->group[group]);
	change(&c.label, text);
	status = groups_keep(x, &c, 1);
	if (status != EXITS_OK)
		return status;
	if (*text)
		buf_printf(&b, "%s: %s %s", name, what, text);
	else
		buf_printf(&b, "%s: no %s", name, what);
	done(x, &b);
	return EXITS_OK;
}

static void set_state(struct group_label_row *label, const char *text)
{
	label->state = text;
}

static void set_owner(struct group_label_row *label, const char *text)
{
	label->owner = text;
}

static void set_notes(struct group_label_row *label, const char *text)
{
	label->notes = text;
}

static bool state_fits(const char *word)
{
	struct suggest s = suggest_for(word);

	for (int i = 0; i < PLAN_STATES; i++) {
		if (strcmp(plan_state_word[i], word) == 0)
			return true;
		suggest_offer(&s, plan_state_word[i]);
	}
	if (s.best)
		say("no state \"%s\", did you mean %s?", word, s.best);
	else
		say("no state \"%s\"; there are proposed, planned, approved, moved and "
		    "verified",
		    word);
	return false;
}

int groups_state(struct groups *x)
{
	if (!state_fits(x->words[1]))
		return EXITS_USAGE;
	return label_one(x, x->words[0], set_state, x->words[1], "state");
}

int groups_owner(struct groups *x)
{
	char *text = groups_text(x, 1);
	int status = label_one(x, x->words[0], set_owner, text, "owner");

	free(text);
	return status;
}

int groups_note(struct groups *x)
{
	char *text = groups_text(x, 1);
	int status = label_one(x, x->words[0], set_notes, text, "note");

	free(text);
	return status;
}

/* All of the groups or none. */
static int label_all(struct groups *x, change_fn *change, const char *what)
{
	struct groups_change *c = xcalloc((size_t)x->words_n, sizeof(*c));
	int status = groups_open(x, GROUPS_WRITE);

	for (int i = 0; status == EXITS_OK && i < x->words_n; i++) {
		unsigned group = groups_find_group(x, x->words[i]);

		if (group == PLAN_NONE) {
			status = EXITS_NONE;
			break;
		}
		c[i].what = GROUPS_LABEL;
		c[i].label = groups_label_of(&x->saved->group[group]);
		change(&c[i].label, "");
	}
	if (status == EXITS_OK)
		status = groups_keep(x, c, (size_t)x->words_n);
	for (int i = 0; status == EXITS_OK && i < x->words_n; i++) {
		const struct plan_group *group =
			&x->saved->group[plan_find(x->saved, x->words[i])];
		struct buf b = { 0 };

		buf_printf(&b, "%s: its %u machine%s %s", group->name, group->machine_n,
			   number_plural(group->machine_n), what);
		done(x, &b);
	}
	free(c);
	return status;
}

static void set_accepted(struct group_label_row *label, const char *text)
{
	(void)text;
	label->accepted = true;
}

static void set_locked(struct group_label_row *label, const char *text)
{
	(void)text;
	label->accepted = label->locked = true;
}

static void set_free(struct group_label_row *label, const char *text)
{
	(void)text;
	label->accepted = label->locked = false;
}

int groups_accept(struct groups *x)
{
	return label_all(x, set_accepted, "stay; others may join");
}

int groups_lock(struct groups *x)
{
	return label_all(x, set_locked, "stay, and nobody joins");
}

int groups_unlock(struct groups *x)
{
	return label_all(x, set_free, "may be grouped anew");
}

int groups_rename(struct groups *x)
{
	struct groups_change c = { .what = GROUPS_RENAME,
				   .from = x->words[0],
				   .to = x->words[1] };
	struct buf b = { 0 };
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	if (groups_find_group(x, c.from) == PLAN_NONE || !groups_name_fits(c.to))
		return EXITS_NONE;
	if (strcmp(c.from, c.to) != 0 && plan_find(x->saved, c.to) != PLAN_NONE) {
		say("there is a group %s already; \"skein groups move\" brings machines to it",
		    c.to);
		return EXITS_NONE;
	}
	status = groups_keep(x, &c, 1);
	if (status != EXITS_OK)
		return status;
	buf_printf(&b, "renamed %s to %s", c.from, c.to);
	done(x, &b);
	return EXITS_OK;
}
