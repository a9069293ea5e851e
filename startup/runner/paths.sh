# Where everything lies, and what holds for the whole runner. Names are in small letters: values have capital ones.
set -uf
# Of the payload that this runner came with.
own=$sum
umask 022
export LC_ALL=C
state=/var/lib/evenboot run=/run/evenboot log_file=/var/log/evenboot.log
journal=$state/journal done_in_boot=$run/done
runner=/usr/local/sbin/evenboot
newline='
'
