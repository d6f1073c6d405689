"""How a build publishes what it has made, and the version of the plugin that builds."""

DOCKER_BUILD_VERSION = "0.0.22"
"""Exact version of Pulumi's docker-build (docs/adr/0001).

requirements.in has the same for its SDK, and local/tools/docker-build for its plugin.
"""

EXPORT = "type=image,push=true,push-by-digest=true,oci-mediatypes=true,rewrite-timestamp=true"
"""Exporter settings: a push without a tag, with OCI media types and file times clamped to SOURCE_DATE_EPOCH.

Equal inputs then give equal digests.
"""
