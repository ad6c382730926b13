"""External: what answers for a deployment and is no engine of ours."""
