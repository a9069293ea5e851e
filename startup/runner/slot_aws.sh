delivered=/var/lib/cloud/instance/user-data.txt

# read_slot: the payload to $run/slot, the instance id to $run/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/latest
	get "$run/token" -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $url/api/token || return 1
	header="X-aws-ec2-metadata-token: $(cat "$run/token")"
	get_id -H "$header" $url/meta-data/instance-id || return 1
	get "$run/slot" -H "$header" $url/user-data
}
