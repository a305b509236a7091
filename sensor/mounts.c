/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mounts.h"

#include <stdio.h>
#include <string.h>

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool among(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* The next word, up to a blank or END; *P behind it. */
static size_t word(const char **p, const char *end, const char **from)
{
	while (*p < end && **p == ' ')
		(*p)++;
	*from = *p;
	while (*p < end && **p != ' ')
		(*p)++;
	return (size_t)(*p - *from);
}

static bool octal(const char *p, size_t n)
{
	return n >= 4 && p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
	       p[2] <= '7' && p[3] >= '0' && p[3] <= '7';
}

/* The kernel writes blank, tab, line feed and backslash as \040 and so on. */
static void take(char *out, size_t cap, const char *p, size_t n, bool *cut)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (octal(p + i, n - i)) {
			c = (char)((p[i + 1] - '0') * 64 + (p[i + 2] - '0') * 8 +
				   (p[i + 3] - '0'));
			i += 3;
		}
		if (!c)
			continue;
		if (k == cap - 1) {
			*cut = true;
			break;
		}
		out[k++] = c;
	}
	out[k] = 0;
}

/* addr= among the options of the superblock, which end the line. */
static void take_addr(struct mount *m, const char *p, const char *end)
{
	static const char key[] = "addr=";
	bool cut = false;

	while (p < end) {
		size_t n = 0;

		while (p + n < end && p[n] != ',')
			n++;
		if (n > sizeof(key) - 1 && memcmp(p, key, sizeof(key) - 1) == 0)
			take(m->addr, sizeof(m->addr), p + sizeof(key) - 1,
			     n - (sizeof(key) - 1), &cut);
		p += n + 1;
	}
}

bool mount_parse(const char *line, size_t n, struct mount *out)
{
	const char *p = line, *end = line + n, *w;
	size_t k;

	memset(out, 0, sizeof(*out));
	word(&p, end, &w); /* its id and its parent's */
	word(&p, end, &w);
	k = word(&p, end, &w);
	take(out->number, sizeof(out->number), w, k, &out->cut);
	k = word(&p, end, &w);
	take(out->root, sizeof(out->root), w, k, &out->cut);
	k = word(&p, end, &w);
	take(out->point, sizeof(out->point), w, k, &out->cut);
	do /* options, and optional fields up to a "-" */
		k = word(&p, end, &w);
	while (k && !(k == 1 && *w == '-'));
	k = word(&p, end, &w);
	take(out->type, sizeof(out->type), w, k, &out->cut);
	k = word(&p, end, &w);
	take(out->source, sizeof(out->source), w, k, &out->cut);
	k = word(&p, end, &w);
	take_addr(out, w, w + k);
	return *out->type && *out->point == '/' && strchr(out->number, ':');
}

/* FUSE is many things: those whose name says that they reach for another machine. */
static bool fuse_is_remote(const struct mount *m)
{
	static const char *const types[] = { "fuse.glusterfs",
					     "fuse.sshfs",
					     "fuse.s3fs",
					     "fuse.rclone",
					     "fuse.gcsfuse",
					     "fuse.goofys",
					     "fuse.blobfuse",
					     "fuse.blobfuse2",
					     "fuse.ceph",
					     "fuse.ceph-fuse",
					     "fuse.mount-s3",
					     "fuse.juicefs",
					     "fuse.cvmfs2",
					     "fuse.davfs",
					     "fuse.curlftpfs",
					     "fuse.seaweedfs",
					     NULL };

	return among(m->type, types) || strchr(m->source, ':') || begins(m->source, "//");
}

enum mount_kind mount_kind(const struct mount *m)
{
	static const char *const remote[] = { "nfs",   "nfs4",	   "cifs",   "smb3", "smbfs",
					      "ncpfs", "ceph",	   "lustre", "afs",  "coda",
					      "9p",    "virtiofs", "beegfs", "gpfs", "pvfs2",
					      "davfs", "vboxsf",   "vmhgfs", NULL };
	static const char *const images[] = { "squashfs", "iso9660", "udf",
					      "erofs",	  "cramfs",  NULL };

	if (strcmp(m->type, "autofs") == 0)
		return MOUNT_TRAP;
	if (among(m->type, remote))
		return MOUNT_REMOTE;
	if (strcmp(m->type, "fuseblk") == 0)
		return MOUNT_DAEMON;
	if (begins(m->type, "fuse"))
		return fuse_is_remote(m) ? MOUNT_REMOTE : MOUNT_TRAP;
	if (strcmp(m->type, "zfs") == 0)
		return MOUNT_DISK;
	if (!begins(m->source, "/dev/") || begins(m->source, "/dev/loop") ||
	    begins(m->source, "/dev/ram") || begins(m->source, "/dev/zram") ||
	    among(m->type, images) || strcmp(m->type, "devtmpfs") == 0)
		return MOUNT_OTHER;
	return MOUNT_DISK;
}

/* "USER:PASSWORD@" before the server goes; Lustre's "10.0.0.1@tcp" is no such thing. */
static const char *without_user(const struct mount *m, const char *s)
{
	const char *end = s + strcspn(s, "/"), *at = NULL;

	for (const char *p = s; p < end; p++)
		if (*p == '@')
			at = p;
	return at && strcmp(m->type, "lustre") != 0 ? at + 1 : s;
}

static void split_at(const char *s, size_t n, size_t skip, char server[MOUNT_PATH],
		     char path[MOUNT_PATH])
{
	snprintf(server, MOUNT_PATH, "%.*s", (int)n, s);
	snprintf(path, MOUNT_PATH, "%s", s + n + skip);
}

void mount_server(const struct mount *m, char server[MOUNT_PATH], char path[MOUNT_PATH])
{
	char clean[MOUNT_PATH];
	const char *s = clean, *scheme, *at;

	server[0] = 0;
	snprintf(clean, sizeof(clean), "%s", m->source);
	clean[strcspn(clean, "?")] = 0;
	scheme = strstr(clean, "://");
	if (scheme || begins(clean, "//")) {
		s = without_user(m, scheme ? scheme + 3 : clean + 2);
		split_at(s, strcspn(s, "/"), 0, server, path);
		return;
	}
	s = without_user(m, clean);
	if (*s == '[' && (at = strstr(s, "]:"))) /* an IPv6 address */
		split_at(s + 1, (size_t)(at - s - 1), 2, server, path);
	else if ((at = strstr(s, ":/")) || (at = strchr(s, '=')) || (at = strrchr(s, ':')))
		split_at(s, (size_t)(at - s), 1, server, path);
	else
		snprintf(path, MOUNT_PATH, "%s", s);
}

bool mount_is_below(const char *point, const char *below)
{
	size_t n = strlen(below);

	if (n == 1)
		return true;
	return strncmp(point, below, n) == 0 && (!point[n] || point[n] == '/');
}
