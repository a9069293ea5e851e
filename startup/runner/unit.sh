do_unit() {
    { read -r unit && read -r enable && read -r start; } <"$step.fields"
    new=$UNITS/.evenboot.$key
    cat "$step.content" >"$new" || exit
    place "$new" "$UNITS/$unit" 644 root root
    systemctl daemon-reload || exit
    token=
    read -r token 2>/dev/null <"$RUN/changed/$key"
    bring_up "$unit" "$enable" "$start" "$token"
}
