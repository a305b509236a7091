/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each of the two processes gives up, for good, before it touches a byte from outside.
 *
 * The courier speaks to the network: no capability, not root, no new rights, and a list of the
 * system calls that it may make; among them none that starts a program, makes memory
 * executable, or looks at another process.  Files it writes in two directories alone, by the
 * descriptors that it holds of them: DIR/spool and DIR/renewed (spooldir.h, renewal.h).  The
 * watcher holds the rights: a list of what it may not do, first of all to speak to a network
 * or to start a program.
 */
#ifndef SENSOR_CONFINE_H
#define SENSOR_CONFINE_H

#include <sys/types.h>

#include "common/err.h"

/*
 * Who the courier is where the sensor was started as root: the owner of DIR, if that is not
 * root, else the user skein-sensor, else nobody.  All that needs a right must be open by now;
 * SPOOL and RENEWED are the directories that it may write in, or -1.
 */
int confine_courier(const char *dir, int spool, int renewed, struct err *e);
void confine_user(const char *dir, uid_t *uid, gid_t *gid);
int confine_watcher(struct err *e);
/*
 * Who reads what strangers sent, from a mirror or out of a file: as the courier, and no socket
 * is made or connected, either.  Threads may still be started.  DIR NULL: it reads files, and
 * stays the user it is, with the right to read them and no other.
 */
int confine_parser(const char *dir, struct err *e);

#endif
