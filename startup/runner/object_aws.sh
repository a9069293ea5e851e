patience=240

# read_object URL: the object to $run/object, as the role of the instance.
read_object() {
	service=http://169.254.169.254/latest
	roles=$service/meta-data/iam/security-credentials/
	secret='header = "X-aws-ec2-metadata-token-ttl-seconds: 60"'
	get "$run/answer" -X PUT "$service/api/token" || return
	secret="header = \"X-aws-ec2-metadata-token: $(cat "$run/answer")\""
	get "$run/answer" "$roles" && get "$run/answer" "$roles$(cat "$run/answer")" || return
	secret="user = \"$(field AccessKeyId):$(field SecretAccessKey)\"
header = \"x-amz-security-token: $(field Token)\""
	nothing=$(sha256sum </dev/null)
	get "$run/object" --aws-sigv4 "aws:amz:$(said region):s3" -H "x-amz-content-sha256: ${nothing%% *}" "$1"
}
