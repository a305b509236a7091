/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/usernames.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "common/mem.h"

struct user {
	uint32_t uid;
	char *name;
	UT_hash_handle hh;
};

struct usernames {
	const char *path;
	struct user *users;
	struct timespec changed;
	off_t size;
	ino_t inode;
};

static void forget(struct usernames *u)
{
	struct user *user, *next;

	HASH_ITER (hh, u->users, user, next) {
		HASH_DEL(u->users, user);
		free(user->name);
		free(user);
	}
}

/* "name:x:uid:...": passwd(5). */
static void add_line(struct usernames *u, char *line)
{
	char *password = strchr(line, ':'), *uid, *end;
	struct user *user;
	unsigned long n;
	uint32_t key;

	uid = password && password > line ? strchr(password + 1, ':') : NULL;
	if (!uid || uid[1] < '0' || uid[1] > '9')
		return;
	errno = 0;
	n = strtoul(uid + 1, &end, 10);
	key = (uint32_t)n;
	if (errno || *end != ':' || n > UINT32_MAX || HASH_COUNT(u->users) >= USERNAMES)
		return;
	HASH_FIND(hh, u->users, &key, sizeof(key), user);
	if (user)
		return;
	*password = 0;
	user = xcalloc(1, sizeof(*user));
	user->uid = key;
	user->name = xstrdup(line);
	HASH_ADD(hh, u->users, uid, sizeof(user->uid), user);
}

static void read_file(struct usernames *u, FILE *f)
{
	char line[1024];
	bool whole = true;

	while (fgets(line, sizeof(line), f)) {
		bool begins = whole;

		whole = strchr(line, '\n') != NULL;
		if (begins)
			add_line(u, line);
	}
}

void usernames_refresh(struct usernames *u)
{
	struct stat st;
	FILE *f;

	if (stat(u->path, &st) != 0 || (st.st_mtim.tv_sec == u->changed.tv_sec &&
					st.st_mtim.tv_nsec == u->changed.tv_nsec &&
					st.st_size == u->size && st.st_ino == u->inode))
		return;
	f = fopen(u->path, "re");
	if (!f)
		return;
	forget(u);
	read_file(u, f);
	fclose(f);
	u->changed = st.st_mtim;
	u->size = st.st_size;
	u->inode = st.st_ino;
}

struct usernames *usernames_new(const char *path)
{
	struct usernames *u = xcalloc(1, sizeof(*u));

	u->path = path;
	usernames_refresh(u);
	return u;
}

void usernames_free(struct usernames *u)
{
	if (!u)
		return;
	forget(u);
	free(u);
}

void usernames_put(const struct usernames *u, uint32_t uid, char *out, size_t cap)
{
	struct user *user;

	HASH_FIND(hh, u->users, &uid, sizeof(uid), user);
	if (user)
		snprintf(out, cap, "%s", user->name);
	else
		snprintf(out, cap, "%u", uid);
}
