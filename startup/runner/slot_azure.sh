DELIVERED=/var/lib/cloud/instance/user-data.txt

# read_slot: the payload to $RUN/slot, the instance id to $RUN/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/metadata/instance/compute
	form='api-version=2021-02-01&format=text'
	get "$RUN/id" -H Metadata:true "$url/vmId?$form" || return 1
	get "$RUN/base64" -H Metadata:true "$url/userData?$form" || return 1
	[ -s "$RUN/base64" ] || return 4
	base64 -d <"$RUN/base64" >"$RUN/slot" || mv "$RUN/base64" "$RUN/slot"
}
