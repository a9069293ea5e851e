delivered=/var/lib/cloud/instance/user-data.txt

# read_slot: the payload to $run/slot, the instance id to $run/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/metadata/instance/compute
	form='api-version=2021-02-01&format=text'
	get_id -H Metadata:true "$url/vmId?$form" || return 1
	get "$run/base64" -H Metadata:true "$url/userData?$form" || return 1
	base64 -d <"$run/base64" >"$run/slot" || mv "$run/base64" "$run/slot"
}
