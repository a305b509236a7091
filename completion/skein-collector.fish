# SPDX-License-Identifier: Apache-2.0
# Completion of skein-collector for fish.
set -l token "__fish_seen_subcommand_from token"

complete -c skein-collector -f
complete -c skein-collector -n __fish_use_subcommand -a token -d 'let sensors in'
complete -c skein-collector -n "$token; and not __fish_seen_subcommand_from create" -a create
complete -c skein-collector -l data -x -a '(__fish_complete_directories)' -d 'data directory'
complete -c skein-collector -n "not $token" -l listen -x -d 'for sensors, ADDR:PORT'
complete -c skein-collector -n "not $token" -l relay -x -d 'pass on to HOST:PORT'
complete -c skein-collector -n "not $token" -l relays -x -d 'that are believed, NET,...'
complete -c skein-collector -n "not $token" -l proxy -x -d 'of a relay, HOST:PORT'
complete -c skein-collector -n "not $token" -l proxy-login -r -F -d 'its user and password'
complete -c skein-collector -n "not $token" -l config -r -d 'configuration file'
complete -c skein-collector -n __fish_use_subcommand -a backup -d 'copy the database'
complete -c skein-collector -n __fish_use_subcommand -a restore -d 'put a copy back'
complete -c skein-collector -n "__fish_seen_subcommand_from backup" -l keep -x -d 'older ones to keep'
complete -c skein-collector -n "__fish_seen_subcommand_from backup restore" -F
complete -c skein-collector -n "not $token" -l keep-minutes -x -d 'how long to keep minutes'
complete -c skein-collector -n "not $token" -l keep-hours -x -d 'how long to keep hours'
complete -c skein-collector -n "not $token" -l keep-days -x -d 'how long to keep days'
complete -c skein-collector -n "not $token" -l keep-total -x -d 'how long to keep edges'
complete -c skein-collector -n "not $token" -l memory -x -d 'megabytes for the caches'
complete -c skein-collector -n "not $token" -l log-level -x -a 'debug info warn err'
complete -c skein-collector -n "$token" -l role -x -a 'host mirror' -d role
complete -c skein-collector -n "$token" -l ttl -x -d 'how long it is good'
complete -c skein-collector -n "$token" -l uses -x -d 'how often'
complete -c skein-collector -l help -d help
complete -c skein-collector -n "not $token" -l version -d version
