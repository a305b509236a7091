#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# as-user.sh COMMAND...: under sudo, runs a command as the user who called it, so that nothing
# in that user's tree is left in root's hands.  In all other cases just runs it.
set -u
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] &&
	setpriv --reuid="$SUDO_UID" --regid="$SUDO_GID" --init-groups test -w . 2>/dev/null; then
	HOME=$(getent passwd "$SUDO_USER" | cut -d: -f6)
	export HOME
	exec setpriv --reuid="$SUDO_UID" --regid="$SUDO_GID" --init-groups "$@"
fi
exec "$@"
