# What the agent has brought: this program, or the one that fetched it.
delivered=${EVENBOOT_DELIVERED:-$0}

# read_slot: the payload to $run/slot, the instance id to $run/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/computeMetadata/v1/instance
	get_id -H Metadata-Flavor:Google $url/id || return 1
	get "$run/slot" -H Metadata-Flavor:Google $url/attributes/startup-script
}
