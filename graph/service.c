/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/service.h"

#include <string.h>

static const struct {
	const char *word, *title;
	enum service_advice advice;
	const char *text;
} table[SERVICE_COUNT] = {
	[SERVICE_NONE] = { "", "", SERVICE_STRETCH, "" },
	[SERVICE_DIRECTORY] = { "directory", "Directory (LDAP, Kerberos)", SERVICE_REPLICATE,
				"Stand a replica in the target before the first wave; "
				"retire the old one after the last." },
	[SERVICE_DNS] = { "dns", "DNS", SERVICE_REPLICATE,
			  "Stand a resolver in the target before the first wave, "
			  "with forwarding both ways." },
	[SERVICE_TIME] = { "time", "Time (NTP)", SERVICE_REPLICATE,
			   "Use the target's own time service; the old one goes last." },
	[SERVICE_MONITORING] = { "monitoring", "Monitoring", SERVICE_REPLICATE,
				 "Stand a poller or proxy in the target; "
				 "its reach must be allowed over the link till the end." },
	[SERVICE_BACKUP] = { "backup", "Backup", SERVICE_REPLICATE,
			     "Set up backup in the target before machines arrive; "
			     "do not pull backups over the link." },
	[SERVICE_LOGS] = { "logs", "Logs", SERVICE_STRETCH,
			   "Forward over the link, or stand a relay in the target." },
	[SERVICE_PATCHING] = { "patching", "Patching and repositories", SERVICE_REPLICATE,
			       "Stand a mirror in the target; it carries bulk." },
	[SERVICE_SCANNER] = { "scanner", "Security scanner", SERVICE_LAST,
			      "Scan the target from the target; no machine depends on it." },
	[SERVICE_JUMP] = { "jump", "Jump host", SERVICE_REPLICATE,
			   "Give administrators a way in of the target's own." },
	[SERVICE_FILES] = { "files", "File share", SERVICE_STRETCH,
			    "Chatty over distance: move it with the wave that uses it most, "
			    "or replicate its data." },
	[SERVICE_DATABASE] = { "database", "Shared database server", SERVICE_STRETCH,
			       "Move its databases with the groups that own them, or put its "
			       "users into one wave." },
	[SERVICE_BUS] = { "bus", "Message bus", SERVICE_STRETCH,
			  "Bridge a broker in the target with this one while users move." },
	[SERVICE_BALANCER] = { "balancer", "Load balancer", SERVICE_REPLICATE,
			       "Set up the target's own in front of each group as it moves." },
	[SERVICE_PROXY] = { "proxy", "Proxy", SERVICE_REPLICATE,
			    "Give the target a way out of its own." },
	[SERVICE_MAIL] = { "mail", "Mail relay", SERVICE_STRETCH,
			   "Relay over the link; small and patient." },
	[SERVICE_CONFIG] = { "config", "Configuration management", SERVICE_STRETCH,
			     "Reach it over the link, or stand a replica in the target." },
	[SERVICE_CI] = { "ci", "Build and deployment", SERVICE_STRETCH,
			 "Open its way into the target first; it deploys to both sides." },
	[SERVICE_SIGN_ON] = { "sign-on", "Single sign-on", SERVICE_FIRST,
			      "Every login passes it: move early, or replicate." },
	[SERVICE_SECRETS] = { "secrets", "Secrets", SERVICE_REPLICATE,
			      "Stand a replica in the target: applications do not start "
			      "without it." },
	[SERVICE_SCHEDULER] = { "scheduler", "Job scheduler", SERVICE_STRETCH,
				"Open its way to the agents in the target." },
	[SERVICE_LICENCE] = { "licence", "Licence server", SERVICE_STRETCH,
			      "Reach it over the link; ask the vendor before moving it." },
	[SERVICE_ANTIVIRUS] = { "antivirus", "Endpoint protection", SERVICE_STRETCH,
				"Reach it over the link, or stand a relay in the target." },
	[SERVICE_PKI] = { "pki", "Certificates", SERVICE_LAST,
			  "Seldom asked: reach it over the link, move it last." },
	[SERVICE_PLATFORM] = { "platform", "Shared platform", SERVICE_STRETCH,
			       "Ask its owner: many groups use it and it belongs to none." },
};

const char *service_word(enum service s)
{
	return s < SERVICE_COUNT ? table[s].word : "";
}

const char *service_title(enum service s)
{
	return s < SERVICE_COUNT ? table[s].title : "";
}

enum service service_of_word(const char *word)
{
	for (int s = SERVICE_NONE + 1; s < SERVICE_COUNT; s++)
		if (strcmp(table[s].word, word) == 0)
			return (enum service)s;
	return SERVICE_NONE;
}

enum service_advice service_advice(enum service s)
{
	return s < SERVICE_COUNT ? table[s].advice : SERVICE_STRETCH;
}

const char *service_advice_word(enum service_advice a)
{
	static const char *const word[] = { "replicate", "stretch", "first", "last" };

	return word[a];
}

const char *service_advice_text(enum service s)
{
	return s < SERVICE_COUNT ? table[s].text : "";
}
