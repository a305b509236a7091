/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces: their numbers (inodes of nsfs), where they can be found, and the way
 * into one and back.
 *
 * This process has one thread, and is in one namespace at a time.  Whoever enters another one
 * leaves it before returning to the loop.  A socket that was made in a namespace keeps it
 * alive.
 */
#ifndef SENSOR_NETNS_H
#define SENSOR_NETNS_H

#include <stdint.h>

/* That to which PATH leads, or in which a process is; 0: none that we may see. */
uint32_t netns_of(const char *path);
uint32_t netns_of_process(uint32_t tgid);
/* Where this process is at home: where it was when one of these was first called. */
uint32_t netns_home(void);

/*
 * Calls FN with every namespace that has a name (ip-netns(8), Docker) or a process, and a path
 * that leads to it; often with the same one, those by name first.
 */
typedef void netns_fn(void *ctx, uint32_t netns, const char *path);
void netns_each(netns_fn *fn, void *ctx);
/* The process in a path of netns_each, 0 where it is a name. */
uint32_t netns_path_process(const char *path);

/* 0; -ESTALE: PATH leads elsewhere by now; -EPERM: not without CAP_SYS_ADMIN; other errno. */
int netns_enter(uint32_t netns, const char *path);
/* Without a way back nothing that this process does would be right: then it ends. */
void netns_leave(void);

#endif
