delivered=/var/lib/cloud/instance/user-data.txt

# read_slot: the payload to $run/slot, the instance id to $run/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/latest
	get "$run/token" -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $url/api/token || return 1
	# As an argument of a process it would be for all to see.
	read -r token <"$run/token"
	header="header = \"X-aws-ec2-metadata-token: $token\""
	get_id -K - $url/meta-data/instance-id <<-END || return 1
		$header
	END
	get "$run/slot" -K - $url/user-data <<-END
		$header
	END
}
