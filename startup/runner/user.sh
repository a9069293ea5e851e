do_user() {
    { read -r login && read -r groups && read -r shell && read -r system; } <"$step.fields"
    for group in $groups; do
        getent group "$group" >/dev/null || { did_something && groupadd --system "$group"; } || exit
    done
    if ! getent passwd "$login" >/dev/null; then
        did_something
        useradd --create-home --shell "$shell" ${system:+--system} "$login" || exit
    elif [ "$(getent passwd "$login" | cut -d : -f 7)" != "$shell" ]; then
        did_something
        usermod --shell "$shell" "$login" || exit
    fi
    for group in $groups; do
        case " $(id -nG "$login") " in *" $group "*) ;; *) did_something && usermod -aG "$group" "$login" || exit ;; esac
    done
    [ ! -e "$step.ssh_keys" ] || let_in
}

# let_in: the keys stand in the user's authorized_keys, between two marks, below what others have put there.
let_in() {
    home=$(getent passwd "$login" | cut -d : -f 6)
    group=$(id -gn "$login")
    install -d -m 700 -o "$login" -g "$group" "$home/.ssh" || exit
    path=$home/.ssh/authorized_keys
    new=$home/.ssh/.evenboot.$key
    (
        umask 077
        {
            [ ! -e "$path" ] || sed '/^# evenboot: begin$/,/^# evenboot: end$/d' "$path"
            echo '# evenboot: begin'
            cat "$step.ssh_keys"
            echo '# evenboot: end'
        } >"$new"
    ) || exit
    place "$new" "$path" 600 "$login" "$group"
}
