# Where everything lies, and what holds for the whole runner. Names are in small letters: values have capital ones.
set -uf
umask 022
state=/var/lib/evenboot run=/run/evenboot log_file=/var/log/evenboot.log
journal=$state/journal done_in_boot=$run/done
# The definition in force, which its own runner obeys: a link, so that both are replaced in one go.
definition=$state/current
runner=$definition/evenboot
newline='
'
