/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/cgroup.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum {
	DEPTH = 12,    /* names that are looked at, from the lowest */
	LONGEST = 159, /* bytes of a name, as bpf/event.h has them: both ways give the same */
	ID_LEN = 64,   /* hexadecimal digits */
};

/* One path, lowest first. */
struct names {
	char name[DEPTH][LONGEST + 1];
	unsigned n;
};

static const char *name_at(const struct names *p, unsigned i)
{
	return i < p->n ? p->name[i] : "";
}

static void add_name(struct names *p, const char *s, size_t n)
{
	if (p->n < DEPTH && n)
		snprintf(p->name[p->n++], LONGEST + 1, "%.*s", (int)n, s);
}

/* Words */

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool all_of(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == 0;
}

static bool is_number(const char *s)
{
	return all_of(s, "0123456789");
}

static bool is_hex(const char *s, size_t at_least)
{
	return strlen(s) >= at_least && all_of(s, "0123456789abcdef");
}

static bool is_uuid(const char *s)
{
	if (strlen(s) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

/* systemd's escape of a unit's name, "\x2d", undone (systemd-escape(1)). */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		unsigned c;

		if (s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
		    isxdigit((unsigned char)s[3]) && sscanf(s + 2, "%2x", &c) == 1 && c) {
			*to++ = (char)c;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* Containers */

static bool keep(char *out, const char *s)
{
	snprintf(out, NAME_LEN + 1, "%s", s);
	return true;
}

/* "docker-<id>.scope", "<id>", "kubepods-x.slice:cri-containerd:<id>", "crio-<id>". */
static bool by_id(const char *name, struct cgroup_words *out)
{
	char base[LONGEST + 1];
	size_t n = strlen(name) - (text_ends(name, ".scope") ? 6 : 0);
	const char *id;

	snprintf(base, sizeof(base), "%.*s", (int)n, name);
	if (n < ID_LEN || !is_hex(base + n - ID_LEN, ID_LEN))
		return false;
	id = base + n - ID_LEN;
	if (id != base && !strchr("-:_", id[-1]))
		return false;
	if (n > ID_LEN + 7 && starts(id - 7, "conmon-")) { /* its monitor, on the host */
		snprintf(out->unit, sizeof(out->unit), "%.*s.scope", (int)(n - ID_LEN - 1),
			 base);
		return false;
	}
	return keep(out->container, id);
}

/* A task of Amazon ECS on Fargate: /ecs/<32 digits>/<32 digits>-<number>. */
static bool by_task(const char *name, const char *parent, struct cgroup_words *out)
{
	size_t n = strlen(parent);

	return n == 32 && is_hex(parent, 32) && starts(name, parent) && name[n] == '-' &&
	       is_number(name + n + 1) && keep(out->container, name);
}

static bool by_folder(const char *name, const char *parent, struct cgroup_words *out)
{
	static const char *const folders[] = { "lxc", "lxc.payload", "garden", "mesos" };

	if (starts(name, "lxc.payload.") && name[12])
		return keep(out->container, name + 12);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (strcmp(parent, folders[i]) == 0 && !text_ends(name, ".slice") &&
		    !text_ends(name, ".service"))
			return keep(out->container, name);
	return false;
}

/*
 * "machine-NAME.scope" of systemd-machined.  libvirt's are machine-lxc-NUMBER-NAME, and
 * machine-qemu-NUMBER-NAME: a virtual machine is no container, its unit tells it.
 */
static bool by_machine(const char *name, struct cgroup_words *out)
{
	char word[LONGEST + 1], *p;

	if (!starts(name, "machine-") || !text_ends(name, ".scope"))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)(strlen(name) - 14), name + 8);
	unescape(word);
	if (!starts(word, "qemu-") && !starts(word, "lxc-"))
		return *word && keep(out->container, word);
	p = strchr(word, '-') + 1;
	p += strspn(p, "0123456789");
	p += *p == '-';
	if (starts(word, "lxc-"))
		return keep(out->container, p);
	snprintf(out->unit, sizeof(out->unit), "machine-qemu-%s.scope", p);
	return false;
}

/* "systemd-nspawn@NAME.service": what lies in it, but for nspawn itself. */
static bool by_nspawn(const struct names *p, unsigned i, struct cgroup_words *out)
{
	const char *name = p->name[i];
	char word[LONGEST + 1];

	if (!starts(name, "systemd-nspawn@") || !text_ends(name, ".service") || i == 0 ||
	    strcmp(p->name[i - 1], "supervisor") == 0)
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)(strlen(name) - 15 - 8), name + 15);
	unescape(word);
	return keep(out->container, word);
}

static bool is_container(const struct names *p, unsigned i, struct cgroup_words *out)
{
	const char *name = p->name[i], *parent = name_at(p, i + 1);

	return by_id(name, out) || by_folder(name, parent, out) ||
	       by_task(name, parent, out) || by_machine(name, out) || by_nspawn(p, i, out);
}

/* Units */

/* Where the ending of a unit that has processes begins, or NULL. */
static const char *unit_ending(const char *name)
{
	static const char *const endings[] = { ".service", ".scope", ".socket", ".mount",
					       ".swap" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (text_ends(name, endings[i]) && strlen(name) > strlen(endings[i]))
			return name + strlen(name) - strlen(endings[i]);
	return NULL;
}

/* What systemd-run calls a unit without a name. */
static bool is_run(const char *stem)
{
	const char *s = stem + 4;

	if (is_hex(stem, 32))
		return true;
	if (!starts(stem, "run-"))
		return false;
	if (*s == 'r')
		return is_hex(s + 1, 32);
	if (*s == 'p' || *s == 'u')
		s++;
	s += strspn(s, "0123456789");
	if (s[0] == '-' && s[1] == 'i')
		s += 2 + strspn(s + 2, "0123456789");
	return *s == 0 && isdigit((unsigned char)s[-1]);
}

/* The instance of a connection (Accept=yes): "7-10.0.0.1:21-10.0.0.9:4711", "3-712-1000". */
static bool is_volatile_instance(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (is_uuid(s) || is_hex(s, 16))
		return true;
	if (!digits || s[digits] != '-')
		return false;
	if (strchr(s, ':'))
		return true;
	s += digits + 1;
	digits = strspn(s, "0123456789");
	return digits && s[digits] == '-' && is_number(s + digits + 1);
}

/* Cuts numbers of one start from the end of STEM. */
static void cut_tail(char *stem, bool scope)
{
	size_t n = strlen(stem);
	char *dash;

	if (n > 37 && strchr("-.", stem[n - 37]) && is_uuid(stem + n - 36))
		stem[n - 37] = 0;
	while ((dash = strrchr(stem, '-')) && dash > stem) {
		bool cut = is_hex(dash + 1, 32) ||
			   (scope && (is_number(dash + 1) ||
				      (is_hex(dash + 1, 8) && strpbrk(dash, "0123456789"))));

		if (!cut)
			break;
		*dash = 0;
	}
}

/* The name of the unit NAME, which ends at ENDING, without what changes at each start. */
static void put_unit(const char *name, const char *ending, struct cgroup_words *out)
{
	bool scope = strcmp(ending, ".scope") == 0;
	char stem[LONGEST + 1], *at, *bus;

	snprintf(stem, sizeof(stem), "%.*s", (int)(ending - name), name);
	if (scope && starts(stem, "session-"))
		stem[7] = 0;
	else if (is_run(stem))
		snprintf(stem, sizeof(stem), "run");
	at = strchr(stem, '@');
	if (at && is_volatile_instance(at + 1))
		at[1] = 0;
	else if (!at)
		cut_tail(stem, scope);
	bus = starts(stem, "dbus-:") ? strchr(stem + 6, '-') : NULL; /* dbus-:1.2-NAME@0 */
	snprintf(out->unit, sizeof(out->unit), "%s%s%s", bus ? "dbus" : "", bus ? bus : stem,
		 ending);
}

/* Unless it has one already, from a lower name. */
static void look_for_unit(const struct names *p, unsigned i, struct cgroup_words *out)
{
	const char *name = p->name[i], *parent = name_at(p, i + 1);
	const char *ending = unit_ending(name);

	if (*out->unit || !ending)
		return;
	if (strcmp(name, "init.scope") == 0 && starts(parent, "user@"))
		return; /* the manager of a user is that service */
	put_unit(name, ending, out);
}

static void read_names(const struct names *p, struct cgroup_words *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < p->n; i++) {
		if (is_container(p, i, out))
			return;
		look_for_unit(p, i, out);
	}
}

/* The forms that they come in */

void cgroup_read_names(const char *names, size_t len, struct cgroup_words *out)
{
	struct names p = { 0 };
	const char *nul;

	for (const char *end = names + len; names < end; names = nul + 1) {
		nul = memchr(names, 0, (size_t)(end - names));
		if (!nul)
			break;
		add_name(&p, names, (size_t)(nul - names));
	}
	read_names(&p, out);
}

static void read_span(const char *path, size_t n, struct cgroup_words *out)
{
	static const char gone[] = " (deleted)"; /* kernel/cgroup/cgroup.c, a dead one */
	struct names p = { 0 };

	if (n > sizeof(gone) - 1 &&
	    !memcmp(path + n - sizeof(gone) + 1, gone, sizeof(gone) - 1))
		n -= sizeof(gone) - 1;
	while (n) {
		const char *slash = memrchr(path, '/', n);
		size_t from = slash ? (size_t)(slash - path) + 1 : 0;

		add_name(&p, path + from, n - from);
		n = from ? from - 1 : 0;
	}
	read_names(&p, out);
}

void cgroup_read_path(const char *path, struct cgroup_words *out)
{
	read_span(path, strlen(path), out);
}

void cgroup_join(struct cgroup_words *out, const struct cgroup_words *more)
{
	if (!*out->container && *more->container)
		*out = *more;
	else if (!*out->unit && strcmp(out->container, more->container) == 0)
		memcpy(out->unit, more->unit, sizeof(out->unit));
}

/* Whether CONTROLLERS[0..N), a list with commas, has WORD; "" is the unified hierarchy's. */
static bool lists(const char *controllers, size_t n, const char *word)
{
	size_t m = strlen(word);

	if (!n || !m)
		return n == m;
	for (size_t i = 0; i + m <= n; i++)
		if ((i == 0 || controllers[i - 1] == ',') &&
		    !memcmp(controllers + i, word, m) &&
		    (i + m == n || controllers[i + m] == ','))
			return true;
	return false;
}

/* The path of the line "8:pids:/path" whose controllers have WORD, or NULL. */
static const char *line_of(const char *text, const char *word, size_t *n)
{
	for (const char *line = text, *end; *line; line = end + (*end != 0)) {
		const char *list = strchr(line, ':'), *path;

		end = line + strcspn(line, "\n");
		path = list && list < end ? strchr(list + 1, ':') : NULL;
		if (!path || path >= end || !lists(list + 1, (size_t)(path - list) - 1, word))
			continue;
		*n = (size_t)(end - path) - 1;
		return path + 1;
	}
	return NULL;
}

void cgroup_read_proc(const char *text, struct cgroup_words *out)
{
	static const char *const order[] = { "", "pids", "memory", "name=systemd" };

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		struct cgroup_words more;
		size_t n;
		const char *path = line_of(text, order[i], &n);

		if (!path)
			continue;
		read_span(path, n, &more);
		cgroup_join(out, &more);
	}
}
