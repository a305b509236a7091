/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `skein-collector WORD ...` does besides running: a row in main.c and a file cmd_WORD.c
 * each.  They work while the collector runs, and each returns the exit status.
 *
 * ARGV[0] is the program's name, for getopt, and the rest what stands after WORD.
 */
#ifndef COLLECTOR_COMMANDS_H
#define COLLECTOR_COMMANDS_H

int cmd_backup(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_token(int argc, char **argv);

#endif
