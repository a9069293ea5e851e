# A role that was just assigned may take ten minutes to hold.
patience=600

# read_object URL: the object to $run/object, as the identity of the VM.
read_object() {
	secret='header = "Metadata: true"'
	get "$run/answer" 'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://storage.azure.com/' || return
	secret="header = \"Authorization: Bearer $(field access_token)\"
header = \"x-ms-version: 2021-08-06\""
	get "$run/object" "$1"
}
