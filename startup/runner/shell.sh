do_shell() {
    { read -r user && IFS= read -r cwd; } <"$step.fields"
    set --
    if [ "$user" ]; then
        HOME=$(getent passwd "$user" | cut -d : -f 6)
        [ "$HOME" ] || { echo "there is no user $user" && exit 67; }
        export HOME USER="$user" LOGNAME="$user"
        set -- runuser -u "$user" --
    fi
    cd "$cwd" || exit
    if [ -e "$step.unless" ] && "$@" bash -euo pipefail "$step.unless"; then
        exit 0
    fi
    did_something
    read -r first <"$step.script"
    case $first in
    '#!'*)
        # As the kernel does it: the interpreter, and the rest of the line as one argument.
        read -r interpreter argument <<-END
			${first#??}
		END
        exec "$@" "$interpreter" ${argument:+"$argument"} "$step.script"
        ;;
    esac
    exec "$@" bash -euo pipefail "$step.script"
}
