# SPDX-License-Identifier: Apache-2.0
# Completion of skein-sensor for fish.
complete -c skein-sensor -f
complete -c skein-sensor -n __fish_use_subcommand -a enroll -d 'get a certificate for a token'
complete -c skein-sensor -l config -r -F -d 'configuration'
complete -c skein-sensor -l ebpf -d 'watch by eBPF'
complete -c skein-sensor -l poll -d 'watch without eBPF'
complete -c skein-sensor -l once -x -d 'watch for so long and write a file'
complete -c skein-sensor -l out -r -F -d 'the file'
complete -c skein-sensor -l show-what-you-send -d 'print every record in clear'
complete -c skein-sensor -l mirror -x -d 'a mirror port'
complete -c skein-sensor -l threads -x -d 'that share the packets'
complete -c skein-sensor -l ring -x -d 'MB of kernel memory'
complete -c skein-sensor -l filter -x -d 'only these packets'
complete -c skein-sensor -l read -r -F -d 'captures'
complete -c skein-sensor -l connections -x -a 'tsv json' -d 'a line per TCP connection'
complete -c skein-sensor -l names -x -a 'tsv json' -d 'what servers are called'
complete -c skein-sensor -l max-connections -x -d 'at once'
complete -c skein-sensor -l self-test -d 'say whether it can work here'
complete -c skein-sensor -l self-check-clean -d 'say what is left in the kernel'
complete -c skein-sensor -l json -d 'these two as JSON'
complete -c skein-sensor -l cpu-budget -x -d 'percent of one core'
complete -c skein-sensor -l memory-budget -x -d 'megabytes'
complete -c skein-sensor -l arguments -d 'send arguments without secrets'
complete -c skein-sensor -l no-translations -d 'do not listen to conntrack'
complete -c skein-sensor -l deny-kernels -x -d 'kernels without eBPF'
complete -c skein-sensor -l collector -x -d 'HOST:PORT'
complete -c skein-sensor -l proxy -x -d 'on the way there, HOST:PORT'
complete -c skein-sensor -l proxy-login -r -F -d 'its user and password'
complete -c skein-sensor -l data -x -a '(__fish_complete_directories)' -d 'data directory'
complete -c skein-sensor -l interval -x -d 'how often to report'
complete -c skein-sensor -l max-edges -x -d bound
complete -c skein-sensor -l max-sockets -x -d bound
complete -c skein-sensor -l log-level -x -a 'debug info warn err'
complete -c skein-sensor -n "__fish_seen_subcommand_from enroll" -l token -x -d 'enrolment token'
complete -c skein-sensor -n "__fish_seen_subcommand_from enroll" -l force -d anew
complete -c skein-sensor -l help -d help
complete -c skein-sensor -l version -d version
