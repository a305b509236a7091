/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/uplock.h"
#include "common/exits.h"

static const struct options_command command = {
	.name = "down",
	.about = "Stop the \"skein up\" of a data directory, and wait until it has ended.",
	.groups = OPTIONS_DATA_DIR,
	.examples = "skein down\n"
		    "skein down --data ./skein\n",
};

enum { PATIENCE_S = 60 };

int cmd_down(int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	struct options o = { 0 };
	pid_t pid;

	if (!options_parse(&command, argc, argv, &o, NULL))
		return o.status;
	pid = uplock_holder(o.data);
	if (!pid) {
		say("%s: nothing is up here", o.data);
		return EXITS_NONE;
	}
	if (pid < 0) {
		say("%s: held by a process that cannot be seen from here; stop it where it runs",
		    o.data);
		return EXITS_UNREACHED;
	}
	if (kill(pid, SIGTERM)) {
		say("%s: cannot stop process %d: %s; try it with sudo", o.data, (int)pid,
		    strerror(errno));
		return EXITS_UNREACHED;
	}
	for (int i = 0; i < PATIENCE_S * 10; i++) {
		if (uplock_holder(o.data) != pid) {
			say_note("stopped");
			return EXITS_OK;
		}
		nanosleep(&pause, NULL);
	}
	say("%s: process %d has not ended within %d s", o.data, (int)pid, PATIENCE_S);
	return EXITS_PARTIAL;
}
