# Where everything lies, and what holds for the whole runner.
set -uf
umask 022
export LC_ALL=C
STATE=/var/lib/evenboot RUN=/run/evenboot LOG=/var/log/evenboot.log
JOURNAL=$STATE/journal DONE=$RUN/done
COMMAND=/usr/local/sbin/evenboot
NL='
'
