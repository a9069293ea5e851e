DELIVERED=$0

# read_slot: the payload to $RUN/slot, the instance id to $RUN/id. 0: read; 4: there is no payload; 1: no answer.
read_slot() {
	url=http://169.254.169.254/computeMetadata/v1/instance
	get "$RUN/id" -H Metadata-Flavor:Google $url/id || return 1
	get "$RUN/slot" -H Metadata-Flavor:Google $url/attributes/startup-script
}
