/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of skein.  Each gets its own name as argv[0] and returns the exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int cmd_machines(int argc, char **argv);
int cmd_edges(int argc, char **argv);
int cmd_services(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_groups(int argc, char **argv);
int cmd_diagram(int argc, char **argv);
int cmd_waves(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_render(int argc, char **argv);

#endif
