# Writes the page that says which boot this is. `/run` forgets at each boot: what is there was done in this one.
state=/var/lib/web
run=/run/web-boot
if [ ! -e "$run/counted" ]; then
    mkdir -p "$run"
    [ ! -e "$state/stopped-in-order" ] || mv "$state/stopped-in-order" "$run/stopped-in-order"
    echo $(($(cat "$state/boots") + 1)) >"$state/boots.new"
    mv "$state/boots.new" "$state/boots"
    touch "$run/counted"
fi

boot=$(cat "$state/boots")
if [ "$boot" -eq 1 ]; then
    last="It is the first one."
elif [ -e "$run/stopped-in-order" ]; then
    last="The stop before it was an orderly one."
else
    last="The stop before it was not an orderly one."
fi

# The name comes from outside: it is text, not markup.
title=$(printf '%s' "$SITE_NAME" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')

cat >/srv/web/index.html.new <<PAGE
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>$title</title></head>
<body>
<h1>$title</h1>
<p>Boot number $boot of this machine. $last</p>
</body>
</html>
PAGE
mv /srv/web/index.html.new /srv/web/index.html
