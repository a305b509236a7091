/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/owner.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"
#include "sensor/usernames.h"
#include "sensor/who.h"

enum {
	IDENTITIES = 16384,
	ROOMY = 4096, /* as long as there are no more, none is forgotten */
	VARIANTS = 8, /* of one identity: executables, users, applications */
	PIDS = 65536,
	PATIENCE = 60, /* ticks that a pid is remembered without being asked for */
	SWEEP = 64,    /* ticks between two looks for identities to forget */
};

struct pid_key {
	uint64_t born;
	uint64_t tgid;
};

struct pid {
	struct pid_key key;
	struct variant *owner; /* NULL: looked for and not found */
	uint32_t used;	       /* tick */
	UT_hash_handle hh;
};

/* The strings of OWNER but for the identity's are its own. */
struct variant {
	struct owner_process owner; /* first: what is handed out */
	struct identity *id;
	struct variant *next;
	uint32_t used; /* tick */
};

struct identity {
	char *key; /* name, unit and container, each with its NUL */
	struct variant *variants;
	unsigned variant_n;
	uint32_t used;
	UT_hash_handle hh;
};

struct owner_table {
	struct identity *identities;
	struct pid *pids;
	struct usernames *users;
	struct variant *other;
	uint32_t tick;
	uint64_t folded, unnamed;
	bool args;
	struct who who; /* large, and wanted for one call at a time */
};

/* Identities */

static void free_identity(struct owner_table *t, struct identity *id)
{
	struct variant *v, *next;

	for (v = id->variants; v; v = next) {
		next = v->next;
		free((char *)v->owner.p.exe);
		free((char *)v->owner.p.user);
		free((char *)v->owner.p.app);
		free((char *)v->owner.p.args);
		free(v);
	}
	HASH_DEL(t->identities, id);
	free(id->key);
	free(id);
}

static void replace(const char **at, const char *with)
{
	if (*at && strcmp(*at, with) == 0)
		return;
	free((char *)*at);
	*at = xstrdup(with);
}

static bool fits(const char *is, const char *wanted)
{
	return !*is || !*wanted || strcmp(is, wanted) == 0;
}

/* What is not known is no difference. */
static struct variant *find_variant(const struct identity *id, const struct process *p)
{
	struct variant *v = id->variants;

	while (v && !(fits(v->owner.p.exe, p->exe) && fits(v->owner.p.user, p->user) &&
		      fits(v->owner.p.app, p->app)))
		v = v->next;
	return v;
}

static struct variant *used_least(const struct identity *id, uint32_t tick)
{
	struct variant *least = id->variants;

	for (struct variant *v = least; v; v = v->next)
		if (tick - v->used > tick - least->used)
			least = v;
	return least;
}

static struct variant *add_variant(struct identity *id, const struct process *p)
{
	struct variant *v = xcalloc(1, sizeof(*v)), **at = &id->variants;

	while (*at)
		at = &(*at)->next;
	*at = v; /* the first one stays the first: it is what SAME is */
	v->id = id;
	v->owner.p = *p;
	v->owner.p.name = id->key;
	v->owner.p.unit = id->key + strlen(id->key) + 1;
	v->owner.p.container = v->owner.p.unit + strlen(v->owner.p.unit) + 1;
	v->owner.p.exe = xstrdup(p->exe);
	v->owner.p.user = xstrdup(p->user);
	v->owner.p.app = xstrdup(p->app);
	v->owner.p.args = xstrdup(p->args);
	v->owner.same = &id->variants->owner;
	id->variant_n++;
	return v;
}

static struct variant *variant_of(struct owner_table *t, struct identity *id,
				  const struct process *p)
{
	struct variant *v = find_variant(id, p);
	bool recycled = !v && id->variant_n >= VARIANTS;

	if (!v && !recycled)
		return add_variant(id, p);
	if (recycled)
		v = used_least(id, t->tick);
	if (*p->exe || recycled)
		replace(&v->owner.p.exe, p->exe);
	if (*p->user || recycled)
		replace(&v->owner.p.user, p->user);
	if (*p->app || recycled)
		replace(&v->owner.p.app, p->app);
	if (*p->args || recycled)
		replace(&v->owner.p.args, p->args);
	return v;
}

/* The identity's key, in one piece; *N bytes. */
static char *key_of(const struct process *p, size_t *n)
{
	const char *const part[] = { p->name, p->unit, p->container };
	char *key, *at;

	*n = 3;
	for (int i = 0; i < 3; i++)
		*n += strlen(part[i]);
	key = at = xmalloc(*n);
	for (int i = 0; i < 3; i++)
		at = stpcpy(at, part[i]) + 1;
	return key;
}

static struct variant *intern(struct owner_table *t, const struct process *p)
{
	struct identity *id;
	struct variant *v;
	size_t n;
	char *key = key_of(p, &n);

	HASH_FIND(hh, t->identities, key, n, id);
	if (id) {
		free(key);
	} else if (HASH_COUNT(t->identities) >= IDENTITIES) {
		free(key);
		t->folded++;
		return t->other;
	} else {
		id = xcalloc(1, sizeof(*id));
		id->key = key;
		HASH_ADD_KEYPTR(hh, t->identities, id->key, n, id);
	}
	v = variant_of(t, id, p);
	v->used = id->used = t->tick;
	return v;
}

static struct variant *intern_who(struct owner_table *t, const struct who *w)
{
	char user[NAME_LEN + 1];
	struct process p = { .name = w->name,
			     .unit = w->group.unit,
			     .container = w->group.container,
			     .exe = w->exe,
			     .user = user,
			     .app = w->app,
			     .args = w->args };

	usernames_put(t->users, w->uid, user, sizeof(user));
	return intern(t, &p);
}

/* The table */

struct owner_table *owner_new(void)
{
	struct owner_table *t = xcalloc(1, sizeof(*t));
	struct process other = { "other", "", "", "", "", "", "" };

	t->users = usernames_new("/etc/passwd");
	t->other = intern(t, &other);
	return t;
}

static void free_pid(struct owner_table *t, struct pid *p)
{
	HASH_DEL(t->pids, p);
	free(p);
}

void owner_free(struct owner_table *t)
{
	struct identity *id, *id_next;
	struct pid *p, *p_next;

	if (!t)
		return;
	HASH_ITER (hh, t->pids, p, p_next)
		free_pid(t, p);
	HASH_ITER (hh, t->identities, id, id_next)
		free_identity(t, id);
	usernames_free(t->users);
	free(t);
}

void owner_keep_args(struct owner_table *t, bool keep)
{
	t->args = keep;
}

/* Processes */

static struct pid *find_pid(struct owner_table *t, uint32_t tgid, uint64_t born)
{
	struct pid_key key = { .born = born, .tgid = tgid };
	struct pid *p;

	HASH_FIND(hh, t->pids, &key, sizeof(key), p);
	return p;
}

static void remember(struct owner_table *t, uint32_t tgid, uint64_t born,
		     struct variant *owner)
{
	struct pid *p = find_pid(t, tgid, born);

	if (!p) {
		if (HASH_COUNT(t->pids) >= PIDS) /* uthash keeps the order of insertion */
			free_pid(t, t->pids);
		p = xcalloc(1, sizeof(*p));
		p->key = (struct pid_key){ .born = born, .tgid = tgid };
		HASH_ADD(hh, t->pids, key, sizeof(p->key), p);
	}
	p->owner = owner;
	p->used = t->tick;
}

void owner_announce(struct owner_table *t, const struct process_event *e)
{
	if (who_of_event(e, t->args, &t->who))
		remember(t, e->tgid, e->born, intern_who(t, &t->who));
}

/* To the end of the table: the first is the one that was used least. */
static void touch(struct owner_table *t, struct pid *p)
{
	if (p->used == t->tick)
		return;
	HASH_DEL(t->pids, p);
	HASH_ADD(hh, t->pids, key, sizeof(p->key), p);
	p->used = t->tick;
	if (p->owner)
		p->owner->used = p->owner->id->used = t->tick;
}

struct owner_process *owner_of(struct owner_table *t, uint32_t tgid, uint64_t born)
{
	struct variant *owner = NULL;
	struct pid *p;

	if (!tgid)
		return NULL;
	p = find_pid(t, tgid, born);
	if (p) {
		touch(t, p);
		return p->owner ? &p->owner->owner : NULL;
	}
	if (who_of_proc(tgid, born, t->args, &t->who))
		owner = intern_who(t, &t->who);
	else
		t->unnamed++;
	remember(t, tgid, born, owner);
	return owner ? &owner->owner : NULL;
}

/* Containers come and go, and each of them is an identity of its own. */
static void sweep(struct owner_table *t)
{
	struct identity *id, *next;

	HASH_ITER (hh, t->identities, id, next) {
		if (HASH_COUNT(t->identities) <= ROOMY)
			break;
		if (id != t->other->id && t->tick - id->used > OWNER_TICKS)
			free_identity(t, id);
	}
}

void owner_tick(struct owner_table *t)
{
	struct pid *p, *next;

	t->tick++;
	HASH_ITER (hh, t->pids, p, next) /* that used least is the first */
		if (t->tick - p->used > PATIENCE)
			free_pid(t, p);
	usernames_refresh(t->users);
	if (t->tick % SWEEP == 0)
		sweep(t);
}

uint64_t owner_folded(const struct owner_table *t)
{
	return t->folded;
}

unsigned owner_count(const struct owner_table *t)
{
	return HASH_COUNT(t->identities);
}

uint64_t owner_unnamed(struct owner_table *t)
{
	uint64_t n = t->unnamed;

	t->unnamed = 0;
	return n;
}
