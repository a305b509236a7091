/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/commands.h"
#include "cli/groups.h"
#include "cli/suggest.h"
#include "common/exits.h"

static const struct options_row rows[] = {
	{ "size", 0, "N", options_count, offsetof(struct groups, run.size),
	  "no group of more than N machines" },
	{ "sites-apart", 0, NULL, options_flag, offsetof(struct groups, run.sites_apart),
	  "machines of different sites never stand in one group" },
	{ "envs-mixed", 0, NULL, options_flag, offsetof(struct groups, run.envs_mixed),
	  "do not keep production, test and development apart" },
	{ "no-names", 0, NULL, options_flag, offsetof(struct groups, run.no_names),
	  "host names say nothing about groups" },
	{ "no-tags", 0, NULL, options_flag, offsetof(struct groups, run.no_tags),
	  "further columns of machines say nothing" },
	{ "no-subnets", 0, NULL, options_flag, offsetof(struct groups, run.no_subnets),
	  "addresses say nothing" },
	{ "plan", 0, "N", options_count, offsetof(struct groups, plan),
	  "show or export plan N (\"skein groups plans\") instead of the newest" },
	{ "dry-run", 'n', NULL, options_flag, offsetof(struct groups, dry_run),
	  "say what would come out, keep nothing" },
	{ "output", 'o', "FILE", options_string, offsetof(struct groups, out),
	  "export into FILE; else, and with -, to standard output" },
	{ 0 },
};

const struct options_command groups_command = {
	.name = "groups",
	.args = "[WORD...]",
	.about =
		"Propose which machines move together and which are shared services; keep it.\n"
		"What people change stays through every later run.\n"
		"\n"
		"Words:\n"
		"  show [GROUP]             the plan that is kept, or one group in detail\n"
		"  move M GROUP, pin ...    the machine M belongs to GROUP\n"
		"  together A B..., apart A B...     machines in one group, or never in one\n"
		"  shared M [KIND]          M is a shared service (dns, database ...)\n"
		"  not-shared M             it is none\n"
		"  env M ENV, site M SITE   where M belongs\n"
		"  limit N [GROUP]          no group, or not GROUP, has more than N machines\n"
		"  edits, undo [N]          what was changed and costs; take one back\n"
		"  rename OLD NEW           a group's name\n"
		"  accept|lock|unlock G...  members stay; and nobody joins; neither\n"
		"  state G STATE            proposed, planned, approved, moved, verified\n"
		"  owner G TEXT, note G TEXT\n"
		"  plans, label TEXT        the plans that are kept; a word for the newest\n"
		"  export, import FILE      a CSV file of machines, changed in a spreadsheet",
	.groups = OPTIONS_DB | OPTIONS_SERVER | OPTIONS_WINDOW | OPTIONS_TABLE,
	.rows = rows,
	.examples = "skein groups --db estate.db\n"
		    "skein groups --size 40 --json > groups.json\n"
		    "skein groups move shop-db01 billing --dry-run\n"
		    "skein groups shared dc01 directory\n"
		    "skein groups export --csv -o groups.csv\n"
		    "skein groups import --csv groups.csv\n",
};

static const struct verb {
	const char *word;
	int (*run)(struct groups *x);
	const char *args;
	int least, most; /* words behind it; -1: any number */
} verbs[] = {
	{ "show", groups_show, "[GROUP]", 0, 1 },
	{ "move", groups_pin, "M GROUP", 2, 2 },
	{ "pin", groups_pin, "M GROUP", 2, 2 },
	{ "together", groups_together, "A B...", 2, -1 },
	{ "apart", groups_apart, "A B...", 2, -1 },
	{ "shared", groups_shared, "M [KIND]", 1, 2 },
	{ "not-shared", groups_not_shared, "M", 1, 1 },
	{ "env", groups_env, "M ENV", 2, 2 },
	{ "site", groups_site, "M SITE", 2, 2 },
	{ "limit", groups_limit, "N [GROUP]", 1, 2 },
	{ "edits", groups_edits, "", 0, 0 },
	{ "undo", groups_undo, "[N]", 0, 1 },
	{ "rename", groups_rename, "OLD NEW", 2, 2 },
	{ "accept", groups_accept, "GROUP...", 1, -1 },
	{ "lock", groups_lock, "GROUP...", 1, -1 },
	{ "unlock", groups_unlock, "GROUP...", 1, -1 },
	{ "state", groups_state, "GROUP STATE", 2, 2 },
	{ "owner", groups_owner, "GROUP TEXT", 2, -1 },
	{ "note", groups_note, "GROUP TEXT", 2, -1 },
	{ "plans", groups_plans, "", 0, 0 },
	{ "label", groups_plan_label, "TEXT", 1, -1 },
	{ "export", groups_export, "", 0, 0 },
	{ "import", groups_import, "FILE", 1, 1 },
};

static const struct verb *find(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].word, word) == 0)
			return &verbs[i];
	return NULL;
}

static int unknown(const char *word)
{
	struct suggest s = suggest_for(word);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		suggest_offer(&s, verbs[i].word);
	if (s.best)
		return options_usage(&groups_command, "unknown word \"%s\", did you mean %s?",
				     word, s.best);
	return options_usage(&groups_command, "unknown word \"%s\"", word);
}

static int run(struct groups *x)
{
	const struct verb *v;

	if (!x->o.words_n)
		return groups_propose(x);
	v = find(x->o.words[0]);
	if (!v)
		return unknown(x->o.words[0]);
	x->words = x->o.words + 1;
	x->words_n = x->o.words_n - 1;
	if (x->words_n < v->least || (v->most >= 0 && x->words_n > v->most))
		return options_usage(&groups_command, "it goes: skein groups %s%s%s", v->word,
				     *v->args ? " " : "", v->args);
	return v->run(x);
}

int cmd_groups(int argc, char **argv)
{
	struct groups x = { 0 };
	int status;

	if (!options_parse(&groups_command, argc, argv, &x.o, &x))
		return x.o.status;
	status = run(&x);
	groups_close(&x);
	return status;
}
