/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of mounts (proc_pid_mountinfo(5)), line by line, and what a mount is to an
 * assessment: a file system on a disk, somebody else's server, or neither.  Pure.
 */
#ifndef SENSOR_MOUNTS_H
#define SENSOR_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

enum mount_kind {
	MOUNT_OTHER,  /* proc, tmpfs, overlay, a loop device ... */
	MOUNT_DISK,   /* on a disk of this machine; statvfs does not wait for anybody */
	MOUNT_DAEMON, /* on a disk, but a process of user space answers (fuseblk) */
	MOUNT_REMOTE, /* on a server: nobody may ask it anything, since it may never answer */
	MOUNT_TRAP,   /* autofs: to look at what is below it mounts that */
};

enum { MOUNT_PATH = 256, MOUNT_WORD = 128, MOUNT_TYPE = 32 };
struct mount {
	char number[24];	/* "8:2" */
	char root[MOUNT_PATH];	/* within its file system; "/" but for bind mounts */
	char point[MOUNT_PATH]; /* where it is */
	char type[MOUNT_TYPE];
	char source[MOUNT_PATH];
	char addr[MOUNT_WORD]; /* addr= of NFS and CIFS, "" without */
	bool cut;	       /* something was longer than there is room for */
};
/* The line LINE[0..N), without its end; false where it is not one. */
bool mount_parse(const char *line, size_t n, struct mount *out);
enum mount_kind mount_kind(const struct mount *m);

/*
 * What a remote mount's source says: the server ("" where it names none: a bucket, a share of
 * the hypervisor) and what of it.  Names of users and passwords are left out, and what stands
 * behind a question mark.
 */
void mount_server(const struct mount *m, char server[MOUNT_PATH], char path[MOUNT_PATH]);

/* POINT is BELOW or lies below it. */
bool mount_is_below(const char *point, const char *below);

#endif
