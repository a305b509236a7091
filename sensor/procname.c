/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/procname.h"

#include <stdio.h>
#include <string.h>

/* How an interpreter's command line is read up to its script. */
struct interpreter {
	const char *stem;   /* name, digits and dots may follow: python3.11 */
	const char *takes;  /* letters of short options whose value may be the next argument */
	const char *module; /* letter that names a module instead of a script, or "" */
	const char *program;	  /* letters that bring the program text themselves */
	const char *const *longs; /* long options whose value is the next argument */
	const char *ends;   /* letters whose value, if any, is the rest of their argument */
	const char *before; /* a word that may come first: "dotnet exec shop.dll" */
	const char *file;   /* a long option whose value, behind "=", is the script */
};

static const char *const no_longs[] = { NULL };
static const char *const python_longs[] = { "--check-hash-based-pycs", NULL };
static const char *const node_longs[] = {
	"--require",	"--import", "--loader", "--env-file", "--experimental-loader",
	"--conditions", NULL
};
static const char *const dotnet_longs[] = { "--depsfile", "--runtimeconfig",
					    "--additionalprobingpath", NULL };
static const char *const mono_longs[] = { "--config", NULL };
static const char *const shell_longs[] = { "--rcfile", "--init-file", NULL };
static const char *const php_longs[] = { "--define", "--php-ini", NULL };
static const char *const r_longs[] = { "--encoding", "--gui", NULL };
static const char *const pwsh_longs[] = { "-ExecutionPolicy", "-ConfigurationName",
					  "-WorkingDirectory", NULL };

/* clang-format off */
static const struct interpreter interpreters[] = {
	{ "python", "WX", "m", "c", python_longs, "" },
	{ "platform-python", "WX", "m", "c", python_longs, "" },
	{ "pypy", "WX", "m", "c", python_longs, "" },
	{ "perl", "I", "", "eE", no_longs, "MmdiCxlF" },
	{ "ruby", "rICEx", "", "e", no_longs, "WKT" },
	{ "node", "rC", "", "ep", node_longs, "" },
	{ "nodejs", "rC", "", "ep", node_longs, "" },
	{ "php", "cdzSt", "", "rB", php_longs, "" },
	{ "php-cgi", "cdzbT", "", "r", php_longs, "" },
	{ "bash", "oO", "", "cs", shell_longs, "" },
	{ "sh", "o", "", "cs", no_longs, "" },
	{ "dash", "o", "", "cs", no_longs, "" },
	{ "ash", "o", "", "cs", no_longs, "" },
	{ "zsh", "o", "", "cs", no_longs, "" },
	{ "ksh", "o", "", "cs", no_longs, "" },
	{ "lua", "l", "", "e", no_longs, "" },
	{ "luajit", "lj", "", "e", no_longs, "" },
	{ "tclsh", "", "", "", no_longs, "" },
	{ "wish", "", "", "", no_longs, "" },
	{ "dotnet", "", "", "", dotnet_longs, "", .before = "exec" },
	{ "mono", "", "", "", mono_longs, "" },
	{ "mono-sgen", "", "", "", mono_longs, "" },
	{ "Rscript", "", "", "e", no_longs, "" },
	{ "R", "g", "", "e", r_longs, "", .file = "--file=" }, /* what Rscript becomes */
	{ "expect", "", "", "c", no_longs, "" },
	{ "guile", "Ll", "", "c", no_longs, "" },
	{ "pwsh", "", "", "C", pwsh_longs, "" }, /* -Command */
};
/* clang-format on */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Leaves OUT without " (deleted)" and without slashes at its end. */
static void put(char *out, size_t cap, const char *path)
{
	static const char gone[] = " (deleted)";
	char whole[1024];
	size_t n;

	snprintf(whole, sizeof(whole), "%s", path);
	n = strlen(whole);
	if (n > sizeof(gone) - 1 && strcmp(whole + n - (sizeof(gone) - 1), gone) == 0)
		whole[n -= sizeof(gone) - 1] = 0;
	while (n > 1 && whole[n - 1] == '/')
		whole[--n] = 0;
	snprintf(out, cap, "%.*s", (int)cap - 1, last_part(whole));
}

/* "3.11", "-18", "3.6m", "3.13t": what versions add to a name. */
static bool is_version(const char *s)
{
	s += strspn(s, "0123456789.-");
	return *s == 0 || (s[-1] >= '0' && s[-1] <= '9' && strchr("dmtu", s[0]) && !s[1]);
}

static const struct interpreter *interpreter_of(const char *exe)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++) {
		const char *stem = interpreters[i].stem;
		size_t n = strlen(stem);

		if (strncmp(exe, stem, n) == 0 && is_version(exe + n))
			return &interpreters[i];
	}
	return NULL;
}

bool procname_is_interpreter(const char *exe)
{
	return interpreter_of(exe) != NULL;
}

/* The argument after ARG, or NULL after the last that is whole. */
static const char *next_arg(const struct procname_in *in, const char *arg)
{
	const char *end = in->args + in->args_len;
	const char *next = arg + strnlen(arg, (size_t)(end - arg)) + 1;

	if (next >= end || !memchr(next, 0, (size_t)(end - next)))
		return NULL;
	return next;
}

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

enum step { STEP_NEXT, STEP_SKIP, STEP_SCRIPT_NEXT, STEP_SCRIPT_HERE, STEP_NONE };

/* What a cluster of short options, "-um" or "-Wignore", means for what follows. */
static enum step short_options(const struct interpreter *it, const char *arg,
			       const char **here)
{
	for (const char *p = arg + 1; *p; p++) {
		if (strchr(it->program, *p))
			return STEP_NONE;
		if (*it->module && *p == *it->module) {
			*here = p + 1;
			return p[1] ? STEP_SCRIPT_HERE : STEP_SCRIPT_NEXT;
		}
		if (strchr(it->takes, *p))
			return p[1] ? STEP_NEXT : STEP_SKIP;
		if (strchr(it->ends, *p))
			return STEP_NEXT;
	}
	return STEP_NEXT;
}

static enum step read_arg(const struct interpreter *it, const char *arg, const char **here)
{
	*here = arg;
	if (listed(it->longs, arg))
		return STEP_SKIP;
	if (arg[0] == '+' && arg[1] && strchr(it->takes, 'o')) /* a shell's "+x" */
		return strcmp(arg, "+o") == 0 ? STEP_SKIP : STEP_NEXT;
	if (arg[0] != '-' || !arg[1])
		return arg[0] == '-' ? STEP_NONE : STEP_SCRIPT_HERE;
	if (strcmp(arg, "--") == 0)
		return STEP_SCRIPT_NEXT;
	if (it->file && strncmp(arg, it->file, strlen(it->file)) == 0) {
		*here = arg + strlen(it->file);
		return STEP_SCRIPT_HERE;
	}
	if (arg[1] == '-')
		return STEP_NEXT;
	return short_options(it, arg, here);
}

static const char *script_of(const struct interpreter *it, const struct procname_in *in)
{
	const char *arg = in->args, *here;
	bool before = it->before != NULL;

	while ((arg = next_arg(in, arg))) {
		if (before && strcmp(arg, it->before) == 0) {
			before = false;
			continue;
		}
		switch (read_arg(it, arg, &here)) {
		case STEP_SCRIPT_HERE:
			return here;
		case STEP_SCRIPT_NEXT:
			return next_arg(in, arg);
		case STEP_SKIP:
			arg = next_arg(in, arg);
			if (!arg)
				return NULL;
			break;
		case STEP_NONE:
			return NULL;
		case STEP_NEXT:
			break;
		}
	}
	return NULL;
}

/* Whether all arguments but the first are empty: what a new title leaves of the old ones. */
static bool is_alone(const struct procname_in *in)
{
	const char *arg = in->args;

	while ((arg = next_arg(in, arg)))
		if (*arg)
			return false;
	return true;
}

/*
 * A title that a script gave itself: "gunicorn: master [shop]", "[celeryd: w1@h] -active-", or
 * words where there are no arguments: "puma 6.4 (tcp://0.0.0.0:80) [shop]".  Its first word.
 */
static bool put_title(const struct procname_in *in, char *out, size_t cap)
{
	char title[64], *word = title;
	size_t n;

	snprintf(title, sizeof(title), "%.*s", (int)(in->args_len < 63 ? in->args_len : 63),
		 in->args);
	word += *word == '[';
	n = strcspn(word, ": \t[(");
	if (n == 0 || !word[n] || (word[n] != ':' && !is_alone(in)))
		return false;
	word[n] = 0;
	if (interpreter_of(last_part(word)) || word[0] == '-')
		return false;
	put(out, cap, word);
	return true;
}

void procname(const struct procname_in *in, char *out, size_t cap)
{
	bool args = in->args_len && memchr(in->args, 0, in->args_len);
	const struct interpreter *it;
	const char *script;
	char exe[256];

	put(exe, sizeof(exe), in->exe);
	if (in->kthread) { /* "kworker/u8:2": the worker's number is no name */
		snprintf(out, cap, "%.*s", (int)strcspn(in->comm, "/"), in->comm);
		return;
	}
	if (!*exe) {
		put(out, cap, in->comm);
		return;
	}
	snprintf(out, cap, "%.*s", (int)cap - 1, exe);
	if (!args)
		return;
	if (strcmp(exe, "busybox") == 0 && *last_part(in->args)) {
		put(out, cap, in->args[0] == '-' ? in->args + 1 : in->args);
		return;
	}
	it = interpreter_of(exe);
	if (!it)
		return;
	if (put_title(in, out, cap))
		return;
	script = script_of(it, in);
	if (script && *script)
		put(out, cap, script);
}
