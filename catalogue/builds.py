"""How a build publishes what it has made."""

EXPORT = "type=image,push=true,push-by-digest=true,oci-mediatypes=true,rewrite-timestamp=true"
"""Push without a tag, with OCI media types and file times clamped to SOURCE_DATE_EPOCH.

Equal inputs then give equal digests.
"""
