/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE /* headers before Linux 6.2 */
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum { TRUNCATE_SINCE = 3 }; /* version of the interface */

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_TRUNCATE;
/* What a rule about a file, not a folder, may speak of. */
static const uint64_t of_a_file = LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

static int version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION);
}

bool landlock_there(void)
{
	return version() > 0;
}

/* All that version 1 knows, which is all rights before MAKE_SYM: what no rule gives is gone.
 */
static uint64_t known(int abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	return abi < TRUNCATE_SINCE ? all : all | LANDLOCK_ACCESS_FS_TRUNCATE;
}

static int allow(int rules, const struct landlock_path *p, uint64_t handled)
{
	struct landlock_path_beneath_attr a = { .allowed_access = reading };
	struct stat st;
	int rc = 0;

	a.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return 0;
	if (p->write)
		a.allowed_access |= writing;
	a.allowed_access &= handled;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= of_a_file;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0)
		rc = -errno;
	close(a.parent_fd);
	return rc;
}

int landlock_keep(const struct landlock_path *path, unsigned n, struct err *e)
{
	int abi = version(), rules, rc = 0;
	struct landlock_ruleset_attr attr = { .handled_access_fs = known(abi) };

	if (abi <= 0)
		return 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		return err_sys(e, -errno, "landlock");
	for (unsigned i = 0; i < n && !rc; i++)
		rc = allow(rules, &path[i], attr.handled_access_fs);
	if (!rc && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		rc = -errno;
	close(rules);
	return rc ? err_sys(e, rc, "landlock") : 0;
}
