patience=240

# read_object URL: the object to $run/object, as the service account of the instance.
read_object() {
	secret='header = "Metadata-Flavor: Google"'
	get "$run/answer" http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token || return
	secret="header = \"Authorization: Bearer $(field access_token)\""
	get "$run/object" "$1"
}
